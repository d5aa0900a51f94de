/** What a loss looks like, read from which canaries are missing, which came back and how late. Pure. */

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

export interface Pattern {
  readonly name: PatternName;
  /** One sentence with the numbers that speak for it. */
  readonly evidence: string;
}
