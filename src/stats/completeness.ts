/**
 * How complete a pipeline is at one checkpoint, always said in three ways: of what was taken, of what was scheduled
 * and whose fate is known, and with everything unknown counted as lost.
 */
import { clopperPearsonUpper } from './intervals.ts';

/**
 * Canaries by what became of them; each is in exactly one. Which one is fixed by how it was sent and whether it was
 * covered, never by whether it was seen (DESIGN, law 10). Withheld canaries (drills) are in none.
 */
export interface CompletenessCounts {
  /** Accepted, covered, and not lost: on time, late, delivered, or seen further down the branch. */
  readonly delivered: number;
  /** Accepted, declared lost, and back since. Delivered, in the end. */
  readonly recovered: number;
  /** Accepted, and absence at the deadline proven. */
  readonly lost: number;
  /** The path's first hop said no. */
  readonly refused: number;
  /** Never attempted: our fault. */
  readonly unsent: number;
  /** Nobody knows whether it left. */
  readonly maybeSent: number;
  /** Accepted, but we couldn't look well enough to tell. */
  readonly unproven: number;
  /** Not decided yet: in no rate. */
  readonly pending: number;
}

export interface Share {
  /** What the share is of. */
  readonly n: number;
  readonly delivered: number;
  /** delivered ÷ n; undefined when n = 0: there is no rate of nothing. */
  readonly share: number | undefined;
}

export interface Completeness {
  /**
   * Of what the first hop took. `atLeast`: one-sided 95% Clopper–Pearson bound, pointwise: it holds for one window
   * looked at once, not for every moment of a sliding one. 0 when n = 0.
   */
  readonly accepted: Share & { readonly atLeast: number };
  /** Of all whose fate is known: the accepted, and those known not to have been taken (refused, unsent). */
  readonly scheduled: Share;
  /** Of all that were decided, as if every `maybe_sent` and `unproven` had been lost too. */
  readonly worst: Share;
  readonly recovered: number;
  readonly pending: number;
}

/** @throws RangeError for a count that isn't a whole number, at least 0. */
export function completeness(counts: CompletenessCounts): Completeness {
  for (const [name, count] of Object.entries(counts)) {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`expected ${name} as a whole number, at least 0; found ${count}`);
    }
  }
  const delivered = counts.delivered + counts.recovered;
  const accepted = delivered + counts.lost;
  const scheduled = accepted + counts.refused + counts.unsent;
  const decided = scheduled + counts.maybeSent + counts.unproven;
  const of = (n: number): Share => ({ n, delivered, share: n === 0 ? undefined : delivered / n });
  return {
    accepted: { ...of(accepted), atLeast: 1 - clopperPearsonUpper({ losses: counts.lost, n: accepted }) },
    scheduled: of(scheduled),
    worst: of(decided),
    recovered: counts.recovered,
    pending: counts.pending,
  };
}

/** The statement in one line of English, without a full stop. */
export function completenessSentence(c: Completeness): string {
  const waiting = c.pending === 0 ? '' : `; ${whole(c.pending)} still pending, in no rate`;
  if (c.worst.n === 0) return `no canary decided yet: nothing can be said of completeness${waiting}`;
  const digits = digitsFor(c.worst.n);
  const percent = ({ share }: Share): string => `${(share! * 100).toFixed(digits)}%`;
  // A bound is rounded towards what it promises.
  const bound = (Math.floor(c.accepted.atLeast * 100 * 10 ** digits) / 10 ** digits).toFixed(digits);
  const back = c.recovered === 0 ? '' : ` (and ${whole(c.recovered)} back after being declared lost)`;
  const lost = whole(c.accepted.n - c.accepted.delivered);
  const taken =
    c.accepted.n === 0
      ? 'none accepted and decided'
      : `${whole(c.accepted.n)} accepted, ${lost} lost${back}: ${percent(c.accepted)}, at least ${bound}% with 95% confidence`;
  const known = c.scheduled.n === 0 ? '' : `; of ${whole(c.scheduled.n)} scheduled ${percent(c.scheduled)}`;
  return `${taken}${known}; worst case ${percent(c.worst)}${waiting}`;
}

/** Decimals of a percentage fine enough to show one canary in n: a loss never rounds to 100%. */
const digitsFor = (n: number): number => Math.max(0, Math.ceil(Math.log10(n)) - 2);

const whole = (n: number): string => n.toLocaleString('en-US');
