/**
 * Which canaries of which target are missing, late or back, as runs: the loss periods and loss distances of RFC 3357. What
 * a loss looks like is read from these.
 */

/**
 * What became of one canary by now.
 * - `arrived`: in time, or in time as far as can be told.
 * - `late`: after D, before it was declared lost.
 * - `recovered`: after it was declared lost.
 * - `missing`: absent at D or at L, and not back by now.
 * - `unknown`: not decided, or nobody can tell. Neither breaks a run nor belongs to one.
 */
export type Fate = 'arrived' | 'late' | 'recovered' | 'missing' | 'unknown';

/** One canary. Times are Unix milliseconds. */
export interface Observed {
  readonly slotMs: number;
  readonly sentMs: number;
  readonly fate: Fate;
  /** When it was seen; null: not yet. */
  readonly seenMs: number | null;
}

/** The canaries of one target in the incident's span, in the order of their slots. */
export interface TargetSeries {
  readonly target: string;
  readonly canaries: readonly Observed[];
}

/** A loss period of one target, RFC 3357: missing, late or recovered canaries with no arrival between. */
export interface Run {
  readonly target: string;
  readonly canaries: readonly Observed[];
  /** Nothing of the target is known after it. */
  readonly lasts: boolean;
}

/** A target's canaries whose fate is known. */
export interface Tally {
  readonly target: string;
  readonly known: readonly Observed[];
  /** How many are missing, late or recovered. */
  readonly affected: number;
  readonly runs: readonly Run[];
}

export const isAffected = (c: Observed): boolean => c.fate !== 'arrived' && c.fate !== 'unknown';

/** Loss periods (RFC 3357): where each begins in the sequence, counted from 0, and how many are lost in a row. */
export function lossPeriods(lost: readonly boolean[]): { readonly first: number; readonly length: number }[] {
  const periods: { first: number; length: number }[] = [];
  for (const [i, isLost] of lost.entries()) {
    if (!isLost) continue;
    const open = periods.at(-1);
    if (open && open.first + open.length === i) open.length++;
    else periods.push({ first: i, length: 1 });
  }
  return periods;
}

/** Loss distances (RFC 3357): of each loss but the first, how many places after the loss before it. 1 within a run. */
export function lossDistances(lost: readonly boolean[]): number[] {
  const places = lost.flatMap((isLost, i) => (isLost ? [i] : []));
  return places.slice(1).map((place, i) => place - places[i]!);
}

export function tallyOf({ target, canaries }: TargetSeries): Tally {
  const known = canaries.filter(c => c.fate !== 'unknown');
  const runs = lossPeriods(known.map(isAffected)).map(({ first, length }) => ({
    target,
    canaries: known.slice(first, first + length),
    lasts: first + length === known.length,
  }));
  return { target, known, affected: runs.reduce((n, run) => n + run.canaries.length, 0), runs };
}

/** So many in a row are a run that means something; fewer may be chance. */
export const LONG_RUN = 3;
/** So much loss beside the long runs is background. */
const BACKGROUND_MAX = 0.02;
const MASS_MIN = 0.8;

/**
 * The runs of at least `LONG_RUN`, if they are what the loss is made of: at least four fifths of all that is affected, or
 * all but a background of 2%. null otherwise.
 */
export function longRuns(tallies: readonly Tally[]): readonly Run[] | null {
  const runs = tallies.flatMap(t => t.runs.filter(run => run.canaries.length >= LONG_RUN));
  const inRuns = runs.reduce((n, run) => n + run.canaries.length, 0);
  const affected = tallies.reduce((n, t) => n + t.affected, 0);
  const known = tallies.reduce((n, t) => n + t.known.length, 0);
  const fit = inRuns >= MASS_MIN * affected || affected - inRuns <= BACKGROUND_MAX * (known - inRuns);
  return inRuns > 0 && fit ? runs : null;
}

/**
 * How many canaries in these runs were affected as the one before them was: what a run says beyond chance. Under
 * independent loss at rate p, that many come about with probability p to that power.
 */
export const followers = (runs: readonly Run[]): number =>
  runs.reduce((n, run) => n + run.canaries.length - 1, 0);
