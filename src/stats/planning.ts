/**
 * What a rate of canaries can find, and how soon: the arithmetic of `coalmine estimate`. How many it takes to see one
 * loss at all is `zeroLossSampleSize` in intervals.
 */
import { zeroLossSampleSize } from './intervals.ts';

/** A constant loss rate, met by one canary every `everyMs` on average and judged `deadlineMs` after each. */
export interface ConstantLoss {
  readonly loss: number;
  readonly everyMs: number;
  readonly deadlineMs: number;
}

/** Mean time from the first affected moment to the first missed deadline, milliseconds. */
export function expectedDetectionMs({ loss, everyMs, deadlineMs }: ConstantLoss): number {
  if (!(loss > 0 && loss <= 1)) throw new RangeError(`expected a loss rate in (0, 1]; found ${loss}`);
  return deadlineMs + everyMs / loss;
}

/** The time by which the first deadline has been missed with probability `quantile`, milliseconds. */
export const detectionQuantileMs = ({
  loss,
  everyMs,
  deadlineMs,
  quantile,
}: ConstantLoss & { readonly quantile: number }): number =>
  deadlineMs + zeroLossSampleSize({ loss, confidence: quantile }) * everyMs;

/**
 * The same for a loss that creeps in as 1 − e^(−t/τ), agent by agent, as in September 2024: the time by which `losses`
 * deadlines have been missed with probability `quantile`, milliseconds. Canaries are taken as a Poisson process.
 */
export function onsetDetectionMs(onset: {
  readonly tauMs: number;
  readonly everyMs: number;
  readonly deadlineMs: number;
  readonly losses: number;
  readonly quantile: number;
}): number {
  const { tauMs, everyMs, deadlineMs, losses, quantile } = onset;
  if (!(tauMs > 0 && everyMs > 0))
    throw new RangeError(`expected tau and every above 0; found ${tauMs} and ${everyMs} ms`);
  if (!(Number.isSafeInteger(losses) && losses >= 1))
    throw new RangeError(`expected at least 1 loss; found ${losses}`);
  if (!(quantile > 0 && quantile < 1))
    throw new RangeError(`expected a quantile in (0, 1); found ${quantile}`);
  // Poisson means above k + 40√k + 40 leave no double-precision chance of fewer than k.
  const mean = root(m => atLeast(losses, m) - quantile, losses + 40 * Math.sqrt(losses) + 40);
  const lostBy = (t: number): number => (t + tauMs * Math.expm1(-t / tauMs)) / everyMs;
  return deadlineMs + root(t => lostBy(t) - mean, mean * everyMs + tauMs);
}

/**
 * A fault that spreads over agents one by one, each of them failing for good after a time of mean τ: when the first of those
 * that carry a canary has failed with probability `quantile`, milliseconds. Canaries pinned to a few agents wait for it.
 */
export function firstAgentFailsMs(onset: {
  readonly tauMs: number;
  readonly covered: number;
  readonly quantile: number;
}): number {
  const { tauMs, covered, quantile } = onset;
  if (!(tauMs > 0 && Number.isSafeInteger(covered) && covered >= 1))
    throw new RangeError(`expected tau above 0 and at least 1 agent; found ${tauMs} ms and ${covered}`);
  if (!(quantile > 0 && quantile < 1))
    throw new RangeError(`expected a quantile in (0, 1); found ${quantile}`);
  return (-Math.log1p(-quantile) * tauMs) / covered;
}

/** P(N ≥ k) for N ~ Poisson(mean). */
function atLeast(k: number, mean: number): number {
  let fewer = 0;
  let logTerm = -mean;
  for (let i = 0; i < k; i++) {
    fewer += Math.exp(logTerm);
    logTerm += Math.log(mean / (i + 1));
  }
  return 1 - fewer;
}

/** Where an increasing function crosses 0 in [0, hi], to the last bit. */
function root(f: (x: number) => number, hi: number): number {
  let lo = 0;
  for (;;) {
    const middle = (lo + hi) / 2;
    if (middle === lo || middle === hi) return middle;
    if (f(middle) < 0) lo = middle;
    else hi = middle;
  }
}

/** `affected` of `agents` fail; `covered` of them, chosen without knowing which, carry a canary. */
export interface Coverage {
  readonly agents: number;
  readonly affected: number;
  readonly covered: number;
}

/** The chance that no covered agent is among the affected: C(N−K, c) / C(N, c). */
export function missChance({ agents, affected, covered }: Coverage): number {
  for (const part of [affected, covered]) {
    if (!(Number.isSafeInteger(agents) && Number.isSafeInteger(part) && part >= 0 && part <= agents)) {
      throw new RangeError(`expected whole numbers of agents, at most ${agents}; found ${part}`);
    }
  }
  const [fewer, more] = affected < covered ? [affected, covered] : [covered, affected];
  let chance = 1;
  for (let i = 0; i < fewer && chance > 0; i++) chance *= Math.max(0, agents - more - i) / (agents - i);
  return chance;
}

/** How many agents must carry a canary to meet an affected one with probability `confidence`. */
export function agentsToCover({
  agents,
  affected,
  confidence,
}: Omit<Coverage, 'covered'> & { readonly confidence: number }): number {
  if (!(affected >= 1 && affected <= agents)) {
    throw new RangeError(`expected 1 to ${agents} affected agents; found ${affected}`);
  }
  if (!(confidence > 0 && confidence < 1))
    throw new RangeError(`expected a confidence in (0, 1); found ${confidence}`);
  let low = 0;
  let high = agents;
  while (high - low > 1) {
    const covered = Math.floor((low + high) / 2);
    // The slack: 95 of 100 agents miss one with probability .05 exactly.
    if (missChance({ agents, affected, covered }) <= 1 - confidence + 1e-12) high = covered;
    else low = covered;
  }
  return high;
}
