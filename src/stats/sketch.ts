/**
 * DDSketch (Masson, Rim, Lee, VLDB 2019): quantiles of delays to a relative error of 1%, which merge exactly. A sketch
 * is plain data and is its own JSON, so the store, Kaplan–Meier and the pages read the same thing.
 */

/** Immutable. Indices ascend strictly; counts are positive. Bucket i holds values in (γⁱ⁻¹, γⁱ]. */
export interface Sketch {
  /** How many values were exactly 0. */
  readonly zero: number;
  readonly buckets: readonly (readonly [index: number, count: number])[];
}

/** The relative error of an estimate. */
export const ALPHA = 0.01;
/**
 * Span of the indices. More than that (a ratio of 6·10¹⁷ between largest and smallest: 1 ms to 20 million years) and
 * the lowest collapse into the lowest kept one: low quantiles then read too high, high ones stay right.
 */
export const BUCKETS_MAX = 2048;

const LN_GAMMA = Math.log1p((2 * ALPHA) / (1 - ALPHA));

export const emptySketch: Sketch = { zero: 0, buckets: [] };

export const bucketIndex = (value: number): number => Math.ceil(Math.log(value) / LN_GAMMA);

/** The value every member of the bucket is within α of. */
export const bucketEstimate = (index: number): number => Math.exp(index * LN_GAMMA) * (1 - ALPHA);

/** The largest value the bucket can hold. */
export const bucketUpper = (index: number): number => Math.exp(index * LN_GAMMA);

/**
 * A sketch of weighted values.
 * @throws RangeError for a negative or non-finite value, or a weight that isn't a positive whole number: whoever
 * measures decides what a negative delay means (skew), not the sketch.
 */
export function sketchOf(values: Iterable<number | readonly [value: number, weight: number]>): Sketch {
  const counts = new Map<number, number>();
  let zero = 0;
  for (const item of values) {
    const [value, weight] = typeof item === 'number' ? [item, 1] : item;
    if (!(value >= 0 && value < Infinity))
      throw new RangeError(`expected a finite value, at least 0; found ${value}`);
    if (!(Number.isSafeInteger(weight) && weight > 0))
      throw new RangeError(`expected a whole weight, at least 1; found ${weight}`);
    if (value === 0) zero += weight;
    else counts.set(bucketIndex(value), (counts.get(bucketIndex(value)) ?? 0) + weight);
  }
  return { zero, buckets: bounded(counts) };
}

/** The sketch of all values of all sketches: the same whatever the order or grouping. */
export function mergeSketches(...sketches: readonly Sketch[]): Sketch {
  const counts = new Map<number, number>();
  let zero = 0;
  for (const sketch of sketches) {
    zero += sketch.zero;
    for (const [index, count] of sketch.buckets) counts.set(index, (counts.get(index) ?? 0) + count);
  }
  return { zero, buckets: bounded(counts) };
}

export const sketchCount = (sketch: Sketch): number =>
  sketch.buckets.reduce((sum, [, count]) => sum + count, sketch.zero);

/**
 * The value of rank ⌊q (n−1)⌋, within 1%; undefined when the sketch is empty. Of arrived canaries alone this is biased
 * towards fast: use Kaplan–Meier where some are still out.
 */
export function sketchQuantile(sketch: Sketch, q: number): number | undefined {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`expected a quantile in [0, 1]; found ${q}`);
  const n = sketchCount(sketch);
  if (n === 0) return undefined;
  const rank = Math.floor(q * (n - 1));
  let seen = sketch.zero;
  if (rank < seen) return 0;
  for (const [index, count] of sketch.buckets) {
    seen += count;
    if (rank < seen) return bucketEstimate(index);
  }
  throw new Error('a rank beyond the count');
}

/**
 * A sketch from its JSON value, as it was stored.
 * @throws TypeError where it isn't one.
 */
export function parseSketch(json: unknown): Sketch {
  const { zero, buckets } = (json ?? {}) as { zero?: unknown; buckets?: unknown };
  const whole = (v: unknown, least: number): boolean => Number.isSafeInteger(v) && (v as number) >= least;
  const sound =
    whole(zero, 0) &&
    Array.isArray(buckets) &&
    buckets.length <= BUCKETS_MAX &&
    buckets.every(b => Array.isArray(b) && b.length === 2 && whole(b[0], -Infinity) && whole(b[1], 1)) &&
    buckets.every((b, i) => i === 0 || buckets[i - 1][0] < b[0]);
  if (!sound)
    throw new TypeError('expected a sketch {zero, buckets: [[index, count], …]} with ascending indices');
  return { zero: zero as number, buckets: buckets as [number, number][] };
}

/** Only the highest index decides what is kept, so the result doesn't depend on the order of merging. */
function bounded(counts: ReadonlyMap<number, number>): [number, number][] {
  const sorted = [...counts].sort((a, b) => a[0] - b[0]);
  const lowest = (sorted.at(-1)?.[0] ?? 0) - BUCKETS_MAX + 1;
  const kept = sorted.filter(([index]) => index > lowest);
  const collapsed = sorted.reduce((sum, [index, count]) => (index <= lowest ? sum + count : sum), 0);
  return collapsed > 0 ? [[lowest, collapsed], ...kept] : kept;
}
