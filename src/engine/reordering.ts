/** What of a settling has arrived out of order: one finding for each checkpoint, however many a burst brings. */
import { SENDINGS } from '../domain/canary.ts';
import { type Arrival, type Reordered, reorderedOf } from '../domain/reordering.ts';
import { canaryOf, FLAG } from '../domain/row.ts';
import type { Deadlines } from '../domain/verdict.ts';
import { commitFindings } from '../store/finding.ts';
import type { Tx } from '../store/open.ts';
import { type ArrivedRow, readArrived } from '../store/reordering.ts';
import { INBOX_KINDS } from '../store/sight.ts';
import type { Case, SettledRow } from './case.ts';
import { deadlinesOf } from './deadlines.ts';
import type { Engine } from './live.ts';

/** Call when the marks are saved. */
export async function reportReordered(engine: Engine, tx: Tx, cases: readonly Case[]): Promise<void> {
  const at_ms = engine.ctx.clock.now();
  for (const c of cases) {
    const byLook: Named[] = [];
    for (const s of c.settled)
      if (s.result.arrived.length > 0)
        byLook.push(...arrivalsOf(s, c.at.pipeline.drill, await deadlinesOf(engine, c.at, s.row.generation)));
    if (byLook.length === 0) continue;
    const reordered = longest([
      // The backend's clock, and ours: a time of one says nothing beside a time of the other.
      ...reorderedOf(byIngest(c, byLook), []),
      ...(await byOurLooks(tx, c, byLook)),
    ]);
    if (reordered.size === 0) continue;
    const { pipeline, checkpoint } = c.at.lease;
    const late_ms = Math.max(...reordered.values());
    const sample = { late_by_at_least_ms: late_ms };
    await commitFindings(tx, [
      { pipeline, checkpoint, kind: 'reordered', at_ms, count: reordered.size, sample },
    ]);
  }
}

type Named = Arrival & { readonly slot: number; readonly index: number };

const longest = (all: readonly Reordered[]): Map<string, number> => {
  const out = new Map<string, number>();
  for (const { arrival, lateMs } of all) {
    const key = keyOf(arrival as Named);
    out.set(key, Math.max(out.get(key) ?? 0, lateMs));
  }
  return out;
};

const keyOf = (n: { readonly slot: number; readonly index: number; readonly target: number }): string =>
  `${n.slot} ${n.index} ${n.target}`;

/** What a row saw for the first time, by our looks. */
function arrivalsOf({ row, result }: SettledRow, drill: number, d: Deadlines): Named[] {
  return result.arrived.flatMap(i => {
    const target = row.targets[i] as number;
    const [seen, after] = [result.seen_offs[i] ?? null, result.seen_after_offs[i] ?? null];
    const isSent = row.sendings?.[i] === SENDINGS.indexOf('accepted');
    if (seen === null || target === drill || !isSent) return [];
    const flags = result.flags[i] ?? 0;
    const { sentMs } = canaryOf(row, i);
    const absentMs = [
      ...(after === null ? [] : [row.due_ms + after]),
      ...((flags & FLAG.absentAtD) !== 0 ? [sentMs + d.onTimeWithinMs] : []),
      ...((flags & FLAG.absentAtL) !== 0 ? [sentMs + d.lostAfterMs] : []),
    ];
    return {
      slot: row.slot,
      index: row.index,
      target,
      sentFromMs: row.due_ms + (row.first_offs?.[i] ?? 0),
      sentToMs: row.due_ms + (row.last_offs?.[i] ?? 0),
      fromMs: absentMs.length > 0 ? Math.max(...absentMs) : null,
      toMs: row.due_ms + seen,
    };
  });
}

function byIngest({ inbox }: Case, arrivals: readonly Named[]): Named[] {
  const first = new Map<string, number>();
  for (const r of inbox) {
    if (INBOX_KINDS[r.kind] !== 'seen' || r.ingested_ms === null) continue;
    first.set(keyOf(r), Math.min(first.get(keyOf(r)) ?? r.ingested_ms, r.ingested_ms));
  }
  return arrivals.flatMap(a => {
    const ms = first.get(keyOf(a));
    return ms === undefined ? [] : [{ ...a, fromMs: ms, toMs: ms }];
  });
}

async function byOurLooks(tx: Tx, { at: { lease } }: Case, arrivals: readonly Named[]): Promise<Reordered[]> {
  // Only what a look missed after it was sent can have been overtaken before our eyes.
  const late = arrivals.filter(a => a.fromMs !== null && a.fromMs > a.sentToMs);
  if (late.length === 0) return [];
  const rows = await readArrived(tx, {
    pipeline: lease.pipeline,
    checkpoint: lease.checkpoint,
    fromMs: Math.min(...late.map(a => a.slot)),
    toMs: Math.max(...late.map(a => a.fromMs ?? 0)),
    targets: [...new Set(late.map(a => a.target))],
  });
  return reorderedOf(late, rows.map(arrivalOf));
}

const arrivalOf = (r: ArrivedRow): Arrival => ({
  target: r.target,
  sentFromMs: r.sent_ms,
  sentToMs: r.sent_ms,
  fromMs: null,
  toMs: r.seen_ms,
});
