/**
 * One bounded HTTP request whose answer must be JSON. Whatever else comes back (an error, a redirect, an empty body,
 * something cut short) is a failed look with a reason, never an empty answer.
 */
import type { Context } from '../../contracts/context.ts';
import { TOKEN_PREFIX } from '../../domain/token.ts';
import { CALLED_OFF, type End, failed } from './end.ts';

export interface Question {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Bounds {
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly json: unknown;
  readonly headers: Headers;
  /** The backend's clock by its Date header: seconds, at best. */
  readonly backendNowMs?: number;
}

export type Asked =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly end: End };

const EXCERPT_CHARS = 200;
const RETRY_AFTER_MAX_MS = 3_600_000;
const WHOLE_TOKEN = new RegExp(`${TOKEN_PREFIX}[a-z2-7]+`, 'gi');

/** Never throws for the world's faults. Returns soon after the signal aborts, even if `fetch` doesn't heed it. */
export const ask = async (ctx: Context, question: Question, bounds: Bounds): Promise<Asked> => {
  const stop = new AbortController();
  const relay = () => stop.abort(bounds.signal.reason);
  if (bounds.signal.aborted) return { ok: false, end: failed(CALLED_OFF) };
  bounds.signal.addEventListener('abort', relay, { once: true });
  const timer = ctx.clock.sleep(bounds.timeoutMs, stop.signal).then(
    () => failed(`no whole answer within ${bounds.timeoutMs} ms`),
    () => failed(CALLED_OFF),
  );
  try {
    const work = exchange(ctx, question, { ...bounds, signal: stop.signal });
    const got = await Promise.race([work, timer]);
    return 'end' in got ? { ok: false, end: got } : { ok: true, answer: got };
  } catch (error) {
    if (bounds.signal.aborted) return { ok: false, end: failed(CALLED_OFF) };
    return { ok: false, end: failed(`the request failed: ${wordsOf(error)}`) };
  } finally {
    bounds.signal.removeEventListener('abort', relay);
    stop.abort();
  }
};

const exchange = async (ctx: Context, question: Question, bounds: Bounds): Promise<Answer | End> => {
  const { url, ...rest } = question;
  const response = await ctx.fetch(url, { ...rest, redirect: 'manual', signal: bounds.signal });
  const date = Date.parse(response.headers.get('date') ?? '');
  const facts = Number.isNaN(date) ? {} : { backendNowMs: date };
  const text = await readText(response, bounds.bodyBytesMax);
  if (response.status !== 200) {
    const retryAfterMs = retryAfter(response.headers, facts.backendNowMs ?? ctx.clock.now());
    const told = retryAfterMs === undefined ? facts : { ...facts, retryAfterMs };
    return failed(`answered ${response.status}${refusal(response, url, text ?? '')}`, told);
  }
  if (text === undefined) return failed(`answered with more than ${bounds.bodyBytesMax} bytes`, facts);
  if (text.trim() === '') return failed('answered 200 with an empty body', facts);
  try {
    return { json: JSON.parse(text), headers: response.headers, ...facts };
  } catch {
    const type = response.headers.get('content-type') ?? 'no content type';
    return failed(`answered 200 with a body that is not whole JSON (${type}): ${excerpt(text)}`, facts);
  }
};

/** The body as text; undefined where it is longer than allowed. */
const readText = async (response: Response, bytesMax: number): Promise<string | undefined> => {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

const refusal = (response: Response, url: string, text: string): string => {
  const location = response.headers.get('location');
  if (response.status >= 300 && response.status < 400 && location !== null) {
    const to = URL.canParse(location, url) ? new URL(location, url).host : 'an unreadable address';
    return `, a redirect to ${to}: redirects aren't followed, give the final address`;
  }
  if (response.status < 300) return ' where 200 with a body is due';
  return text.trim() === '' ? '' : `: ${excerpt(text)}`;
};

/** Retry-After (RFC 9110 §10.2.3): seconds or a date; at most an hour. */
const retryAfter = (headers: Headers, nowMs: number): number | undefined => {
  const value = headers.get('retry-after')?.trim() ?? '';
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
};

/** A few words of what a backend said. Tokens are cut: what we write ourselves never holds a whole one. */
export const excerpt = (text: string): string => {
  const flat = text
    .slice(0, 4 * EXCERPT_CHARS)
    .replace(/\s+/g, ' ')
    .trim()
    .replace(WHOLE_TOKEN, `${TOKEN_PREFIX}…`);
  return flat.length > EXCERPT_CHARS ? `${flat.slice(0, EXCERPT_CHARS)}…` : flat;
};

/** `fetch failed` says nothing; its cause does. */
const wordsOf = (error: unknown): string => {
  if (!(error instanceof Error)) return excerpt(String(error));
  const { cause } = error;
  if (!(cause instanceof Error)) return excerpt(error.message);
  return excerpt(cause.message || ('code' in cause ? String(cause.code) : error.message));
};
