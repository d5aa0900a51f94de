/** The first half of the step `look`: which ranges to ask of a checkpoint now, from what is open there. */

import type { Bucket } from '../domain/verdict.ts';
import { type LookRange, type Open, planLooks, SKEW_ALLOWANCE_MS, type Watch } from '../domain/watermark.ts';
import type { DueSpan, OpenCanaries, OpenQuestion } from '../store/look.ts';
import type { LiveCheckpoint } from './live.ts';

/** Proof of absence by event time reaches back to L; asked this often it costs at most 33 reads of a canary. */
const WIDE_SHARE = 32;
/** By event time alone, a proof of what is overdue waits for up to this share of `on_time_within`. */
const YOUNG_SHARE = 2;
/** Looks by event time in one round. */
const SECONDS_MAX = 8;

export interface Plan {
  /** Carries the chain and finds what is new. */
  readonly first: LookRange;
  /** By event time, where beats wait for a proof of absence. */
  readonly seconds: readonly { readonly range: LookRange; readonly span: DueSpan }[];
  /** Goes far back. */
  readonly wide: boolean;
}

const pendingBuckets = (begins: boolean): Bucket[] =>
  begins ? ['pending', 'overdue', 'drill_open'] : ['pending'];

/** What must be known of a checkpoint to plan a look there. */
export function questionOf(
  { key, rules, config }: LiveCheckpoint,
  watch: Watch,
  nowMs: number,
): OpenQuestion {
  // A chain's first look goes back to all that isn't there yet: what it leaves out could never be proven absent.
  const begins = rules.chained && watch.wMs === null;
  return {
    ...key,
    due_by_ms: nowMs - rules.settleMs,
    due_gap_ms: 2 * rules.lookEveryMs,
    pending_until_ms: nowMs + (begins ? config.lostAfterMs : config.onTimeWithinMs),
    pending_buckets: pendingBuckets(begins),
    missing_from_ms: nowMs - config.lookBackMs,
  };
}

/** What to ask now: what is new always; far back only when something there waits for it, and then not too often. */
export function planRound(
  { rules, config }: LiveCheckpoint,
  open: OpenCanaries | null,
  watch: Watch,
  nowMs: number,
): Plan {
  const rangesOf = (open: Open) => planLooks(watch, open, rules, nowMs);
  if (open === null) return { first: firstOf(rangesOf(NOTHING_OPEN)), seconds: [], wide: false };
  const isOld = (span: DueSpan) => nowMs - span.first > 2 * config.onTimeWithinMs + rules.settleMs;
  const wide = watch.wideMs === null || nowMs - watch.wideMs >= config.lostAfterMs / WIDE_SHARE;
  // By event time alone every proof reads the allowance for wrong clocks too, so several beats share one.
  const young = rules.chained || isTurn(watch, nowMs, config.onTimeWithinMs / YOUNG_SHARE);
  const asked = open.due.filter(span => (isOld(span) ? wide : young));
  const pending = [open.pending_first, rules.chained ? null : searchFrom(config, watch, open, nowMs)].filter(
    v => v !== null,
  );
  const pendingFirstMs = pending.length > 0 ? Math.min(...pending) : null;
  const openAt = (span: DueSpan | undefined): Open => ({
    pendingFirstMs,
    dueFirstMs: span?.first ?? null,
    dueLastMs: span?.sent ?? null,
  });
  const first = firstOf(rangesOf(openAt(rules.chained ? asked[0] : undefined)));
  const seconds = spread(asked).flatMap(span => {
    const range = rules.chained ? rangesOf(openAt(span))[1] : eventRange(watch, span);
    return range && !(first.by === 'event' && first.fromMs <= range.fromMs) ? [{ range, span }] : [];
  });
  return { first, seconds, wide: asked.some(isOld) };
}

/** Where records of these canaries may stand, wrong clocks allowed for. */
const eventRange = (watch: Watch, span: DueSpan): LookRange => ({
  by: 'event',
  fromMs: span.first + watch.skewLowMs - SKEW_ALLOWANCE_MS,
  toMs: span.sent + Math.max(watch.skewHighMs, 0) + SKEW_ALLOWANCE_MS + 1,
});

/** Once in each `everyMs`. */
const isTurn = (watch: Watch, nowMs: number, everyMs: number): boolean =>
  watch.lastLook === null || Math.floor(nowMs / everyMs) !== Math.floor(watch.lastLook.startedMs / everyMs);

function firstOf(ranges: readonly LookRange[]): LookRange {
  const [first] = ranges;
  if (!first) throw new Error('a round of looking without a range');
  return first;
}

/** No more spans than may be asked one by one: cut where the beats are furthest apart. */
function spread(spans: readonly DueSpan[]): DueSpan[] {
  const gapBefore = (i: number) => (spans[i]?.first ?? 0) - (spans[i - 1]?.sent ?? 0);
  const cuts = new Set(
    spans
      .map((_, i) => i)
      .slice(1)
      .sort((a, b) => gapBefore(b) - gapBefore(a))
      .slice(0, SECONDS_MAX - 1),
  );
  const out: DueSpan[] = [];
  for (const [i, span] of spans.entries()) {
    const last = out.at(-1);
    if (!last || cuts.has(i)) out.push(span);
    else out[out.length - 1] = { first: last.first, last: span.last, sent: Math.max(last.sent, span.sent) };
  }
  return out;
}

const NOTHING_OPEN: Open = { pendingFirstMs: null, dueFirstMs: null, dueLastMs: null };

/**
 * How far back a look by event time searches for canaries that miss: windows of D, 2D, 4D … each in its own rhythm of a
 * quarter of its length, so that a week of look-back costs no more than a few reads of a canary per doubling.
 */
function searchFrom(
  config: LiveCheckpoint['config'],
  watch: Watch,
  open: { missing_first: number | null; missing_last: number | null },
  nowMs: number,
): number | null {
  const { onTimeWithinMs, lookBackMs } = config;
  if (open.missing_first === null || open.missing_last === null) return null;
  let fromMs: number | null = null;
  for (let windowMs = onTimeWithinMs; windowMs < 2 * lookBackMs; windowMs *= 2) {
    if (isTurn(watch, nowMs, windowMs / 4) && open.missing_last > nowMs - windowMs)
      fromMs = nowMs - Math.min(windowMs, lookBackMs);
  }
  return fromMs === null ? null : Math.max(fromMs, open.missing_first);
}
