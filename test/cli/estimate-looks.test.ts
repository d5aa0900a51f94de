import { expect, test } from 'vitest';
import { lookCost } from '../../src/cli/lib/estimate-looks.ts';
import type { LiveCheckpoint } from '../../src/engine/live.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const at = (chained: boolean, way: 'query' | 'follow' | 'receive' = 'query'): LiveCheckpoint =>
  ({
    config: { onTimeWithinMs: 15 * MINUTE, lostAfterMs: 4 * HOUR, lookBackMs: 7 * DAY },
    rules: {
      way,
      chained,
      secondLook: chained ? 'event' : null,
      settleMs: 0,
      keepsMs: 7 * DAY,
      lookEveryMs: MINUTE,
    },
  }) as LiveCheckpoint;
const load = { everyMs: MINUTE, targets: 8_000, drillEveryMs: HOUR, delayMs: 0 };

/** `npm run bench -- looks` measures the engine itself over a backend that counts: 8,000 targets, one a minute, L of 4 h. */
test.each([
  [true, 2.1, 62],
  [false, 3.9, 78],
])(
  'agrees with what the bench measured: chained %s, %d rows a canary, %d queries an hour',
  (chained, rows, queries) => {
    const cost = lookCost(at(chained), load);
    expect(cost.rows! / (8_000 * 1_440)).toBeGreaterThan(rows * 0.8);
    expect(cost.rows! / (8_000 * 1_440)).toBeLessThan(rows * 1.2);
    expect(Math.abs(cost.looks / 24 - queries)).toBeLessThan(0.15 * queries);
  },
);

test('rows follow the targets, queries don’t', () => {
  const few = lookCost(at(true), { ...load, targets: 10 });
  const more = lookCost(at(true), { ...load, targets: 30 });
  expect(more.rows).toBeCloseTo(3 * few.rows!, 6);
  expect(more.looks).toBe(few.looks);
});

test('a log is read, a push received: looks are all there is to count', () => {
  for (const way of ['follow', 'receive'] as const)
    expect(lookCost(at(true, way), load)).toEqual({ looks: 1_440, rows: null, askedMs: null });
});
