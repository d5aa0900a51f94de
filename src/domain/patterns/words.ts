/** What the readers of patterns share: who, how many, and how much is enough. */
import type { Run } from '../loss-runs.ts';
import { listed } from '../saying.ts';
import { formatDuration } from '../words.ts';

/**
 * No pattern is named on fewer affected canaries, nor a run on fewer that follow one another: under independent loss of one
 * in two, so many in a row would come about once in 256 times.
 */
export const EVIDENCE_MIN = 8;
export const enough = (n: number): boolean => n >= EVIDENCE_MIN;

export const total = <T>(all: readonly T[], of: (one: T, i: number) => number): number =>
  all.reduce((sum, one, i) => sum + of(one, i), 0);

/** The targets of these runs, each once, the most affected first. */
export function names(runs: readonly Pick<Run, 'target' | 'canaries'>[]): {
  readonly text: string;
  readonly n: number;
} {
  const byTarget = new Map<string, number>();
  for (const run of runs) byTarget.set(run.target, (byTarget.get(run.target) ?? 0) + run.canaries.length);
  const worstFirst = [...byTarget].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  return { text: listed(worstFirst), n: worstFirst.length };
}

export const duration = (ms: number): string => formatDuration(Math.max(0, Math.round(ms)));
