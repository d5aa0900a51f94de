import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BUCKETS_MAX,
  bucketEstimate,
  bucketIndex,
  bucketUpper,
  emptySketch,
  mergeSketches,
  parseSketch,
  sketchCount,
  sketchOf,
  sketchQuantile,
} from '../../src/stats/sketch.ts';

const values = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1e10, noNaN: true })), {
  maxLength: 200,
});

describe('reference vectors', () => {
  test.each([
    [1, 0, 0.99],
    [2, 35, 1.993662],
    [10, 116, 10.074697],
    [1000, 346, 1002.428009],
    [60000, 551, 60495.061919],
    [3600000, 755, 3578495.532321],
  ])('%d is in bucket %d, read as %d', (value, index, estimate) => {
    expect(bucketIndex(value)).toBe(index);
    expect(bucketEstimate(index)).toBeCloseTo(estimate, 6);
  });

  test('quantiles of 1..100, lower rank', () => {
    const sketch = sketchOf(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(sketchQuantile(sketch, 0.5)).toBeCloseTo(49.902961, 6);
    expect(sketchQuantile(sketch, 0.95)).toBeCloseTo(94.64203, 6);
    expect(sketchQuantile(sketch, 0.99)).toBeCloseTo(98.504576, 6);
  });
});

test('property: the same quantiles as @datadog/sketches-js', () => {
  fc.assert(
    // Whole milliseconds: on the edge of a bucket, which no whole number is, both neighbours are right.
    fc.property(
      fc.array(fc.nat({ max: 1e9 }), { maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, q) => {
        const theirs = new DDSketch({ relativeAccuracy: 0.01 });
        for (const v of list) theirs.accept(v);
        const ours = sketchQuantile(sketchOf(list), q);
        if (list.length === 0) expect(ours).toBeUndefined();
        else expect(Math.abs(ours! - theirs.getValueAtQuantile(q))).toBeLessThanOrEqual(1e-12 * ours!);
      },
    ),
    { seed: 2 },
  );
});

test('property: every quantile is within 1% of the value of its rank', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, q) => {
      fc.pre(list.length > 0);
      const exact = list.toSorted((a, b) => a - b)[Math.floor(q * (list.length - 1))]!;
      expect(Math.abs(sketchQuantile(sketchOf(list), q)! - exact)).toBeLessThanOrEqual(
        0.01 * exact * (1 + 1e-9),
      );
    }),
    { seed: 3 },
  );
});

test('property: merging is exact, whatever the order and grouping', () => {
  fc.assert(
    fc.property(values, values, values, (a, b, c) => {
      const [x, y, z] = [a, b, c].map(list => sketchOf(list)) as [
        ReturnType<typeof sketchOf>,
        typeof emptySketch,
        typeof emptySketch,
      ];
      const whole = sketchOf([...a, ...b, ...c]);
      expect(mergeSketches(x, y, z)).toEqual(whole);
      expect(mergeSketches(z, mergeSketches(y, x), emptySketch)).toEqual(whole);
      expect(sketchCount(whole)).toBe(a.length + b.length + c.length);
      expect(parseSketch(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
    }),
    { seed: 4 },
  );
});

test('a bucket holds what lies between the uppers', () => {
  for (const value of [0.004, 1, 17, 3.6e6]) {
    const index = bucketIndex(value);
    expect(value).toBeGreaterThan(bucketUpper(index - 1));
    expect(value).toBeLessThanOrEqual(bucketUpper(index) * (1 + 1e-12));
  }
});

test('weights count as that many values', () => {
  expect(
    sketchOf([
      [5, 3],
      [0, 2],
    ]),
  ).toEqual(sketchOf([5, 0, 5, 0, 5]));
});

test('the JSON is compact', () => {
  expect(JSON.stringify(sketchOf([0, 1, 2, 2, 1000]))).toBe('{"zero":1,"buckets":[[0,1],[35,2],[346,1]]}');
});

test('beyond its span the lowest buckets collapse, the same in every order', () => {
  const wide = Array.from({ length: 4000 }, (_, i) => bucketEstimate(i - 2000));
  const whole = sketchOf(wide);
  expect(whole.buckets).toHaveLength(BUCKETS_MAX);
  expect(sketchCount(whole)).toBe(4000);
  expect(whole.buckets[0]).toEqual([1999 - BUCKETS_MAX + 1, 4000 - BUCKETS_MAX + 1]);
  const halves = [sketchOf(wide.filter((_, i) => i % 2 === 0)), sketchOf(wide.filter((_, i) => i % 2 === 1))];
  expect(mergeSketches(...halves)).toEqual(whole);
  expect(mergeSketches(sketchOf(wide.slice(0, 2000)), sketchOf(wide.slice(2000)))).toEqual(whole);
  // High quantiles stay right.
  expect(sketchQuantile(whole, 0.9)).toBeCloseTo(wide[Math.floor(0.9 * 3999)]!, 6);
});

test('what can be no delay is refused', () => {
  for (const value of [-1, -1e-9, Number.NaN, Infinity])
    expect(() => sketchOf([value])).toThrow(/at least 0/);
  for (const weight of [0, -1, 1.5]) expect(() => sketchOf([[1, weight]])).toThrow(/whole weight/);
  expect(() => sketchQuantile(emptySketch, 1.1)).toThrow(/quantile/);
});

test('what is no sketch is refused', () => {
  for (const json of [
    null,
    {},
    [],
    { zero: 0 },
    { zero: -1, buckets: [] },
    { zero: 0, buckets: [[1, 0]] },
    {
      zero: 0,
      buckets: [
        [2, 1],
        [1, 1],
      ],
    },
    {
      zero: 0,
      buckets: [
        [1, 1],
        [1, 1],
      ],
    },
    { zero: 0, buckets: [[1.5, 1]] },
  ]) {
    expect(() => parseSketch(json)).toThrow(TypeError);
  }
});
