/** Numbers as a report says them: no share without what it is of. */
import { count } from '../saying.ts';
import { formatDuration } from '../words.ts';
import type { Quantile, Share } from './data.ts';

/** Decimals fine enough to show one canary in n. */
const digitsFor = (n: number): number => Math.max(0, Math.ceil(Math.log10(n)) - 2);

/** `19,988 of 20,000 (99.940%)`; `none` where there is nothing to be of. */
export const shareText = ({ n, delivered }: Share): string =>
  n === 0 ? 'none' : `${count(delivered)} of ${count(n)} (${((delivered / n) * 100).toFixed(digitsFor(n))}%)`;

/** A lower bound, rounded down: it must not promise more than it holds. */
export const atLeastText = (share: number, n: number): string => bounded(Math.floor, share, n);
/** An upper bound, rounded up. */
export const atMostText = (share: number, n: number): string => bounded(Math.ceil, share, n);

function bounded(round: (x: number) => number, share: number, n: number): string {
  const scale = 10 ** digitsFor(n);
  return `${(round(share * 100 * scale) / scale).toFixed(digitsFor(n))}%`;
}

/** `within 2.04 s`, or `not back by 1 min`. */
export const quantileText = (q: Quantile): string =>
  q === null
    ? 'not measured'
    : typeof q === 'number'
      ? `within ${formatDuration(q)}`
      : `not back by ${formatDuration(q.above)}`;
