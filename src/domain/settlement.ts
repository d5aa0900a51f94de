/**
 * Settling one row of the ledger: the canaries of one beat at one checkpoint, given new evidence and what the looks have
 * proven. Pure: arrays in, arrays out; the engine loads and saves them.
 */
import { SENDINGS, type Sending } from './canary.ts';
import {
  bucketOf,
  type Deadlines,
  type Evidence,
  isException,
  judge,
  VERDICTS,
  type Verdict,
} from './verdict.ts';
import { inGap, isAhead, SKEW_ALLOWANCE_MS, SLACK_MS, type Watch } from './watermark.ts';

/** The row as it is kept. Arrays are in the order of `targets`; offsets are milliseconds from `due_ms`. */
export interface SettlementRow {
  readonly slot: number;
  readonly index: number;
  readonly due_ms: number;
  readonly restart_ms: number | null;
  readonly targets: readonly number[];
  readonly sendings: readonly number[] | null;
  readonly first_offs: readonly number[] | null;
  readonly last_offs: readonly number[] | null;
  readonly attempts: readonly number[] | null;
  readonly next_due_ms: number | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly folded: boolean;
  readonly verdicts: readonly number[] | null;
  readonly seen_offs: readonly (number | null)[] | null;
  readonly seen_after_offs: readonly (number | null)[] | null;
  readonly flags: readonly number[] | null;
  readonly records: readonly (number | null)[] | null;
  readonly notes: Readonly<Record<string, unknown>> | null;
}

/** Bits of `flags`: evidence that can't be derived from the times. */
export const FLAG = { absentAtD: 1, absentAtL: 2, uncovered: 4, downstream: 8 } as const;

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

/** What the looks so far allow to conclude. */
export interface Proof {
  readonly watch: Watch;
  /** When the judge runs: what the backend no longer keeps can't be proven absent any more. */
  readonly nowMs: number;
  readonly keepsMs: number;
  readonly way: 'query' | 'follow' | 'receive';
  /** The chain is by ingest time (or a follow, or pushes): W alone covers every event time. */
  readonly chained: boolean;
  readonly secondLook: boolean;
  /** The second look of this round by event time, where the chain needs one. */
  readonly second: { readonly fromMs: number; readonly toMs: number; readonly asOfMs: number } | null;
}

/** Sparse remarks on a canary. */
export interface Note {
  copies?: number;
  /** Hashes of the records seen beside the first one. */
  others?: number[];
  integrity?: number;
  detail?: unknown;
  /** Known lost at this watermark; stays when it comes back. */
  lostMs?: number;
  falseAbsence?: true;
}

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

const COPIES_MAX = 1_000_000;
/** Distinct records of one canary that are told apart; further ones aren't counted. */
const OTHERS_MAX = 20;

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
    const bucket = bucketOf(e, verdict);
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

interface State {
  seen: (number | null)[];
  after: (number | null)[];
  flags: number[];
  records: (number | null)[];
  notes: Record<string, Note>;
  arrived: number[];
  remarks: Record<string, number>;
}

function noteOf(notes: Record<string, Note>, i: number): Note {
  const note = notes[i] ?? {};
  notes[i] = note;
  return note;
}

const remark = (state: State, kind: string, n = 1): void => {
  state.remarks[kind] = (state.remarks[kind] ?? 0) + n;
};

function takeEvidence(
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
  if (known === null) {
    state.arrived.push(i);
    if (convicted) {
      noteOf(state.notes, i).falseAbsence = true;
      remark(state, 'false_absence');
      takeConviction(row, i, e.ingestedMs ?? 0, state, deadlines);
    }
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

interface Canary {
  readonly sending: Sending | null;
  readonly slotMs: number;
  readonly sentMs: number;
}

function canaryOf(row: SettlementRow, i: number): Canary {
  const code = row.sendings?.[i];
  const lastMs = row.due_ms + (row.last_offs?.[i] ?? 0);
  return {
    sending: code === undefined ? null : (SENDINGS[code] ?? null),
    slotMs: row.slot,
    sentMs: row.restart_ms === null ? lastMs : Math.max(lastMs, row.restart_ms),
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

interface When {
  readonly slotMs: number;
  readonly sentMs: number;
}

/** Whether a canary could have been accounted for at `atMs`: the same for those that were seen and those that weren't (law 10). */
function coverage(canary: When, atMs: number, proof: Proof): 'proven' | 'not_yet' | 'never' {
  const { watch } = proof;
  const keptFromMs = proof.nowMs - proof.keepsMs;
  const w = isAhead(watch.wMs, proof.nowMs) ? null : watch.wMs;
  if (!watch.proven || w === null || w < atMs) return atMs <= keptFromMs ? 'never' : 'not_yet';
  if (inGap(watch.gaps, canary.sentMs, atMs)) return 'never';
  return canary.slotMs < keptFromMs && proof.way === 'query' ? 'never' : 'proven';
}

/** Whether absence at `atMs` is proven by the looks so far (rules W1–W4), isn't yet, or can't be any more. */
export function absence(canary: When, atMs: number, proof: Proof): 'proven' | 'not_yet' | 'never' {
  const { watch } = proof;
  const covered = coverage(canary, atMs, proof);
  if (covered !== 'proven' || proof.way !== 'query') return covered;
  const reachedMs = canary.slotMs + (proof.chained ? 0 : watch.skewLowMs) - SKEW_ALLOWANCE_MS;
  const { second } = proof;
  const reached = watch.coveredFromMs !== null && watch.coveredFromMs <= reachedMs;
  if (!proof.chained) {
    const latestMs = canary.sentMs + Math.max(0, watch.skewHighMs) + SKEW_ALLOWANCE_MS;
    const reachedNow =
      second !== null && second.asOfMs >= atMs && second.fromMs <= reachedMs && second.toMs > latestMs;
    return reached || reachedNow ? 'proven' : 'not_yet';
  }
  if (!reached) return 'not_yet';
  if (!proof.secondLook) return 'proven';
  const fromMs = canary.slotMs + watch.skewLowMs - SLACK_MS;
  const toMs = canary.sentMs + Math.max(0, watch.skewHighMs) + SLACK_MS;
  return second !== null && second.asOfMs >= atMs && second.fromMs <= fromMs && second.toMs > toMs
    ? 'proven'
    : 'not_yet';
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

/** int4 holds 24.8 days of milliseconds. */
const clampOffset = (ms: number): number => Math.max(-2_000_000_000, Math.min(2_000_000_000, Math.round(ms)));

/** The verdict that a code in the store stands for. */
export const verdictOf = (code: number | undefined): Verdict => VERDICTS[code ?? 0] ?? 'pending';
