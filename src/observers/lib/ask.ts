/**
 * One bounded HTTP request whose answer must be JSON. Whatever else comes back (an error, a redirect, an empty body,
 * something cut short) is a failed look with a reason, never an empty answer.
 */
import {
  type Answer,
  type Ask,
  type ExchangeBounds,
  exchange,
  retryAfterMs,
} from '../../adapters/exchange.ts';
import { wordsOf } from '../../adapters/fault.ts';
import { redact } from '../../adapters/redact.ts';
import type { Context } from '../../contracts/context.ts';
import type { Json } from '../../contracts/observer.ts';
import { type BodyForm, readBody } from './body.ts';
import { CALLED_OFF, type End, failed } from './end.ts';

/** A look's bounds, and how the answer is written: as `json` unless said otherwise. */
export interface Bounds extends ExchangeBounds {
  readonly form?: BodyForm;
}

export interface Asked {
  readonly json: Json;
  readonly headers: Headers;
  /** The backend's clock by its Date header: seconds, at best. */
  readonly backendNowMs?: number;
}

export type AskResult =
  | { readonly ok: true; readonly answer: Asked }
  | { readonly ok: false; readonly end: End };

const RETRY_AFTER_MAX_MS = 3_600_000;

/** Never throws for the world's faults. Returns soon after the signal aborts, even if `fetch` doesn't heed it. */
export const ask = async (ctx: Context, question: Ask, bounds: Bounds): Promise<AskResult> => {
  const got = await exchange(ctx, question, bounds);
  const read = () => {
    switch (got.how) {
      case 'answered':
        return readAnswer(ctx, question, bounds, got.answer);
      case 'timeout':
        return failed(`no whole answer within ${bounds.timeoutMs} ms`);
      case 'aborted':
        return failed(CALLED_OFF);
      case 'failed':
        return failed(`the request failed: ${wordsOf(got.error)}`);
    }
  };
  const result = read();
  return 'end' in result ? { ok: false, end: result } : { ok: true, answer: result };
};

const readAnswer = (ctx: Context, question: Ask, bounds: Bounds, answer: Answer): Asked | End => {
  const { status, headers } = answer;
  const date = Date.parse(headers.get('date') ?? '');
  const facts = Number.isNaN(date) ? {} : { backendNowMs: date };
  if (status !== 200) {
    const afterMs = retryAfterMs(headers, facts.backendNowMs ?? ctx.clock.now(), RETRY_AFTER_MAX_MS);
    const told = afterMs === undefined ? facts : { ...facts, retryAfterMs: afterMs };
    return failed(`answered ${status}${refusal(answer, question.url)}`, told);
  }
  if (!answer.whole) return failed(`answered with more than ${bounds.bodyBytesMax} bytes`, facts);
  const body = readBody(answer.text, headers.get('content-type'), bounds.form ?? 'json');
  return 'problem' in body ? failed(body.problem, facts) : { json: body.json, headers, ...facts };
};

const refusal = ({ status, headers, text }: Answer, url: string): string => {
  const location = headers.get('location');
  if (status >= 300 && status < 400 && location !== null) {
    const to = URL.canParse(location, url) ? new URL(location, url).host : 'an unreadable address';
    return `, a redirect to ${to}: redirects aren't followed, give the final address`;
  }
  if (status < 300) return ' where 200 with a body is due';
  const said = redact(text);
  return said === '' ? '' : `: ${said}`;
};
