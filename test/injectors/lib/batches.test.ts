import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLanes, oneByOne, portions } from '../../../src/injectors/lib/batches.ts';

test('portions keep every item in order and both bounds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50)),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 100 }),
      (sizes, countMax, bytesMax) => {
        const out = portions(sizes, { countMax, bytesMax }, s => s);
        expect(out.flat()).toEqual(sizes);
        for (const part of out) {
          expect(part.length).toBeLessThanOrEqual(countMax);
          if (part.length > 1) expect(part.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(bytesMax);
        }
      },
    ),
  );
});

test('lanes keep order, and their bound over all calls', async () => {
  let now = 0;
  let most = 0;
  const lanes = createLanes(3);
  const work = async (turns: number) => {
    most = Math.max(most, ++now);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    now--;
    return turns * 10;
  };
  const calls = [[5, 1, 4, 2, 3, 0], [3, 3], [], [9, 0, 9, 0]];
  const out = await Promise.all(calls.map(items => lanes.map(items, new AbortController().signal, work)));
  expect(out).toEqual(calls.map(items => items.map(n => n * 10)));
  expect(most).toBe(3);
});

test('a call that gives up does not wait for the lanes that another holds, nor take them', async () => {
  const lanes = createLanes(2);
  const frees: (() => void)[] = [];
  const holding = lanes.map(
    [1, 2, 3],
    new AbortController().signal,
    n => new Promise<number>(r => frees.push(() => r(n))),
  );
  const stop = new AbortController();
  const waits = lanes.map([4, 5, 6], stop.signal, async n => (stop.signal.aborted ? -n : n));
  stop.abort();
  expect(await waits).toEqual([-4, -5, -6]);
  for (let i = 0; i < 3; i++) {
    frees[i]?.();
    await new Promise(setImmediate);
  }
  expect(await holding).toEqual([1, 2, 3]);
  let now = 0;
  let most = 0;
  await lanes.map([0, 0, 0, 0, 0], new AbortController().signal, async () => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
  });
  expect(most).toBe(2);
});

test('oneByOne overlaps nothing and survives a failure', async () => {
  const inTurn = oneByOne();
  const log: string[] = [];
  const step =
    (name: string, fails = false) =>
    async () => {
      log.push(`+${name}`);
      await new Promise(setImmediate);
      log.push(`-${name}`);
      if (fails) throw new Error(name);
    };
  const results = await Promise.allSettled([inTurn(step('a')), inTurn(step('b', true)), inTurn(step('c'))]);
  expect(log).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  expect(results.map(r => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
