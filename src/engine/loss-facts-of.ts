/** What is known of a departure from the objective, made of what was read of it. Pure: rows in, facts out. */
import type { IncidentCounts, LossFacts } from '../domain/incident.ts';
import type { Fate, Observed, TargetSeries } from '../domain/loss-runs.ts';
import { patternOf } from '../domain/pattern.ts';
import { VERDICTS, type Verdict } from '../domain/verdict.ts';
import { betaTails } from '../stats/beta.ts';
import { confidenceSequence } from '../stats/intervals.ts';
import type { Alarm, Spread, Touched } from '../store/incident.ts';

const HOUR_MS = 3_600_000;
const TOUCHED_NAMES_MAX = 100;
/** Targets are counted from so many canaries. */
const CANARIES_MAX = 200_000;
/** A pattern is read from so many canaries, of so many targets. */
const FATES_MAX = 20_000;
const FATE_TARGETS_MAX = 100;

/** All beats of a span where they are few enough, else every so-many-th over its whole length. */
function spreadOver({ fromMs, toMs, everyMs }: SpanOf, beatsMax: number): Spread {
  const beats = Math.ceil((toMs - fromMs) / everyMs) + 1;
  return { beatsMax, stepMs: beats <= beatsMax ? null : Math.ceil(everyMs * Math.ceil(beats / beatsMax)) };
}

interface SpanOf {
  readonly fromMs: number;
  readonly toMs: number;
  /** From beat to beat. */
  readonly everyMs: number;
}

/** How the targets of a span are counted, of beats with so many canaries each. */
export const touchedSpread = (span: SpanOf, targets: number): Spread =>
  spreadOver(span, Math.max(200, Math.floor(CANARIES_MAX / Math.max(1, targets))));

/** How a pattern is read of a span, of so many chosen targets. */
export const patternSpread = (span: SpanOf, chosen: number): Spread =>
  spreadOver(span, Math.max(50, Math.floor(FATES_MAX / Math.max(1, chosen))));

/** Whose canaries a pattern is read from: the targets that miss most, and some that miss nothing. */
export const patternTargets = (
  touched: readonly Touched[],
  targets: readonly number[],
): ReadonlySet<number> =>
  new Set([...touched.map(t => t.target), ...targets.slice(0, FATE_TARGETS_MAX)].slice(0, FATE_TARGETS_MAX));

/** Where the pattern begins: some beats that still arrived belong to it. */
export const patternFromMs = (firstMs: number, everyMs: number): number => firstMs - 20 * everyMs;

/** Late ones belong to an incident in which the objective of being in time is missed. */
export const countsLate = (alarms: readonly Alarm[]): boolean => alarms.some(a => a.objective === 'on_time');

/** A target stands out whose canaries would hardly ever miss so much at the objective: so seldom, over all targets. */
const STANDS_OUT = 0.001;

/** Whose targets they are, and what they may lose. */
export interface Family {
  readonly targets: number;
  readonly objective: LossFacts['objective'];
}

/**
 * The targets that an incident touches: those in alarm, and where the whole is in alarm those that miss more than chance gives
 * at the objective. Only where the others together miss more than that too does the loss touch every one that misses something.
 */
export function touchedBy(rows: readonly Touched[], alarms: readonly Alarm[], family: Family): Touched[] {
  const late = countsLate(alarms);
  const named = new Set(alarms.map(a => a.target));
  const missing = rows.filter(t => t.missing > 0 || (late && t.late > 0));
  if (!named.has(null)) return missing.filter(t => named.has(t.target));
  const { onTime, delivered } = family.objective;
  const isBeyond = (t: Pick<Touched, 'missing' | 'late' | 'decided'>, chance: number): boolean =>
    isUnlikely(t.missing, t.decided, 1 - delivered, chance) ||
    (late && isUnlikely(t.missing + t.late, t.decided, 1 - onTime, chance));
  const standing = missing.filter(
    t => named.has(t.target) || isBeyond(t, STANDS_OUT / Math.max(1, family.targets)),
  );
  const rest = rows.filter(t => !standing.includes(t));
  const decided = Math.max(0, ...rows.map(t => t.decided));
  // Those that miss nothing have no row, and as many beats as any.
  const silent = Math.max(0, family.targets - rows.length);
  const others = {
    missing: rest.reduce((n, t) => n + t.missing, 0),
    late: rest.reduce((n, t) => n + t.late, 0),
    decided: rest.reduce((n, t) => n + t.decided, 0) + silent * decided,
  };
  return standing.length === 0 || isBeyond(others, STANDS_OUT) ? missing : standing;
}

/** Whether so many or more of n are seen with less than this chance, each with probability p. */
const isUnlikely = (k: number, n: number, p: number, chance: number): boolean =>
  k > 0 && p < 1 && (p === 0 || betaTails(p, k, n - k + 1).lower < chance);

export const FATES: Readonly<Record<Verdict, Fate>> = {
  pending: 'unknown',
  overdue: 'missing',
  on_time: 'arrived',
  late: 'late',
  delivered: 'arrived',
  lost: 'missing',
  recovered: 'recovered',
  missed_here: 'unknown',
  refused: 'missing',
  maybe_sent: 'unknown',
  unsent: 'unknown',
  unproven: 'unknown',
};

/** One canary as a pattern sees it; times are Unix milliseconds. */
export const observedOf = (
  verdict: Verdict,
  times: { readonly slotMs: number; readonly sentMs: number; readonly seenMs: number | null },
): Observed => ({ ...times, fate: FATES[verdict] });

/** The hop to a checkpoint, as configured; `after` null: straight after injection. */
export interface Hop {
  readonly after: string | null;
  readonly name: string;
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
  readonly holdsMs: number | null;
}

export interface LossRead {
  readonly kind: 'loss' | 'refused';
  readonly alarms: readonly Alarm[];
  /** Some alarm stands. */
  readonly open: boolean;
  readonly nowMs: number;
  readonly firstMs: number;
  /** Slot of the newest that is missing or came back. */
  readonly lastMs: number;
  /** Canaries by bucket, of the span up to now, or to `lastMs` where it is over. */
  readonly counts: Readonly<Record<string, number>>;
  /** Worst first, as `touchedBy` gives them. */
  readonly touched: readonly Touched[];
  readonly hop: Hop;
  /** Checkpoints that miss the same canaries, the hop's first. */
  readonly checkpoints: readonly string[];
  /** How many targets the pipeline has. */
  readonly targets: number;
  readonly nameOf: (target: number) => string;
  readonly volumePerHour: number | null;
  readonly query: string | null;
  readonly objective: LossFacts['objective'];
  /** What a pattern is read from, and the time from one of its beats to the next. */
  readonly series: readonly TargetSeries[];
  readonly seriesEveryMs: number;
}

export function lossFactsOf(of: LossRead): LossFacts {
  const { kind, open, nowMs, firstMs, lastMs, touched, hop } = of;
  const counts = countsOf(of.counts);
  const late = countsLate(of.alarms);
  const ahead = counts.lost + counts.recovered === 0 ? 'overdue' : 'lost';
  const refused = kind === 'refused';
  return {
    counts,
    phase: refused ? 'refused' : ahead,
    hop: refused ? { after: null, checkpoint: 'source' } : { after: hop.after, checkpoint: hop.name },
    checkpoints: refused ? [] : of.checkpoints,
    targets: {
      touched: touched.slice(0, TOUCHED_NAMES_MAX).map(t => of.nameOf(t.target)),
      n: touched.length,
      of: Math.max(1, of.targets, touched.length),
    },
    firstMs,
    lastMs,
    rate: rateOf(touched, late),
    realEvents: realEvents(of, counts),
    heldUntilMs: heldUntil(of),
    holdsMs: hop.holdsMs,
    hunt: {
      eventFromMs: firstMs,
      eventToMs: lastMs + hop.onTimeWithinMs,
      ingestFromMs: firstMs,
      ingestToMs: open ? nowMs : lastMs + hop.lostAfterMs,
      query: of.query,
    },
    pattern: patternOf(of.series, {
      targets: Math.max(1, of.targets),
      open,
      everyMs: of.seriesEveryMs,
      onTimeWithinMs: hop.onTimeWithinMs,
      nowMs,
    }),
    objective: of.objective,
    onTimeWithinMs: hop.onTimeWithinMs,
    lostAfterMs: hop.lostAfterMs,
  };
}

const sum = (counts: Readonly<Record<string, number>>, ...buckets: string[]): number =>
  buckets.reduce((n, b) => n + (counts[b] ?? 0), 0);

function countsOf(counts: Readonly<Record<string, number>>): IncidentCounts {
  return {
    scheduled: sum(counts, ...Object.keys(counts)),
    overdue: sum(counts, 'overdue'),
    lost: sum(counts, 'lost'),
    recovered: sum(counts, 'recovered'),
    late: sum(counts, 'late'),
    arrived: sum(counts, 'on_time', 'delivered'),
    refused: sum(counts, 'refused'),
    pending: sum(counts, 'pending'),
    unknown: sum(counts, 'unproven', 'maybe_sent', 'unsent', 'missed_here'),
  };
}

/**
 * The span and its targets were chosen because something was missing: of the canaries that led to it the share is too high, and
 * no interval of it holds. Those after each target's first are not chosen so. How many there are when somebody reads it isn't
 * either fixed, so the interval holds at every time.
 */
export function rateOf(touched: readonly Touched[], late: boolean): LossFacts['rate'] {
  const affected = touched.reduce((sum, t) => sum + t.missing + (late ? t.late : 0), 0);
  const decided = touched.reduce((sum, t) => sum + t.decided, 0);
  const n = touched.reduce((sum, t) => sum + t.after, 0);
  if (n === 0) return { share: decided === 0 ? 0 : affected / decided, low: 0, high: 1, n };
  const losses = affected - touched.length;
  const { lo, hi } = confidenceSequence({ losses, n });
  return { share: losses / n, low: lo, high: hi, n };
}

/** As many real events as canaries of the whole pipeline are missing by now, over the same time. */
function realEvents(
  { volumePerHour, firstMs, lastMs, open, nowMs }: LossRead,
  counts: IncidentCounts,
): LossFacts['realEvents'] {
  if (volumePerHour === null) return null;
  const gone = counts.lost + counts.refused + counts.overdue;
  const n = gone + counts.recovered + counts.late + counts.arrived;
  if (n === 0) return null;
  const events = (volumePerHour * Math.max(0, (open ? nowMs : lastMs) - firstMs)) / HOUR_MS;
  // The first that is missing made it an incident; the interval is of the others.
  const { lo, hi } = confidenceSequence(gone > 0 ? { losses: gone - 1, n: n - 1 } : { losses: 0, n });
  return {
    n: Math.round((gone / n) * events),
    low: Math.round(lo * events),
    high: Math.round(hi * events),
  };
}

function heldUntil({ hop, firstMs, open, nowMs }: LossRead): number | null {
  if (hop.holdsMs === null || !open) return null;
  const untilMs = firstMs + hop.holdsMs;
  return untilMs > nowMs ? untilMs : null;
}

/** The verdict that a number in the store stands for. */
export const verdictAt = (code: number | undefined): Verdict => VERDICTS[code ?? 0] ?? 'pending';
