/** Whether absence is proven (rules W1–W4): the same for what was seen and for what wasn't, as far as it can be. */
import { inGap } from './gaps.ts';
import { isAhead, SKEW_ALLOWANCE_MS, SLACK_MS, type Watch } from './watch.ts';

/** What the looks so far allow to conclude. */
export interface Proof {
  readonly watch: Watch;
  /** When the judge runs: what the backend no longer keeps can't be proven absent any more. */
  readonly nowMs: number;
  readonly keepsMs: number;
  readonly way: 'query' | 'follow' | 'receive';
  /** The chain is by ingest time (or a follow, or pushes): W alone covers every event time. */
  readonly chained: boolean;
  readonly secondLook: 'event' | 'ingest' | null;
  /** The second look of this round, where the chain needs one. */
  readonly second: { readonly fromMs: number; readonly toMs: number; readonly asOfMs: number } | null;
}

interface When {
  readonly slotMs: number;
  readonly sentMs: number;
}

/** Whether a canary could have been accounted for at `atMs`: the same for those that were seen and those that weren't (law 10). */
export function coverage(canary: When, atMs: number, proof: Proof): 'proven' | 'not_yet' | 'never' {
  const { watch } = proof;
  const keptFromMs = proof.nowMs - proof.keepsMs;
  const w = isAhead(watch.wMs, proof.nowMs) ? null : watch.wMs;
  if (!watch.proven || w === null || w < atMs) return atMs <= keptFromMs ? 'never' : 'not_yet';
  if (inGap(watch.gaps, canary.sentMs, atMs)) return 'never';
  if (proof.way !== 'query') return 'proven';
  // A chain never goes back to before its first look, which goes back to all that hadn't closed.
  if (proof.chained && (watch.coveredFromMs ?? w) > canary.slotMs - SKEW_ALLOWANCE_MS) return 'never';
  return canary.slotMs < keptFromMs ? 'never' : 'proven';
}

/** Whether absence at `atMs` is proven by the looks so far (rules W1–W4), isn't yet, or can't be any more. */
export function absence(canary: When, atMs: number, proof: Proof): 'proven' | 'not_yet' | 'never' {
  const { watch } = proof;
  const covered = coverage(canary, atMs, proof);
  if (covered !== 'proven' || proof.way !== 'query') return covered;
  const { second } = proof;
  if (!proof.chained) {
    const reachedMs = canary.slotMs + watch.skewLowMs - SKEW_ALLOWANCE_MS;
    const reached = watch.coveredFromMs !== null && watch.coveredFromMs <= reachedMs;
    const latestMs = canary.sentMs + Math.max(0, watch.skewHighMs) + SKEW_ALLOWANCE_MS;
    const reachedNow =
      second !== null && second.asOfMs >= atMs && second.fromMs <= reachedMs && second.toMs > latestMs;
    return reached || reachedNow ? 'proven' : 'not_yet';
  }
  if (proof.secondLook === null) return 'proven';
  const [fromMs, toMs] =
    proof.secondLook === 'event'
      ? [canary.slotMs + watch.skewLowMs - SLACK_MS, canary.sentMs + Math.max(0, watch.skewHighMs) + SLACK_MS]
      : [canary.slotMs - SKEW_ALLOWANCE_MS, atMs + SKEW_ALLOWANCE_MS];
  return second !== null && second.asOfMs >= atMs && second.fromMs <= fromMs && second.toMs > toMs
    ? 'proven'
    : 'not_yet';
}
