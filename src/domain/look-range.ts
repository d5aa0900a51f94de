/** Which ranges a round of looking asks for, from how far has been seen and what is open. */
import { type Anchor, inTime, SKEW_ALLOWANCE_MS, SLACK_MS, type Watch, type WatchRules } from './watch.ts';

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
 * Which ranges to ask now, in order. The first carries the chain and finds what is new; a second one proves the absence of
 * what still misses, and exists only where the chain is by ingest time (W2).
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
  if (rules.secondLook === null || open.dueFirstMs === null || open.dueLastMs === null) return [chain];
  const second: LookRange =
    rules.secondLook === 'ingest'
      ? ingestSince(open.dueFirstMs, { floorMs, behindMs: behindMs(newest), nowMs })
      : {
          by: 'event',
          // Twice what its own proof wants: what it finds may itself move the skew.
          fromMs: eventFrom(open.dueFirstMs, 2 * SLACK_MS),
          toMs: open.dueLastMs + Math.max(watch.skewHighMs, 0) + 2 * SLACK_MS + 1,
        };
  // What was due there may be kept no longer.
  return second.fromMs < second.toMs ? [chain, second] : [chain];
}

/** All that was taken in since a canary was sent, by whatever clock: one that was set back stamps what is new with what has passed. */
const ingestSince = (
  slotMs: number,
  {
    floorMs,
    behindMs,
    nowMs,
  }: { readonly floorMs: number; readonly behindMs: number; readonly nowMs: number },
): LookRange => ({
  by: 'ingest',
  fromMs: Math.max(floorMs, slotMs - behindMs - SKEW_ALLOWANCE_MS),
  toMs: nowMs + SKEW_ALLOWANCE_MS + 1,
});

/** How far the backend's clock was behind ours at most, when it took in the newest canary. */
const behindMs = (newest: Anchor | undefined): number =>
  newest ? Math.max(0, newest.seenMs - (newest.ingestedMs ?? newest.seenMs)) : 0;

/** The first look of a chain goes back to all that is open. */
const chainStartMs = (open: Open, elseMs: number): number =>
  Math.min(open.pendingFirstMs ?? elseMs, open.dueFirstMs ?? elseMs);
