/**
 * What x losses in n canaries say about the loss rate. Canaries of one batch or one agent are correlated, so this is
 * canary completeness, of one path; it says nothing of real events unless they fare alike.
 */
import { betaQuantile, deviance, logBinomial } from './beta.ts';

export interface Interval {
  readonly lo: number;
  readonly hi: number;
}

/** Losses seen in n decided canaries. */
export interface Losses {
  readonly losses: number;
  readonly n: number;
  /** 1 − confidence; .05 unless given. */
  readonly alpha?: number;
}

/** Two-sided 95% of the normal distribution. */
export const Z_95 = 1.959963984540054;

/** Clopper and Pearson 1934: exact, covers at least 1 − alpha at a fixed n. {0, 1} when n = 0. */
export function clopperPearson({ losses, n, alpha = 0.05 }: Losses): Interval {
  check(losses, n, alpha);
  return {
    lo: losses === 0 ? 0 : betaQuantile('lower', alpha / 2, losses, n - losses + 1),
    hi: losses === n ? 1 : betaQuantile('upper', alpha / 2, losses + 1, n - losses),
  };
}

/** The one-sided form: with confidence 1 − alpha the loss rate is at most this. 1 when n = 0. */
export function clopperPearsonUpper({ losses, n, alpha = 0.05 }: Losses): number {
  check(losses, n, alpha);
  return losses === n ? 1 : betaQuantile('upper', alpha, losses + 1, n - losses);
}

/** Wilson 1927, 95%: closer to nominal coverage on average than Clopper–Pearson, but not guaranteed. {0, 1} when n = 0. */
export function wilson({ losses, n }: Omit<Losses, 'alpha'>): Interval {
  check(losses, n, 0.05);
  if (n === 0) return { lo: 0, hi: 1 };
  const zz = Z_95 * Z_95;
  const middle = (losses + zz / 2) / (n + zz);
  const half = (Z_95 / (n + zz)) * Math.sqrt((losses * (n - losses)) / n + zz / 4);
  return { lo: losses === 0 ? 0 : middle - half, hi: losses === n ? 1 : middle + half };
}

/**
 * The beta-binomial confidence sequence with a uniform mixture (Robbins 1970): covers at every n at once with
 * probability at least 1 − alpha, so it may be watched live. Only for counts with a fixed start: over a sliding
 * window it promises nothing. {0, 1} when n = 0.
 */
export function confidenceSequence({ losses, n, alpha = 0.05 }: Losses): Interval {
  check(losses, n, alpha);
  if (n === 0) return { lo: 0, hi: 1 };
  const rate = losses / n;
  const atRate = losses === 0 || losses === n ? 0 : logBinomial(losses, n, rate);
  // {p : x ln p + (n−x) ln(1−p) ≥ ln α + ln B(x+1, n−x+1)}, both sides less their value at p = x/n.
  const allowance = Math.log((n + 1) / alpha) + atRate;
  const inside = (p: number): boolean =>
    deviance(losses, n * p) + deviance(n - losses, n * (1 - p)) <= allowance;
  return {
    lo: losses === 0 ? 0 : edge(inside, rate, 0),
    hi: losses === n ? 1 : edge(inside, rate, 1),
  };
}

/** Where `holds` ends between a point where it does and one where it doesn't, to the last bit. */
function edge(holds: (p: number) => boolean, from: number, to: number): number {
  let inside = from;
  let outside = to;
  for (;;) {
    const middle = (inside + outside) / 2;
    if (middle === inside || middle === outside) return middle;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
}

/**
 * Canaries needed, all of them back, to claim a loss rate below `loss`. The same number is how many must be sent to
 * see at least one lost when the rate is `loss`, with probability `confidence`.
 */
export function zeroLossSampleSize({
  loss,
  confidence,
}: {
  readonly loss: number;
  readonly confidence: number;
}): number {
  if (!(loss > 0 && loss <= 1)) throw new RangeError(`expected a loss rate in (0, 1]; found ${loss}`);
  if (!(confidence > 0 && confidence < 1))
    throw new RangeError(`expected a confidence in (0, 1); found ${confidence}`);
  // The slack keeps a rounding error from asking for one canary more.
  return Math.max(1, Math.ceil(Math.log1p(-confidence) / Math.log1p(-loss) - 1e-9));
}

function check(losses: number, n: number, alpha: number): void {
  if (!(Number.isSafeInteger(losses) && Number.isSafeInteger(n) && losses >= 0 && losses <= n)) {
    throw new RangeError(`expected whole numbers 0 ≤ losses ≤ n; found ${losses} of ${n}`);
  }
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`expected an alpha in (0, 1); found ${alpha}`);
}
