/** Query of the engine's step `settle`: when canaries were seen that were sent after one which comes late. */
import type { CheckpointKey } from './lease.ts';
import type { Tx } from './open.ts';

export interface ArrivedRow {
  readonly target: number;
  /** First attempt. */
  readonly sent_ms: number;
  readonly seen_ms: number;
}

/** Rows that are read; what is beyond isn't compared. */
const ROWS_MAX = 500;

export async function readArrived(
  tx: Tx,
  of: CheckpointKey & {
    /** Slots after the first and up to the second. */
    readonly fromMs: number;
    readonly toMs: number;
    readonly targets: readonly number[];
  },
): Promise<ArrivedRow[]> {
  return await tx<ArrivedRow[]>`
    select u.target, b.due_ms + u.first as sent_ms, b.due_ms + u.seen as seen_ms
      from (select pipeline, slot, part, seen_offs from mark
             where pipeline = ${of.pipeline} and checkpoint = ${of.checkpoint} and slot > ${of.fromMs} and slot <= ${of.toMs}
               and seen_offs is not null
             order by slot limit ${ROWS_MAX}) m
      join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
     cross join lateral unnest(b.targets, b.first_offs, m.seen_offs) as u(target, first, seen)
     where u.seen is not null and u.first is not null
       and u.target = any(array(select json_array_elements_text(${JSON.stringify(of.targets)}::text::json)::int))`;
}
