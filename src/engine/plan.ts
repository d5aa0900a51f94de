/** The first half of the step `look`: which ranges to ask of a checkpoint now, from what is open there. */
import { type LookRange, type Open, planLooks, type Watch } from '../domain/watermark.ts';
import { type DueSpan, readOpen } from '../store/look.ts';
import type { Sql } from '../store/open.ts';
import type { LiveCheckpoint } from './live.ts';

/** Proof of absence by event time reaches back to L; asked this often it costs at most 33 reads of a canary. */
const WIDE_SHARE = 32;
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

/** What to ask now: what is new always; far back only when something there waits for it, and then not too often. */
export async function planRound(
  sql: Sql,
  checkpoint: LiveCheckpoint,
  watch: Watch,
  nowMs: number,
): Promise<Plan> {
  const { rules, config } = checkpoint;
  const rangesOf = (open: Open) => planLooks(watch, open, rules, nowMs);
  if (rules.way === 'follow') return { first: firstOf(rangesOf(NOTHING_OPEN)), seconds: [], wide: false };
  const open = await readOpen(sql, checkpoint.key, {
    dueByMs: nowMs - rules.settleMs,
    dueGapMs: 2 * rules.lookEveryMs,
    pendingUntilMs: nowMs + config.onTimeWithinMs,
    missingFromMs: nowMs - config.lookBackMs,
  });
  const isOld = (span: DueSpan) => nowMs - span.first > 2 * config.onTimeWithinMs + rules.settleMs;
  const turn = watch.wideMs === null || nowMs - watch.wideMs >= config.lostAfterMs / WIDE_SHARE;
  // By event time alone one look reaches from the oldest to now, so the young ones wait for the turn too.
  const asked = turn ? open.due : open.due.filter(s => !isOld(s) && (rules.chained || !open.due.some(isOld)));
  const pending = [open.pending_first, rules.chained ? null : searchFrom(config, watch, open, nowMs)].filter(
    v => v !== null,
  );
  const pendingFirstMs = pending.length > 0 ? Math.min(...pending) : null;
  const openAt = (span: DueSpan | undefined): Open => ({
    pendingFirstMs,
    dueFirstMs: span?.first ?? null,
    dueLastMs: span?.sent ?? null,
  });
  const seconds = spread(asked).flatMap(span => {
    const range = rangesOf(openAt(span))[1];
    return range ? [{ range, span }] : [];
  });
  return { first: firstOf(rangesOf(openAt(asked[0]))), seconds, wide: asked.some(isOld) };
}

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
  const lastMs = watch.lastLook?.startedMs;
  if (open.missing_first === null || open.missing_last === null) return null;
  let fromMs: number | null = null;
  for (let windowMs = onTimeWithinMs; windowMs < 2 * lookBackMs; windowMs *= 2) {
    const turn =
      lastMs === undefined || Math.floor((nowMs * 4) / windowMs) !== Math.floor((lastMs * 4) / windowMs);
    if (turn && open.missing_last > nowMs - windowMs) fromMs = nowMs - Math.min(windowMs, lookBackMs);
  }
  return fromMs === null ? null : Math.max(fromMs, open.missing_first);
}
