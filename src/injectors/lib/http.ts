// One HTTP exchange, bounded in time and size, and what its answer means for a canary.
import type { Context } from '../../contracts/context.ts';
import type { Outcome } from '../../contracts/injector.ts';
import { faultOutcome } from './faults.ts';
import { redact } from './redact.ts';
import { within } from './within.ts';

export interface Ask {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body, as far as `bodyBytesMax`. */
  readonly text: string;
}

export interface ExchangeBounds {
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly signal: AbortSignal;
}

/** An answer, or, where there is none, what that means. */
export type Exchanged = { readonly answer: Answer } | { readonly outcome: Outcome };

const RETRY_AFTER_MAX_MS = 86_400_000;

/** Reads at most `bytesMax` of a body and lets the rest go, so that no connection is held by it. */
const readBounded = async (response: Response, bytesMax: number): Promise<string> => {
  if (response.body === null) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let left = bytesMax; left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.byteLength;
  }
  await reader.cancel();
  return text;
};

/**
 * Sends one request and reads its answer. Redirects are answers, not followed. Never throws for the world's
 * faults. An answer whose body breaks off still is an answer: its status was said.
 */
export const exchange = async (ctx: Context, ask: Ask, bounds: ExchangeBounds): Promise<Exchanged> => {
  if (bounds.signal.aborted)
    return { outcome: { result: 'unsent', reason: 'stopped before sending', again: true } };
  let answered: Response | undefined;
  const unread = (): Answer | undefined =>
    answered && { status: answered.status, headers: answered.headers, text: '' };
  try {
    const { url, method, headers, body } = ask;
    const ended = await within(
      { clock: ctx.clock, ms: bounds.timeoutMs, signal: bounds.signal },
      async signal => {
        const response = await ctx.fetch(url, {
          method,
          headers,
          body: body ?? null,
          redirect: 'manual',
          signal,
        });
        answered = response;
        const text = await readBounded(response, bounds.bodyBytesMax);
        return { status: response.status, headers: response.headers, text };
      },
    );
    if (ended.how === 'done') return { answer: ended.value };
    const answer = unread();
    if (answer !== undefined) return { answer };
    const reason =
      ended.how === 'timeout' ? `no answer within ${bounds.timeoutMs} ms` : 'stopped while in flight';
    return { outcome: { result: 'maybe_sent', reason, again: true } };
  } catch (error) {
    const answer = unread();
    return answer === undefined ? { outcome: faultOutcome(error) } : { answer };
  }
};

/** Milliseconds until a `Retry-After` (seconds or a date, RFC 9110 §10.2.3) is over; undefined where there is none. */
export const retryAfterMs = (headers: Headers, nowMs: number): number | undefined => {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS) : undefined;
};

/** "HTTP 400: what the body said", on one line. */
export const wordsOfAnswer = (answer: Answer): string => {
  const said = redact(answer.text);
  return said === '' ? `HTTP ${answer.status}` : `HTTP ${answer.status}: ${said}`;
};

/**
 * What a status that isn't a yes means. A server that fails (500, 502, 503 without Retry-After, 504) or gives up
 * waiting (408) may have taken the event first.
 */
export const refusal = (answer: Answer, nowMs: number): Outcome => {
  const { status } = answer;
  const reason = wordsOfAnswer(answer);
  const afterMs = retryAfterMs(answer.headers, nowMs);
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

/** The value of an `Authorization` header with HTTP Basic credentials, in UTF-8 (RFC 7617). */
export const basicAuth = (username: string, password: string): string => {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
};
