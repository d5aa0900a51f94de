/**
 * What the ledger of a scenario says of an incident. The rules are the engine's (engine/loss-facts-of.ts); only what that reads by
 * SQL is read from memory here, of the same rows.
 */
import type { LossFacts } from '../domain/incident.ts';
import type { Observed, TargetSeries } from '../domain/loss-runs.ts';
import { VERDICTS } from '../domain/verdict.ts';
import {
  countsLate,
  lossFactsOf,
  observedOf,
  patternFromMs,
  patternSpread,
  patternTargets,
  touchedBy,
  touchedSpread,
  verdictAt,
} from '../engine/loss-facts-of.ts';
import type { Alarm, Touched } from '../store/incident.ts';
import { CODES, type Row } from './scenario-ledger.ts';
import { type Rows, readRows, rowFrom, type SpanRead, visitExceptional } from './scenario-reads.ts';

/** What doesn't change over a run. */
export interface FactsSetting {
  readonly ledger: Rows;
  /** Slot of the newest canary that was ever declared lost. */
  readonly newestLostMs: () => number;
  /** Canaries of a beat. */
  readonly targets: number;
  readonly nameOf: (target: number) => string;
  readonly checkpoint: string;
  readonly everyMs: number;
  readonly latencyMs: number;
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
  readonly objective: LossFacts['objective'];
  readonly holdsMs: number | null;
  readonly volumePerHour: number | null;
}

export interface FactsOf {
  readonly alarms: readonly Alarm[];
  /** Some alarm stands. */
  readonly open: boolean;
  readonly nowMs: number;
  /** W: how far has been seen. */
  readonly wMs: number;
  /**
   * `counts`: without the pattern, which costs the most and decides nothing.
   */
  readonly depth: 'counts' | 'whole';
}

/** Where and among which targets the rate of an incident is counted. */
export interface Counted {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly touched: readonly Touched[];
  /** Of which rows. */
  readonly span: SpanRead;
}

export function countedOf(s: FactsSetting, { alarms, nowMs, wMs }: Omit<FactsOf, 'depth' | 'open'>): Counted {
  const firstMs = Math.min(...alarms.map(a => a.beganMs));
  const until = (toMs: number): Pick<Counted, 'touched' | 'span'> => {
    const of = { fromMs: firstMs, toMs, everyMs: s.everyMs };
    const span = { ...of, spread: touchedSpread(of, s.targets) };
    return { touched: touchedBy(readTouched(s, span, wMs, countsLate(alarms)), alarms, s), span };
  };
  const lastMs = Math.max(firstMs, ...until(nowMs).touched.map(t => t.last_ms));
  return { firstMs, lastMs, ...until(lastMs) };
}

export function lossFacts(s: FactsSetting, of: FactsOf): LossFacts {
  const { alarms, open, nowMs, wMs, depth } = of;
  const { firstMs, lastMs, touched } = countedOf(s, of);
  const pattern =
    depth === 'whole' ? seriesOf(s, touched, { firstMs, nowMs, wMs }) : { series: [], everyMs: s.everyMs };
  return lossFactsOf({
    kind: 'loss',
    alarms,
    open,
    nowMs,
    firstMs,
    lastMs,
    counts: countSpan(s, firstMs, open ? nowMs : lastMs, wMs),
    touched,
    hop: {
      after: null,
      name: s.checkpoint,
      onTimeWithinMs: s.onTimeWithinMs,
      lostAfterMs: s.lostAfterMs,
      holdsMs: s.holdsMs,
    },
    checkpoints: [s.checkpoint],
    targets: s.targets,
    nameOf: s.nameOf,
    volumePerHour: s.volumePerHour,
    query: null,
    objective: s.objective,
    series: pattern.series,
    seriesEveryMs: pattern.everyMs,
  });
}

/** Of an incident that lasts: what decides whether something is due to be told. As `lossFacts` has it, without counting the rest. */
export type Reach = Pick<LossFacts, 'phase' | 'targets' | 'rate' | 'checkpoints' | 'firstMs' | 'lastMs'>;

export function reachOf(s: FactsSetting, of: Omit<FactsOf, 'depth'>): Reach {
  const { firstMs, lastMs, touched } = countedOf(s, of);
  const late = countsLate(of.alarms);
  const affected = touched.reduce((n, t) => n + t.missing + (late ? t.late : 0), 0);
  const decided = touched.reduce((n, t) => n + t.decided, 0);
  const n = touched.reduce((sum, t) => sum + t.after, 0);
  const share = n > 0 ? (affected - touched.length) / n : decided > 0 ? affected / decided : 0;
  return {
    phase: s.newestLostMs() >= firstMs ? 'lost' : 'overdue',
    targets: { touched: [], n: touched.length, of: s.targets },
    rate: { share, low: 0, high: 1, n },
    checkpoints: [s.checkpoint],
    firstMs,
    lastMs,
  };
}

/** The ordinary's verdict as of W: a canary in time is seen as soon as it is there, and settled with its row at D. */
const ordinaryAt = (s: FactsSetting, row: Row, wMs: number): number =>
  row.ordinaryVerdict || (row.dueMs + s.latencyMs <= wMs ? CODES.on_time : CODES.pending);

/** Whether anything is known of the row: it has been looked at, or something of it was seen. */
const isKnown = (s: FactsSetting, row: Row, wMs: number): boolean =>
  row.dueMs + s.onTimeWithinMs <= wMs || (row.ordinary > 0 && row.dueMs + s.latencyMs <= wMs);

/** Newest rows with something out of the ordinary in which a target's newest is looked for. */
const NEWEST_ROWS = 50;

/** Targets that miss something, or had something late, in the beats that are read: worst first. */
function readTouched(s: FactsSetting, span: SpanRead, wMs: number, lateCounts: boolean): Touched[] {
  const [missing, late, unknown, last, first, unknownBefore] = tallies(s.targets + 1);
  const known = { settledMs: wMs - s.onTimeWithinMs, isKnown: (row: Row) => isKnown(s, row, wMs) };
  const n = visitExceptional(s.ledger, span, known, ({ targets, verdicts, slotMs }, before) => {
    for (let i = 0; i < targets.length; i++) {
      const [target, verdict] = [targets[i]!, verdicts[i]!];
      if (verdict === CODES.pending) {
        unknown[target]!++;
        continue;
      }
      if (verdict === CODES.late) late[target]!++;
      else missing[target]!++;
      if (first[target] === 0 && (verdict !== CODES.late || lateCounts)) {
        first[target] = before + 1;
        unknownBefore[target] = unknown[target]!;
      }
      last[target] = slotMs;
    }
  });
  forNewest(s.ledger.exceptional, span, (target, slotMs) => {
    last[target] = Math.max(last[target]!, slotMs);
  });
  const touched: Touched[] = [];
  for (let target = 1; target <= s.targets; target++) {
    if (missing[target] === 0 && late[target] === 0) continue;
    touched.push({
      target,
      missing: missing[target]!,
      late: late[target]!,
      decided: n - unknown[target]!,
      after: first[target] === 0 ? 0 : n - first[target]! - (unknown[target]! - unknownBefore[target]!),
      last_ms: last[target]!,
    });
  }
  return touched.sort((a, b) => b.missing - a.missing || b.late - a.late || a.target - b.target);
}

type Tallies = readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

let scratch: Tallies | undefined;
/** Six numbers by target, at 0; the same arrays each time. */
function tallies(n: number): Tallies {
  const anew = (): Float64Array => new Float64Array(n);
  if (scratch?.[0].length !== n) scratch = [anew(), anew(), anew(), anew(), anew(), anew()];
  for (const counts of scratch) counts.fill(0);
  return scratch;
}

/** Of the newest rows of the span that hold something out of the ordinary: whose, and when. */
function forNewest(
  exceptional: readonly Row[],
  { fromMs, toMs }: SpanRead,
  tell: (target: number, slotMs: number) => void,
): void {
  let found = 0;
  for (let r = rowFrom(exceptional, toMs + 1) - 1; r >= 0 && found < NEWEST_ROWS; r--) {
    const { targets, verdicts, slotMs } = exceptional[r]!;
    if (slotMs < fromMs) return;
    let some = false;
    for (let i = 0; i < targets.length; i++) {
      if (verdicts[i] === CODES.pending) continue;
      some = true;
      tell(targets[i]!, slotMs);
    }
    if (some) found++;
  }
}

/** By verdict, of all targets. */
function countSpan(s: FactsSetting, fromMs: number, toMs: number, wMs: number): Record<string, number> {
  const n = new Float64Array(VERDICTS.length);
  const rows = s.ledger.all;
  const end = rowFrom(rows, toMs + 1);
  for (let r = rowFrom(rows, fromMs); r < end; r++) {
    const row = rows[r]!;
    if (row.dueMs > wMs) break;
    n[ordinaryAt(s, row, wMs)]! += row.ordinary;
    for (let i = 0; i < row.verdicts.length; i++) n[row.verdicts[i]!]!++;
  }
  return Object.fromEntries(VERDICTS.map((verdict, code) => [verdict, n[code]!]));
}

/** The canaries of the span by target, of those targets and beats that a pattern is read from. */
function seriesOf(
  s: FactsSetting,
  touched: readonly Touched[],
  { firstMs, nowMs, wMs }: { readonly firstMs: number; readonly nowMs: number; readonly wMs: number },
): { readonly series: TargetSeries[]; readonly everyMs: number } {
  const chosen = patternTargets(
    touched,
    Array.from({ length: s.targets }, (_, i) => i + 1),
  );
  const of = { fromMs: patternFromMs(firstMs, s.everyMs), toMs: nowMs, everyMs: s.everyMs };
  const spread = patternSpread(of, chosen.size);
  const series = new Map([...chosen].map(t => [t, [] as Observed[]]));
  for (const row of readRows(s.ledger, { ...of, spread })) {
    if (row.dueMs > wMs) continue;
    const times = { slotMs: row.slotMs, sentMs: row.dueMs };
    const verdict = verdictAt(ordinaryAt(s, row, wMs));
    const ordinary = observedOf(verdict, {
      ...times,
      seenMs: verdict === 'pending' ? null : row.dueMs + s.latencyMs,
    });
    const off = new Map<number, number>();
    for (let i = 0; i < row.targets.length; i++) off.set(row.targets[i]!, i);
    for (const [target, canaries] of series) {
      const i = off.get(target);
      canaries.push(
        i === undefined
          ? ordinary
          : observedOf(verdictAt(row.verdicts[i]), { ...times, seenMs: seenAt(row, i) }),
      );
    }
  }
  return {
    series: [...series].map(([target, canaries]) => ({ target: s.nameOf(target), canaries })),
    everyMs: spread.stepMs ?? s.everyMs,
  };
}

const seenAt = (row: Row, i: number): number | null => (Number.isNaN(row.seenMs[i]!) ? null : row.seenMs[i]!);
