import { describe, expect, test } from 'vitest';
import {
  clopperPearson,
  clopperPearsonUpper,
  confidenceSequence,
  wilson,
  zeroLossSampleSize,
} from '../../src/stats/intervals.ts';

const near = (found: number, expected: number, digits = 8): void => {
  if (expected === 0) expect(found).toBe(0);
  else expect(Math.abs(found / expected - 1)).toBeLessThan(10 ** -digits);
};

// x, n, Clopper–Pearson, one-sided upper, Wilson, confidence sequence: six decimals of an independent package.
test.each([
  [0, 100, 0, 0.036217, 0.029513, 0, 0.036993, 0, 0.073284],
  [0, 300, 0, 0.012221, 0.009936, 0, 0.012643, 0, 0.028593],
  [0, 1000, 0, 0.003682, 0.002991, 0, 0.003827, 0, 0.009856],
  [1, 10, 0.002529, 0.445016, 0.394163, 0.017876, 0.4041503, 0.000456, 0.545118],
  [1, 100, 0.000253, 0.054459, 0.04656, 0.001767, 0.054486, 0.000005, 0.094797],
  [5, 100, 0.016432, 0.112835, 0.102253, 0.021544, 0.11175, 0.006577, 0.160259],
  [3, 1000, 0.000619, 0.008742, 0.007735, 0.001021, 0.008783, 0.000069, 0.016418],
  [55, 100, 0.44728, 0.64968, 0.634838, 0.452446, 0.643855, 0.391991, 0.701433],
  [10, 10, 0.691503, 1, 1, 0.722467, 1, 0.58312, 1],
])('%d of %d, to six decimals', (losses, n, cpLo, cpHi, upper, wLo, wHi, csLo, csHi) => {
  const cp = clopperPearson({ losses, n });
  const w = wilson({ losses, n });
  const cs = confidenceSequence({ losses, n });
  const found = [cp.lo, cp.hi, clopperPearsonUpper({ losses, n }), w.lo, w.hi, cs.lo, cs.hi];
  const expected = [cpLo, cpHi, upper, wLo, wHi, csLo, csHi];
  // Half a unit of the sixth decimal, and as much for the rounding of the table.
  found.forEach((v, i) => {
    expect(Math.abs(v - expected[i]!), `column ${i}: ${v}`).toBeLessThan(1.01e-6);
  });
});

describe('hard corners', () => {
  // SciPy's beta.ppf and isf.
  test.each([
    [0, 50_000_000, 0.05, 0, 7.377758636071247e-8, 5.991464367619749e-8],
    [1, 50_000_000, 0.05, 5.063561595575993e-10, 1.1143286266977274e-7, 9.487728684892436e-8],
    [600, 50_000_000, 0.05, 1.1058903904760037e-5, 1.2999776204222667e-5, 1.2837685478579903e-5],
    [50_000, 50_000_000, 1e-9, 0.0009729327576356822, 0.0010275708339465774, 0.0010270629559212669],
    [25_000_000, 50_000_000, 0.05, 0.49986139962092047, 0.5001386003790795, 0.5001163187132123],
    [49_999_999, 50_000_000, 0.05, 0.9999998885671373, 0.9999999994936438, 0.9999999989741342],
    [50_000_000, 50_000_000, 0.05, 0.9999999262224136, 1, 1],
    [3, 259_200, 0.05, 2.3868586860187984e-6, 3.382397968011861e-5, 2.9913524028661802e-5],
    [3, 259_200, 1e-9, 5.5662631796679224e-9, 0.0001154349188231185, 0.0001124704312110747],
    [0, 100, 1e-9, 0, 0.19278411433522075, 0.18716948383590076],
    [100, 100, 1e-9, 0.8072158856647793, 1, 1],
    [5, 100, 1e-9, 0.00036896559508677626, 0.29811691589056566, 0.2922671606304941],
    [0, 1, 0.05, 0, 0.975, 0.95],
    [1, 1, 0.05, 0.025, 1, 1],
  ])('Clopper–Pearson %d of %d at alpha %d', (losses, n, alpha, lo, hi, upper) => {
    const found = clopperPearson({ losses, n, alpha });
    near(found.lo, lo);
    near(found.hi, hi);
    near(clopperPearsonUpper({ losses, n, alpha }), upper);
  });

  // Bisection in 40-digit arithmetic (mpmath).
  test.each([
    [0, 50_000_000, 0.05, 0, 4.1446523124819054e-7],
    [600, 50_000_000, 0.05, 9.39369127765398e-6, 1.5048845373460437e-5],
    [25_000_000, 50_000_000, 0.05, 0.4996589178249931, 0.5003410821750068],
    [3, 259_200, 1e-9, 1.0995348440484228e-10, 0.00016455686922961003],
    [1, 1, 0.05, 0.025, 1],
    [3, 1000, 0.05, 6.853123169722896e-5, 0.016418305493189442],
  ])('confidence sequence %d of %d at alpha %d', (losses, n, alpha, lo, hi) => {
    const found = confidenceSequence({ losses, n, alpha });
    near(found.lo, lo);
    near(found.hi, hi);
  });

  test('the statement of the reference: 3 of 259,200 is at least 99.9970%, two-sided 99.9966%', () => {
    expect((1 - clopperPearsonUpper({ losses: 3, n: 259_200 })) * 100).toBeCloseTo(99.997, 4);
    expect((1 - clopperPearson({ losses: 3, n: 259_200 }).hi) * 100).toBeCloseTo(99.9966, 4);
  });

  test('nothing is known of nothing', () => {
    for (const interval of [clopperPearson, wilson, confidenceSequence]) {
      expect(interval({ losses: 0, n: 0 })).toEqual({ lo: 0, hi: 1 });
    }
    expect(clopperPearsonUpper({ losses: 0, n: 0 })).toBe(1);
  });

  test('impossible counts are refused', () => {
    for (const [losses, n] of [
      [2, 1],
      [-1, 1],
      [0.5, 1],
      [Number.NaN, 1],
      [0, Infinity],
    ] as const) {
      expect(() => clopperPearson({ losses, n })).toThrow(/whole numbers/);
      expect(() => confidenceSequence({ losses, n })).toThrow(/whole numbers/);
      expect(() => wilson({ losses, n })).toThrow(/whole numbers/);
    }
    expect(() => clopperPearson({ losses: 0, n: 1, alpha: 0 })).toThrow(/alpha/);
  });
});

/** P(X ≤ x) for X ~ Binomial(n, p), summed term by term. */
function atMost(x: number, n: number, p: number): number {
  let term = (1 - p) ** n;
  let sum = 0;
  for (let i = 0; i <= x; i++) {
    sum += term;
    term *= ((n - i) / (i + 1)) * (p / (1 - p));
  }
  return sum;
}

test('property: at the ends of Clopper–Pearson the binomial tail is alpha / 2', () => {
  for (const n of [1, 7, 30, 80]) {
    for (let losses = 0; losses <= n; losses++) {
      const { lo, hi } = clopperPearson({ losses, n, alpha: 0.1 });
      if (losses > 0) expect(1 - atMost(losses - 1, n, lo)).toBeCloseTo(0.05, 9);
      if (losses < n) expect(atMost(losses, n, hi)).toBeCloseTo(0.05, 9);
    }
  }
});

test('the confidence sequence holds at every n at once', () => {
  // A fixed generator: xorshift. 400 runs of 1000 canaries at 5% loss, watched at each canary.
  let state = 88172645463325252n;
  const random = (): number => {
    state ^= (state << 13n) & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffffffffffffffffn;
    return Number(state >> 11n) / 2 ** 53;
  };
  let broken = 0;
  let brokenPointwise = 0;
  for (let run = 0; run < 400; run++) {
    let losses = 0;
    let wrong = false;
    let wrongPointwise = false;
    for (let n = 1; n <= 1000; n++) {
      if (random() < 0.05) losses++;
      if (n % 5 !== 0) continue;
      const w = wilson({ losses, n });
      wrongPointwise ||= w.lo > 0.05 || w.hi < 0.05;
      // Membership needs no root: the interval holds .05 or it doesn't.
      if (n % 20 === 0) {
        const cs = confidenceSequence({ losses, n });
        wrong ||= cs.lo > 0.05 || cs.hi < 0.05;
      }
    }
    broken += Number(wrong);
    brokenPointwise += Number(wrongPointwise);
  }
  expect(broken / 400).toBeLessThan(0.05);
  // The bias it is there for: a pointwise interval, watched, is wrong far more often than 5%.
  expect(brokenPointwise / 400).toBeGreaterThan(0.15);
});

test('canaries needed to claim a loss rate, or to see one loss', () => {
  const at = (loss: number) => [0.95, 0.99].map(confidence => zeroLossSampleSize({ loss, confidence }));
  expect(at(0.05)).toEqual([59, 90]);
  expect(at(0.01)).toEqual([299, 459]);
  expect(at(0.005)).toEqual([598, 919]);
  expect(at(0.001)).toEqual([2995, 4603]);
  expect(at(0.0001)).toEqual([29956, 46050]);
  expect(at(0.1)).toEqual([29, 44]);
  expect(at(0.25)).toEqual([11, 17]);
  expect(at(0.55)).toEqual([4, 6]);
  expect(at(1)).toEqual([1, 1]);
  // .7 · .7 leaves .49 exactly: binary rounding asks for no third.
  expect(zeroLossSampleSize({ loss: 0.3, confidence: 0.51 })).toBe(2);
  expect(() => zeroLossSampleSize({ loss: 0, confidence: 0.95 })).toThrow(RangeError);
  expect(() => zeroLossSampleSize({ loss: 0.1, confidence: 1 })).toThrow(RangeError);
});
