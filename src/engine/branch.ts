/** Evidence along a branch: what was seen further down was missed here by us, not by the path. */
import { VERDICTS } from '../domain/verdict.ts';
import { type RowAt, seenAt, tellUpstream, verdictsAt } from '../store/branches.ts';
import type { CheckpointKey } from '../store/lease.ts';
import { awaitSettling } from '../store/lock.ts';
import type { Tx } from '../store/open.ts';
import type { Case, SettleAt } from './case.ts';
import { rowKey } from './judge-rows.ts';

/** Positions that were seen further down, by row, of rows that may be about to conclude that they miss. */
export async function addDownstream(
  tx: Tx,
  cases: readonly Case[],
): Promise<ReadonlyMap<Case, ReadonlyMap<string, ReadonlySet<number>>>> {
  const asked = cases.flatMap(({ at, rows, watch }, n) => {
    const due = rows.filter(r => r.next_due_ms !== null && (watch.wMs ?? 0) >= r.next_due_ms);
    return askedAt(n, at.checkpoint.downstream, at, due);
  });
  const out = new Map<Case, Map<string, Set<number>>>();
  for (const { n, values, ...row } of await seenAt(tx, asked)) {
    const own = cases[n];
    if (!own) continue;
    const byRow = out.get(own) ?? new Map<string, Set<number>>();
    const seen = byRow.get(rowKey(row)) ?? new Set();
    for (const [i, off] of values.entries()) if (off !== null) seen.add(i);
    out.set(own, byRow.set(rowKey(row), seen));
  }
  return out;
}

const askedAt = (
  n: number,
  checkpoints: readonly number[],
  { pipeline }: SettleAt,
  rows: readonly { readonly slot: number; readonly part: number }[],
): RowAt[] =>
  checkpoints.flatMap(checkpoint =>
    rows.map(({ slot, part }) => ({ n, pipeline: pipeline.number, checkpoint, slot, part })),
  );

/** Tells the checkpoints before these what arrived here although they say it is missing. */
export async function passUpstream(tx: Tx, cases: readonly Case[]): Promise<void> {
  const asked = cases.flatMap(({ at, settled }, n) => {
    const arrived = settled.filter(s => s.result.arrived.length > 0).map(s => s.row);
    return askedAt(n, at.checkpoint.upstream, at, arrived);
  });
  if (asked.length === 0) return;
  // One of them that is concluding that it misses what arrived here can't see it yet: wait until it has.
  await awaitSettling(tx, nearestFirst(cases, new Set(asked.map(a => a.n))));
  const gone = new Set([VERDICTS.indexOf('lost'), VERDICTS.indexOf('overdue'), VERDICTS.indexOf('unproven')]);
  const told = (await verdictsAt(tx, asked)).flatMap(({ n, pipeline, checkpoint, slot, part, values }) => {
    const s = cases[n]?.settled.find(a => a.row.slot === slot && a.row.part === part);
    if (!s) return [];
    return s.result.arrived
      .filter(i => gone.has(values[i] ?? -1))
      .map(i => ({ pipeline, checkpoint, slot, target: s.row.targets[i] ?? 0, index: s.row.index }));
  });
  await tellUpstream(tx, told);
}

/** All that are before these, the deepest first and then by number: the order of everybody's locks. */
function nearestFirst(cases: readonly Case[], chosen: ReadonlySet<number>): CheckpointKey[] {
  const levels = cases.flatMap(({ at }, n) =>
    chosen.has(n)
      ? at.checkpoint.upstream.map((checkpoint, above) => ({
          pipeline: at.pipeline.number,
          checkpoint,
          above,
        }))
      : [],
  );
  return levels
    .sort((a, b) => a.above - b.above || byKey(a, b))
    .map(({ pipeline, checkpoint }) => ({ pipeline, checkpoint }));
}

/** Among those that are equally deep. */
export const byKey = (a: CheckpointKey, b: CheckpointKey): number =>
  a.pipeline - b.pipeline || a.checkpoint - b.checkpoint;
