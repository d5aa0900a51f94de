// What an HTTP exchange means for a canary.
import {
  type Answer,
  type Ask,
  type ExchangeBounds,
  exchange,
  retryAfterMs,
  wordsOfAnswer,
} from '../../adapters/exchange.ts';
import { redact } from '../../adapters/redact.ts';
import type { Context } from '../../contracts/context.ts';
import type { Outcome } from '../../contracts/injector.ts';
import { faultOutcome } from './faults.ts';

/** An answer, or, where there is none, what that means. */
export type Attempted = { readonly answer: Answer } | { readonly outcome: Outcome };

const RETRY_AFTER_MAX_MS = 86_400_000;

/** One exchange. An answer whose body breaks off still is an answer: its status was said. */
export const attempt = async (ctx: Context, ask: Ask, bounds: ExchangeBounds): Promise<Attempted> => {
  if (bounds.signal.aborted)
    return { outcome: { result: 'unsent', reason: 'stopped before sending', again: true } };
  const got = await exchange(ctx, ask, bounds);
  if (got.how === 'answered') return { answer: got.answer };
  if (got.begun !== undefined) return { answer: got.begun };
  if (got.how === 'failed') return { outcome: faultOutcome(got.error) };
  const reason =
    got.how === 'timeout' ? `no answer within ${bounds.timeoutMs} ms` : 'stopped while in flight';
  return { outcome: { result: 'maybe_sent', reason, again: true } };
};

/**
 * What a status that isn't a yes means. A server that fails (500, 502, 503 without Retry-After, 504) or gives up
 * waiting (408) may have taken the event first.
 */
export const refusal = (answer: Answer, nowMs: number): Outcome => {
  const { status } = answer;
  const reason = wordsOfAnswer(answer);
  const afterMs = retryAfterMs(answer.headers, nowMs, RETRY_AFTER_MAX_MS);
  const after = afterMs === undefined ? {} : { afterMs };
  if (status === 429 || status === 425 || (status === 503 && afterMs !== undefined)) {
    return { result: 'refused', reason, again: true, ...after };
  }
  if (status === 408 || (status >= 500 && status !== 501 && status !== 505)) {
    return { result: 'maybe_sent', reason, again: true };
  }
  if (status >= 300 && status < 400) {
    const location = redact(answer.headers.get('location') ?? 'nowhere');
    return {
      result: 'refused',
      reason: `HTTP ${status} redirects to ${location}; set url to where events are taken`,
    };
  }
  return { result: 'refused', reason };
};
