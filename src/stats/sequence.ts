/**
 * One sequence of trials under one null: watched by e-detectors until they alarm, then by an e-process that asks whether it is
 * over. A step takes what was fed since the last one: its likelihood ratios are averaged, so that what is lost together counts
 * once.
 */
import {
  type Alternative,
  cusum,
  likelihoodRatios,
  type Ratios,
  shiryaevRoberts,
  shiryaevRobertsAfter,
} from './e-detector.ts';

/** The null and its alternatives. */
export interface Null {
  /** The share that may be lost. */
  readonly p0: number;
  readonly alternatives: readonly Alternative[];
  /** How many successive canaries of a target may travel, and so be lost, together: trials to a step. */
  readonly batch: number;
  /** The closing e-process ends an alarm at 1 ÷ this. */
  readonly closingAlpha: number;
}

/** The trials of a step under way: those of beats `ends − batch` to `ends − 1`. What is neither lost nor skipped has arrived. */
export interface Trials {
  readonly ends: number;
  /** Fractions where a trial is itself the average of several canaries. */
  readonly lost: number;
  /** Not fed: they say nothing (a ratio of 1). */
  readonly skipped: number;
  /** Slot of the first loss, Unix milliseconds. */
  readonly slotMs: number;
  /** How many were lost in a row, up to beat `runTo − 1`. */
  readonly run: number;
  readonly runTo: number;
}

/** What speaks for one alternative. */
export interface Odds {
  /** e-SR. */
  readonly m: number;
  /** e-CUSUM, 1 where it is at rest. What follows says since when it isn't. */
  readonly c: number;
  readonly sinceMs: number;
  /** Trials fed, and lost, since then. */
  readonly n: number;
  readonly x: number;
}

/** A sequence without alarm. */
export interface Watch {
  /** The beat that its next step begins with; from there on were arrivals only, but for what is under way. */
  readonly at: number;
  /** In the order of the null's alternatives. */
  readonly odds: readonly Odds[];
}

/** A sequence in alarm. */
export interface Alarm {
  /** The beat that its next step begins with. */
  readonly at: number;
  /** Slot from which losses began to speak for the alternative that explains them best. */
  readonly beganSlotMs: number;
  readonly atSlotMs: number;
  /** Trials fed, and lost, since it began. */
  readonly n: number;
  readonly x: number;
  /** x ÷ n at the last loss: arrivals after it are evidence of the end, not of a lower rate. */
  readonly rate: number;
  /** e-CUSUM of "it is over". */
  readonly e: number;
}

const AT_REST = { c: 1, sinceMs: 0, n: 0, x: 0 } as const;

/** A sequence that starts, or starts again, with beat `at`. */
export const newWatch = (h0: Null, at: number): Watch => ({
  at,
  odds: h0.alternatives.map(() => ({ m: 0, ...AT_REST })),
});

/** The state after all whole steps before beat `at`, where they were arrivals. */
export function afterArrivals(watch: Watch, at: number, { alternatives, batch }: Null): Watch {
  const steps = Math.floor((at - watch.at) / batch);
  if (steps <= 0) return watch;
  const odds = watch.odds.map((o, i) => {
    const { arrival } = alternatives[i]!;
    const m = shiryaevRobertsAfter(o.m, arrival, steps);
    const c = o.c * arrival ** steps;
    return c > 1 ? { m, c, sinceMs: o.sinceMs, n: o.n + steps * batch, x: o.x } : { m, ...AT_REST };
  });
  return { at: watch.at + steps * batch, odds };
}

/** No trial of the step that beat `beat` falls in has been lost or skipped before it. */
export const newTrials = (at: number, beat: number, { batch }: Null): Trials => ({
  ends: beat - ((beat - at) % batch) + batch,
  lost: 0,
  skipped: 0,
  slotMs: 0,
  run: 0,
  runTo: beat,
});

export const withLoss = (t: Trials, share: number, beat: number, slotMs: number): Trials => ({
  ...t,
  lost: t.lost + share,
  slotMs: t.lost > 0 ? t.slotMs : slotMs,
  run: t.runTo === beat ? t.run + 1 : 1,
  runTo: beat + 1,
});

export const withSkip = (t: Trials, beat: number): Trials => ({
  ...t,
  skipped: t.skipped + 1,
  runTo: t.runTo === beat ? beat + 1 : t.runTo,
});

/**
 * Where the step after this one begins. Nobody tells where a shipper's batches do; but losses that go on at the end of a step are
 * the first of a batch whose others then tell nothing new: they are passed over, and steps run along with batches from there.
 */
function nextStep({ ends, run, runTo }: Trials, batch: number): number {
  const begun = runTo === ends ? run % batch : 0;
  return begun > 0 ? ends + batch - begun : ends;
}

/**
 * One step of a watch that all steps before have been applied to. It can alarm only where something was lost: with a threshold of
 * a few trials, waiting alone would.
 */
export function stepWatch(
  watch: Watch,
  trials: Trials,
  step: { readonly slotMs: number; readonly threshold: number },
  h0: Null,
): { readonly watch: Watch } | { readonly alarm: Alarm } {
  const fed = h0.batch - trials.skipped;
  const at = nextStep(trials, h0.batch);
  if (fed === 0) return { watch: { at, odds: watch.odds } };
  const odds = watch.odds.map((o, i) => {
    const ratio = meanRatio(trials, h0.alternatives[i]!, h0.batch);
    const m = shiryaevRoberts(o.m, ratio);
    const c = cusum(o.c, ratio);
    if (c <= 1) return { m, ...AT_REST };
    const sinceMs = o.c > 1 ? o.sinceMs : trials.slotMs;
    return { m, c, sinceMs, n: o.n + fed, x: o.x + trials.lost };
  });
  const parts = odds.map((o, i) => h0.alternatives[i]!.weight * o.m);
  const mixture = parts.reduce((sum, part) => sum + part, 0);
  if (trials.lost === 0 || mixture < step.threshold) return { watch: { at, odds } };
  const best = odds[parts.indexOf(Math.max(...parts))]!;
  const began = best.c > 1 ? best : { sinceMs: trials.slotMs, n: fed, x: trials.lost };
  const { sinceMs: beganSlotMs, n, x } = began;
  return { alarm: { at, beganSlotMs, atSlotMs: step.slotMs, n, x, rate: x / n, e: 1 } };
}

/** One step of an alarm; null: it is over. */
export function stepAlarm(alarm: Alarm, trials: Trials, h0: Null): Alarm | null {
  const fed = h0.batch - trials.skipped;
  const at = nextStep(trials, h0.batch);
  if (fed === 0) return { ...alarm, at };
  const e = cusum(alarm.e, meanRatio(trials, closingRatios(alarm.rate, h0.p0), h0.batch));
  if (trials.lost === 0 && e >= 1 / h0.closingAlpha) return null;
  const n = alarm.n + fed;
  const x = alarm.x + trials.lost;
  return { ...alarm, at, n, x, rate: trials.lost > 0 ? x / n : alarm.rate, e };
}

/**
 * "Loss is still half the incident's rate" against "at most p0". At least 2·p0 stays the null: an incident of a slight excess
 * could otherwise never end at p0.
 */
function closingRatios(rate: number, p0: number): Ratios {
  const q0 = Math.min(Math.max(rate / 2, 2 * p0), (1 + p0) / 2);
  return likelihoodRatios(q0, p0);
}

const meanRatio = ({ lost, skipped }: Trials, ratios: Ratios, batch: number): number =>
  (lost * ratios.loss + (batch - skipped - lost) * ratios.arrival + skipped) / batch;

/** Nothing is left of its losses that the future could tell from `base`, a sequence of arrivals only. */
export const isBaseline = (watch: Watch, base: Watch): boolean =>
  watch.odds.every((o, i) => {
    const { m } = base.odds[i]!;
    return o.c === 1 && Math.abs(o.m - m) <= 1e-9 * m;
  });
