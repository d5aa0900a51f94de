/**
 * The regularised incomplete beta function and its inverse, which exact binomial intervals are made of. Accurate to
 * about 12 digits up to 10⁸ trials and far into both tails: the smaller tail is computed as itself, not as 1 − the other.
 */

/** Continued fractions converge in about √(a + b) steps; this is beyond 10¹⁰ trials. */
const FRACTION_STEPS_MAX = 1_000_000;
const ROOT_STEPS_MAX = 500;

/** ln Γ(z+1) less Stirling's formula for it, z > 0. */
function stirlingError(z: number): number {
  // Below 16 the series is too coarse: climb by Γ(z+2) = (z+1) Γ(z+1).
  if (z < 16) return stirlingError(z + 1) - 1 + (z + 0.5) * Math.log1p(1 / z);
  const inverseSquare = 1 / (z * z);
  const tail =
    1 / 1260 - inverseSquare * (1 / 1680 - inverseSquare * (1 / 1188 - (inverseSquare * 691) / 360360));
  return (1 / 12 - inverseSquare * (1 / 360 - inverseSquare * tail)) / z;
}

/** x ln(x/m) + m − x without cancellation where x is near m; x ≥ 0, m > 0. Loader 2000, "bd0". */
export function deviance(x: number, m: number): number {
  if (x === 0) return m;
  const d = x - m;
  if (Math.abs(d) >= 0.1 * (x + m)) return x * Math.log(x / m) - d;
  const v = d / (x + m);
  let sum = d * v;
  let term = 2 * x * v;
  // |v| < .1, so each term is under a hundredth of the one before.
  for (let k = 3; k < 25; k += 2) {
    term *= v * v;
    sum += term / k;
  }
  return sum;
}

/**
 * ln of the binomial probability C(n, x) pˣ (1−p)ⁿ⁻ˣ, for real 0 ≤ x ≤ n and 0 < p < 1, in the saddle-point form of
 * C. Loader, "Fast and accurate computation of binomial probabilities" (2000).
 */
export function logBinomial(x: number, n: number, p: number): number {
  if (x === 0) return n * Math.log1p(-p);
  if (x === n) return n * Math.log(p);
  const y = n - x;
  const shape =
    stirlingError(n) - stirlingError(x) - stirlingError(y) - deviance(x, n * p) - deviance(y, n * (1 - p));
  return shape + 0.5 * Math.log(n / (2 * Math.PI * x * y));
}

/** xᵃ (1−x)ᵇ / B(a, b). */
const prefactor = (x: number, a: number, b: number): number =>
  Math.exp(logBinomial(a, a + b, x)) * (a / (a + b)) * b;

/** The continued fraction of I_x(a, b) by Lentz's method (Numerical Recipes §6.4); for x < (a+1)/(a+b+2). */
function fraction(x: number, a: number, b: number): number {
  const away = (v: number): number => (Math.abs(v) < 1e-300 ? 1e-300 : v);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= FRACTION_STEPS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) return value;
  }
  throw new RangeError(`the incomplete beta function does not converge at a=${a}, b=${b}, x=${x}`);
}

/** Both tails of the Beta(a, b) distribution at x: `lower` = I_x(a, b) and `upper` = 1 − I_x(a, b). */
export function betaTails(
  x: number,
  a: number,
  b: number,
): { readonly lower: number; readonly upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 };
  if (x >= 1) return { lower: 1, upper: 0 };
  const front = prefactor(x, a, b);
  if (x < (a + 1) / (a + b + 2)) {
    const lower = (front * fraction(x, a, b)) / a;
    return { lower, upper: 1 - lower };
  }
  const upper = (front * fraction(1 - x, b, a)) / b;
  return { lower: 1 - upper, upper };
}

/**
 * The x at which one tail of Beta(a, b) is `probability`: Newton's method on the tail's logarithm, kept in a bracket.
 * @param probability strictly between 0 and 1.
 */
export function betaQuantile(tail: 'lower' | 'upper', probability: number, a: number, b: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`expected a probability strictly between 0 and 1; found ${probability}`);
  }
  let lo = 0;
  let hi = 1;
  let x = a / (a + b);
  for (let step = 0; step < ROOT_STEPS_MAX; step++) {
    const value = betaTails(x, a, b)[tail];
    const excess = value > 0 ? Math.log(value / probability) : -Infinity;
    const tooFar = tail === 'lower' ? excess > 0 : excess < 0;
    if (tooFar) hi = x;
    else lo = x;
    const density = prefactor(x, a, b) / (x * (1 - x));
    const move = ((tail === 'lower' ? -1 : 1) * excess * value) / density;
    const newton = x + move;
    const next = newton > lo && newton < hi ? newton : (lo + hi) / 2;
    if (Math.abs(next - x) <= Math.max(1e-13 * Math.min(x, 1 - x), 4e-16 * x) || next === lo || next === hi)
      return next;
    x = next;
  }
  throw new RangeError(
    `the inverse beta function does not converge at a=${a}, b=${b}, probability=${probability}`,
  );
}
