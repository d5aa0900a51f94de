/** Chance from a seed: the same numbers on every machine, and a stream of its own for everybody who draws. */
import { createHash } from 'node:crypto';

/** Uniform in [0, 1). mulberry32. */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One who draws more must not change what others draw: each name has its own stream. */
export const randomOf = (seed: number, name: string): Random =>
  seededRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32LE(0));

/** A whole number from 0 to n - 1. */
export const below = (random: Random, n: number): number => Math.min(n - 1, Math.floor(random() * n));
