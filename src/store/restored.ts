/**
 * A ledger that is an older copy of itself: a backup that was put back, or a copy that runs beside its original. The
 * database can't know. What tells is what others saw: names that are validly signed by our keys, and that no row knows.
 *
 * The way out is a new epoch: what the other life signed still verifies, and no name of it is ever used again.
 */
import type { Sql, Tx } from './open.ts';
import { newEpoch } from './register.ts';

/** Left at the declaration, on no pipeline: names up to then are explained. */
const DECLARED = 'restored';
const HOUR_MS = 3_600_000;

/** Names that a pipeline's checkpoints saw, and nobody of this ledger sent. */
export interface Strangers {
  readonly pipeline: string;
  readonly count: number;
  readonly first_slot: number;
  readonly last_slot: number;
  readonly last_seen_ms: number;
  /** How many of them lie within what this ledger itself planned: it was elsewhere at that time. */
  readonly planned: number;
}

/** Parked orphans that no declared restore explains, by pipeline. Few, or a ledger that has lived another life. */
export async function readStrangers(sql: Sql | Tx): Promise<Strangers[]> {
  return await sql<Strangers[]>`
    select coalesce(p.name, '#' || o.pipeline) as pipeline, count(*)::int8 as count,
           min(o.slot) as first_slot, max(o.slot) as last_slot, max(o.seen_ms) as last_seen_ms,
           (count(*) filter (where o.slot <= p.planned_to_ms))::int8 as planned
      from (select distinct pipeline, target, slot, index, max(seen_ms) as seen_ms
              from orphan group by pipeline, target, slot, index) o
      left join pipeline p on p.number = o.pipeline
     where o.slot > coalesce((select max(f.last_ms) from finding f
                               where f.pipeline = 0 and f.checkpoint = 0 and f.kind = ${DECLARED}), 0)
     group by o.pipeline, p.name
     order by p.name`;
}

/** The engine's own measure: a replica without a heartbeat for this long is gone. */
const ALIVE_MS = 20_000;

/** How many coalmines run on this store. */
export async function countAlive(sql: Sql | Tx): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from replica
     where seen_ms > (extract(epoch from clock_timestamp()) * 1000)::int8 - ${ALIVE_MS}::int8`;
  return row?.n ?? 0;
}

/**
 * Declares this ledger a copy: from now on it signs under a new epoch, and plans under new indexes, since a sighting tells
 * the name and not the epoch. No coalmine may run meanwhile: it would go on signing under the old one. The new epoch is also
 * above `above`: one that another life is known to have reached.
 */
export async function beginNewEpoch(tx: Tx, nowMs: number, above = 0): Promise<readonly number[]> {
  const epochs = await newEpoch(tx as unknown as Sql, above);
  await tx`update pipeline set round = round + 1`;
  await tx`
    insert into finding as f (pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample)
    select p.number, 0, ${DECLARED}, ${nowMs - (nowMs % HOUR_MS)}, 1, ${nowMs}, ${nowMs}, ${JSON.stringify({ epoch: epochs.at(-1) })}::text::jsonb
      from (select 0 as number union all select number from pipeline where not retired) p
    on conflict (pipeline, checkpoint, kind, hour_ms) do update
      set count = f.count + 1, last_ms = excluded.last_ms, sample = excluded.sample`;
  return epochs;
}

/** Where a ledger's plans stood: `[round, planned to, Unix ms]` by the pipeline's id. Rounds count clocks that were set back. */
export type Plans = Readonly<Record<string, readonly [round: number, plannedToMs: number]>>;

/** Where this ledger's plans stand. */
export async function readPlanMarks(sql: Sql | Tx): Promise<Plans> {
  const rows = await sql<{ id: string; round: number; planned_to_ms: number }[]>`
    select id, round, planned_to_ms from pipeline`;
  return Object.fromEntries(rows.map(r => [r.id, [r.round, r.planned_to_ms] as const]));
}

/** Pipelines that had planned further than this ledger knows: it is an older copy of the one that did. */
export const behind = (now: Plans, mark: Plans): string[] =>
  Object.entries(mark)
    .filter(([id, [round, toMs]]) => {
      const known = now[id];
      return known === undefined || known[0] < round || (known[0] === round && known[1] < toMs);
    })
    .map(([id]) => id);

/** Who this store is, without making it anybody; undefined: nobody yet. */
export async function readIdentity(
  sql: Sql | Tx,
): Promise<{ storeId: string; epochs: readonly number[]; seed: string } | undefined> {
  const [row] = await sql<{ store_id: string; epochs: number[]; seed: string }[]>`
    select store_id, to_json(epochs) as epochs, seed from meta`;
  return row && { storeId: row.store_id, epochs: row.epochs, seed: row.seed };
}
