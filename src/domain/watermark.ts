/**
 * How far a checkpoint has been seen (DESIGN §3, W1–W4). An adapter reports facts about a look; only here do they
 * become a watermark: up to when everything visible has been accounted for.
 */
import { addGap, type Gap } from './gaps.ts';
import {
  type Anchor,
  inTime,
  type LastLook,
  SKEW_ALLOWANCE_MS,
  staleAfterMs,
  type Watch,
  type WatchRules,
} from './watch.ts';

export * from './gaps.ts';
export * from './look-range.ts';
export * from './sight.ts';
export * from './watch.ts';

const ANCHORS_MAX = 3;
/** Beyond this a record's time says nothing about the canary's: it isn't used to aim looks. */
const SKEW_BOUND_MS = 24 * 3_600_000;
/** What one round of looking established. */
export interface LookFacts {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly end: 'exhausted' | 'truncated' | 'failed';
  readonly reason: string | null;
  readonly records: number;
  readonly found: number;
  /** `nameKey`s that were found, to be held against the anchors. */
  readonly anchorFound: boolean;
  /** New anchors: the newest canaries found. */
  readonly newest: readonly Anchor[];
  /** Differences of record time and slot that were seen; null: none told. */
  readonly skewMs: { readonly low: number; readonly high: number } | null;
  /** From when on the first range asked; null: it was a follow. */
  readonly fromMs: number | null;
  /** Slot of the oldest canary found by that range; null: none. */
  readonly oldestMs: number | null;
  /** Whether a look far back missed what was seen there; null: none had anything to find again. */
  readonly forgets: boolean | null;
  readonly gap: Gap | null;
  readonly retryAfterMs: number | null;
}

/** The watch after a round of looking. */
export function advance(known: Watch, facts: LookFacts, rules: WatchRules): Watch {
  const watch = inTime(known, facts.startedMs);
  const anchors = mergeAnchors(watch.anchors, facts.newest, facts.startedMs - rules.keepsMs);
  const proven = watch.proven || facts.found > 0;
  const lastLook: LastLook = {
    startedMs: facts.startedMs,
    endedMs: facts.endedMs,
    end: facts.end,
    reason: facts.reason,
    records: facts.records,
    found: facts.found,
  };
  const skew = mergeSkew(watch, facts.skewMs);
  const gaps = facts.gap ? addGap(watch.gaps, facts.gap) : watch.gaps;
  const forgetsSinceMs = sinceWhen(watch.forgetsSinceMs, facts);
  const base = { ...watch, ...skew, anchors, proven, lastLook, gaps, forgetsSinceMs };
  if (facts.end !== 'exhausted') {
    // A log that is being caught up with is no failure: it is read on at once.
    if (facts.end === 'truncated' && rules.way === 'follow') return { ...base, failures: 0, notBeforeMs: 0 };
    const failures = watch.failures + 1;
    return {
      ...base,
      failures,
      notBeforeMs: facts.endedMs + (facts.retryAfterMs ?? backOffMs(failures, rules.lookEveryMs)),
    };
  }
  const sees = rules.way === 'query' ? facts.anchorFound : watch.proven;
  const seen = { ...base, failures: 0, notBeforeMs: 0 };
  if (!sees) {
    const newest = watch.anchors[0];
    const gone = newest !== undefined && mustBeThere(newest, facts.startedMs, rules);
    return { ...seen, vanished: rules.way === 'query' && (watch.vanished || gone) && anchors.length > 0 };
  }
  const wMs = facts.startedMs - rules.settleMs;
  return {
    ...seen,
    vanished: forgetsSinceMs !== null,
    wMs: Math.max(watch.wMs ?? wMs, wMs),
    coveredFromMs: coveredFrom({ ...watch, ...skew }, facts, rules),
    lookedFromMs: facts.fromMs,
  };
}

/** A chain goes back to where its first look began; by event time alone each look shows for itself how far back it sees. */
function coveredFrom(watch: Watch, { fromMs, oldestMs }: LookFacts, rules: WatchRules): number | null {
  if (rules.chained) return watch.wMs === null ? fromMs : watch.coveredFromMs;
  if (fromMs === null || oldestMs === null) return null;
  return Math.max(fromMs, oldestMs + watch.skewLowMs - SKEW_ALLOWANCE_MS);
}

function sinceWhen(knownMs: number | null, { forgets, startedMs }: LookFacts): number | null {
  if (forgets === null) return knownMs;
  return forgets ? (knownMs ?? startedMs) : null;
}

/** A replica may answer as of `settle` ago, and what is older than `keeps` may be gone. */
const mustBeThere = (a: Anchor, nowMs: number, rules: WatchRules): boolean =>
  a.seenMs < nowMs - rules.settleMs &&
  Math.min(a.seenMs, a.eventMs ?? a.seenMs, a.ingestedMs ?? a.seenMs) > nowMs - rules.keepsMs;

/** Failed looks back off to a minute, or to the usual period where that is longer. Jitter is the caller's. */
function backOffMs(failures: number, lookEveryMs: number): number {
  return Math.min(1_000 * 2 ** Math.min(failures - 1, 10), Math.max(lookEveryMs, 60_000));
}

function mergeAnchors(old: readonly Anchor[], found: readonly Anchor[], notBeforeMs: number): Anchor[] {
  const byKey = new Map(old.map(a => [a.key, a]));
  for (const a of found) {
    // What it was first seen at says how long the backend still keeps it.
    const seenMs = Math.min(a.seenMs, byKey.get(a.key)?.seenMs ?? a.seenMs);
    byKey.set(a.key, { ...a, seenMs });
  }
  return [...byKey.values()]
    .filter(a => a.seenMs >= notBeforeMs)
    .sort((a, b) => b.seenMs - a.seenMs)
    .slice(0, ANCHORS_MAX);
}

function mergeSkew(watch: Watch, skew: LookFacts['skewMs']): Pick<Watch, 'skewLowMs' | 'skewHighMs'> {
  if (skew === null) return watch;
  return {
    skewLowMs: Math.max(-SKEW_BOUND_MS, Math.min(watch.skewLowMs, skew.low)),
    skewHighMs: Math.min(SKEW_BOUND_MS, Math.max(watch.skewHighMs, skew.high)),
  };
}

/**
 * Push: a self-probe that left at `sentMs` came back through the public ingest URL and was committed, so everything that
 * had been pushed by then, less the longest request, is committed too. A hole between probes is a gap: nobody knows what
 * was turned away in it.
 */
export function advanceReceive(
  known: Watch,
  sentMs: number,
  rules: Pick<WatchRules, 'lookEveryMs' | 'settleMs'>,
): Watch {
  const watch = inTime(known, sentMs);
  const wMs = sentMs - rules.settleMs;
  const lastLook: LastLook = {
    startedMs: sentMs,
    endedMs: sentMs,
    end: 'exhausted',
    reason: null,
    records: 0,
    found: 0,
  };
  const hole = watch.wMs === null || wMs - watch.wMs > staleAfterMs(rules);
  const gaps = hole
    ? addGap(watch.gaps, { fromMs: watch.wMs ?? 0, toMs: sentMs, reason: 'no self-probe came through' })
    : watch.gaps;
  return { ...watch, gaps, failures: 0, notBeforeMs: 0, lastLook, wMs: Math.max(watch.wMs ?? wMs, wMs) };
}
