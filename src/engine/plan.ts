/** The first half of the step `look`: which ranges to ask of a checkpoint now, from what is open there. */

import {
  inTime,
  isAhead,
  type LookRange,
  type Open,
  planLooks,
  SKEW_ALLOWANCE_MS,
  SLACK_MS,
  type Watch,
  type WatchRules,
} from '../domain/watermark.ts';
import type { DueSpan, OpenCanaries, OpenQuestion } from '../store/look.ts';
import type { LiveCheckpoint } from './live.ts';

/** Proof of absence by event time reaches back to L; asked this often it costs at most 33 reads of a canary. */
const WIDE_SHARE = 32;
/** By event time alone, proofs of what is overdue are so large a share of `on_time_within` apart. */
const YOUNG_SHARE = 8;
/** A turn whose looks didn't all end whole comes again after this share of its usual time. */
const AGAIN_SHARE = 4;
/** Looks by event time in one round. */
const SECONDS_MAX = 8;

/** A look by event time, for the beats that wait there for a proof of absence. */
export interface SecondLook {
  readonly range: LookRange;
  readonly span: DueSpan;
}

export interface Plan {
  /** Carries the chain and finds what is new. */
  readonly first: LookRange;
  readonly seconds: readonly SecondLook[];
  /** Those that the first one holds already. */
  readonly within: readonly SecondLook[];
  /** Goes far back. */
  readonly wide: boolean;
  /** By event time alone, asks for a proof of what is overdue. */
  readonly young: boolean;
}

/** What must be known of a checkpoint to plan a look there. */
export function questionOf(
  { key, rules, config }: LiveCheckpoint,
  watch: Watch,
  nowMs: number,
): OpenQuestion {
  const dueByMs = nowMs - rules.settleMs;
  const begins = beginsAnew(rules, watch, nowMs);
  // The look that begins a chain goes back to all that hasn't closed: of what it leaves out nothing could ever be proven.
  const isFirst = begins && watch.anchors.length > 0;
  return {
    ...key,
    due_by_ms: dueByMs,
    due_gap_ms: 2 * rules.lookEveryMs,
    pending_from_ms: isFirst ? 0 : dueByMs,
    pending_until_ms: isFirst
      ? Number.MAX_SAFE_INTEGER
      : nowMs + (begins ? config.lostAfterMs : config.onTimeWithinMs),
    pending_buckets: isFirst ? null : begins ? ['pending', 'overdue', 'drill_open'] : ['pending'],
    missing_from_ms: nowMs - config.lookBackMs,
    deadline_until_ms: nowMs + rules.lookEveryMs,
  };
}

/** A chain of looks that has yet to begin, or that a clock which was set back has voided. */
const beginsAnew = (rules: WatchRules, watch: Watch, nowMs: number): boolean =>
  rules.chained && (watch.wMs === null || isAhead(watch.wMs, nowMs));

/** What to ask now: what is new always; far back only when something there waits for it, and then not too often. */
export function planRound(
  { rules, config }: LiveCheckpoint,
  open: OpenCanaries | null,
  known: Watch,
  nowMs: number,
): Plan {
  const watch = inTime(known, nowMs);
  const rangesOf = (open: Open) => planLooks(watch, open, rules, nowMs);
  if (open === null || rules.way !== 'query')
    return { first: firstOf(rangesOf(NOTHING_OPEN)), seconds: [], within: [], wide: false, young: false };
  const isOld = (span: DueSpan) => nowMs - span.first > 2 * config.onTimeWithinMs + rules.settleMs;
  const every = turnsEvery(config);
  const wide = isTurn(watch.wideMs, nowMs, every.wideMs);
  // By event time alone every proof reads the allowance for wrong clocks too, so several beats share one.
  const young = rules.chained || isTurn(watch.youngMs, nowMs, every.youngMs);
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
  const all = spread(asked).flatMap(span => {
    const range = rules.chained ? rangesOf(openAt(span))[1] : eventRange(watch, rules, span, nowMs);
    return range && range.fromMs < range.toMs ? [{ range, span }] : [];
  });
  const isWithin = ({ range }: SecondLook) => first.by === 'event' && first.fromMs <= range.fromMs;
  return {
    first,
    seconds: all.filter(s => !isWithin(s)),
    within: all.filter(isWithin),
    wide: asked.some(isOld),
    young: !rules.chained && asked.some(span => !isOld(span)),
  };
}

/** Where records of these canaries may stand, wrong clocks allowed for; more than the proof wants, as what is found may move the skew. */
const eventRange = (watch: Watch, rules: WatchRules, span: DueSpan, nowMs: number): LookRange => ({
  by: 'event',
  fromMs: Math.max(nowMs - rules.keepsMs, span.first - SLACK_MS) + watch.skewLowMs - SKEW_ALLOWANCE_MS,
  toMs: span.sent + Math.max(watch.skewHighMs, 0) + SKEW_ALLOWANCE_MS + SLACK_MS + 1,
});

const turnsEvery = ({ lostAfterMs, onTimeWithinMs }: LiveCheckpoint['config']) => ({
  wideMs: lostAfterMs / WIDE_SHARE,
  youngMs: onTimeWithinMs / YOUNG_SHARE,
});

const isTurn = (lastMs: number | null, nowMs: number, everyMs: number): boolean =>
  lastMs === null || nowMs - lastMs >= everyMs;

/** The watch after a round's turns: `whole` if each of its looks was, `partly` if only the first one was sure to be. */
export function takeTurns(
  watch: Watch,
  { wide, young }: Pick<Plan, 'wide' | 'young'>,
  { config }: Pick<LiveCheckpoint, 'config'>,
  { startedMs, end }: { readonly startedMs: number; readonly end: 'whole' | 'partly' | 'failed' },
): Watch {
  if (end === 'failed') return watch;
  const every = turnsEvery(config);
  const takenMs = (everyMs: number) => startedMs - (end === 'whole' ? 0 : everyMs - everyMs / AGAIN_SHARE);
  return {
    ...watch,
    wideMs: wide ? takenMs(every.wideMs) : watch.wideMs,
    youngMs: young ? takenMs(every.youngMs) : watch.youngMs,
  };
}

/** Once in each `everyMs` since the last look. */
const isNew = ({ lastLook }: Watch, nowMs: number, everyMs: number): boolean =>
  lastLook === null || Math.floor(nowMs / everyMs) !== Math.floor(lastLook.startedMs / everyMs);

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
    if (isNew(watch, nowMs, windowMs / 4) && open.missing_last > nowMs - windowMs)
      fromMs = nowMs - Math.min(windowMs, lookBackMs);
  }
  return fromMs === null ? null : Math.max(fromMs, open.missing_first);
}
