/** Seeded draws from distributions that are known, and what a count of hits says of a probability. Shares nothing with src/stats. */

export type Random = () => number;

/** A seeded generator (T. Ettinger's mulberry32). */
export function mulberry32(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Trials without success before the next one. */
export const gap = (random: Random, p: number): number =>
  p >= 1 ? 0 : Math.floor(Math.log(1 - random()) / Math.log1p(-p));

/** Successes in n trials: counts the rarer of the two. */
export function binomial(random: Random, n: number, p: number): number {
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  if (p === 0) return 0;
  let x = 0;
  for (let at = gap(random, p); at < n; at += 1 + gap(random, p)) x++;
  return x;
}

export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random());

/** Standard normal (Box and Muller). */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** What was found of one statement at one point of its grid. */
export interface Covered {
  readonly interval: string;
  /** The probability with which it should hold. */
  readonly level: number;
  readonly at: Readonly<Record<string, number | string>>;
  readonly replications: number;
  readonly coverage: number;
  /** Coverage is at least the level, less three standard errors of the simulation. */
  readonly holds: boolean;
}

/** How often `holdsOnce` does, in so many tries. */
export function covered(
  of: Pick<Covered, 'interval' | 'level' | 'at'>,
  replications: number,
  holdsOnce: () => boolean,
): Covered {
  let hits = 0;
  for (let i = 0; i < replications; i++) if (holdsOnce()) hits++;
  const coverage = hits / replications;
  const error = Math.sqrt((of.level * (1 - of.level)) / replications);
  return { ...of, replications, coverage, holds: coverage >= of.level - 3 * error - 1e-12 };
}

/** Remembers what a count gives: the same one comes again and again. */
export function remembered<T>(compute: (x: number) => T): (x: number) => T {
  const known = new Map<number, T>();
  return x => {
    const value = known.get(x) ?? compute(x);
    known.set(x, value);
    return value;
  };
}
