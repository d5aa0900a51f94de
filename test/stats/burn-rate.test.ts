import { describe, expect, test } from 'vitest';
import {
  BURN_RATE_RULES,
  budgetSpent,
  burnRate,
  burns,
  canariesPerMinuteNeeded,
} from '../../src/stats/burn-rate.ts';

const [fastest, fast] = BURN_RATE_RULES as [(typeof BURN_RATE_RULES)[0], (typeof BURN_RATE_RULES)[0]];

test('the rules of the workbook', () => {
  const minutes = BURN_RATE_RULES.map(r => [r.severity, r.factor, r.longMs / 60_000, r.shortMs / 60_000]);
  expect(minutes).toEqual([
    ['page', 14.4, 60, 5],
    ['page', 6, 360, 30],
    ['ticket', 3, 1440, 120],
    ['ticket', 1, 4320, 360],
  ]);
  expect(BURN_RATE_RULES.map(r => Number(budgetSpent(r).toFixed(9)))).toEqual([0.02, 0.05, 0.1, 0.1]);
});

test.each([
  [0.99, '0.23', '0.35'],
  [0.999, '2.31', '3.47'],
  [0.9999, '23.15', '34.72'],
])('canaries a minute so that 14.4× at %d takes 2 or 3 losses', (objective, two, three) => {
  expect(canariesPerMinuteNeeded(fastest, { objective, losses: 2 }).toFixed(2)).toBe(two);
  expect(canariesPerMinuteNeeded(fastest, { objective, losses: 3 }).toFixed(2)).toBe(three);
});

describe('a rule', () => {
  const objective = 0.99;

  test('isn’t tripped by one loss among few canaries', () => {
    const single = { long: { losses: 1, n: 6 }, short: { losses: 1, n: 1 } };
    expect(burnRate(single.long, objective)).toBeGreaterThan(14.4);
    expect(burns(fastest, single, { objective })).toBe(false);
    expect(burns(fastest, single, { objective, lossesMin: 1 })).toBe(true);
  });

  test('fires at its factor exactly, and not below it', () => {
    const exact = { losses: 144, n: 1000 };
    expect(burns(fastest, { long: exact, short: exact }, { objective })).toBe(true);
    expect(burns(fastest, { long: { losses: 143, n: 1000 }, short: exact }, { objective })).toBe(false);
    expect(burns(fast, { long: { losses: 60, n: 1000 }, short: { losses: 6, n: 100 } }, { objective })).toBe(
      true,
    );
    // .999 leaves a budget that binary can't hold: 14.4 ‰ of loss still reaches 14.4×.
    const thousandth = { losses: 144, n: 10_000 };
    expect(burns(fastest, { long: thousandth, short: thousandth }, { objective: 0.999 })).toBe(true);
  });

  test('ends with its short window', () => {
    const long = { losses: 300, n: 1000 };
    expect(burns(fastest, { long, short: { losses: 0, n: 100 } }, { objective })).toBe(false);
    // Without canaries in the short window there is no rate to fire on.
    expect(burns(fastest, { long, short: { losses: 0, n: 0 } }, { objective })).toBe(false);
  });
});

test('no canaries, no rate; no budget, no burn rate', () => {
  expect(burnRate({ losses: 0, n: 0 }, 0.99)).toBeUndefined();
  expect(burnRate({ losses: 1, n: 100 }, 0.99)).toBeCloseTo(1, 12);
  expect(() => burnRate({ losses: 0, n: 1 }, 1)).toThrow(/objective/);
});
