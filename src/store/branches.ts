/** What checkpoints of one branch tell each other in `settle`: who saw what another misses. */
import type { Tx } from './open.ts';

/** A row of canaries at one checkpoint; `n` is the asker's own number for its question. */
export interface RowAt {
  readonly n: number;
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly slot: number;
  readonly part: number;
}

export interface ValuesAt extends RowAt {
  /** One for each canary of the row. */
  readonly values: readonly (number | null)[];
}

/** When the canaries of these rows were seen there, offsets from when they were due: evidence that a miss before is ours. */
export async function seenAt(tx: Tx, asked: readonly RowAt[]): Promise<readonly ValuesAt[]> {
  if (asked.length === 0) return [];
  const [row] = await tx<{ rows: ValuesAt[] | null }[]>`
    with r as (
      select k.*, m.seen_offs as values from ${rowsAt(tx, asked)}
        join mark m using (pipeline, checkpoint, slot, part)
       where m.seen_offs is not null)
    select json_agg(r) as rows from r`;
  return row?.rows ?? [];
}

/** What has been concluded of the canaries of these rows there: codes of VERDICTS. */
export async function verdictsAt(tx: Tx, asked: readonly RowAt[]): Promise<readonly ValuesAt[]> {
  if (asked.length === 0) return [];
  const [row] = await tx<{ rows: ValuesAt[] | null }[]>`
    with r as (
      select k.*, m.verdicts as values from ${rowsAt(tx, asked)}
        join mark m using (pipeline, checkpoint, slot, part)
       where m.verdicts is not null)
    select json_agg(r) as rows from r`;
  return row?.rows ?? [];
}

const rowsAt = (tx: Tx, asked: readonly RowAt[]) => tx`
  json_to_recordset(${JSON.stringify(asked)}::text::json)
    as k(n int, pipeline int, checkpoint int, slot int8, part int)`;

/** Tells checkpoints, in their inbox, that a canary which they miss was seen further down. */
export async function tellUpstream(
  tx: Tx,
  rows: readonly {
    readonly pipeline: number;
    readonly checkpoint: number;
    readonly slot: number;
    readonly target: number;
    readonly index: number;
  }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, copies, look)
    select r.pipeline, r.checkpoint, r.slot, r.target, r.index, 1, 0, 0, 0
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as r(pipeline int, checkpoint int, slot int8, target int, index int)`;
}
