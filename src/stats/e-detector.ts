/**
 * e-detectors (Shin, Ramdas, Rinaldo, "E-detectors", 2024): alarms whose false ones are bounded at any sample size, however long
 * they run, where all that is assumed is P(loss | past) ≤ p0.
 *
 * Values are plain, not logs: a detector is reset when it alarms, at a threshold A, so none exceeds A ÷ weight ÷ p0, and adding
 * 1 keeps them from vanishing.
 */

/** Likelihood ratio of loss rate p1 against p0, of one lost and of one arrived canary. */
export interface Ratios {
  readonly loss: number;
  readonly arrival: number;
}

/** A loss rate that is looked for, above p0. */
export interface Alternative extends Ratios {
  readonly p1: number;
  /** Its part of the mixture. All weights sum to 1. */
  readonly weight: number;
}

export const likelihoodRatios = (p0: number, p1: number): Ratios => ({
  loss: p1 / p0,
  arrival: (1 - p1) / (1 - p0),
});

/** .999, not 1: one arrival would zero it for good. */
const RATES = [0.01, 0.05, 0.25, 0.999];
/** Weight of all rates below those: slight excesses take weeks to find anyway, and should cost the others next to nothing. */
const SLIGHT_WEIGHT = 0.01;
const SLIGHT_FIRST = 3;
const SLIGHT_STEP = 4;
/** A year of one canary a minute holds five losses of this rate. */
const SLIGHT_MIN = 1e-5;

/**
 * The alternatives to "loss at most p0". Beside the rates of real incidents stand slight excesses from 3·p0 up, without which a
 * pipeline could lose several times what it may for ever: a detector of p1 grows only where losses exceed
 * (p1 − p0) ÷ ln(p1 ÷ p0), about.
 * @throws RangeError unless 0 < p0 < 1.
 */
export function alternativesOf(p0: number): readonly Alternative[] {
  if (!(p0 > 0 && p0 < 1)) throw new RangeError(`expected a p0 strictly between 0 and 1; found ${p0}`);
  const above = RATES.filter(p1 => p1 > 2 * p0);
  const rates = above.length > 0 ? above : [(1 + p0) / 2];
  const slight: number[] = [];
  // A third of the way to 1 where thrice p0 would be further.
  const first = Math.min(SLIGHT_FIRST * p0, (1 + 2 * p0) / 3);
  for (let p1 = first; p1 < rates[0]! / 1.5; p1 *= SLIGHT_STEP) if (p1 >= SLIGHT_MIN) slight.push(p1);
  const rest = slight.length > 0 ? SLIGHT_WEIGHT : 0;
  const of = (weight: number) => (p1: number) => ({ p1, weight, ...likelihoodRatios(p0, p1) });
  return [...slight.map(of(rest / slight.length)), ...rates.map(of((1 - rest) / rates.length))];
}

/** One step of e-SR from `m`, 0 at the start, by a likelihood ratio. P(it reaches A within n steps) ≤ n ÷ A. */
export const shiryaevRoberts = (m: number, ratio: number): number => (1 + m) * ratio;

/** One step of e-CUSUM from `m`, 0 at the start. Never above e-SR; tells since when. */
export const cusum = (m: number, ratio: number): number => Math.max(1, m) * ratio;

/** `steps` steps of e-SR by the same ratio below 1, at once. */
export function shiryaevRobertsAfter(m: number, ratio: number, steps: number): number {
  const log = steps * Math.log(ratio);
  return m * Math.exp(log) + (ratio * -Math.expm1(log)) / (1 - ratio);
}
