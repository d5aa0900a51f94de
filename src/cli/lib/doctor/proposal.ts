/** Which deadlines fit the delays that were measured, with how sure that is; or what is still missing to tell. Pure. */

import { zeroLossSampleSize } from '../../../stats/intervals.ts';
import { type DelayCurve, delayCurveOfSketches, delayQuantile } from '../../../stats/kaplan-meier.ts';
import type { Sketch } from '../../../stats/sketch.ts';

const HOUR_MS = 3_600_000;
export const DAY_HOURS = 24;

/** Delays of those that arrived, ages of those that have not; in so many hours that have any. */
export interface Measured {
  readonly arrived: Sketch;
  readonly waiting: Sketch;
  readonly hours: number;
}

export interface Needs {
  /** The share that is to be on time. */
  readonly quantile: number;
  /** What the backend itself may take: no deadline is below. */
  readonly settleMs: number;
}

export interface Fits {
  readonly kind: 'fits';
  readonly onTimeMs: number;
  readonly lostMs: number;
  readonly canaries: number;
  /** By when the share had arrived, and its 95% interval; what hasn't arrived counts as longer than its age. */
  readonly quantileMs: number;
  readonly loMs: number;
  readonly hiMs: number;
  readonly slowestMs: number;
  /** Share that arrived within a time. */
  readonly met: (withinMs: number) => number;
}

export type Proposal =
  | Fits
  /** The slow ones of so rare a kind have not been met yet. */
  | { readonly kind: 'too few'; readonly canaries: number; readonly needed: number; readonly hours: number }
  /** More are missing than may be late: no deadline is met by that share. */
  | { readonly kind: 'missing'; readonly canaries: number; readonly share: number };

const ON_TIME_MIN_MS = 1_000;
const LOST_MIN_MS = 30_000;

/**
 * D is half as much again as the quantile, and at least the upper end of its interval; L is twice the slowest of all, and four
 * times D. With fewer canaries than it takes to meet one slower than the quantile, with 95% confidence, nothing is said.
 */
export function propose(measured: Measured, { quantile, settleMs }: Needs): Proposal {
  const curve = delayCurveOfSketches(measured);
  const canaries = curve.n;
  const needed = zeroLossSampleSize({ loss: 1 - quantile, confidence: 0.95 });
  if (canaries < needed || measured.hours < DAY_HOURS)
    return { kind: 'too few', canaries, needed, hours: measured.hours };
  const at = delayQuantile(curve, quantile);
  if (typeof at !== 'number') return { kind: 'missing', canaries, share: curve.steps.at(-1)?.survival ?? 1 };
  const slowestMs = curve.steps.at(-1)?.ageMs ?? 0;
  const lo = delayQuantile(curve, quantile, 'lo');
  const hi = delayQuantile(curve, quantile, 'hi');
  // Of so many, the slowest is an upper bound itself.
  const hiMs = typeof hi === 'number' ? hi : slowestMs;
  const onTimeMs = niceAbove(Math.max(ON_TIME_MIN_MS, settleMs, 1.5 * at, hiMs));
  return {
    kind: 'fits',
    onTimeMs,
    lostMs: niceAbove(Math.max(4 * onTimeMs, 2 * slowestMs, LOST_MIN_MS)),
    canaries,
    quantileMs: at,
    loMs: typeof lo === 'number' ? lo : at,
    hiMs,
    slowestMs,
    met: withinMs => metBy(curve, withinMs),
  };
}

const metBy = ({ steps }: DelayCurve, withinMs: number): number =>
  1 - (steps.findLast(step => step.ageMs <= withinMs)?.survival ?? 1);

const STEPS_MS = [1, 2, 3, 5, 10, 15, 20, 30]
  .flatMap(n => [n * 1_000, n * 60_000, n * HOUR_MS])
  .sort((a, b) => a - b);

/** The next duration that a person would write. */
export const niceAbove = (ms: number): number =>
  STEPS_MS.find(step => step >= ms) ?? Math.ceil(ms / (DAY_HOURS * HOUR_MS)) * DAY_HOURS * HOUR_MS;
