import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Aged,
  type DelayCurve,
  delayCurve,
  delayCurveOfSketches,
  delayQuantile,
} from '../../src/stats/kaplan-meier.ts';
import { mergeSketches, sketchOf } from '../../src/stats/sketch.ts';

/** Reads "6,9+": a plus marks the censored. */
function read(text: string): { arrived: Aged[]; waiting: Aged[] } {
  const items = text.split(',');
  const aged = (plus: boolean) =>
    items.filter(i => i.endsWith('+') === plus).map(i => ({ ageMs: Number.parseInt(i, 10) }));
  return { arrived: aged(false), waiting: aged(true) };
}

const at = (curve: DelayCurve, ageMs: number) => curve.steps.find(s => s.ageMs === ageMs)!;

describe('vector 1 (Freireich 1963)', () => {
  const curve = delayCurve(read('6,6,6,6+,7,9+,10,10+,11+,13,16,17+,19+,20+,22,23,25+,32+,32+,34+,35+'));

  test.each([
    [6, 0.8571],
    [7, 0.8067],
    [10, 0.7529],
    [13, 0.6902],
    [16, 0.6275],
    [22, 0.5378],
    [23, 0.4482],
  ])('S(%d) = %d', (age, survival) => {
    expect(at(curve, age).survival).toBeCloseTo(survival, 4);
  });

  test('Greenwood and log-log', () => {
    const [first, last] = [at(curve, 6), at(curve, 23)];
    expect([first.se, first.lo, first.hi].map(v => v.toFixed(4))).toEqual(['0.0764', '0.6197', '0.9516']);
    expect([last.se, last.lo, last.hi].map(v => v.toFixed(4))).toEqual(['0.1346', '0.1881', '0.6801']);
  });

  test('quantiles, and with their pessimistic and optimistic ends', () => {
    expect(delayQuantile(curve, 0.5)).toBe(23);
    expect(delayQuantile(curve, 0.5, 'lo')).toBe(13);
    expect(delayQuantile(curve, 0.5, 'hi')).toEqual({ above: 35 });
    expect(delayQuantile(curve, 0.9)).toEqual({ above: 35 });
  });
});

describe('vector 2', () => {
  const { arrived, waiting } = read('2,3,3,5,8,10,10+,12,30+,30+');
  const curve = delayCurve({ arrived, waiting });

  test('S', () => {
    expect(curve.n).toBe(10);
    expect(curve.steps.map(s => s.ageMs)).toEqual([2, 3, 5, 8, 10, 12]);
    for (const [i, s] of [0.9, 0.7, 0.6, 0.5, 0.4, 0.266667].entries())
      expect(curve.steps[i]!.survival).toBeCloseTo(s, 6);
  });

  test('p50 is 8 and p95 is above 30; of the arrived alone p50 would be 5', () => {
    expect(delayQuantile(curve, 0.5)).toBe(8);
    expect(delayQuantile(curve, 0.95)).toEqual({ above: 30 });
    expect(delayQuantile(delayCurve({ arrived, waiting: [] }), 0.5)).toBe(5);
  });

  test('from merged sketches: times at most 2.1% too long, never too short', () => {
    const ages = (list: Aged[]) => list.map(a => a.ageMs);
    const half = (list: number[], odd: number) => sketchOf(list.filter((_, i) => i % 2 === odd));
    const merged = delayCurveOfSketches({
      arrived: mergeSketches(half(ages(arrived), 0), half(ages(arrived), 1)),
      waiting: mergeSketches(half(ages(waiting), 0), half(ages(waiting), 1)),
    });
    expect(merged.steps).toHaveLength(curve.steps.length);
    merged.steps.forEach((step, i) => {
      expect(step.survival).toBeCloseTo(curve.steps[i]!.survival, 12);
      expect(step.ageMs / curve.steps[i]!.ageMs).toBeGreaterThanOrEqual(1 - 1e-12);
      expect(step.ageMs / curve.steps[i]!.ageMs).toBeLessThan(1.021);
    });
    const { above } = delayQuantile(merged, 0.95) as { above: number };
    expect(above).toBeLessThanOrEqual(30);
    expect(above).toBeGreaterThan(30 / 1.021);
  });
});

test('a curve of sketches that comes down to 0 ends with its last arrival', () => {
  const { endMs, steps } = delayCurveOfSketches({ arrived: sketchOf([10, 100]), waiting: sketchOf([20]) });
  expect(steps.at(-1)).toMatchObject({ survival: 0, ageMs: endMs });
  expect(endMs / 100).toBeCloseTo(1, 1);
});

test('property: bucket reading is never faster than the exact curve, and what is "above" was reached', () => {
  const list = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 60 });
  fc.assert(
    fc.property(list, list, (arrived, waiting) => {
      const aged = (l: number[]) => l.map(ageMs => ({ ageMs }));
      const exact = delayCurve({ arrived: aged(arrived), waiting: aged(waiting) });
      const coarse = delayCurveOfSketches({ arrived: sketchOf(arrived), waiting: sketchOf(waiting) });
      for (const q of [0.1, 0.5, 0.9, 0.99]) {
        const [e, c] = [delayQuantile(exact, q), delayQuantile(coarse, q)];
        const lower = typeof e === 'number' ? e : e.above;
        if (typeof c === 'number') expect(c * (1 + 1e-9)).toBeGreaterThanOrEqual(lower);
        else expect(c.above).toBeLessThanOrEqual(Math.max(0, ...waiting) * (1 + 1e-9));
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('property: with nothing waiting it is the empirical distribution', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 100 }), ages => {
      const curve = delayCurve({ arrived: ages.map(ageMs => ({ ageMs })), waiting: [] });
      for (const step of curve.steps) {
        const share = ages.filter(a => a > step.ageMs).length / ages.length;
        expect(step.survival).toBeCloseTo(share, 12);
        expect(step.se).toBeCloseTo(Math.sqrt((share * (1 - share)) / ages.length), 12);
      }
      expect(curve.steps.at(-1)).toMatchObject({ survival: 0, se: 0, lo: 0 });
      expect(delayQuantile(curve, 1)).toBe(Math.max(...ages));
    }),
    { seed: 6 },
  );
});

test('weights are that many canaries', () => {
  const listed = delayCurve(read('2,2,2,3+,3+,5'));
  const weighted = delayCurve({
    arrived: [{ ageMs: 2, weight: 3 }, { ageMs: 5 }],
    waiting: [{ ageMs: 3, weight: 2 }],
  });
  expect(weighted).toEqual(listed);
});

test('fifty million canaries keep the exact half', () => {
  const arrived = Array.from({ length: 1000 }, (_, i) => ({ ageMs: i + 1, weight: 25_000 }));
  const curve = delayCurve({ arrived, waiting: [{ ageMs: 5000, weight: 25_000_000 }] });
  expect(delayQuantile(curve, 0.5)).toBe(1000);
  expect(delayQuantile(curve, 0.5 + 1 / 5e7)).toEqual({ above: 5000 });
});

test('one known only as an interval is read at its upper end', () => {
  // Seen between 4 and 9: "at most 9" holds, "at most 4" may not.
  const curve = delayCurve({ arrived: [{ ageMs: 9 }], waiting: [] });
  expect(delayQuantile(curve, 0.5)).toBe(9);
});

test('of nothing nothing is claimed, and nonsense is refused', () => {
  const empty = delayCurve({ arrived: [], waiting: [] });
  expect(empty).toEqual({ n: 0, steps: [], endMs: 0 });
  expect(delayQuantile(empty, 0.5)).toEqual({ above: 0 });
  expect(delayCurveOfSketches({ arrived: sketchOf([]), waiting: sketchOf([]) })).toEqual(empty);
  expect(() => delayCurve({ arrived: [{ ageMs: -1 }], waiting: [] })).toThrow(/at least 0/);
  expect(() => delayCurve({ arrived: [{ ageMs: 1, weight: 0 }], waiting: [] })).toThrow(/weight/);
  expect(() => delayQuantile(empty, 2)).toThrow(/quantile/);
});
