/** The rows of a scenario's ledger as the engine's queries choose them: all of a short span, of a long one every so-many-th. */
import type { Spread } from '../store/incident.ts';
import type { Row } from './scenario-ledger.ts';

export interface Rows {
  /** All beats, by slot; those behind W are yet to come. */
  readonly all: readonly Row[];
  /** Those that hold a canary which isn't ordinary. */
  readonly exceptional: readonly Row[];
}

export interface SpanRead {
  readonly fromMs: number;
  /** Inclusive. */
  readonly toMs: number;
  readonly spread: Spread;
}

/** Index of the first row whose slot is at least `slotMs`. */
export function rowFrom(rows: readonly Row[], slotMs: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.slotMs < slotMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows that are read. */
export function readRows(rows: Rows, span: SpanRead): readonly Row[] {
  const { stepMs } = span.spread;
  return stepMs === null ? rows.all.slice(...rangeOf(rows.all, span)) : stretches(rows, span, stepMs);
}

/** What is known of a row by W. Rows that were due by `settledMs` have all been looked at. */
export interface Known {
  readonly settledMs: number;
  readonly isKnown: (row: Row) => boolean;
}

/**
 * Visits those of them that are known and hold something out of the ordinary, with how many known ones came before; returns how
 * many are known in all.
 */
export function visitExceptional(
  rows: Rows,
  span: SpanRead,
  known: Known,
  visit: (row: Row, before: number) => void,
): number {
  const { stepMs } = span.spread;
  let n = 0;
  if (stepMs !== null) {
    for (const row of stretches(rows, span, stepMs)) {
      if (!known.isKnown(row)) continue;
      if (row.targets.length > 0) visit(row, n);
      n++;
    }
    return n;
  }
  const [begin, end] = rangeOf(rows.all, span);
  let r = end;
  for (; r > begin && rows.all[r - 1]!.dueMs > known.settledMs; r--) if (known.isKnown(rows.all[r - 1]!)) n++;
  const last = rowFrom(rows.exceptional, span.toMs + 1);
  const first = begin < end ? rowFrom(rows.exceptional, rows.all[begin]!.slotMs) : last;
  let place = begin;
  for (let e = first; e < last; e++) {
    const row = rows.exceptional[e]!;
    if (row.dueMs > known.settledMs && !known.isKnown(row)) continue;
    while (rows.all[place]!.slotMs < row.slotMs) place++;
    visit(row, place - begin);
  }
  return n + r - begin;
}

function rangeOf(rows: readonly Row[], { fromMs, toMs, spread }: SpanRead): [begin: number, end: number] {
  const end = rowFrom(rows, toMs + 1);
  return [Math.max(rowFrom(rows, fromMs), end - spread.beatsMax), end];
}

interface Grid {
  readonly key: string;
  readonly chosen: (Row | null)[];
}

const grids = new WeakMap<Rows, Grid>();

/** The first row of each stretch of the span. */
function stretches(rows: Rows, { fromMs, toMs }: SpanRead, stepMs: number): readonly Row[] {
  const key = `${fromMs} ${stepMs}`;
  const before = grids.get(rows);
  const chosen = before?.key === key ? before.chosen : [];
  grids.set(rows, { key, chosen });
  const read: Row[] = [];
  for (let k = 0; fromMs + k * stepMs <= toMs; k++) {
    const beginMs = fromMs + k * stepMs;
    if (chosen.length === k) {
      const row = rows.all[rowFrom(rows.all, beginMs)];
      chosen.push(row && row.slotMs < beginMs + stepMs ? row : null);
    }
    const row = chosen[k];
    if (row && row.slotMs <= toMs) read.push(row);
  }
  return read;
}
