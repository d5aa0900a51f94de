/** Things noticed that are no verdict, counted by the hour. */
import { toJson } from './json.ts';
import type { CheckpointKey } from './lease.ts';
import type { Sql, Tx } from './open.ts';

export interface FindingRow {
  readonly kind: string;
  readonly at_ms: number;
  readonly count: number;
  readonly sample: unknown;
}

const HOUR_MS = 3_600_000;

/** The statement that adds these; `where` may join or restrict `r`. */
export function findingUpsert(
  sql: Sql | Tx,
  findings: readonly (FindingRow & CheckpointKey)[],
  where = sql``,
) {
  const hours = new Map<string, Record<string, unknown> & { count: number; last_ms: number }>();
  for (const { at_ms, ...f } of findings) {
    const hour_ms = at_ms - (at_ms % HOUR_MS);
    const key = `${f.pipeline} ${f.checkpoint} ${f.kind} ${hour_ms}`;
    const known = hours.get(key);
    if (known) {
      known.count += f.count;
      known.last_ms = Math.max(known.last_ms, at_ms);
    } else hours.set(key, { ...f, hour_ms, first_ms: at_ms, last_ms: at_ms });
  }
  return sql`
    insert into finding as f (pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample)
    select pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample
      from json_to_recordset(${toJson([...hours.values()])}::text::json)
        as r(pipeline int, checkpoint int, kind text, hour_ms int8, count int8, first_ms int8, last_ms int8, sample jsonb)
      ${where}
    on conflict (pipeline, checkpoint, kind, hour_ms) do update
      set count = f.count + excluded.count, last_ms = greatest(f.last_ms, excluded.last_ms), sample = excluded.sample`;
}

/** Things noticed outside of a look: clock steps, orphans, what settling remarks. */
export async function commitFindings(
  sql: Sql | Tx,
  findings: readonly (FindingRow & CheckpointKey)[],
): Promise<void> {
  if (findings.length > 0) await findingUpsert(sql, findings);
}
