/**
 * Searching by event time for canaries that miss: narrow ranges around them, the rarer the older they are. So a search costs
 * what is missing, not what has passed since, and a week of look-back costs a few reads of a canary per doubling of its age.
 */
import { type LookRange, SLACK_MS, type Watch } from '../domain/watermark.ts';
import type { DueSpan, Slots } from '../store/look.ts';
import type { LiveCheckpoint } from './live.ts';

/** What may still be on time is searched for so often in half its age, what is late already so often. */
const PENDING_SHARE = 4;
const LATE_SHARE = 2;
/** Ranges in one round, beside the first one. */
const SEARCHES_MAX = 16;

/** Slots of which canaries that miss are to be searched for now: all that are young, of the others those whose turn it is. */
export function searchSlots(
  { rules, config }: Pick<LiveCheckpoint, 'rules' | 'config'>,
  { searchedMs }: Pick<Watch, 'searchedMs'>,
  nowMs: number,
): Slots[] {
  if (rules.way !== 'query' || rules.chained) return [];
  const { onTimeWithinMs, lookBackMs } = config;
  const isTurn = (everyMs: number) =>
    searchedMs === null || Math.floor(nowMs / everyMs) !== Math.floor(searchedMs / everyMs);
  const out: Slots[] = [];
  let ageMs = onTimeWithinMs;
  while (ageMs / 2 / PENDING_SHARE >= rules.lookEveryMs) ageMs /= 2;
  out.push({ from_ms: Math.floor(nowMs - ageMs), to_ms: Number.MAX_SAFE_INTEGER });
  for (; ageMs < lookBackMs; ageMs *= 2) {
    const share = ageMs < onTimeWithinMs ? PENDING_SHARE : LATE_SHARE;
    if (!isTurn(ageMs / share)) continue;
    out.push({
      from_ms: Math.floor(nowMs - Math.min(2 * ageMs, lookBackMs)),
      to_ms: Math.floor(nowMs - ageMs),
    });
  }
  return out;
}

/** Ranges around what is missing: what the first range nearly reaches widens it, and what others hold already isn't asked. */
export function searchRanges(
  missing: readonly DueSpan[],
  first: LookRange,
  { watch, floorMs, nearMs }: { readonly watch: Watch; readonly floorMs: number; readonly nearMs: number },
): { readonly first: LookRange; readonly searches: readonly LookRange[] } {
  const rangeOf = (span: DueSpan): LookRange => ({
    by: 'event',
    fromMs: Math.max(floorMs, span.first + watch.skewLowMs - SLACK_MS),
    toMs: span.sent + Math.max(watch.skewHighMs, 0) + SLACK_MS + 1,
  });
  let { fromMs } = first;
  const apart: DueSpan[] = [];
  for (const span of missing.toReversed()) {
    const range = rangeOf(span);
    if (range.toMs + nearMs >= fromMs) fromMs = Math.min(fromMs, range.fromMs);
    else apart.unshift(span);
  }
  const searches = spread(apart, SEARCHES_MAX).map(rangeOf);
  return { first: { ...first, fromMs }, searches: searches.filter(r => r.fromMs < r.toMs) };
}

/** No more spans than may be asked one by one: cut where the beats are furthest apart. */
export function spread(spans: readonly DueSpan[], max: number): DueSpan[] {
  const gapBefore = (i: number) => (spans[i]?.first ?? 0) - (spans[i - 1]?.sent ?? 0);
  const cuts = new Set(
    spans
      .map((_, i) => i)
      .slice(1)
      .sort((a, b) => gapBefore(b) - gapBefore(a))
      .slice(0, max - 1),
  );
  const out: DueSpan[] = [];
  for (const [i, span] of spans.entries()) {
    const last = out.at(-1);
    if (!last || cuts.has(i)) out.push(span);
    else out[out.length - 1] = { first: last.first, last: span.last, sent: Math.max(last.sent, span.sent) };
  }
  return out;
}
