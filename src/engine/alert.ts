/**
 * The step `alert`: delivers what the outbox holds. What a tick claims is delivered beside it, a few notices at a time to
 * each notifier, so that one which hangs or is down holds nobody else back. A notice is sent again, with the same id,
 * whenever it isn't certain that its delivery was committed.
 */
import { Permanent, type Receipt, Retry } from '../contracts/notifier.ts';
import { clip } from '../domain/saying.ts';
import {
  type Claimed,
  type ClaimTerms,
  claimHeads,
  claimRepeats,
  claimStranded,
  commitSent,
  giveUp,
  mergeEnded,
  postpone,
  release,
} from '../store/alert.ts';
import type { Engine } from './live.ts';
import { type LiveNotifier, type Notifiers, routesFor } from './notifiers.ts';
import { untilCommitted } from './retry.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after each failed attempt the next one comes; after the last, the notice is given up. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
];
/** A channel may ask for this much more than that. */
const LONGER_MAX_MS = HOUR_MS;

const AT_ONCE = 4;
const DELIVER_MS = 30_000;
/** Longer than a delivery with its commit takes: nobody else delivers a notice meanwhile. */
const CLAIM_MS = 90_000;
/** At shutdown, what is under way may end for so long. */
const GRACE_MS = 5_000;
const STRANDED_EVERY_MS = MINUTE_MS;
/** A notifier that no replica knows for so long has left the configuration. */
const STRANDED_AFTER_MS = 10 * MINUTE_MS;
const ERROR_CHARS_MAX = 300;
const RECEIPT_CHARS_MAX = 16_384;

export type AlertEngine = Pick<
  Engine,
  'sql' | 'ctx' | 'config' | 'self' | 'instruments' | 'storeFault' | 'stop'
>;

export interface AlertOptions {
  /** Runs work beside the tick and tells of its failure. */
  readonly start: (what: string, work: () => Promise<void>) => void;
  /** For tests: a claim of a dead replica comes back after so long, milliseconds. */
  readonly claimMs?: number;
}

/** Claims what is due and begins to deliver it; resolves when that is claimed. To be called every second or so. */
export function createAlert(
  engine: AlertEngine,
  notifiers: Notifiers,
  { start, claimMs = CLAIM_MS }: AlertOptions,
): () => Promise<void> {
  const { sql, ctx, self } = engine;
  const underWay = new Map<string, number>();
  let claims = 0;
  let strandedMono = Number.NEGATIVE_INFINITY;
  const terms = (): ClaimTerms => ({ claim: `${self} ${++claims}`, claimMs, nowMs: ctx.clock.now() });
  const roomOf = (notifier: string) => ({ notifier, n: AT_ONCE - (underWay.get(notifier) ?? 0) });
  const begin = (c: Claimed, live: LiveNotifier, isRepeat: boolean): void => {
    underWay.set(c.notifier, (underWay.get(c.notifier) ?? 0) + 1);
    start('alert', async () => {
      try {
        await deliver(engine, notifiers, { claimed: c, live, isRepeat });
      } finally {
        underWay.set(c.notifier, (underWay.get(c.notifier) ?? 1) - 1);
      }
    });
  };

  return async () => {
    if (engine.stop.aborted) return;
    const room = [...notifiers.keys()].map(roomOf).filter(r => r.n > 0);
    const heads = terms();
    const claimed = await mergeEnded(sql, await claimHeads(sql, room, heads), heads);
    for (const c of claimed) begin(c, notifiers.get(c.notifier) as LiveNotifier, false);
    for (const [name, live] of notifiers) {
      const free = roomOf(name);
      if (live.traits.repeatEveryMs === null || free.n <= 0) continue;
      for (const c of await claimRepeats(sql, free, terms())) begin(c, live, true);
    }
    if (ctx.clock.mono() - strandedMono < STRANDED_EVERY_MS) return;
    strandedMono = ctx.clock.mono();
    const stranded = terms();
    for (const c of await claimStranded(
      sql,
      [...notifiers.keys()],
      stranded.nowMs - STRANDED_AFTER_MS,
      stranded,
    ))
      await abandon(engine, notifiers, c, `no notifier "${c.notifier}" is configured any more`);
  };
}

/** Milliseconds until the next attempt after `failures` failed ones, with jitter; null: there is none. */
export function retryDelayMs(failures: number, afterMs: number | null, random: number): number | null {
  const delayMs = RETRY_DELAYS_MS[failures - 1];
  if (delayMs === undefined) return null;
  const usualMs = delayMs * (0.9 + 0.2 * random);
  return Math.round(Math.max(usualMs, Math.min(afterMs ?? 0, usualMs + LONGER_MAX_MS)));
}

interface Delivery {
  readonly claimed: Claimed;
  readonly live: LiveNotifier;
  readonly isRepeat: boolean;
}

type Ended =
  | { readonly how: 'sent'; readonly receipt: Receipt }
  | { readonly how: 'failed'; readonly error: string; readonly afterMs: number | null }
  | { readonly how: 'never'; readonly error: string }
  | { readonly how: 'stopped' };

async function deliver(engine: AlertEngine, notifiers: Notifiers, delivery: Delivery): Promise<void> {
  const { sql, ctx, instruments } = engine;
  const { claimed, live, isRepeat } = delivery;
  const ended = await attempt(engine, delivery);
  const nowMs = ctx.clock.now();
  const told = { notifier: claimed.notifier, id: claimed.notice.id, event: claimed.notice.event };
  if (ended.how === 'sent') {
    instruments.add(isRepeat ? 'notices_repeated' : 'notices_sent');
    const sent = { nowMs, receipt: ended.receipt, repeatMs: live.traits.repeatEveryMs };
    const isOurs = await untilCommitted(engine, 'alert', () => commitSent(sql, claimed, sent));
    const level = isRepeat ? 'debug' : 'info';
    return isOurs ? ctx.log(level, 'notice.sent', told) : ctx.log('warn', 'notice.claim_lost', told);
  }
  if (ended.how === 'stopped') return await release(sql, claimed);
  instruments.add('notice_failures');
  if (isRepeat) {
    ctx.log('warn', 'notice.repeat_failed', { ...told, reason: ended.error });
    const nextMs = nowMs + (live.traits.repeatEveryMs ?? 0);
    return await untilCommitted(engine, 'alert', () => release(sql, claimed, nextMs));
  }
  const delayMs =
    ended.how === 'failed' ? retryDelayMs(claimed.attempts + 1, ended.afterMs, ctx.random()) : null;
  if (delayMs === null) return await abandon(engine, notifiers, claimed, ended.error);
  ctx.log('warn', 'notice.retry', { ...told, reason: ended.error, afterMs: delayMs });
  const next = { nextMs: nowMs + delayMs, error: ended.error };
  await untilCommitted(engine, 'alert', () => postpone(sql, claimed, next));
}

/** Given up here: others are told instead. */
async function abandon(engine: AlertEngine, notifiers: Notifiers, c: Claimed, error: string): Promise<void> {
  const routes = routesFor(engine.config, notifiers, c.notice);
  const why = { nowMs: engine.ctx.clock.now(), error, routes };
  const standIns = await untilCommitted(engine, 'alert', () => giveUp(engine.sql, c, why));
  if (standIns === null) return;
  engine.instruments.add('notices_given_up');
  engine.ctx.log('error', 'notice.given_up', {
    notifier: c.notifier,
    id: c.notice.id,
    reason: error,
    instead: standIns,
  });
}

/** One delivery, within its time. Never throws. */
async function attempt(engine: AlertEngine, { claimed, live }: Delivery): Promise<Ended> {
  const { clock } = engine.ctx;
  const abort = new AbortController();
  const timer = clock.sleep(DELIVER_MS, abort.signal).then(
    () => ({ how: 'failed', error: `no end within ${DELIVER_MS / 1000} s`, afterMs: null }) as const,
    () => ({ how: 'stopped' }) as const,
  );
  const relay = () =>
    void clock.sleep(GRACE_MS, abort.signal).then(
      () => abort.abort(),
      () => {},
    );
  if (engine.stop.aborted) relay();
  engine.stop.addEventListener('abort', relay, { once: true });
  const call = async (): Promise<Ended> => {
    const receipt = await live.notifier.notify(claimed.notice, claimed.previous, abort.signal);
    return { how: 'sent', receipt: bounded(receipt) };
  };
  try {
    return await Promise.race([call(), timer]);
  } catch (error) {
    if (abort.signal.aborted) return { how: 'stopped' };
    const said = clip(error instanceof Error ? error.message : String(error), ERROR_CHARS_MAX);
    if (error instanceof Permanent) return { how: 'never', error: said };
    return { how: 'failed', error: said, afterMs: error instanceof Retry ? error.afterMs : null };
  } finally {
    engine.stop.removeEventListener('abort', relay);
    abort.abort();
  }
}

/** A receipt too large to keep is as good as none: the next notice stands alone. */
const bounded = (receipt: Receipt): Receipt =>
  JSON.stringify(receipt).length > RECEIPT_CHARS_MAX ? {} : receipt;
