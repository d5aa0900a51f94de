/**
 * Settling one row of the ledger: the canaries of one beat at one checkpoint, given new evidence and what the looks have
 * proven. Pure: arrays in, arrays out; the engine loads and saves them.
 */
import { absence, coverage, type Proof } from './absence.ts';
import { SENDINGS } from './canary.ts';
import { type Canary, canaryOf, FLAG, type Note, noteOf, type SettlementRow, type State } from './row.ts';
import { type NewEvidence, takeEvidence } from './take-evidence.ts';
import {
  bucketOf,
  type Deadlines,
  type Evidence,
  isException,
  judge,
  VERDICTS,
  type Verdict,
} from './verdict.ts';

export { absence, type Proof } from './absence.ts';
export { FLAG, type Note, type SettlementRow } from './row.ts';
export type { NewEvidence } from './take-evidence.ts';

export interface Settled {
  readonly next_due_ms: number | null;
  readonly counts: Record<string, number>;
  readonly folded: boolean;
  readonly exceptional: boolean;
  readonly verdicts: number[];
  readonly seen_offs: (number | null)[];
  readonly seen_after_offs: (number | null)[];
  readonly flags: number[];
  readonly records: (number | null)[];
  readonly notes: Record<string, unknown> | null;
  /** By how much the rollup of the slot's hour changes. */
  readonly delta: Record<string, number>;
  /** Delays of canaries first seen now, milliseconds. */
  readonly delaysMs: number[];
  /** Positions first seen now. */
  readonly arrived: number[];
  /** Wants a proof of absence that this round couldn't give. */
  readonly waits: boolean;
  /** Things to be counted as findings. */
  readonly remarks: Record<string, number>;
}

/** Applies evidence and proof to a row. Order of evidence doesn't matter, and applying it twice changes nothing. */
export function settleRow(
  row: SettlementRow,
  evidence: readonly NewEvidence[],
  proof: Proof,
  options: { readonly deadlines: Deadlines; readonly drill: number },
): Settled {
  const n = row.targets.length;
  const state = {
    seen: row.seen_offs ? [...row.seen_offs] : new Array<number | null>(n).fill(null),
    after: row.seen_after_offs ? [...row.seen_after_offs] : new Array<number | null>(n).fill(null),
    flags: row.flags ? [...row.flags] : new Array<number>(n).fill(0),
    records: row.records ? [...row.records] : new Array<number | null>(n).fill(null),
    notes: { ...(row.notes ?? {}) } as Record<string, Note>,
    arrived: [] as number[],
    remarks: {} as Record<string, number>,
  };
  takeEvidence(row, evidence, state, options);
  const verdicts: number[] = [];
  const counts: Record<string, number> = {};
  let nextDueMs = Number.POSITIVE_INFINITY;
  let waits = false;
  let exceptional = false;
  for (let i = 0; i < n; i++) {
    const canary = canaryOf(row, i);
    // What was concluded when the row closed stands, whatever became of the watch since (law 4).
    const due = row.next_due_ms === null ? CLOSED : conclude(canary, i, state, proof, options.deadlines);
    waits ||= due.waits;
    nextDueMs = Math.min(nextDueMs, due.nextDueMs);
    const e = evidenceOf(canary, i, row, state);
    const verdict = judge(e, options.deadlines);
    if (verdict === 'lost' && row.targets[i] !== options.drill)
      noteOf(state.notes, i).lostMs ??= proof.watch.wMs ?? 0;
    verdicts.push(VERDICTS.indexOf(verdict));
    // A drill is one from its intent on: it is in no rate while its outcome isn't committed either.
    const isOpenDrill = e.sending === null && row.targets[i] === options.drill;
    const bucket = isOpenDrill ? 'drill_open' : bucketOf(e, verdict);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    exceptional ||= isException(e, verdict) || state.notes[i] !== undefined;
  }
  const closed = !Number.isFinite(nextDueMs);
  return {
    next_due_ms: closed ? null : nextDueMs,
    counts,
    folded: row.folded || closed,
    exceptional,
    verdicts,
    seen_offs: state.seen,
    seen_after_offs: state.after,
    flags: state.flags,
    records: state.records,
    notes: Object.keys(state.notes).length > 0 ? state.notes : null,
    delta: row.folded ? difference(counts, row.counts) : closed ? counts : {},
    delaysMs: delaysOf(row, state, options.drill),
    arrived: state.arrived,
    waits,
    remarks: state.remarks,
  };
}

function evidenceOf(canary: Canary, i: number, row: SettlementRow, state: State): Evidence {
  const flags = state.flags[i] ?? 0;
  const seen = state.seen[i] ?? null;
  const after = state.after[i] ?? null;
  return {
    sending: canary.sending,
    sentMs: canary.sentMs,
    seen:
      seen === null ? null : { atMs: row.due_ms + seen, afterMs: after === null ? null : row.due_ms + after },
    absentAtD: (flags & FLAG.absentAtD) !== 0,
    absentAtL: (flags & FLAG.absentAtL) !== 0,
    uncovered: (flags & FLAG.uncovered) !== 0,
    seenDownstream: (flags & FLAG.downstream) !== 0,
  };
}

const CLOSED = { nextDueMs: Number.POSITIVE_INFINITY, waits: false };

/** Draws what can be concluded for one canary by now, and says when there is more to conclude. */
function conclude(
  canary: Canary,
  i: number,
  state: State,
  proof: Proof,
  d: Deadlines,
): { nextDueMs: number; waits: boolean } {
  const w = proof.watch.wMs;
  const dueD = canary.sentMs + d.onTimeWithinMs;
  const dueL = canary.sentMs + d.lostAfterMs;
  if (canary.sending === null) return { nextDueMs: Math.max(dueD, (w ?? 0) + 1_000), waits: false };
  const judged = canary.sending === 'accepted' || canary.sending === 'withheld';
  if (!judged) return { nextDueMs: Number.POSITIVE_INFINITY, waits: false };
  const flags = state.flags[i] ?? 0;
  const seen = (state.seen[i] ?? null) !== null;
  const done = (flags & (FLAG.absentAtL | FLAG.uncovered)) !== 0;
  if (done) return { nextDueMs: Number.POSITIVE_INFINITY, waits: false };
  if (seen) {
    const covered = coverage(canary, dueL, proof);
    if (covered === 'not_yet') return { nextDueMs: dueL, waits: false };
    if (covered === 'never') state.flags[i] = flags | FLAG.uncovered;
    return CLOSED;
  }
  const atL = absence(canary, dueL, proof);
  if (atL === 'never') {
    state.flags[i] = flags | FLAG.uncovered;
    return { nextDueMs: Number.POSITIVE_INFINITY, waits: false };
  }
  if (atL === 'proven') {
    state.flags[i] = flags | FLAG.absentAtD | FLAG.absentAtL;
    return { nextDueMs: Number.POSITIVE_INFINITY, waits: false };
  }
  if ((flags & FLAG.absentAtD) === 0 && absence(canary, dueD, proof) === 'proven') {
    state.flags[i] = flags | FLAG.absentAtD;
  }
  // Once D has left what the backend keeps only L is waited for: given up then, as what was seen is.
  const overD = ((state.flags[i] ?? 0) & FLAG.absentAtD) !== 0 || dueD <= proof.nowMs - proof.keepsMs;
  const open = overD ? dueL : dueD;
  return { nextDueMs: open, waits: w !== null && w >= open };
}

function delaysOf(row: SettlementRow, state: State, drill: number): number[] {
  if (row.restart_ms !== null || row.sendings === null) return [];
  return state.arrived
    .filter(i => row.targets[i] !== drill && row.sendings?.[i] === SENDINGS.indexOf('accepted'))
    .map(i => Math.max(0, (state.seen[i] ?? 0) - (row.first_offs?.[i] ?? 0)));
}

function difference(
  now: Record<string, number>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const out: Record<string, number> = {};
  for (const key of new Set([...Object.keys(now), ...Object.keys(before)])) {
    const by = (now[key] ?? 0) - (before[key] ?? 0);
    if (by !== 0) out[key] = by;
  }
  return out;
}

/** The verdict that a code in the store stands for. */
export const verdictOf = (code: number | undefined): Verdict => VERDICTS[code ?? 0] ?? 'pending';
