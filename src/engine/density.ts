/**
 * How many records answers hold, so that what would be truncated is asked in pieces from the first: what is read of a truncated
 * answer is read in vain. Only a guess: each piece must be whole all the same.
 */
import type { LookRange } from '../domain/watermark.ts';

/** Pieces are to hold this much of what was truncated at. */
const FULL_SHARE = 0.7;
/** Fewer records tell nothing of how many there are to a millisecond. */
const RECORDS_MIN = 100;

export class Density {
  /** By the last whole answer that was large enough. */
  #perMs: number | null = null;
  /** What the last truncated answer held. */
  #truncatedAt: number | null = null;

  learn(
    range: LookRange,
    { end, records, nowMs }: { readonly end: string; readonly records: number; readonly nowMs: number },
  ): void {
    const spanMs = Math.min(range.toMs, nowMs) - range.fromMs;
    if (records < RECORDS_MIN || spanMs <= 0) return;
    if (end === 'exhausted') this.#perMs = records / spanMs;
    if (end !== 'truncated') return;
    this.#truncatedAt = records;
    this.#perMs = Math.max(this.#perMs ?? 0, records / spanMs);
  }

  /** How many pieces of equal length hold no more than an answer may, as far as is known; 1: it need not be cut. */
  pieces(range: LookRange, nowMs: number, max: number): number {
    const spanMs = Math.min(range.toMs, nowMs) - range.fromMs;
    if (this.#perMs === null || this.#truncatedAt === null || spanMs <= 0) return 1;
    const answers = (this.#perMs * spanMs) / this.#truncatedAt;
    return answers <= 1 ? 1 : Math.min(max, Math.ceil(answers / FULL_SHARE));
  }
}
