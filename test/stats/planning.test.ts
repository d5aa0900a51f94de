import { describe, expect, test } from 'vitest';
import {
  agentsToCover,
  detectionQuantileMs,
  expectedDetectionMs,
  firstAgentFailsMs,
  missChance,
  onsetDetectionMs,
} from '../../src/stats/planning.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('constant loss', () => {
  const every = { everyMs: MINUTE, deadlineMs: 15 * MINUTE };

  test('E = D + 1/(r p)', () => {
    expect(expectedDetectionMs({ ...every, loss: 0.05 })).toBe(35 * MINUTE);
    expect(() => expectedDetectionMs({ ...every, loss: 0 })).toThrow(/loss rate/);
  });

  test.each([
    [0.01, 299, 459],
    [0.05, 59, 90],
    [0.1, 29, 44],
    [0.25, 11, 17],
    [0.55, 4, 6],
    [1, 1, 1],
  ])('at %d: D + %d or %d canaries', (loss, n95, n99) => {
    expect(detectionQuantileMs({ ...every, loss, quantile: 0.95 })).toBe((15 + n95) * MINUTE);
    expect(detectionQuantileMs({ ...every, loss, quantile: 0.99 })).toBe((15 + n99) * MINUTE);
  });
});

describe('gradual onset', () => {
  const hours = (tauDays: number, everyMs: number): string =>
    (
      onsetDetectionMs({ tauMs: tauDays * DAY, everyMs, deadlineMs: 0, losses: 2, quantile: 0.5 }) / HOUR
    ).toFixed(1);

  test('median hours to the second loss', () => {
    expect([5 * MINUTE, MINUTE, 6000].map(every => hours(10, every))).toEqual(['8.2', '3.7', '1.2']);
    expect([5 * MINUTE, MINUTE, 6000].map(every => hours(100, every))).toEqual(['26.0', '11.6', '3.7']);
  });

  test('an onset at once is a Poisson process of losses', () => {
    const at = (losses: number, quantile: number) =>
      onsetDetectionMs({ tauMs: 1e-3, everyMs: 1000, deadlineMs: 500, losses, quantile });
    // The first loss is exponential; half of χ² with 40 degrees is the median of the twentieth.
    expect(at(1, 0.95)).toBeCloseTo(500 + 1000 * -Math.log(0.05), 1);
    expect(at(20, 0.5)).toBeCloseTo(500 + 1000 * 19.66771, 0);
  });

  test('refuses nonsense', () => {
    const good = { tauMs: 1, everyMs: 1, deadlineMs: 0, losses: 1, quantile: 0.5 };
    for (const bad of [{ tauMs: 0 }, { everyMs: 0 }, { losses: 0 }, { quantile: 1 }]) {
      expect(() => onsetDetectionMs({ ...good, ...bad })).toThrow(RangeError);
    }
  });
});

test('the first of pinned agents fails after an exponential time, the sooner the more there are', () => {
  const at = (covered: number, quantile: number) => firstAgentFailsMs({ tauMs: 10 * DAY, covered, quantile });
  expect(at(1, 1 - Math.exp(-1))).toBeCloseTo(10 * DAY, 3);
  expect(at(20, 0.5) / HOUR).toBeCloseTo(8.3178, 3);
  expect(at(2, 0.5)).toBeCloseTo(at(1, 0.5) / 2, 6);
  expect(() => at(0, 0.5)).toThrow(RangeError);
  expect(() => at(1, 1)).toThrow(RangeError);
});

describe('agents covered', () => {
  test.each([
    [100, 1, 95],
    [100, 5, 45],
    [100, 10, 25],
    [1000, 10, 258],
    [1000, 50, 57],
  ])('of %d with %d affected, %d meet one at 95%%', (agents, affected, covered) => {
    expect(agentsToCover({ agents, affected, confidence: 0.95 })).toBe(covered);
  });

  test('the chance to miss agrees with counting every choice', () => {
    for (let agents = 1; agents <= 8; agents++) {
      for (let affected = 0; affected <= agents; affected++) {
        const byCovered = Array.from({ length: agents + 1 }, () => ({ all: 0, missed: 0 }));
        for (let chosen = 0; chosen < 1 << agents; chosen++) {
          const tally = byCovered[chosen.toString(2).replaceAll('0', '').length]!;
          tally.all++;
          // The first `affected` agents are the affected ones.
          if ((chosen & ((1 << affected) - 1)) === 0) tally.missed++;
        }
        byCovered.forEach(({ all, missed }, covered) => {
          expect(missChance({ agents, affected, covered })).toBeCloseTo(missed / all, 12);
        });
      }
    }
  });

  test('refuses nonsense', () => {
    expect(() => missChance({ agents: 5, affected: 6, covered: 1 })).toThrow(/found 6/);
    expect(() => agentsToCover({ agents: 5, affected: 0, confidence: 0.95 })).toThrow(/1 to 5 affected/);
    expect(() => agentsToCover({ agents: 5, affected: 6, confidence: 0.95 })).toThrow(/1 to 5 affected/);
    // 9 of 10 leave a chance of .1 exactly, which 1 − .9 isn't in binary.
    expect(agentsToCover({ agents: 10, affected: 1, confidence: 0.9 })).toBe(9);
    expect(agentsToCover({ agents: 1, affected: 1, confidence: 0.95 })).toBe(1);
  });
});
