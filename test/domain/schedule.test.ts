import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Beat,
  beats,
  nextBeat,
  type Sampling,
  type Schedule,
  type Timing,
} from '../../src/domain/schedule.ts';

const T0 = Date.UTC(2026, 2, 1, 12, 0, 0, 123);
const HOUR = 3_600_000;

const every = (everyMs: number, sampling: Sampling, seed = 'seed'): Schedule => ({
  timing: { kind: 'every', everyMs },
  sampling,
  seed,
});
const cron = (expression: string, timezone = 'Europe/Berlin', sampling: Sampling = 'fixed'): Schedule => ({
  timing: { kind: 'cron', expression, timezone },
  sampling,
  seed: 'seed',
});
const all = (schedule: Schedule, fromMs: number, toMs: number): Beat[] => {
  const found = beats(schedule, { fromMs, toMs, limit: 1_000_000 });
  expect(found.cut).toBe(false);
  return found.beats;
};
const utc = (list: readonly Beat[]): string[] => list.map(b => new Date(b.dueMs).toISOString().slice(0, 19));

describe('every', () => {
  test('fixed: at the multiples of the period from the epoch', () => {
    const found = all(every(7000, 'fixed'), T0, T0 + 70_000);
    expect(found).toHaveLength(10);
    for (const b of found) expect([b.dueMs % 7000, b.slotMs]).toEqual([0, b.dueMs]);
  });

  test('uniform: exactly one beat in each slot, in it, so no gap reaches two slots', () => {
    const everyMs = 10_000;
    const from = Math.ceil(T0 / everyMs) * everyMs;
    const found = all(every(everyMs, 'uniform'), from, from + 5000 * everyMs);
    expect(found.map(b => b.slotMs)).toEqual(Array.from({ length: 5000 }, (_, i) => from + i * everyMs));
    found.forEach((b, i) => {
      expect(Math.floor(b.dueMs / everyMs) * everyMs).toBe(b.slotMs);
      if (i > 0) expect(b.dueMs - found[i - 1]!.dueMs).toBeLessThan(2 * everyMs);
    });
  });

  test('uniform: offsets pass Kolmogorov–Smirnov, and neighbours are uncorrelated', () => {
    const n = 5000;
    const offsets = all(every(60_000, 'uniform'), 0, n * 60_000).map(b => (b.dueMs - b.slotMs) / 60_000);
    const sorted = offsets.toSorted((a, b) => a - b);
    const distance = Math.max(...sorted.map((u, i) => Math.max(u - i / n, (i + 1) / n - u)));
    // The 99.9% point of Kolmogorov's distribution.
    expect(distance).toBeLessThan(1.95 / Math.sqrt(n));
    const serial =
      offsets.slice(1).reduce((sum, u, i) => sum + (u - 0.5) * (offsets[i]! - 0.5), 0) / n / (1 / 12);
    expect(Math.abs(serial)).toBeLessThan(3.3 / Math.sqrt(n));
  });

  test('poisson: counts have mean and variance 1, gaps are exponential', () => {
    const n = 20_000;
    const everyMs = 60_000;
    const found = all(every(everyMs, 'poisson'), 0, n * everyMs);
    // Counted in windows that don't follow the slots.
    const counts = new Array<number>(n - 1).fill(0);
    for (const b of found) {
      const window = Math.floor((b.dueMs - 25_000) / everyMs);
      if (window >= 0 && window < n - 1) counts[window]!++;
    }
    const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
    const variance = counts.reduce((sum, c) => sum + (c - mean) ** 2, 0) / counts.length;
    expect(Math.abs(mean - 1)).toBeLessThan(3.3 / Math.sqrt(n));
    // The variance of a Poisson(1) sample variance is (μ₄ − σ⁴)/n = 3/n.
    expect(Math.abs(variance - 1)).toBeLessThan(3.3 * Math.sqrt(3 / n));
    const gaps = found.slice(1).map((b, i) => (b.dueMs - found[i]!.dueMs) / everyMs);
    const sorted = gaps.toSorted((a, b) => a - b);
    const distance = Math.max(
      ...sorted.map((g, i) => Math.abs(1 - Math.exp(-g) - (i + 0.5) / sorted.length)),
    );
    expect(distance).toBeLessThan(1.95 / Math.sqrt(sorted.length));
  });

  test('poisson: beats are named by their own time, unique even in crowded slots', () => {
    for (const everyMs of [1, 2, 5, 9]) {
      const found = all(every(everyMs, 'poisson'), 0, 3000);
      const names = found.map(b => b.slotMs);
      expect(names).toEqual(found.map(b => b.dueMs));
      expect(names).toEqual([...new Set(names)].sort((a, b) => a - b));
    }
  });

  test('the seed decides, and another seed decides otherwise', () => {
    const a = all(every(10_000, 'uniform', 'a'), T0, T0 + HOUR);
    expect(all(every(10_000, 'uniform', 'a'), T0, T0 + HOUR)).toEqual(a);
    const b = all(every(10_000, 'uniform', 'b'), T0, T0 + HOUR);
    expect(b.filter((x, i) => x.dueMs === a[i]?.dueMs).length).toBeLessThan(3);
  });

  test('beats don’t change from release to release', () => {
    // A stored seed must keep its meaning: HMAC-SHA-256(key, "1800000000000 beat"), first 48 bits, by openssl.
    const offset = Math.floor((0x6e3f0b5aaae8 / 2 ** 48) * 60_000);
    const slotMs = 1_800_000_000_000;
    expect(nextBeat(every(60_000, 'uniform', 'key'), slotMs - 1)).toEqual({ slotMs, dueMs: slotMs + offset });
  });
});

const timing: fc.Arbitrary<Timing> = fc.oneof(
  fc.integer({ min: 1, max: 20_000 }).map(everyMs => ({ kind: 'every' as const, everyMs })),
  fc.constantFrom('*/10 * * * * *', '0 */7 * * * *', '0 30 2 * * *').map(expression => ({
    kind: 'cron' as const,
    expression,
    timezone: 'Europe/Berlin',
  })),
);

test('property: however a window is split, read in pages or stepped through, the beats are the same', () => {
  const sampling = fc.constantFrom<Sampling>('uniform', 'poisson', 'fixed');
  fc.assert(
    fc.property(
      timing,
      sampling,
      fc.integer({ min: 0, max: 400_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (t, s, at, part) => {
        const schedule = { timing: t, sampling: s, seed: 'p' };
        const length = t.kind === 'every' ? t.everyMs * 20 : 600_000;
        // Around the Berlin autumn change.
        const from = Date.UTC(2026, 9, 25, 0, 57) + at;
        const middle = from + Math.floor(length * part);
        const whole = all(schedule, from, from + length);
        expect([...all(schedule, from, middle), ...all(schedule, middle, from + length)]).toEqual(whole);

        const paged: Beat[] = [];
        for (let next = from; ; ) {
          const page = beats(schedule, { fromMs: next, toMs: from + length, limit: 3 });
          expect(page.beats.length).toBeLessThanOrEqual(3);
          paged.push(...page.beats);
          if (!page.cut) break;
          next = page.beats.at(-1)!.dueMs + 1;
        }
        expect(paged).toEqual(whole);

        let after = from - 1;
        for (const beat of whole) {
          expect(nextBeat(schedule, after)).toEqual(beat);
          after = beat.dueMs;
        }
        expect(nextBeat(schedule, after).dueMs).toBeGreaterThanOrEqual(from + length);
      },
    ),
    { seed: 9, numRuns: 80 },
  );
});

describe('limits', () => {
  test('cut says that there is more, and only then', () => {
    const schedule = every(1000, 'fixed');
    expect(beats(schedule, { fromMs: 0, toMs: 5000, limit: 5 })).toMatchObject({
      cut: false,
      beats: { length: 5 },
    });
    expect(beats(schedule, { fromMs: 0, toMs: 5001, limit: 5 })).toMatchObject({
      cut: true,
      beats: { length: 5 },
    });
    expect(beats(schedule, { fromMs: 0, toMs: 1e15, limit: 2 }).beats).toHaveLength(2);
    expect(beats(schedule, { fromMs: 5000, toMs: 5000, limit: 5 })).toEqual({ beats: [], cut: false });
  });

  test('a schedule that can’t be kept is refused', () => {
    expect(() => nextBeat(every(0, 'fixed'), 0)).toThrow(/at least 1; found 0/);
    expect(() => nextBeat(every(1.5, 'uniform'), 0)).toThrow(RangeError);
    expect(() => nextBeat(cron('0 0 0 30 2 *'), T0)).toThrow(/never fires/);
    expect(() => nextBeat(cron('* * * * *'), T0)).toThrow();
  });
});

describe('cron', () => {
  test('fires at its times, in its timezone', () => {
    expect(utc(all(cron('15 0 9 * * *'), Date.UTC(2026, 0, 5), Date.UTC(2026, 0, 7)))).toEqual([
      '2026-01-05T08:00:15',
      '2026-01-06T08:00:15',
    ]);
  });

  test('uniform falls between one fire and the next', () => {
    const schedule = cron('0 0 9 * * 1-5', 'UTC', 'uniform');
    const found = all(schedule, Date.UTC(2026, 0, 5, 9), Date.UTC(2026, 0, 12, 9));
    expect(found.map(b => new Date(b.slotMs).getUTCDay())).toEqual([1, 2, 3, 4, 5]);
    found.forEach((b, i) => {
      expect(b.dueMs).toBeGreaterThanOrEqual(b.slotMs);
      expect(b.dueMs).toBeLessThan(found[i + 1]?.slotMs ?? Date.UTC(2026, 0, 12, 9));
    });
  });

  describe.each([
    ['spring', Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 2, 30, 12)],
    ['autumn', Date.UTC(2026, 9, 24, 12), Date.UTC(2026, 9, 26, 12)],
  ])('summer time in Berlin, %s', (_, from, to) => {
    test('an interval goes on at its pace', () => {
      for (const [expression, stepMs] of [
        ['0 */10 * * * *', 600_000],
        ['*/30 * * * * *', 30_000],
        ['0 0 * * * *', HOUR],
      ] as const) {
        const found = all(cron(expression), from, to);
        expect(found.map(b => b.dueMs)).toEqual(
          Array.from({ length: (to - from) / stepMs }, (__, i) => from + i * stepMs),
        );
      }
    });

    test('uniform keeps one beat in each slot', () => {
      const found = all(cron('0 */10 * * * *', 'Europe/Berlin', 'uniform'), from, to);
      expect(found.map(b => Math.floor(b.dueMs / 600_000))).toEqual(
        Array.from({ length: 288 }, (__, i) => from / 600_000 + i),
      );
    });
  });

  test('a time of day that is skipped runs after the gap; one that repeats runs once', () => {
    const daily = cron('0 30 2 * * *');
    expect(utc(all(daily, Date.UTC(2026, 2, 28), Date.UTC(2026, 2, 31)))).toEqual([
      '2026-03-28T01:30:00',
      '2026-03-29T01:00:00',
      '2026-03-30T00:30:00',
    ]);
    expect(utc(all(daily, Date.UTC(2026, 9, 24), Date.UTC(2026, 9, 27)))).toEqual([
      '2026-10-24T00:30:00',
      '2026-10-25T00:30:00',
      '2026-10-26T01:30:00',
    ]);
  });
});
