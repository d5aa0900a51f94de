/** Conditions of our own working: beats, sending, punctuality, clocks, the drill, the channels. Pure. */

import { withoutTokens } from './condition-sight.ts';
import { type Signal, stateSignal, unknownSignal } from './conditions.ts';
import { count, listed, plural, utc } from './saying.ts';
import { beats, type Schedule } from './schedule.ts';
import type { Anchor } from './watch.ts';
import { formatDuration, formatPercent } from './words.ts';

/** One planned beat that was due, over all its parts. */
export interface BeatReading {
  readonly generation: number;
  readonly dueMs: number;
  readonly committedMs: number;
  /** From due to the first attempt; null: none yet. */
  readonly firstOffMs: number | null;
  /** Canaries by what became of their sending, drills left out; all 0 while it is under way. */
  readonly sent: number;
  readonly unsent: number;
  readonly maybeSent: number;
  /** What the sending of one that failed said; null: nothing. */
  readonly why: string | null;
}

export interface EmitterReading {
  readonly schedule: Schedule;
  /** About the time between two beats. */
  readonly periodMs: number;
  /** Newest first, at most 20. */
  readonly beats: readonly BeatReading[];
  readonly plannedToMs: number;
  readonly targets: number;
  /** The store has a newer configuration than this replica. */
  readonly superseded: boolean;
  /** When our clock last stepped; null: not lately. */
  readonly steppedMs: number | null;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** A beat is planned when it is due; a busy process does so a little later. */
const PLAN_GRACE_MS = 5 * SECOND_MS;
const SILENT_BEATS = 3;
/** Silence that ended is told of for so long; a restart that is faster than a minute isn't told at all. */
const SILENCE_TOLD_MS = 10 * MINUTE_MS;
const SILENCE_MIN_MS = MINUTE_MS;

const missedIn = ({ schedule }: EmitterReading, fromMs: number, toMs: number) =>
  beats(schedule, { fromMs, toMs, limit: SILENT_BEATS }).beats;

/** Three beats were due and none of them is in the store: now, or until a moment ago. */
export function silence(emitter: EmitterReading, nowMs: number): Signal | null {
  const newest = emitter.beats[0]?.dueMs;
  // Without targets a beat leaves nothing behind, but the plan moves on.
  const lastMs =
    emitter.targets === 0 || newest === undefined ? Math.max(newest ?? 0, emitter.plannedToMs) : newest;
  const missed = missedIn(emitter, lastMs + 1, nowMs - PLAN_GRACE_MS);
  const [first] = missed;
  if (first && missed.length >= SILENT_BEATS) {
    const newer = emitter.superseded
      ? '; the store has a newer configuration of this pipeline, and no replica that runs it plans its beats'
      : '';
    return stateSignal('silent', 0, {
      // A busy database or a deployment is over within a minute.
      graceMs: MINUTE_MS,
      beganMs: first.dueMs,
      facts: {
        reason: `nothing has been sent for ${formatDuration(nowMs - lastMs)}: the last beat was due ${utc(lastMs)}, and all that were due since ${utc(first.dueMs)} are missing${newer}`,
        count: null,
        sample: null,
      },
    });
  }
  return hole(emitter, nowMs);
}

/** Nobody was there to tell of it while it lasted. */
function hole(emitter: EmitterReading, nowMs: number): Signal | null {
  for (const [i, after] of emitter.beats.entries()) {
    if (after.dueMs <= nowMs - SILENCE_TOLD_MS) return null;
    const before = emitter.beats[i + 1];
    // Another configuration may have another schedule, and targets that went and came.
    if (!before || before.generation !== after.generation || emitter.targets === 0) continue;
    if (after.dueMs - before.dueMs < SILENCE_MIN_MS || stepped(emitter, before.dueMs, after.dueMs)) continue;
    const [first, ...more] = missedIn(emitter, before.dueMs + 1, after.dueMs);
    if (!first || more.length < SILENT_BEATS - 1) continue;
    return stateSignal('silent', 0, {
      state: 'over',
      beganMs: first.dueMs,
      overMs: after.dueMs,
      unlessSinceMs: before.dueMs,
      facts: {
        reason: `nothing was sent for ${formatDuration(after.dueMs - before.dueMs)}: no beat between ${utc(before.dueMs)} and ${utc(after.dueMs)} is in the store, though more than ${SILENT_BEATS - 1} were due`,
        count: null,
        sample: null,
      },
    });
  }
  return null;
}

/** A step of the clock shows in beats a little after it. */
const stepped = ({ steppedMs }: EmitterReading, fromMs: number, toMs: number): boolean =>
  steppedMs !== null && steppedMs >= fromMs && steppedMs <= toMs + MINUTE_MS;

const UNSENT_SHARE = 0.1;
const UNSENT_MIN = 3;
/** One of the newest must be among them: what a restart left behind is over. */
const UNSENT_NEWEST = 5;

/** A tenth of the canaries of the last 20 beats weren't sent, or nobody knows whether they were. */
export function unsent({ beats: all }: EmitterReading): Signal | null {
  const ended = all.filter(b => b.sent + b.unsent + b.maybeSent > 0);
  const failed = (b: BeatReading) => b.unsent + b.maybeSent;
  const sum = (of: (b: BeatReading) => number) => ended.reduce((n, b) => n + of(b), 0);
  const [never, maybe, n] = [sum(b => b.unsent), sum(b => b.maybeSent), sum(b => b.sent) + sum(failed)];
  if (never + maybe < UNSENT_MIN || never + maybe < UNSENT_SHARE * n) return null;
  if (!ended.slice(0, UNSENT_NEWEST).some(b => failed(b) > 0)) return null;
  const bad = ended.filter(b => failed(b) > 0);
  const beganMs = Math.min(...bad.map(b => b.dueMs));
  const why = bad.find(b => b.why !== null)?.why ?? null;
  return stateSignal('unsent', 0, {
    // Longer than what a restart leaves under way takes to be known.
    graceMs: MINUTE_MS,
    beganMs,
    facts: {
      reason: `of ${plural(n, 'canary', 'canaries')} of the last ${plural(ended.length, 'beat')} ${count(never)} were not sent and of ${count(maybe)} nobody knows: ${formatPercent((never + maybe) / n)}, the first at ${utc(beganMs)}${why === null ? '' : `; the newest reason: ${withoutTokens(why).slice(0, 300)}`}`,
      count: never + maybe,
      sample: null,
    },
  });
}

const LAG_MS = 5 * SECOND_MS;
const LAG_OF = 5;
const LAG_MIN = 3;

/** Most of the newest beats were planned or attempted more than 5 s late. Those caught up with in one go are one. */
export function schedulerLag(emitter: EmitterReading, nowMs: number): Signal | null {
  if (emitter.steppedMs !== null && nowMs - emitter.steppedMs < SILENCE_TOLD_MS) return null;
  const commits = new Map<number, BeatReading>();
  for (const b of emitter.beats) commits.set(b.committedMs, b);
  const newest = [...commits.values()].slice(0, LAG_OF);
  const lagOf = (b: BeatReading) => Math.max(b.committedMs - b.dueMs, b.firstOffMs ?? 0);
  const late = newest.filter(b => lagOf(b) > LAG_MS);
  // Not of an hour ago: who sends rarely is late rarely.
  const fresh = late.filter(b => b.dueMs > nowMs - Math.max(10 * MINUTE_MS, LAG_OF * emitter.periodMs));
  if (fresh.length < LAG_MIN) return null;
  const worstMs = Math.max(...fresh.map(lagOf));
  return stateSignal('scheduler_lag', 0, {
    graceMs: MINUTE_MS,
    beganMs: Math.min(...fresh.map(b => b.dueMs)),
    facts: {
      reason: `${count(fresh.length)} of the last ${plural(newest.length, 'beat')} began more than ${formatDuration(LAG_MS)} after they were due, the worst ${formatDuration(worstMs)} late; the newest was due ${utc(newest[0]?.dueMs ?? nowMs)}`,
      count: fresh.length,
      sample: null,
    },
  });
}

/** Time stamps have a granularity, and NTP its tolerance. */
const SKEW_MS = 5 * SECOND_MS;

export interface SkewReading {
  readonly checkpoint: number;
  readonly name: string;
  readonly anchors: readonly Anchor[];
}

/** Orders that can't be, of the canaries seen last: a record from before its canary was planned, or from after it was seen. */
export function skew(
  { checkpoint, name, anchors }: SkewReading,
  at: { readonly nowMs: number; readonly steppedMs: number | null },
): Signal | null {
  // Until the newest canaries are all of the new time.
  if (at.steppedMs !== null && at.nowMs - at.steppedMs < 60 * MINUTE_MS)
    return unknownSignal('skew', [checkpoint]);
  const found = anchors.flatMap(a => {
    const slotMs = Number(a.key.split('.')[1]);
    return [
      {
        byMs: slotMs - (a.eventMs ?? slotMs),
        what: 'was stamped',
        than: 'before it was to be sent',
        atMs: slotMs,
      },
      {
        byMs: slotMs - (a.ingestedMs ?? slotMs),
        what: 'was taken in by the backend’s clock',
        than: 'before it was to be sent',
        atMs: slotMs,
      },
      {
        byMs: (a.eventMs ?? a.seenMs) - a.seenMs,
        what: 'was stamped',
        than: 'after we saw it',
        atMs: slotMs,
      },
      {
        byMs: (a.ingestedMs ?? a.seenMs) - a.seenMs,
        what: 'was taken in by the backend’s clock',
        than: 'after we saw it',
        atMs: slotMs,
      },
    ];
  });
  const [worst] = found.toSorted((a, b) => b.byMs - a.byMs);
  if (!worst || !(worst.byMs > SKEW_MS)) return null;
  return stateSignal('skew', checkpoint, {
    graceMs: MINUTE_MS,
    beganMs: worst.atMs,
    facts: {
      reason: `a canary of ${utc(worst.atMs)} ${worst.what} at ${name} ${formatDuration(worst.byMs)} ${worst.than}, which can’t be unless a clock is wrong by at least that`,
      count: null,
      sample: null,
    },
  });
}

export interface DrillReading {
  readonly checkpoint: number;
  readonly name: string;
  /** The newest drill that should have been found lost by now; null: there is none, or it can't be told. */
  readonly newest: { readonly dueMs: number; readonly bucket: string } | null;
  readonly lostAfterMs: number;
  /** Up to when everything visible is accounted for. */
  readonly asOfMs: number;
}

/** A drill that is past its deadline, by a checkpoint that sees, and still isn't lost. */
export function drillNotFound({
  checkpoint,
  name,
  newest,
  lostAfterMs,
  asOfMs,
}: DrillReading): Signal | null {
  if (newest === null || newest.bucket === 'drill_unproven')
    return unknownSignal('drill_not_found', [checkpoint]);
  if (newest.bucket !== 'drill_open') return null;
  return stateSignal('drill_not_found', checkpoint, {
    beganMs: newest.dueMs + lostAfterMs,
    facts: {
      reason: `the canary that was withheld at ${utc(newest.dueMs)} should have been found lost at ${name} by ${utc(newest.dueMs + lostAfterMs)}, and wasn’t, though everything there is accounted for up to ${utc(asOfMs)}`,
      count: null,
      sample: null,
    },
  });
}

export interface FailingReading {
  readonly notifier: string;
  readonly sinceMs: number;
  readonly notices: number;
  readonly error: string;
}

/** Channels that gave up on a notice within a day and have delivered none since. */
export function noticesFailing(failing: readonly FailingReading[]): Signal | null {
  const [first] = failing;
  if (!first) return null;
  const n = failing.reduce((sum, f) => sum + f.notices, 0);
  return stateSignal('notices_failing', 0, {
    beganMs: Math.min(...failing.map(f => f.sinceMs)),
    facts: {
      reason: `${plural(n, 'notice')} to ${listed(failing.map(f => f.notifier))} could not be delivered, and none has been since; ${first.notifier} said: ${withoutTokens(first.error).slice(0, 300)}`,
      count: n,
      sample: null,
    },
  });
}
