import { expect, test } from 'vitest';
import { basicAuth, exchange, retryAfterMs, wordsOfAnswer } from '../../src/adapters/exchange.ts';
import { realContext, T0 } from '../support/observing.ts';

const ask = { url: 'http://s.test/', method: 'POST', headers: {}, body: 'x' };
const bounds = { timeoutMs: 1000, bodyBytesMax: 4, signal: new AbortController().signal };
const answering = (answer: () => Promise<Response>, over: object = {}) =>
  exchange(realContext({ fetch: answer }), ask, { ...bounds, ...over });
/** Says these, and then nothing more, or breaks. */
const bodyOf = (chunks: readonly string[], then: 'ends' | 'hangs' | 'breaks') => {
  let released = false;
  const left = chunks.map(c => new TextEncoder().encode(c));
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const next = left.shift();
      if (next) controller.enqueue(next);
      else if (then === 'ends') controller.close();
      else if (then === 'breaks') controller.error(new Error('cut'));
    },
    cancel() {
      released = true;
    },
  });
  return { response: new Response(stream, { status: 201 }), wasReleased: () => released };
};

test.each([
  [['ab', 'cd'], 'abcd', true],
  [['ab', 'cde'], 'abcd', false],
  [['é', 'é', 'x'], 'éé', false],
  [[], '', true],
] as const)('%j of at most 4 bytes is %j, whole: %s', async (chunks, text, whole) => {
  const { response } = bodyOf(chunks, 'ends');
  const got = await answering(async () => response);
  expect(got).toMatchObject({ how: 'answered', answer: { status: 201, text, whole } });
});

test('an endless body is let go of at the bound', async () => {
  const { response, wasReleased } = bodyOf(['abc', 'def', 'ghi'], 'hangs');
  expect(await answering(async () => response)).toMatchObject({ how: 'answered', answer: { whole: false } });
  expect(wasReleased()).toBe(true);
});

test('an answer that broke off or hung has begun; without one nothing has', async () => {
  const begun = { status: 201, text: '', whole: false };
  const cut = await answering(async () => bodyOf(['a'], 'breaks').response);
  expect(cut).toMatchObject({ how: 'failed', begun, error: { message: 'cut' } });
  const hung = await answering(async () => bodyOf(['a'], 'hangs').response, { timeoutMs: 5 });
  expect(hung).toMatchObject({ how: 'timeout', begun });
  const silent = () => new Promise<Response>(() => undefined);
  expect(await answering(silent, { timeoutMs: 5 })).toEqual({ how: 'timeout', begun: undefined });
  expect(await answering(silent, { signal: AbortSignal.abort() })).toEqual({
    how: 'aborted',
    begun: undefined,
  });
});

test.each([
  ['7', 7000],
  [' 0 ', 0],
  [new Date(T0 + 5000).toUTCString(), 5000],
  [new Date(T0 - 5000).toUTCString(), 0],
  ['999999', 60_000],
  ['9'.repeat(400), 60_000],
  ['soon', undefined],
  ['', undefined],
])('Retry-After: %s', (value, ms) => {
  expect(retryAfterMs(new Headers({ 'retry-after': value }), T0, 60_000)).toBe(ms);
});

test('what it says of an answer holds no identity', () => {
  const answer = { status: 400, headers: new Headers(), whole: true };
  expect(wordsOfAnswer({ ...answer, text: '' })).toBe('HTTP 400');
  const said = wordsOfAnswer({ ...answer, text: `no\n coalmine1${'a'.repeat(40)}!` });
  expect(said).toBe('HTTP 400: no [canary]!');
});

test('Basic credentials, as in RFC 7617', () => {
  expect(basicAuth('Aladdin', 'open sesame')).toBe('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
  expect(basicAuth('test', '123£')).toBe('Basic dGVzdDoxMjPCow==');
});
