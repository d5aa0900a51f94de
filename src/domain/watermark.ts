/**
 * How far a checkpoint has been seen (DESIGN §3, W1–W4). An adapter reports facts about a look; only here do they
 * become a watermark: up to when everything visible has been accounted for.
 */

/** A canary that has been seen: a look that doesn't find it again doesn't see. */
export interface Anchor {
  /** `nameKey` of the canary. */
  readonly key: string;
  readonly seenMs: number;
  /** The record's own time and ingest time as the backend holds them; null where it doesn't tell. */
  readonly eventMs: number | null;
  readonly ingestedMs: number | null;
}

/** A span in which absence can't be proven. Half open. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
}

export interface LastLook {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly end: 'exhausted' | 'truncated' | 'failed';
  readonly reason: string | null;
  readonly records: number;
  readonly found: number;
}

/** The state of one checkpoint's seeing. Kept as JSON. */
export interface Watch {
  /** Everything that was visible at this time has been accounted for; null: nothing yet. */
  readonly wMs: number | null;
  /** Records from before this (by ingest time in a chain, else by their own) were not covered by the looks that set `wMs`. */
  readonly coveredFromMs: number | null;
  /** Whether a canary was ever seen here. Until then nothing is lost: it is not yet proven that we can see. */
  readonly proven: boolean;
  readonly anchors: readonly Anchor[];
  readonly gaps: readonly Gap[];
  /** The records' own time less the canaries' slot, lowest and highest seen: where to look. */
  readonly skewLowMs: number;
  readonly skewHighMs: number;
  readonly lastLook: LastLook | null;
  /** The last looks ended whole but showed none of the anchors. */
  readonly vanished: boolean;
  /** Failed looks in a row, and the earliest next try. */
  readonly failures: number;
  readonly notBeforeMs: number;
  /** When proof of absence by event time was last attempted: spaces the widest looks. */
  readonly wideMs: number | null;
}

export const newWatch: Watch = {
  wMs: null,
  coveredFromMs: null,
  proven: false,
  anchors: [],
  gaps: [],
  skewLowMs: 0,
  skewHighMs: 0,
  lastLook: null,
  vanished: false,
  failures: 0,
  notBeforeMs: 0,
  wideMs: null,
};

const ANCHORS_MAX = 3;
const GAPS_MAX = 100;
/** Beyond this a record's time says nothing about the canary's: it isn't used to aim looks. */
const SKEW_BOUND_MS = 24 * 3_600_000;
/** Looks reach this much further on both sides than the evidence asks for: granularity of backends' time stamps. */
export const SLACK_MS = 2_000;

/**
 * A record stamped up to this long before or after its canary was sent is still found: clocks are wrong, the senders' and the
 * backend's. Only proof of absence and a chain's first look pay for it. Beyond it, a wrong clock can't be told from a loss.
 */
export const SKEW_ALLOWANCE_MS = 15 * 60_000;

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
  readonly gap: Gap | null;
  readonly retryAfterMs: number | null;
}

export interface WatchRules {
  readonly way: 'query' | 'follow' | 'receive';
  /** The chain is by ingest time (queries that can ask so), or needs no range (follow). */
  readonly chained: boolean;
  /** A chained query can be asked by event time too: absence needs that second look (W2). */
  readonly secondLook: boolean;
  readonly settleMs: number;
  readonly keepsMs: number;
  readonly lookEveryMs: number;
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
  const base = { ...watch, ...skew, anchors, proven, lastLook, gaps };
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
    vanished: false,
    wMs: Math.max(watch.wMs ?? wMs, wMs),
    // A chain goes back to where its first look began.
    coveredFromMs: rules.chained && watch.wMs !== null ? watch.coveredFromMs : facts.fromMs,
  };
}

/** A watermark of a clock that was set back while nobody ran: it says nothing of what was seen up to now. */
export const isAhead = (wMs: number | null, nowMs: number): boolean => wMs !== null && wMs > nowMs + SLACK_MS;

const inTime = (watch: Watch, nowMs: number): Watch =>
  isAhead(watch.wMs, nowMs) ? voidBefore(watch, nowMs) : watch;

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

/** Gaps merged where they touch, oldest dropped into one that starts with them: never fewer milliseconds of gap. */
export function addGap(gaps: readonly Gap[], gap: Gap): Gap[] {
  const sorted = [...gaps, gap].filter(g => g.toMs > g.fromMs).sort((a, b) => a.fromMs - b.fromMs);
  const merged: Gap[] = [];
  for (const g of sorted) {
    const last = merged.at(-1);
    if (last && g.fromMs <= last.toMs)
      merged[merged.length - 1] = { ...last, toMs: Math.max(last.toMs, g.toMs) };
    else merged.push(g);
  }
  while (merged.length > GAPS_MAX) {
    const [a, b] = merged.splice(0, 2);
    if (a && b) merged.unshift({ fromMs: a.fromMs, toMs: b.toMs, reason: 'several, merged at the bound' });
  }
  return merged;
}

export const inGap = (gaps: readonly Gap[], fromMs: number, toMs: number): boolean =>
  gaps.some(g => g.fromMs <= toMs && g.toMs > fromMs);

/** A step of the clock voids the looks before it: nothing they proved can be placed in the new time. */
export const voidBefore = (watch: Watch, nowMs: number): Watch => ({
  ...watch,
  wMs: null,
  coveredFromMs: null,
  anchors: watch.anchors.map(a => ({ ...a, seenMs: nowMs })),
  notBeforeMs: 0,
  wideMs: null,
});

/** What a round of looking is planned from. */
export interface Open {
  /** Slot of the oldest canary that may still be on time; null: none. */
  readonly pendingFirstMs: number | null;
  /** Slot of the oldest and last attempt of the newest canary that wait for a proof of absence; null: none. */
  readonly dueFirstMs: number | null;
  readonly dueLastMs: number | null;
}

export interface LookRange {
  readonly by: 'ingest' | 'event' | 'follow';
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Which ranges to ask now, in order. The first carries the chain and finds what is new; a second one, by event time,
 * proves the absence of what still misses, and exists only where the chain is by ingest time (W2).
 */
export function planLooks(known: Watch, open: Open, rules: WatchRules, nowMs: number): LookRange[] {
  if (rules.way === 'follow') return [{ by: 'follow', fromMs: 0, toMs: nowMs }];
  const watch = inTime(known, nowMs);
  // What is still kept may be stamped earlier than it was kept from.
  const floorMs = nowMs - rules.keepsMs - SKEW_ALLOWANCE_MS;
  const eventFloorMs = floorMs + watch.skewLowMs;
  const eventFrom = (slotMs: number, reachMs = SLACK_MS) =>
    Math.max(eventFloorMs, slotMs + watch.skewLowMs - reachMs);
  const eventToMs = nowMs + Math.max(watch.skewHighMs, 0) + SKEW_ALLOWANCE_MS;
  const newest = watch.anchors[0];
  if (!rules.chained) {
    const starts: number[] = [];
    if (open.pendingFirstMs !== null) starts.push(eventFrom(open.pendingFirstMs));
    if (open.dueFirstMs !== null) starts.push(eventFrom(open.dueFirstMs, SKEW_ALLOWANCE_MS));
    if (newest) starts.push((newest.eventMs ?? newest.seenMs) - SLACK_MS);
    const fromMs = Math.max(eventFloorMs, Math.min(nowMs - rules.lookEveryMs - SLACK_MS, ...starts));
    return [{ by: 'event', fromMs, toMs: eventToMs }];
  }
  const starts = [watch.wMs ?? chainStartMs(open, nowMs - rules.lookEveryMs)];
  if (newest) starts.push(newest.ingestedMs ?? newest.seenMs);
  // The newest canary tells how far the backend's clock is behind ours only as long as it is of the look that set W.
  const carriesOn = watch.wMs !== null && watch.wMs + rules.settleMs === watch.lastLook?.startedMs;
  const chain: LookRange = {
    by: 'ingest',
    fromMs: Math.max(floorMs, Math.min(...starts) - (carriesOn ? SLACK_MS : SKEW_ALLOWANCE_MS)),
    toMs: nowMs + SKEW_ALLOWANCE_MS,
  };
  if (!rules.secondLook || open.dueFirstMs === null || open.dueLastMs === null) return [chain];
  const second: LookRange = {
    by: 'event',
    fromMs: eventFrom(open.dueFirstMs),
    toMs: open.dueLastMs + Math.max(watch.skewHighMs, 0) + SLACK_MS + 1,
  };
  return [chain, second];
}

/** The first look of a chain goes back to all that is open. */
const chainStartMs = (open: Open, elseMs: number): number =>
  Math.min(open.pendingFirstMs ?? elseMs, open.dueFirstMs ?? elseMs);

export type Sight =
  | { readonly state: 'not_yet_proven'; readonly reason: string }
  | { readonly state: 'blind'; readonly sinceMs: number; readonly reason: string }
  | { readonly state: 'sees'; readonly asOfMs: number };

/** How old a watermark may be before the checkpoint counts as blind, milliseconds. */
export const staleAfterMs = (rules: Pick<WatchRules, 'lookEveryMs' | 'settleMs'>): number =>
  3 * rules.lookEveryMs + rules.settleMs + 5_000;

/** What can be said of the checkpoint now. Computed when read, from W and the clock; never stored (law 11). */
export function sightOf(
  watch: Watch,
  rules: Pick<WatchRules, 'lookEveryMs' | 'settleMs'>,
  nowMs: number,
): Sight {
  const last = watch.lastLook;
  const failing =
    last !== null && last.end !== 'exhausted' ? `${last.end}: ${last.reason ?? 'no reason given'}` : null;
  if (!watch.proven)
    return { state: 'not_yet_proven', reason: failing ?? 'no canary has been seen here yet' };
  if (watch.wMs === null) {
    if (failing !== null) return { state: 'blind', sinceMs: last?.startedMs ?? nowMs, reason: failing };
    return {
      state: 'not_yet_proven',
      reason: 'a canary was seen, and the next look has yet to find it again',
    };
  }
  if (nowMs - watch.wMs <= staleAfterMs(rules) && !watch.vanished)
    return { state: 'sees', asOfMs: watch.wMs };
  if (watch.vanished) {
    return {
      state: 'blind',
      sinceMs: watch.wMs,
      reason: 'vanished: canaries that were seen are no longer found',
    };
  }
  return { state: 'blind', sinceMs: watch.wMs, reason: failing ?? 'no look has completed' };
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
