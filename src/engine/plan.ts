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
import { searchRanges, searchSlots, spread } from './search.ts';

/** Proof of absence reaches back to L; asked this often it costs at most 33 reads of a canary. */
const WIDE_SHARE = 32;
/** By event time alone or ingest time alone, proofs of what is overdue are so large a share of `on_time_within` apart. */
const YOUNG_SHARE = 8;
/** A turn whose looks didn't all end whole comes again after this share of its usual time. */
const AGAIN_SHARE = 4;
/** Looks by event time in one round. */
const SECONDS_MAX = 8;

/** For the beats that wait for a proof of absence there. */
export interface SecondLook {
  readonly range: LookRange;
  readonly span: DueSpan;
}

export interface Plan {
  /** Carries the chain and finds what is new. */
  readonly first: LookRange;
  /** By event time alone, where canaries miss that `first` doesn't reach. */
  readonly searches: readonly LookRange[];
  readonly seconds: readonly SecondLook[];
  /** Those that the first one holds already. */
  readonly within: readonly SecondLook[];
  /** Goes far back. */
  readonly wide: boolean;
  /** By event time alone or ingest time alone, asks for a proof of what is overdue. */
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
    search: searchSlots({ rules, config }, watch, nowMs),
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
    return {
      first: firstOf(rangesOf(NOTHING_OPEN)),
      searches: [],
      seconds: [],
      within: [],
      wide: false,
      young: false,
    };
  const isOld = (span: DueSpan) => nowMs - span.first > 2 * config.onTimeWithinMs + rules.settleMs;
  const every = turnsEvery(config);
  const wide = isTurn(watch.wideMs, nowMs, every.wideMs);
  // By one time alone every proof reads the allowance for wrong clocks too, so several beats share one.
  const young = rules.secondLook === 'event' || isTurn(watch.youngMs, nowMs, every.youngMs);
  const asked = open.due.filter(span => (isOld(span) ? wide : young));
  const openAt = (span: DueSpan | undefined): Open => ({
    // By event time alone it is searched for with all that misses.
    pendingFirstMs: rules.chained ? open.pending_first : null,
    dueFirstMs: span?.first ?? null,
    dueLastMs: span?.sent ?? null,
  });
  const sure = firstOf(rangesOf(openAt(rules.chained ? asked[0] : undefined)));
  const { first, searches } = searchRanges(open.missing, sure, {
    watch,
    floorMs: nowMs - rules.keepsMs - SKEW_ALLOWANCE_MS + watch.skewLowMs,
    nearMs: 2 * rules.lookEveryMs,
  });
  // By ingest time all end now, so that the one for the oldest holds the others.
  const all = spread(asked, rules.secondLook === 'ingest' ? 1 : SECONDS_MAX).flatMap(span => {
    const range = rules.chained ? rangesOf(openAt(span))[1] : eventRange(watch, rules, span, nowMs);
    return range && range.fromMs < range.toMs ? [{ range, span }] : [];
  });
  const isWithin = ({ range }: SecondLook) => first.by === 'event' && first.fromMs <= range.fromMs;
  const isAsked = (r: LookRange) => all.some(s => s.range.fromMs <= r.fromMs && r.toMs <= s.range.toMs);
  return {
    first,
    searches: searches.filter(r => !isAsked(r)),
    seconds: all.filter(s => !isWithin(s)),
    within: all.filter(isWithin),
    wide: asked.some(isOld),
    young: rules.secondLook !== 'event' && asked.some(span => !isOld(span)),
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
  // A search that failed uses up its turn: it comes again, and proves nothing.
  const every = turnsEvery(config);
  const takenMs = (everyMs: number) => startedMs - (end === 'whole' ? 0 : everyMs - everyMs / AGAIN_SHARE);
  return {
    ...watch,
    searchedMs: startedMs,
    wideMs: wide ? takenMs(every.wideMs) : watch.wideMs,
    youngMs: young ? takenMs(every.youngMs) : watch.youngMs,
  };
}

function firstOf(ranges: readonly LookRange[]): LookRange {
  const [first] = ranges;
  if (!first) throw new Error('a round of looking without a range');
  return first;
}

const NOTHING_OPEN: Open = { pendingFirstMs: null, dueFirstMs: null, dueLastMs: null };
