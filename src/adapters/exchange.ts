// One HTTP request and its answer, bounded in time and size. What the answer means is for the adapter to say.
import type { Context } from '../contracts/context.ts';
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
  /** The body, as far as `bodyBytesMax`; empty where it broke off. */
  readonly text: string;
  /** Whether `text` is the whole body. */
  readonly whole: boolean;
}

export interface ExchangeBounds {
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly signal: AbortSignal;
}

/** How it went; where an answer began and didn't end, `begun` has its status and headers. */
export type Exchanged =
  | { readonly how: 'answered'; readonly answer: Answer }
  | { readonly how: 'timeout' | 'aborted'; readonly begun: Answer | undefined }
  | { readonly how: 'failed'; readonly begun: Answer | undefined; readonly error: unknown };

/** Reads at most `bytesMax` of a body and lets the rest go, so that no connection is held by it. */
const readBounded = async (response: Response, bytesMax: number): Promise<Pick<Answer, 'text' | 'whole'>> => {
  if (response.body === null) return { text: '', whole: true };
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let left = bytesMax; left >= 0; ) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), whole: true };
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.byteLength;
  }
  await reader.cancel();
  return { text, whole: false };
};

/**
 * Sends one request and reads its answer. Redirects are answers, not followed. Never throws for the world's faults.
 * Ends soon after the signal aborts, even if `fetch` doesn't heed it.
 */
export const exchange = async (ctx: Context, ask: Ask, bounds: ExchangeBounds): Promise<Exchanged> => {
  const { url, method, headers, body } = ask;
  let begun: Answer | undefined;
  try {
    const ended = await within(
      { clock: ctx.clock, ms: bounds.timeoutMs, signal: bounds.signal },
      async signal => {
        const init = { method, headers, body: body ?? null, redirect: 'manual', signal } as const;
        const response = await ctx.fetch(url, init);
        const head = { status: response.status, headers: response.headers };
        begun = { ...head, text: '', whole: false };
        return { ...head, ...(await readBounded(response, bounds.bodyBytesMax)) };
      },
    );
    return ended.how === 'done' ? { how: 'answered', answer: ended.value } : { how: ended.how, begun };
  } catch (error) {
    return { how: 'failed', begun, error };
  }
};

/**
 * Milliseconds until a `Retry-After` (seconds or a date, RFC 9110 §10.2.3) is over, at most `maxMs`; undefined where
 * there is none that can be read.
 */
export const retryAfterMs = (headers: Headers, nowMs: number, maxMs: number): number | undefined => {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxMs);
};

/** "HTTP 400: what the body said", on one line. */
export const wordsOfAnswer = (answer: Answer): string => {
  const said = redact(answer.text);
  return said === '' ? `HTTP ${answer.status}` : `HTTP ${answer.status}: ${said}`;
};

/** The value of an `Authorization` header with HTTP Basic credentials, in UTF-8 (RFC 7617). */
export const basicAuth = (username: string, password: string): string => {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
};
