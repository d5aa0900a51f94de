/** What can be said of a checkpoint now: that it sees, that it is blind, or that it never yet saw. */
import { staleAfterMs, type Watch, type WatchRules } from './watch.ts';

export type Sight =
  | { readonly state: 'not_yet_proven'; readonly reason: string }
  | { readonly state: 'blind'; readonly sinceMs: number; readonly reason: string }
  | { readonly state: 'sees'; readonly asOfMs: number };

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
      sinceMs: Math.min(watch.wMs, watch.forgetsSinceMs ?? watch.wMs),
      reason: 'vanished: canaries that were seen are no longer found',
    };
  }
  return { state: 'blind', sinceMs: watch.wMs, reason: failing ?? 'no look has completed' };
}
