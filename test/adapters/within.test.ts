import { expect, test } from 'vitest';
import { within } from '../../src/adapters/within.ts';
import { realContext } from '../support/observing.ts';

const { clock } = realContext();
const never = () => new Promise<never>(() => undefined);

test('work that ends in time is handed on, and so is what it throws', async () => {
  const { signal } = new AbortController();
  const bound = { clock, ms: 1000, signal };
  expect(await within(bound, async () => 7)).toEqual({ how: 'done', value: 7 });
  const broken = within(bound, () => Promise.reject(new Error('broken')));
  await expect(broken).rejects.toThrow('broken');
});

test('work that heeds no signal is left behind when its time is up or the caller stops', async () => {
  const caller = new AbortController();
  const { signal } = caller;
  expect(await within({ clock, ms: 3, signal }, never)).toEqual({ how: 'timeout' });
  const stopped = within({ clock, ms: 60_000, signal }, never);
  caller.abort();
  expect(await stopped).toEqual({ how: 'aborted' });
  let begun = false;
  const after = within({ clock, ms: 1000, signal }, async () => {
    begun = true;
  });
  expect([await after, begun]).toEqual([{ how: 'aborted' }, false]);
});

test('the signal it gives aborts when the time is up, and when the work has ended', async () => {
  const { signal } = new AbortController();
  const given: AbortSignal[] = [];
  await within({ clock, ms: 3, signal }, stop => {
    given.push(stop);
    return never();
  });
  await within({ clock, ms: 1000, signal }, async stop => given.push(stop));
  expect(given.map(s => s.aborted)).toEqual([true, true]);
});
