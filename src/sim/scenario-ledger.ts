/**
 * The ledger of a scenario, in memory: each beat's canaries with what the looks have shown, settled by the very function that the
 * engine settles its rows with. A beat's canaries that came in time are all alike, so one stands for all of them.
 */
import { SENDINGS } from '../domain/canary.ts';
import { type Settled, type SettlementRow, settleRow } from '../domain/settlement.ts';
import type { NewEvidence } from '../domain/take-evidence.ts';
import type { TrialRow } from '../domain/trials.ts';
import { VERDICTS } from '../domain/verdict.ts';
import { newWatch, type Watch } from '../domain/watermark.ts';

/** One beat: `ordinary` canaries that came in time, and the others one by one. Offsets and times as in the ledger's rows. */
export interface Row {
  readonly slotMs: number;
  readonly dueMs: number;
  readonly ordinary: number;
  /** Numbers of the targets whose canaries didn't come in time. */
  readonly targets: Int32Array;
  /** The truth: when each becomes visible; Infinity: never. */
  readonly visibleMs: Float64Array;
  /** Agents that they went through. */
  readonly agents: Int32Array;
  readonly verdicts: Uint8Array;
  /** NaN: not seen. */
  readonly seenMs: Float64Array;
  readonly afterMs: Float64Array;
  readonly flags: Uint8Array;
  /** Verdict of the ordinary; 0 (pending) until D. */
  ordinaryVerdict: number;
  nextDueMs: number | null;
}

export interface Deadlines {
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
}

const ACCEPTED = SENDINGS.indexOf('accepted');
/** No target has this number: the ordinary ones' stand-in. */
const STAND_IN = 0;
const NO_DRILL = -1;

/** What looks that see everything prove: W is the start of the last one. */
export const watchAt = (wMs: number): Watch => ({ ...newWatch, wMs, proven: true, coveredFromMs: 0 });

export interface Settling {
  readonly deadlines: Deadlines;
  readonly latencyMs: number;
  readonly keepsMs: number;
  /** Hears of every canary that is declared lost. */
  readonly lost: (row: Row) => void;
}

/** Of which of a row's canaries a settling is: all, or those that have been seen now. */
type Positions = Int32Array | readonly number[];

/**
 * Settles canaries of a row as of a look that began at `wMs`, after one at `beforeMs`: what was visible by then has been seen.
 * @param whole the deadline of the row has come: the ordinary are settled too.
 */
export function settle(
  row: Row,
  positions: Positions,
  at: { readonly wMs: number; readonly beforeMs: number; readonly whole: boolean },
  of: Settling,
): void {
  const withStandIn = at.whole && row.ordinary > 0;
  const evidence: NewEvidence[] = [];
  if (withStandIn && row.ordinaryVerdict === 0) evidence.push(seen(STAND_IN, row.dueMs + of.latencyMs, null));
  for (const i of positions)
    if (Number.isNaN(row.seenMs[i]!) && row.visibleMs[i]! <= at.wMs)
      evidence.push(seen(row.targets[i]!, at.wMs, at.beforeMs));
  const result = settleRow(
    rowOf(row, positions, withStandIn ? of.latencyMs : null),
    evidence,
    proofAt(at.wMs, of.keepsMs),
    {
      deadlines: of.deadlines,
      drill: NO_DRILL,
    },
  );
  take(row, positions, result, { withStandIn, lost: of.lost });
  if (at.whole) row.nextDueMs = result.next_due_ms;
}

const seen = (target: number, seenMs: number, seenAfterMs: number | null): NewEvidence => ({
  kind: 'seen',
  target,
  seenMs,
  seenAfterMs,
  record: null,
  copies: 1,
  integrity: 0,
  detail: null,
  ingestedMs: null,
});

let proof = { wMs: Number.NaN, keepsMs: 0, of: {} as Parameters<typeof settleRow>[2] };
function proofAt(wMs: number, keepsMs: number): Parameters<typeof settleRow>[2] {
  if (proof.wMs === wMs && proof.keepsMs === keepsMs) return proof.of;
  const of = {
    watch: watchAt(wMs),
    nowMs: wMs,
    keepsMs,
    way: 'query',
    chained: true,
    secondLook: null,
    second: null,
  } as const;
  proof = { wMs, keepsMs, of };
  return of;
}

/** The row as the ledger would hold it, of these canaries only; `standInMs`: with the ordinary's, seen after so long. */
function rowOf(row: Row, positions: Positions, standInMs: number | null): SettlementRow {
  const n = positions.length + (standInMs === null ? 0 : 1);
  const targets: number[] = [];
  const seenOffs: (number | null)[] = [];
  const afterOffs: (number | null)[] = [];
  const flags: number[] = [];
  if (standInMs !== null) {
    targets.push(STAND_IN);
    seenOffs.push(row.ordinaryVerdict === 0 ? null : standInMs);
    afterOffs.push(null);
    flags.push(0);
  }
  for (const i of positions) {
    targets.push(row.targets[i]!);
    seenOffs.push(offset(row.seenMs[i]!, row.dueMs));
    afterOffs.push(offset(row.afterMs[i]!, row.dueMs));
    flags.push(row.flags[i]!);
  }
  return {
    slot: row.slotMs,
    index: 0,
    due_ms: row.dueMs,
    restart_ms: null,
    targets,
    sendings: filled(ACCEPTED, n),
    first_offs: filled(0, n),
    last_offs: filled(0, n),
    attempts: filled(1, n),
    next_due_ms: row.nextDueMs,
    counts: {},
    folded: false,
    verdicts: null,
    seen_offs: seenOffs,
    seen_after_offs: afterOffs,
    flags,
    records: null,
    notes: null,
  };
}

const filledOf = new Map<string, readonly number[]>();
/** Arrays of one value are read only: each is made once. */
function filled(value: number, n: number): readonly number[] {
  const key = `${value} ${n}`;
  const known = filledOf.get(key) ?? new Array<number>(n).fill(value);
  filledOf.set(key, known);
  return known;
}

const offset = (ms: number, dueMs: number): number | null => (Number.isNaN(ms) ? null : ms - dueMs);

function take(
  row: Row,
  positions: Positions,
  result: Settled,
  { withStandIn, lost }: { readonly withStandIn: boolean; readonly lost: Settling['lost'] },
): void {
  const shift = withStandIn ? 1 : 0;
  if (withStandIn) row.ordinaryVerdict = result.verdicts[0]!;
  for (let k = 0; k < positions.length; k++) {
    const i = positions[k]!;
    const [seenOff, afterOff] = [result.seen_offs[k + shift]!, result.seen_after_offs[k + shift]!];
    row.verdicts[i] = result.verdicts[k + shift]!;
    if (row.verdicts[i] === CODES.lost) lost(row);
    row.flags[i] = result.flags[k + shift]!;
    if (seenOff !== null) row.seenMs[i] = row.dueMs + seenOff;
    if (afterOff !== null) row.afterMs[i] = row.dueMs + afterOff;
  }
}

/** The row as a detector reads it: the ordinary's stand-in first, if there are any. */
export function trialRow(row: Row, positions: Positions, latencyMs: number): TrialRow {
  return rowOf(row, positions, row.ordinary > 0 ? latencyMs : null);
}

export const isStandIn = (target: number): boolean => target === STAND_IN;

export const CODES = Object.fromEntries(VERDICTS.map((v, i) => [v, i])) as Readonly<
  Record<(typeof VERDICTS)[number], number>
>;
