import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alternativesOf,
  cusum,
  likelihoodRatios,
  shiryaevRoberts,
  shiryaevRobertsAfter,
} from '../../src/stats/e-detector.ts';
import { random } from '../support/ledger.ts';

const near = (found: number, expected: number, relative = 1e-6): void => {
  expect(Math.abs(found / expected - 1), `${found} for ${expected}`).toBeLessThan(relative);
};

describe('vector p0=.01, p1=.1, x = 0,0,1,0,1,1,0,1', () => {
  const { loss, arrival } = likelihoodRatios(0.01, 0.1);
  const path = (step: (m: number, ratio: number) => number, from: number): number[] => {
    let m = from;
    return [0, 0, 1, 0, 1, 1, 0, 1].map(x => {
      m = step(m, x ? loss : arrival);
      return m;
    });
  };

  test.each([
    [
      'e-SR',
      shiryaevRoberts,
      0,
      [0.909091, 1.735537, 27.355372, 25.777611, 267.776108, 2687.761082, 2444.328256, 24453.282563],
    ],
    ['e-CUSUM', cusum, 0, [0.909091, 0.909091, 10, 9.090909, 90.909091, 909.090909, 826.446281, 8264.46281]],
    [
      'one-shot',
      (m: number, ratio: number) => m * ratio,
      1,
      [0.909091, 0.826446, 8.264463, 7.513148, 75.13148, 751.314801, 683.013455, 6830.134554],
    ],
  ] as const)('%s', (_, step, from, expected) => {
    path(step, from).forEach((m, i) => {
      near(m, expected[i]!);
    });
  });
});

test('vector SPRT p0=.001, p1=.05, α=.001, β=.01, with Wald’s mean sample numbers', () => {
  const ratios = likelihoodRatios(0.001, 0.05);
  const [loss, ok] = [Math.log(ratios.loss), Math.log(ratios.arrival)];
  expect(loss).toBeCloseTo(3.912023, 6);
  expect(ok).toBeCloseTo(-0.050293, 6);
  const [upper, lower] = [Math.log(0.99 / 0.001), Math.log(0.01 / 0.999)];
  expect(upper).toBeCloseTo(6.897705, 6);
  expect(lower).toBeCloseTo(-4.60417, 6);
  expect((0.99 * upper + 0.01 * lower) / (0.05 * loss + 0.95 * ok)).toBeCloseTo(45.9, 1);
  expect((0.001 * upper + 0.999 * lower) / (0.001 * loss + 0.999 * ok)).toBeCloseTo(99.1, 1);
});

test.each([
  [1e5, 0.05, 67],
  [1e5, 0.25, 13],
  [1e5, 0.55, 5.4],
  [1e5, 1, 3],
  [1e3, 0.05, 40],
  [1e3, 0.25, 8],
  [1e3, 0.55, 3.6],
  [1e3, 1, 2],
])('Monte Carlo .001→.05 at A=%d and true p=%d: %d canaries', (threshold, p, expected) => {
  const { loss, arrival } = likelihoodRatios(0.001, 0.05);
  const next = random(7);
  const runs = 20_000;
  let sum = 0;
  let squares = 0;
  for (let run = 0; run < runs; run++) {
    let n = 0;
    for (let m = 0; m < threshold; n++) m = shiryaevRoberts(m, next() < p ? loss : arrival);
    sum += n;
    squares += n * n;
  }
  const mean = sum / runs;
  const error = Math.sqrt((squares / runs - mean ** 2) / runs);
  // The table is rounded to half a unit of what it prints, and has an error of its own, taken as large as ours.
  const rounding = expected % 1 === 0 ? 0.5 : 0.05;
  expect(Math.abs(mean - expected)).toBeLessThanOrEqual(rounding + 4 * Math.SQRT2 * error);
});

describe('in closed form', () => {
  test('property: many arrivals at once are many arrivals one by one', () => {
    const rate = fc.double({ min: -8, max: -0.5, noNaN: true }).map(e => 10 ** e);
    const above = fc.double({ min: 0.05, max: 1, noNaN: true });
    const start = fc.double({ min: 0, max: 30, noNaN: true }).map(Math.expm1);
    fc.assert(
      fc.property(rate, above, start, fc.nat({ max: 3000 }), (p0, share, m0, steps) => {
        const { arrival } = likelihoodRatios(p0, p0 + share * (0.999 - p0));
        let m = m0;
        for (let i = 0; i < steps; i++) m = (1 + m) * arrival;
        const found = shiryaevRobertsAfter(m0, arrival, steps);
        expect(Math.abs(found - m)).toBeLessThanOrEqual(1e-9 * m);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test('slight alternatives lose no digits to it', () => {
    const { arrival } = likelihoodRatios(1e-6, 1.2e-5);
    let m = 0;
    for (let i = 0; i < 100_000; i++) m = (1 + m) * arrival;
    near(shiryaevRobertsAfter(0, arrival, 100_000), m, 1e-10);
  });

  test('endless arrivals end at (1 − p1) ÷ (p1 − p0)', () => {
    for (const { p1, arrival } of alternativesOf(0.001))
      near(shiryaevRobertsAfter(0, arrival, 1e9), (1 - p1) / (p1 - 0.001), 1e-9);
  });
});

describe('alternatives', () => {
  test.each([
    [0.001, [0.003, 0.01, 0.05, 0.25, 0.999]],
    [0.01, [0.03, 0.05, 0.25, 0.999]],
    [0.1, [0.25, 0.999]],
    [0.2, [0.466667, 0.999]],
    [0.0001, [0.0003, 0.0012, 0.0048, 0.01, 0.05, 0.25, 0.999]],
    [0.6, [0.8]],
  ])('of %d', (p0, expected) => {
    expect(alternativesOf(p0).map(a => Number(a.p1.toPrecision(6)))).toEqual(expected);
  });

  test('property: whatever may be lost, no ratio gains by it, weights sum to 1, and 2.6 times as much is found in the end', () => {
    fc.assert(
      fc.property(fc.double({ min: -6, max: -0.001, noNaN: true }), e => {
        const p0 = 10 ** e;
        const list = alternativesOf(p0);
        near(
          list.reduce((sum, a) => sum + a.weight, 0),
          1,
          1e-12,
        );
        for (const a of list) near(p0 * a.loss + (1 - p0) * a.arrival, 1, 1e-12);
        // Each loss rate above a small multiple of p0 makes some detector grow, if a year's canaries can find it at all.
        for (let p = Math.max(Math.min(2.6 * p0, (2 + p0) / 3), 4e-5); p < 1; p *= 1.1) {
          const drift = Math.max(
            ...list.map(a => p * Math.log(a.p1 / p0) + (1 - p) * Math.log((1 - a.p1) / (1 - p0))),
          );
          expect(drift, `loss ${p} of ${p0}`).toBeGreaterThan(0);
        }
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  test('refuses what is no share', () => {
    for (const p0 of [0, 1, -1, Number.NaN]) expect(() => alternativesOf(p0)).toThrow(/p0 strictly between/);
  });
});
