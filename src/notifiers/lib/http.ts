// One request to a channel, and what its answer means for the notice: delivered, to be tried again, or never.
import { type Answer, type Ask, exchange, retryAfterMs } from '../../adapters/exchange.ts';
import { rootOf } from '../../adapters/fault.ts';
import type { Context } from '../../contracts/context.ts';
import { Permanent, Retry } from '../../contracts/notifier.ts';
import type { Scrub } from './scrub.ts';

const ANSWER_BYTES_MAX = 16_384;
const RETRY_AFTER_MAX_MS = 86_400_000;

/** Whom we speak to. */
export interface Channel {
  readonly ctx: Context;
  /** What messages call it. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly scrub: Scrub;
  /** What to do about an answer that is no yes; undefined: the status says enough. */
  readonly advise?: (answer: Answer) => string | undefined;
  /** Statuses below 500 that pass by themselves, besides 408, 425 and 429. */
  readonly passing?: readonly number[];
  /** Bytes of an answer that are read. */
  readonly answerBytesMax?: number;
}

const ADVICE: Readonly<Record<number, string>> = {
  400: 'it did not understand the notice',
  401: 'check the credentials',
  403: 'check the credentials, and what they allow',
  404: 'nobody is there: check url',
  405: 'this is no address for notices: check url',
  410: 'the address has been given up: set a new url',
  413: 'the notice is too large for it',
};

/** Sends one request. Throws `Retry` where no answer came. A redirect is an answer, and is not followed. */
export const ask = async (channel: Channel, request: Ask, signal: AbortSignal): Promise<Answer> => {
  const { ctx, name, timeoutMs, scrub, answerBytesMax = ANSWER_BYTES_MAX } = channel;
  const ended = await exchange(ctx, request, { timeoutMs, bodyBytesMax: answerBytesMax, signal });
  if (ended.how === 'answered') return ended.answer;
  // The status has been said, whatever became of the body.
  if (ended.begun !== undefined) return ended.begun;
  if (ended.how !== 'failed') {
    const why =
      ended.how === 'timeout' ? `no answer within ${timeoutMs} ms` : 'stopped while it was being sent';
    throw new Retry(`${name}: ${why}`);
  }
  const { code, message } = rootOf(ended.error);
  throw new Retry(`${name}: ${scrub(message.includes(code) ? message : `${code}: ${message}`)}`);
};

/** Where a redirect leads, as far as may be told. */
const leadsTo = (answer: Answer, from: string): string => {
  const to = answer.headers.get('location') ?? '';
  return URL.canParse(to, from) ? new URL(to, from).host : 'nowhere';
};

/** The answer in words: what it was, what it said, what to do. */
export const wordsOf = (channel: Channel, answer: Answer): string => {
  const said = channel.scrub(answer.text);
  const advice = channel.advise?.(answer) ?? ADVICE[answer.status];
  return [
    `${channel.name}: HTTP ${answer.status}`,
    ...(said === '' ? [] : [`: ${said}`]),
    ...(advice === undefined ? [] : [`; ${advice}`]),
  ].join('');
};

/** The error that an answer which is no yes amounts to. */
export const refusal = (channel: Channel, answer: Answer, url: string): Retry | Permanent => {
  const { status } = answer;
  const afterMs = retryAfterMs(answer.headers, channel.ctx.clock.now(), RETRY_AFTER_MAX_MS) ?? null;
  if (status >= 300 && status < 400) {
    const words = `${channel.name}: HTTP ${status} redirects to ${channel.scrub(leadsTo(answer, url))}; redirects aren't followed`;
    return status === 301 || status === 308
      ? new Permanent(`${words}: set url to the final address`)
      : new Retry(words, afterMs);
  }
  const passes = [408, 425, 429, ...(channel.passing ?? [])].includes(status) || status >= 500;
  const words = wordsOf(channel, answer);
  return passes || status < 300 ? new Retry(words, afterMs) : new Permanent(words);
};

/** Posts JSON; returns the answer if it is a yes (2xx), else throws what it amounts to. */
export const send = async (
  channel: Channel,
  request: {
    readonly url: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
  signal: AbortSignal,
): Promise<Answer> => {
  const { url, body } = request;
  const headers = { 'content-type': 'application/json', 'user-agent': 'coalmine', ...request.headers };
  const answer = await ask(channel, { url, method: 'POST', headers, body }, signal);
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refusal(channel, answer, url);
};
