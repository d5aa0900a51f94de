import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { betaQuantile, betaTails, logBinomial } from '../../src/stats/beta.ts';

/** To `digits` significant digits. */
const near = (found: number, expected: number, digits = 9): void => {
  expect(Math.abs(found / expected - 1)).toBeLessThan(10 ** -digits);
};

describe('the incomplete beta function', () => {
  // From mpmath (small parameters) and SciPy (large ones).
  test.each([
    [1e-9, 1, 5e7, 0.04877057552306673, 0.9512294244769333],
    [1e-9, 3, 5e7, 2.006749484316068e-5, 0.9999799325051568],
    [0.5, 0.5, 0.5, 0.5, 0.5],
    [0.3, 2.5, 7.25, 0.6604822735819073, 0.3395177264180928],
    [0.5, 25000000, 25000100, 0.5056417021836154, 0.4943582978163856],
    [1e-6, 40, 5e6, 8.551345745653835e-23, 1],
    [1e-9, 2, 3, 5.999999992000001e-18, 1],
    [0.2, 1000, 1000, 2.247908928035839e-196, 1],
  ])('at x=%d of Beta(%d, %d)', (x, a, b, lower, upper) => {
    const tails = betaTails(x, a, b);
    near(tails.lower, lower);
    near(tails.upper, upper);
    // The mirror image: what was the lower tail is the upper one.
    if (x === 0.5 || x === 0.2) near(betaTails(1 - x, b, a).upper, lower);
  });

  test('has its ends', () => {
    expect(betaTails(0, 2, 3)).toEqual({ lower: 0, upper: 1 });
    expect(betaTails(1, 2, 3)).toEqual({ lower: 1, upper: 0 });
  });

  test('inverts in closed form where a or b is 1', () => {
    for (const p of [1e-9, 0.025, 0.5, 0.999]) {
      for (const b of [1, 7, 1e4, 5e7]) {
        near(betaQuantile('lower', p, 1, b), -Math.expm1(Math.log1p(-p) / b));
        near(betaQuantile('upper', p, 1, b), -Math.expm1(Math.log(p) / b));
        near(betaQuantile('lower', p, b, 1), p ** (1 / b));
      }
    }
  });

  test('property: the tail at the quantile is the probability', () => {
    // b ≥ a keeps x below about ½: nearer to 1 the spacing of doubles, not ours, limits the tail.
    const a = fc.double({ min: 1, max: 1e4, noNaN: true });
    const times = fc.double({ min: 1, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(a, times, fc.double({ min: -12, max: -0.2, noNaN: true }), (a, times, logP) => {
        const p = Math.exp(logP);
        near(betaTails(betaQuantile('lower', p, a, a * times), a, a * times).lower, p, 9);
        near(betaTails(betaQuantile('upper', p, a, a * times), a, a * times).upper, p, 9);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('refuses what is no probability', () => {
    for (const p of [0, 1, -1, Number.NaN]) expect(() => betaQuantile('lower', p, 2, 2)).toThrow(RangeError);
  });
});

test('binomial probabilities agree with exact whole-number arithmetic', () => {
  for (const n of [1, 2, 9, 40]) {
    let choose = 1n;
    for (let x = 0; x <= n; x++) {
      const exact = (Number(choose) * 3 ** x * 7 ** (n - x)) / 10 ** n;
      near(Math.exp(logBinomial(x, n, 0.3)), exact, 12);
      choose = (choose * BigInt(n - x)) / BigInt(x + 1);
    }
  }
});
