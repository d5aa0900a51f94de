/**
 * What the evidence says of one canary at one checkpoint (DESIGN §3). Pure: the same evidence gives the same verdict,
 * whenever and however often the judge runs, and later evidence may change it.
 */
import type { Sending } from './canary.ts';

/** The order is the encoding in the store: append only. */
export const VERDICTS = [
  'pending',
  'overdue',
  'on_time',
  'late',
  'delivered',
  'lost',
  'recovered',
  'missed_here',
  'refused',
  'maybe_sent',
  'unsent',
  'unproven',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Everything that is known of one canary at one checkpoint. Times are Unix milliseconds. */
export interface Evidence {
  /** null while its sender is still at work. */
  readonly sending: Sending | null;
  /** The last attempt, or the step of the clock that restarted its deadlines. Deadlines run from here. */
  readonly sentMs: number;
  /** It became visible after `afterMs` (null: not known) and no later than `atMs`. */
  readonly seen: { readonly afterMs: number | null; readonly atMs: number } | null;
  /** Absence at sentMs + D, and at sentMs + L, was proven by a look (rules W1–W4). */
  readonly absentAtD: boolean;
  readonly absentAtL: boolean;
  /** Absence at sentMs + L can never be proven: a gap, a look that came too late, a checkpoint that was retired. */
  readonly uncovered: boolean;
  /** Seen further down the same branch. */
  readonly seenDownstream: boolean;
}

export interface Deadlines {
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
}

/** Verdict of one canary at one checkpoint. */
export function judge(e: Evidence, d: Deadlines): Verdict {
  if (e.sending === null) return 'pending';
  if (e.sending === 'refused' || e.sending === 'maybe_sent' || e.sending === 'unsent') return e.sending;
  if (e.seen !== null) return judgeSeen(e, e.seen, d);
  if (e.absentAtL) return e.seenDownstream ? 'missed_here' : 'lost';
  if (e.uncovered) return e.seenDownstream ? 'missed_here' : 'unproven';
  return e.absentAtD ? 'overdue' : 'pending';
}

function judgeSeen(e: Evidence, seen: NonNullable<Evidence['seen']>, d: Deadlines): Verdict {
  const onTimeUntilMs = e.sentMs + d.onTimeWithinMs;
  const lostFromMs = e.sentMs + d.lostAfterMs;
  if (e.absentAtL || (seen.afterMs !== null && seen.afterMs >= lostFromMs)) return 'recovered';
  if (seen.atMs <= onTimeUntilMs) return 'on_time';
  if (e.absentAtD || (seen.afterMs !== null && seen.afterMs >= onTimeUntilMs)) return 'late';
  return 'delivered';
}

/** Verdicts that say: it arrived. */
export const arrived = (v: Verdict): boolean =>
  v === 'on_time' || v === 'late' || v === 'delivered' || v === 'recovered';

/**
 * Where a canary is counted. Membership in a rate is fixed by how it was sent and whether it was covered, never by
 * whether it was seen (law 10): what nobody could have proven absent counts as `unproven` even if it was seen.
 * Drills are counted apart. Every canary is in exactly one bucket.
 */
export type Bucket = Verdict | 'drill_open' | 'drill_lost' | 'drill_unproven' | 'drill_seen';

export function bucketOf(e: Evidence, verdict: Verdict): Bucket {
  if (e.sending === 'withheld') {
    if (e.seen !== null || e.seenDownstream) return 'drill_seen';
    if (verdict === 'lost') return 'drill_lost';
    return verdict === 'unproven' ? 'drill_unproven' : 'drill_open';
  }
  if (e.uncovered && (arrived(verdict) || verdict === 'missed_here')) return 'unproven';
  return verdict;
}

/** What a person would want to see a row of: everything but a canary that arrived on time, or is still expected to. */
export const isException = (e: Evidence, v: Verdict): boolean =>
  e.sending === 'withheld' ? e.seen !== null : v !== 'pending' && v !== 'on_time' && v !== 'delivered';
