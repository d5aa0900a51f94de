/** Entering evidence into a row: in any order and any number of times, with the same outcome. */
import { canaryOf, FLAG, noteOf, type SettlementRow, type State } from './row.ts';
import type { Deadlines } from './verdict.ts';
import { SLACK_MS } from './watch.ts';

/** One piece of evidence from the inbox, for one canary of the row. */
export interface NewEvidence {
  readonly kind: 'seen' | 'downstream';
  readonly target: number;
  readonly seenMs: number;
  readonly seenAfterMs: number | null;
  /** Hash of the record's id; null: the backend has none. */
  readonly record: number | null;
  readonly copies: number;
  /** Code of INTEGRITY_STATES. */
  readonly integrity: number;
  readonly detail: unknown;
  readonly ingestedMs: number | null;
}

const COPIES_MAX = 1_000_000;
/** Distinct records of one canary that are told apart; further ones aren't counted. */
const OTHERS_MAX = 20;

const remark = (state: State, kind: string, n = 1): void => {
  state.remarks[kind] = (state.remarks[kind] ?? 0) + n;
};

export function takeEvidence(
  row: SettlementRow,
  evidence: readonly NewEvidence[],
  state: State,
  options: { readonly deadlines: Deadlines; readonly drill: number },
): void {
  const { deadlines, drill } = options;
  if (evidence.length === 0) return;
  const position = new Map(row.targets.map((t, i) => [t, i]));
  for (const e of evidence.length === 1 ? evidence : evidence.toSorted(byTime)) {
    const i = position.get(e.target);
    if (i === undefined) continue;
    if (e.kind === 'downstream') {
      state.flags[i] = (state.flags[i] ?? 0) | FLAG.downstream;
      continue;
    }
    if (e.target === drill && (state.seen[i] ?? null) === null) remark(state, 'drill_seen');
    takeSighting(row, i, e, state, deadlines);
  }
}

/** The inbox has no order of its own: what a re-read says must not come before what the first read said. */
const byTime = (a: NewEvidence, b: NewEvidence): number =>
  a.seenMs - b.seenMs ||
  (a.seenAfterMs ?? Number.NEGATIVE_INFINITY) - (b.seenAfterMs ?? Number.NEGATIVE_INFINITY) ||
  (a.record ?? 0) - (b.record ?? 0) ||
  a.integrity - b.integrity;

/**
 * The backend had the record before a look that didn't show it: that look's word is void, so nobody knows whether it was in
 * time. What has been called lost stays on record as recovered.
 */
function takeConviction(row: SettlementRow, i: number, ingestedMs: number, state: State, d: Deadlines): void {
  const flags = state.flags[i] ?? 0;
  const wasOnTime = ingestedMs <= canaryOf(row, i).sentMs + d.onTimeWithinMs;
  if (wasOnTime && (flags & FLAG.absentAtL) === 0) state.flags[i] = flags & ~FLAG.absentAtD;
}

function takeSighting(
  row: SettlementRow,
  i: number,
  e: NewEvidence,
  state: State,
  deadlines: Deadlines,
): void {
  const off = clampOffset(e.seenMs - row.due_ms);
  const convicted =
    e.ingestedMs !== null && e.seenAfterMs !== null && e.ingestedMs < e.seenAfterMs - SLACK_MS;
  const after = e.seenAfterMs === null || convicted ? null : clampOffset(e.seenAfterMs - row.due_ms);
  const known = state.seen[i] ?? null;
  if (known === null) state.arrived.push(i);
  // Several looks of a round may have found it at once, and not each of them had asked before.
  if (convicted && (known === null || off === known) && !state.notes[i]?.falseAbsence) {
    noteOf(state.notes, i).falseAbsence = true;
    remark(state, 'false_absence');
    takeConviction(row, i, e.ingestedMs ?? 0, state, deadlines);
  }
  if (known === null || off < known) {
    state.seen[i] = off;
    state.after[i] = after;
  } else if (off === known && after !== null) {
    state.after[i] = Math.max(state.after[i] ?? after, after);
  }
  takeCopies(row, i, e, state);
  if (e.integrity !== 0) {
    const note = noteOf(state.notes, i);
    if (note.integrity === undefined) remark(state, 'altered');
    note.integrity = e.integrity;
    note.detail = e.detail;
  }
}

/** Copies are distinct record ids, or the most in one look. */
function takeCopies(row: SettlementRow, i: number, e: NewEvidence, state: State): void {
  const before = state.notes[i]?.copies ?? 1;
  let others = state.notes[i]?.others ?? [];
  if (e.record !== null && state.records[i] === null) state.records[i] = e.record;
  else if (e.record !== null && state.records[i] !== e.record && !others.includes(e.record)) {
    others = [...others, e.record].slice(0, OTHERS_MAX);
    noteOf(state.notes, i).others = others;
  }
  const copies = Math.min(COPIES_MAX, Math.max(before, e.copies, others.length + 1));
  if (copies === before) return;
  noteOf(state.notes, i).copies = copies;
  const ownExtra = Math.max(0, (row.attempts?.[i] ?? 1) - 1);
  const duplicates = (n: number) => Math.max(0, n - 1 - ownExtra);
  const more = duplicates(copies) - duplicates(before);
  if (more > 0) remark(state, 'duplicate', more);
}

/** int4 holds 24.8 days of milliseconds. */
const clampOffset = (ms: number): number => Math.max(-2_000_000_000, Math.min(2_000_000_000, Math.round(ms)));
