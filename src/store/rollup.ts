/** Where `settle` writes what has closed, and what it can't place: the rollups' hours, and the orphans. */
import type { CheckpointKey } from './lease.ts';
import type { Tx } from './open.ts';

export interface RollupKey extends CheckpointKey {
  readonly hour_ms: number;
}

export interface RollupRow extends RollupKey {
  readonly counts: Readonly<Record<string, number>>;
  readonly delays: unknown;
}

export async function loadRollups(tx: Tx, hours: readonly RollupKey[]): Promise<RollupRow[]> {
  if (hours.length === 0) return [];
  return await tx<RollupRow[]>`
    select pipeline, checkpoint, hour_ms, counts, delays
      from json_to_recordset(${JSON.stringify(hours)}::text::json) as k(pipeline int, checkpoint int, hour_ms int8)
      join rollup using (pipeline, checkpoint, hour_ms)`;
}

export async function saveRollups(tx: Tx, rows: readonly RollupRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into rollup (pipeline, checkpoint, hour_ms, counts, delays)
    select r.pipeline, r.checkpoint, r.hour_ms, r.counts, r.delays
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as r(pipeline int, checkpoint int, hour_ms int8, counts jsonb, delays jsonb)
    on conflict (pipeline, checkpoint, hour_ms)
      do update set counts = excluded.counts, delays = excluded.delays, sealed = false`;
}

export interface OrphanRow extends CheckpointKey {
  readonly target: number;
  readonly slot: number;
  readonly index: number;
  readonly seen_ms: number;
}

export async function parkOrphans(tx: Tx, rows: readonly OrphanRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into orphan (pipeline, checkpoint, target, slot, index, seen_ms)
    select r.* from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as r(pipeline int, checkpoint int, target int, slot int8, index int, seen_ms int8)
    on conflict do nothing`;
}
