/**
 * The name of a canary, and what became of its sending. Everything else (token, event, verdict) is keyed by
 * the name.
 */

/** One synthetic event. The name is planned, not counted, so there is nothing to reset or to reuse. */
export interface CanaryName {
  /** Number of the target, unique in a store, 1 … 2²⁴−1. Its pipeline is known to the store. */
  readonly target: number;
  /** Planned time of the beat, Unix milliseconds. */
  readonly slot: number;
  /** 0 for a planned beat; 1 … 16383 for canaries asked for between beats (`/emit`, `coalmine test`). */
  readonly index: number;
}

/**
 * What became of a sending, as far as our side of the first hop can know (DESIGN §3).
 * - `accepted`: the first hop took it.
 * - `refused`: the first hop said no. The path's fault.
 * - `maybe_sent`: a time-out or a crash in between. Nobody knows.
 * - `unsent`: provably never attempted. Our fault.
 * - `withheld`: registered and never sent, on purpose: the drill.
 */
export type Sending = 'accepted' | 'refused' | 'maybe_sent' | 'unsent' | 'withheld';

/** The order is the encoding in the store: append only. */
export const SENDINGS = [
  'accepted',
  'refused',
  'maybe_sent',
  'unsent',
  'withheld',
] as const satisfies readonly Sending[];

export const sameName = (a: CanaryName, b: CanaryName): boolean =>
  a.target === b.target && a.slot === b.slot && a.index === b.index;

/** A key for maps. */
export const nameKey = (n: CanaryName): string => `${n.target}.${n.slot}.${n.index}`;
