/** What the readers of patterns are given: the incident's span, tallied by target and by beat. */
import { isAffected, type Tally, type TargetSeries, tallyOf } from '../loss-runs.ts';

export const PATTERNS = [
  'outage',
  'random drop',
  'stall then burst',
  'stall and overwrite',
  'periodic',
  'by target',
  'growing',
] as const;
export type PatternName = (typeof PATTERNS)[number];

export interface PatternContext {
  /** How many targets the pipeline has. Those without a series count as untouched, with a canary in each beat. */
  readonly targets: number;
  /** Whether the incident lasts. */
  readonly open: boolean;
  /** From one beat to the next. */
  readonly everyMs: number;
  /** D: how long after the newest return a burst counts as over. */
  readonly onTimeWithinMs: number;
  readonly nowMs: number;
}

export interface Pattern {
  readonly name: PatternName;
  /** One sentence with the numbers that speak for it. */
  readonly evidence: string;
}

/** So many affected of so many decided. */
export interface Trials {
  readonly affected: number;
  readonly n: number;
}

export interface Span {
  readonly context: PatternContext;
  /** At least one canary of known fate each. */
  readonly tallies: readonly Tally[];
  readonly touched: readonly Tally[];
  /** Targets in all, listed or not. */
  readonly targets: number;
  /** By slot, ascending; targets without a series counted in. */
  readonly beats: readonly (Trials & { readonly slotMs: number })[];
  readonly affected: number;
}

export function spanOf(series: readonly TargetSeries[], context: PatternContext): Span {
  const tallies = series.map(tallyOf).filter(t => t.known.length > 0);
  const targets = Math.max(context.targets, tallies.length);
  const unlisted = targets - tallies.length;
  const bySlot = new Map<number, { slotMs: number; affected: number; n: number }>();
  for (const { known } of tallies) {
    for (const canary of known) {
      const beat = bySlot.get(canary.slotMs) ?? { slotMs: canary.slotMs, affected: 0, n: unlisted };
      beat.n++;
      if (isAffected(canary)) beat.affected++;
      bySlot.set(canary.slotMs, beat);
    }
  }
  return {
    context,
    tallies,
    touched: tallies.filter(t => t.affected > 0),
    targets,
    beats: [...bySlot.values()].sort((a, b) => a.slotMs - b.slotMs),
    affected: tallies.reduce((n, t) => n + t.affected, 0),
  };
}

/**
 * By how many standard deviations the affected are spread over the groups less evenly than chance would: Pearson's
 * dispersion against one common share, with the exact variance of its terms. 0 where there is nothing to compare.
 */
export function unevenness(groups: readonly Trials[]): number {
  const all = groups.filter(g => g.n > 0);
  const n = all.reduce((sum, g) => sum + g.n, 0);
  const p = all.reduce((sum, g) => sum + g.affected, 0) / n;
  const pq = p * (1 - p);
  if (all.length < 2 || !(pq > 0)) return 0;
  let dispersion = 0;
  let variance = 0;
  for (const g of all) {
    dispersion += (g.affected - g.n * p) ** 2 / (g.n * pq);
    variance += Math.max(0, 2 + (1 - 6 * pq) / (g.n * pq));
  }
  return variance > 0 ? (dispersion - (all.length - 1)) / Math.sqrt(variance) : 0;
}
