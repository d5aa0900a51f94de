/** Things noticed that are no verdict, counted by the hour. */
import { toJson } from './json.ts';
import type { CheckpointKey } from './lease.ts';
import type { Sql, Tx } from './open.ts';

export interface FindingRow {
  readonly kind: string;
  readonly at_ms: number;
  readonly count: number;
  readonly sample: unknown;
  /** Tells its record from others, a safe integer: read again, it counts no more. Absent: it isn't read again. */
  readonly record?: number;
}

const HOUR_MS = 3_600_000;

/**
 * Parts of a statement that begins with `with`, which add these; `where` may join or restrict `r`. A record that was counted
 * before isn't again, as long as `counted` remembers it.
 */
export function findingUpsert(
  sql: Sql | Tx,
  findings: readonly (FindingRow & CheckpointKey)[],
  where = sql``,
) {
  const byRecord = new Map(findings.map(f => [`${f.pipeline} ${f.checkpoint} ${f.record ?? ''}`, f]));
  const rows = findings
    .filter(f => f.record === undefined)
    .concat([...byRecord.values()].filter(f => f.record !== undefined));
  const asked = rows.map(f => ({ ...f, hour_ms: f.at_ms - (f.at_ms % HOUR_MS) }));
  return sql`
    noticed as (
      select r.*
        from rows from (json_to_recordset(${toJson(asked)}::text::json)
               as (pipeline int, checkpoint int, kind text, hour_ms int8, count int8, at_ms int8, sample jsonb, record int8))
               with ordinality as r(pipeline, checkpoint, kind, hour_ms, count, at_ms, sample, record, n)
        ${where}),
    fresh as (
      select * from noticed n
       where n.record is null
          or not exists (select from counted c
                          where c.pipeline = n.pipeline and c.checkpoint = n.checkpoint and c.record = n.record)),
    remembered as (
      insert into counted (pipeline, checkpoint, record, seen_ms)
      select pipeline, checkpoint, record, at_ms from fresh where record is not null
      on conflict do nothing),
    f as (
      insert into finding as f (pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample)
      select pipeline, checkpoint, kind, hour_ms, sum(count), min(at_ms), max(at_ms),
             (array_agg(sample order by sample is null, n))[1]
        from fresh group by pipeline, checkpoint, kind, hour_ms
      on conflict (pipeline, checkpoint, kind, hour_ms) do update
        set count = f.count + excluded.count, first_ms = least(f.first_ms, excluded.first_ms),
            last_ms = greatest(f.last_ms, excluded.last_ms), sample = excluded.sample
      returning 1)`;
}

/** Things noticed outside of a look: clock steps, orphans, what settling remarks. */
export async function commitFindings(
  sql: Sql | Tx,
  findings: readonly (FindingRow & CheckpointKey)[],
): Promise<void> {
  if (findings.length > 0) await sql`with ${findingUpsert(sql, findings)} select`;
}
