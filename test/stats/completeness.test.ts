import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompletenessCounts, completeness, completenessSentence } from '../../src/stats/completeness.ts';

const none: CompletenessCounts = {
  delivered: 0,
  recovered: 0,
  lost: 0,
  refused: 0,
  unsent: 0,
  maybeSent: 0,
  unproven: 0,
  pending: 0,
};
const sentence = (counts: Partial<CompletenessCounts>): string =>
  completenessSentence(completeness({ ...none, ...counts }));

describe('the statement', () => {
  test('in three ways', () => {
    const counts = { ...none, delivered: 259_197, lost: 3, refused: 10, maybeSent: 1, unproven: 1 };
    const c = completeness(counts);
    expect(completenessSentence(c)).toBe(
      '259,200 accepted, 3 lost: 99.9988%, at least 99.9970% with 95% confidence; of 259,210 scheduled 99.9950%; worst case 99.9942%',
    );
    expect([c.accepted.n, c.scheduled.n, c.worst.n]).toEqual([259_200, 259_210, 259_212]);
  });

  test('pending ones are in no rate, and are said', () => {
    const counts = { delivered: 990, lost: 10 };
    const { pending, ...rates } = completeness({ ...none, ...counts, pending: 1234 });
    expect(pending).toBe(1234);
    expect(completeness({ ...none, ...counts })).toMatchObject(rates);
    expect(sentence({ ...counts, pending: 1234 })).toMatch(
      /; worst case 99\.0%; 1,234 still pending, in no rate$/,
    );
  });

  test('recovered ones were delivered in the end, and the loss stays in the record', () => {
    expect(sentence({ delivered: 997, recovered: 2, lost: 1 })).toBe(
      '1,000 accepted, 1 lost (and 2 back after being declared lost): 99.9%, at least 99.5% with 95% confidence; of 1,000 scheduled 99.9%; worst case 99.9%',
    );
  });

  test('of nothing nothing is said', () => {
    expect(sentence({})).toBe('no canary decided yet: nothing can be said of completeness');
    expect(sentence({ pending: 3 })).toBe(
      'no canary decided yet: nothing can be said of completeness; 3 still pending, in no rate',
    );
    const c = completeness(none);
    expect([c.accepted.share, c.scheduled.share, c.worst.share]).toEqual([undefined, undefined, undefined]);
    expect(c.accepted.atLeast).toBe(0);
    expect(sentence({ refused: 20 })).toBe('none accepted and decided; of 20 scheduled 0%; worst case 0%');
    expect(sentence({ maybeSent: 20 })).toBe('none accepted and decided; worst case 0%');
  });

  test('a bound is rounded down, and no losses is no proof of none', () => {
    expect(sentence({ delivered: 1000 })).toMatch(/^1,000 accepted, 0 lost: 100\.0%, at least 99\.7%/);
    // 1 − .029513 would round to 97.
    expect(sentence({ delivered: 10 })).toMatch(/^10 accepted, 0 lost: 100%, at least 74% with/);
  });
});

const count = fc.nat({ max: 100_000 });
const anyCounts = fc.record({
  delivered: count,
  recovered: count,
  lost: count,
  refused: count,
  unsent: count,
  maybeSent: count,
  unproven: count,
  pending: count,
});

test('property: all that was scheduled is counted once, and each way is no better than the one before', () => {
  fc.assert(
    fc.property(anyCounts, counts => {
      const c = completeness(counts);
      expect(c.worst.n + c.pending).toBe(Object.values(counts).reduce((a, b) => a + b, 0));
      const shares = [c.accepted.share, c.scheduled.share, c.worst.share].filter(s => s !== undefined);
      expect(shares).toEqual(shares.toSorted((a, b) => b - a));
      if (c.accepted.share !== undefined) expect(c.accepted.atLeast).toBeLessThan(c.accepted.share);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('property: a loss is never shown as 100%', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50_000_000 }), n => {
      const text = sentence({ delivered: n - 1, lost: 1 });
      expect(text.match(/: ([\d.]+)%/)![1]).not.toMatch(/^100/);
    }),
    { seed: 8, numRuns: 100 },
  );
});

test('what is no count is refused by name', () => {
  expect(() => completeness({ ...none, unsent: -1 })).toThrow(/expected unsent .* found -1/);
  expect(() => completeness({ ...none, lost: 0.5 })).toThrow(/expected lost/);
});
