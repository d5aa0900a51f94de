import { expect, test } from 'vitest';
import { ask } from '../../../src/observers/lib/ask.ts';
import { realContext, T0 } from '../../support/observing.ts';

const bounds = { timeoutMs: 1000, bodyBytesMax: 1000, signal: new AbortController().signal };
const question = { url: 'http://s.test/?key=secret', method: 'GET', headers: {} };
const answering = (answer: () => Promise<Response>) => ask(realContext({ fetch: answer }), question, bounds);

test.each([
  ['7', 7000],
  ['Tue, 14 Nov 2023 22:13:25 GMT', 5000],
  ['Tue, 14 Nov 2023 22:13:15 GMT', 0],
  ['999999999', 3_600_000],
  ['soon', undefined],
])('Retry-After: %s', async (value, retryAfterMs) => {
  const date = new Date(T0).toUTCString();
  const got = await answering(
    async () => new Response('', { status: 429, headers: { 'retry-after': value, date } }),
  );
  expect(!got.ok && got.end.retryAfterMs).toBe(retryAfterMs);
});

test('a fetch that heeds no signal is left behind when time is up or the look is called off', async () => {
  const deaf = realContext({ fetch: () => new Promise<Response>(() => undefined) });
  const late = await ask(deaf, question, { ...bounds, timeoutMs: 5 });
  expect(!late.ok && late.end.reason).toContain('5 ms');
  const stop = new AbortController();
  const asked = ask(deaf, question, { ...bounds, signal: stop.signal });
  stop.abort();
  expect((await asked).ok).toBe(false);
});

test('what it says of a failure: the cause, and neither a token nor the address', async () => {
  const got = await answering(async () => {
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') });
  });
  expect(!got.ok && got.end.reason).toBe('the request failed: connect ECONNREFUSED 127.0.0.1:1');
  const echo = await answering(
    async () => new Response(`a\n b  COALMINE1${'A'.repeat(40)} c`, { status: 500 }),
  );
  expect(!echo.ok && echo.end.reason).toBe('answered 500: a b [canary] c');
});
