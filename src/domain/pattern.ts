/** What a loss looks like, read from which canaries are missing, which came back and how late. Pure. */
import type { TargetSeries } from './loss-runs.ts';
import { growing } from './patterns/growing.ts';
import { outage } from './patterns/outage.ts';
import { periodic } from './patterns/periodic.ts';
import { byTarget, randomDrop } from './patterns/scattered.ts';
import { type Pattern, type PatternContext, type Span, spanOf } from './patterns/span.ts';
import { stall } from './patterns/stall.ts';
import { enough } from './patterns/words.ts';

export type { Fate, Observed, TargetSeries } from './loss-runs.ts';
export { PATTERNS, type Pattern, type PatternContext, type PatternName } from './patterns/span.ts';

/**
 * The first that fits. A recurrence is told before its single stalls, and what came back before what did not; loss that has
 * a shape in time by that shape, whichever targets it touches; the rest by where it falls.
 */
const READERS: readonly ((span: Span) => Pattern | null)[] = [
  periodic,
  stall,
  growing,
  outage,
  byTarget,
  randomDrop,
];

/**
 * The pattern of an incident as far as it can be told by `nowMs`; null: fewer than 8 canaries are affected, or none fits.
 * Later evidence may change it: an outage whose canaries come back in a burst was a stall.
 *
 * - `periodic`: loss begins at a stable distance, at least five times, beyond chance.
 * - `stall then burst`: runs are missing and come back faster than they were sent.
 * - `stall and overwrite`: the same, the burst is over, and at least the three oldest of a run had not come back.
 * - `growing`: the affected share rises over at least ten beats, in many steps.
 * - `outage`: every touched target misses everything from one moment to another, be it one of many.
 * - `by target`: some targets lose beyond chance, the others at most a fifth of that share.
 * - `random drop`: losses scattered as independent ones are.
 *
 * @param series of the incident's span, at most some 20,000 canaries in all. Whoever isn't listed is taken as untouched.
 */
export function patternOf(series: readonly TargetSeries[], context: PatternContext): Pattern | null {
  const span = spanOf(series, context);
  if (!enough(span.affected)) return null;
  for (const read of READERS) {
    const found = read(span);
    if (found !== null) return found;
  }
  return null;
}
