import { afterEach, expect, test, vi } from 'vitest';
import { createClock } from '../../src/runtimes/clock.ts';

afterEach(() => void vi.useRealTimers());

test('sleeps at least as long as asked, and tells the time', async () => {
  const clock = createClock();
  const before = performance.now();
  await clock.sleep(20);
  expect(performance.now() - before).toBeGreaterThanOrEqual(19);
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(50);
  expect(Math.abs(clock.mono() - performance.now())).toBeLessThan(50);
});

test('an aborted sleep rejects with the signal’s reason, before it and during it', async () => {
  const clock = createClock({ unref: true });
  const abort = new AbortController();
  const sleeping = clock.sleep(60_000, abort.signal);
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(clock.sleep(0, abort.signal)).rejects.toBe(reason);
});

test('sleeps longer than a timer can', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const days = 60 * 86_400_000;
  let awake = false;
  const sleeping = createClock()
    .sleep(days)
    .then(() => {
      awake = true;
    });
  await vi.advanceTimersByTimeAsync(days - 1_000);
  expect(awake).toBe(false);
  await vi.advanceTimersByTimeAsync(2_000);
  await sleeping;
  expect(awake).toBe(true);
});
