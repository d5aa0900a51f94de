/** The state of one checkpoint's seeing, and what it is ruled by. What moves it stands in watermark.ts. */
import type { Gap } from './gaps.ts';

/** A canary that has been seen: a look that doesn't find it again doesn't see. */
export interface Anchor {
  /** `nameKey` of the canary. */
  readonly key: string;
  readonly seenMs: number;
  /** The record's own time and ingest time as the backend holds them; null where it doesn't tell. */
  readonly eventMs: number | null;
  readonly ingestedMs: number | null;
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
  /** Where the look that set `wMs` began; null: at no time, or nobody knows. Of what stands earlier it says nothing. */
  readonly lookedFromMs: number | null;
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
  /** When proof of absence by event time was last asked for far back, and for what is young: spaces those looks. */
  readonly wideMs: number | null;
  readonly youngMs: number | null;
  /** When canaries that miss were last searched for by event time alone: the older they are, the rarer. */
  readonly searchedMs: number | null;
  /** Since when looks far back don't find again what was seen there; null: they do, or there was nothing to find. */
  readonly forgetsSinceMs: number | null;
}

export const newWatch: Watch = {
  wMs: null,
  coveredFromMs: null,
  lookedFromMs: null,
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
  youngMs: null,
  searchedMs: null,
  forgetsSinceMs: null,
};

export interface WatchRules {
  readonly way: 'query' | 'follow' | 'receive';
  /** The chain is by ingest time (queries that can ask so), or needs no range (follow). */
  readonly chained: boolean;
  /**
   * What a chained query's second look (W2) is asked by: absence needs it, since what a backend shows late, or stamped while its
   * clock was wrong, stands where the chain has been already. null: not a chained query.
   */
  readonly secondLook: 'event' | 'ingest' | null;
  readonly settleMs: number;
  readonly keepsMs: number;
  readonly lookEveryMs: number;
}

/** Looks reach this much further on both sides than the evidence asks for: granularity of backends' time stamps. */
export const SLACK_MS = 2_000;

/**
 * A record stamped up to this long before or after its canary was sent is still found: clocks are wrong, the senders' and the
 * backend's. Only proof of absence and a chain's first look pay for it. Beyond it, a wrong clock can't be told from a loss.
 */
export const SKEW_ALLOWANCE_MS = 15 * 60_000;

/** A watermark of a clock that was set back while nobody ran: it says nothing of what was seen up to now. */
export const isAhead = (wMs: number | null, nowMs: number): boolean => wMs !== null && wMs > nowMs + SLACK_MS;

export const inTime = (watch: Watch, nowMs: number): Watch =>
  isAhead(watch.wMs, nowMs) ? voidBefore(watch, nowMs) : watch;

/** A step of the clock voids the looks before it: nothing they proved can be placed in the new time. */
export const voidBefore = (watch: Watch, nowMs: number): Watch => ({
  ...watch,
  wMs: null,
  coveredFromMs: null,
  lookedFromMs: null,
  anchors: watch.anchors.map(a => ({ ...a, seenMs: nowMs })),
  notBeforeMs: 0,
  wideMs: null,
  youngMs: null,
  searchedMs: null,
  forgetsSinceMs: null,
});

/** How old a watermark may be before the checkpoint counts as blind, milliseconds. */
export const staleAfterMs = (rules: Pick<WatchRules, 'lookEveryMs' | 'settleMs'>): number =>
  3 * rules.lookEveryMs + rules.settleMs + 5_000;
