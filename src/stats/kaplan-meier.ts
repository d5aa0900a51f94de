/**
 * Delay with what has not arrived yet (Kaplan and Meier 1958). A canary still out, or lost, says "longer than its age":
 * leaving it out would make a failing pipeline look fast. The plateau of the curve is the share not back by its end.
 */
import { Z_95 } from './intervals.ts';
import { bucketUpper, type Sketch } from './sketch.ts';

export interface Aged {
  readonly ageMs: number;
  /** How many canaries, 1 unless given. */
  readonly weight?: number;
}

/**
 * A delay is often known only as an interval (seen by this look, not by the one before). Give its upper end, and
 * "p95 is at most …" errs on the slow side only. For a claim of "at least", build a second curve of the lower ends.
 */
export interface Delays {
  /** Canaries that were seen, by their delay. */
  readonly arrived: Iterable<Aged>;
  /** Canaries that were not seen, by the age up to which that is proven. */
  readonly waiting: Iterable<Aged>;
}

/** The curve just after one time at which canaries arrived. */
export interface Step {
  readonly ageMs: number;
  /** Canaries that had not arrived, and were still watched, just before. */
  readonly atRisk: number;
  readonly arrived: number;
  /** The share that takes longer than `ageMs`. */
  readonly survival: number;
  /** Greenwood's standard error; 0 when `survival` is 0, where it has none. */
  readonly se: number;
  /** Pointwise 95% log-log interval of `survival`; [0, the hi before] when `survival` is 0. */
  readonly lo: number;
  readonly hi: number;
}

export interface DelayCurve {
  readonly n: number;
  readonly steps: readonly Step[];
  /** The highest age anything is known of: there the curve ends. 0 when n = 0. */
  readonly endMs: number;
}

export function delayCurve(delays: Delays): DelayCurve {
  const at = new Map<number, { arrived: number; waiting: number }>();
  let n = 0;
  const put = (items: Iterable<Aged>, as: 'arrived' | 'waiting'): void => {
    for (const { ageMs, weight = 1 } of items) {
      if (!(ageMs >= 0 && ageMs < Infinity))
        throw new RangeError(`expected a finite age, at least 0; found ${ageMs}`);
      if (!(Number.isSafeInteger(weight) && weight > 0))
        throw new RangeError(`expected a whole weight, at least 1; found ${weight}`);
      const entry = at.get(ageMs) ?? { arrived: 0, waiting: 0 };
      entry[as] += weight;
      at.set(ageMs, entry);
      n += weight;
    }
  };
  put(delays.arrived, 'arrived');
  put(delays.waiting, 'waiting');
  const sorted = [...at].sort((a, b) => a[0] - b[0]);
  return { n, steps: stepsOf(sorted, n), endMs: sorted.at(-1)?.[0] ?? 0 };
}

function stepsOf(sorted: readonly [number, { arrived: number; waiting: number }][], n: number): Step[] {
  const steps: Step[] = [];
  let atRisk = n;
  let survival = 1;
  let greenwood = 0;
  for (const [ageMs, { arrived, waiting }] of sorted) {
    if (arrived > 0) {
      survival *= (atRisk - arrived) / atRisk;
      greenwood += arrived / (atRisk * (atRisk - arrived));
      const last = survival === 0;
      // The exponents of S^(e^±half): a larger one gives the lower end.
      const half = (Z_95 * Math.sqrt(greenwood)) / -Math.log(survival);
      steps.push({
        ageMs,
        atRisk,
        arrived,
        survival,
        se: last ? 0 : survival * Math.sqrt(greenwood),
        lo: last ? 0 : survival ** Math.exp(half),
        hi: last ? (steps.at(-1)?.hi ?? 1) : survival ** Math.exp(-half),
      });
    }
    // Those censored at an age were still at risk when others arrived at it.
    atRisk -= arrived + waiting;
  }
  return steps;
}

/**
 * The least age by which a share q has arrived, or `above` the end of the curve: "not back by T", never "never".
 * @param bound which curve to read: the estimate, or an end of its 95% interval (`hi` gives the pessimistic age).
 */
export function delayQuantile(
  curve: DelayCurve,
  q: number,
  bound: 'survival' | 'lo' | 'hi' = 'survival',
): number | { readonly above: number } {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`expected a quantile in [0, 1]; found ${q}`);
  // The slack absorbs the rounding of a product of many factors; one canary in 10⁸ is a hundred times more.
  const step = curve.steps.find(s => s[bound] <= 1 - q + 1e-10);
  return step ? step.ageMs : { above: curve.endMs };
}

/**
 * The form that merges: delays of the arrived and ages of the waiting, each in a sketch. Times are read as the upper
 * end of their bucket, at most 2.1% too long, so no quantile comes out too fast; `endMs` as the lower end, since "not
 * back by T" needs a T that was reached.
 */
export function delayCurveOfSketches(sketches: {
  readonly arrived: Sketch;
  readonly waiting: Sketch;
}): DelayCurve {
  const curve = delayCurve({ arrived: agedOf(sketches.arrived), waiting: agedOf(sketches.waiting) });
  if (curve.steps.at(-1)?.survival === 0) return curve;
  // Where some are still out at the end, the highest age is that of one of them.
  const highest = sketches.waiting.buckets.at(-1);
  return { ...curve, endMs: highest ? bucketUpper(highest[0] - 1) : 0 };
}

function agedOf({ zero, buckets }: Sketch): Aged[] {
  const aged = buckets.map(([index, weight]) => ({ ageMs: bucketUpper(index), weight }));
  return zero > 0 ? [{ ageMs: 0, weight: zero }, ...aged] : aged;
}
