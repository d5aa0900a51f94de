/**
 * Whether what coalmine states with a confidence holds that often: every interval, bound and quantile that it shows, drawn from
 * distributions that are known, over a grid. `biases`: what the same counts would come to under intervals that aren't meant for them.
 */
import { delayCoverage } from './lib/coverage-delays.ts';
import { incidentBiases, incidentCoverage } from './lib/coverage-incidents.ts';
import { means, planningCoverage } from './lib/coverage-planning.ts';
import { rateBiases, rateCoverage } from './lib/coverage-rates.ts';
import type { Covered } from './lib/draw.ts';

const SEED = 20_240_902;
const RUNS = 10_000;

export interface Worst {
  readonly interval: string;
  readonly level: number;
  /** Points of the grid. */
  readonly grid: number;
  /** The lowest, less its level. */
  readonly worstCoverage: number;
  readonly at: Covered['at'];
  readonly replications: number;
  /** At each point: at least the level, less three standard errors. */
  readonly holds: boolean;
}

/** Of each interval the point at which it falls the furthest below its level. */
export function worstOf(all: readonly Covered[]): Worst[] {
  const names = [...new Set(all.map(c => c.interval))];
  return names.map(interval => {
    const own = all.filter(c => c.interval === interval);
    const worst = own.reduce((a, b) => (b.coverage - b.level < a.coverage - a.level ? b : a));
    return {
      interval,
      level: Number(worst.level.toFixed(4)),
      grid: own.length,
      worstCoverage: Number(worst.coverage.toFixed(4)),
      at: worst.at,
      replications: own.reduce((sum, c) => sum + c.replications, 0),
      holds: own.every(c => c.holds),
    };
  });
}

export function run(): object {
  const intervals = worstOf([
    ...rateCoverage(SEED, RUNS),
    ...delayCoverage(SEED, RUNS / 10),
    ...incidentCoverage(SEED, RUNS / 10),
    ...planningCoverage(SEED, RUNS),
  ]);
  return {
    allHold: intervals.every(i => i.holds),
    intervals,
    means: means(SEED, RUNS / 10),
    biases: { ...rateBiases(SEED, RUNS), ...incidentBiases(SEED, RUNS / 10) },
  };
}
