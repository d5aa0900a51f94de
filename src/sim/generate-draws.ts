/** What is drawn from a seed's chance, in the words that a generator uses. */
import type { Random } from './random.ts';

export interface Draws {
  /** Whole, both ends included. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  /** True with this chance. */
  chance(p: number): boolean;
}

export const draws = (random: Random): Draws => ({
  between: (low, high) => Math.ceil(low) + Math.floor(random() * (high - Math.ceil(low) + 1)),
  pick: items => items[Math.floor(random() * items.length)]!,
  chance: p => random() < p,
});
