import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DURATION_MAX_MS,
  formatBytes,
  formatDuration,
  formatPercent,
  parseBytes,
  parseDuration,
  parsePercent,
  parseRate,
  printBytes,
  printDuration,
  printRate,
  ratePer,
  WordsError,
} from '../../src/domain/words.ts';

const errorOf = (run: () => unknown): WordsError => {
  try {
    run();
  } catch (e) {
    if (e instanceof WordsError) return e;
    throw e;
  }
  throw new Error('nothing was thrown');
};

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['48h', 172_800_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['400d', 34_560_000_000],
    ['5y', 157_680_000_000],
    ['1m500ms', 60_500],
    ['0s', 0],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    ['', undefined],
    ['ten minutes', undefined],
    ['10', '10s'],
    ['10 minutes', '10m'],
    ['1.5h', '1h30m'],
    ['250 milliseconds', '250ms'],
    ['3 months', undefined],
    ['30m1h', undefined],
    ['1h1h', undefined],
    ['-5m', undefined],
    ['5m ', '5m'],
    ['101y', undefined],
  ])('%j is refused', (text, fix) => {
    const e = errorOf(() => parseDuration(text));
    expect(e.fix).toBe(fix);
    expect(e.message).toContain(`found ${JSON.stringify(text)}`);
    expect(e.expected).toMatch(/^a duration/);
  });

  test('what is printed is read as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MAX_MS }), ms => {
        expect(parseDuration(printDuration(ms))).toBe(ms);
      }),
    );
    expect(printDuration(7_800_000)).toBe('2h10m');
    expect(printDuration(400 * 86_400_000)).toBe('400d');
    expect(() => printDuration(0.5)).toThrow(RangeError);
  });

  test.each([
    [0, '0 ms'],
    [0.44, '0.4 ms'],
    [350, '350 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [1500, '1.5 s'],
    [12_345, '12.3 s'],
    [59_960, '1 min'],
    [60_000, '1 min'],
    [7_800_000, '2 h 10 min'],
    [3_599_999, '1 h'],
    [86_399_999, '1 d'],
    [400 * 86_400_000, '400 d'],
    [5 * 365 * 86_400_000, '5 y'],
    [-90_000, '-1 min 30 s'],
  ])('%d ms for people: %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test('for people within 1 in 100', () => {
    const unitMs: Record<string, number> = {
      ms: 1,
      s: 1000,
      min: 60_000,
      h: 3_600_000,
      d: 86_400_000,
      y: 31_536_000_000,
    };
    fc.assert(
      fc.property(fc.integer({ min: 10, max: DURATION_MAX_MS }), ms => {
        const words = formatDuration(ms).split(' ');
        let told = 0;
        for (let i = 0; i < words.length; i += 2) told += Number(words[i]) * unitMs[words[i + 1]!]!;
        // Half of the smaller unit, when there is but one of the larger: 30 s in an hour, 30 min in a day.
        expect(Math.abs(told - ms) / ms).toBeLessThan(0.022);
      }),
    );
  });
});

describe('percentages', () => {
  test.each([
    ['99.9%', 0.999],
    ['99.9 %', 0.999],
    ['100%', 1],
    ['0.999', 0.999],
    [0.999, 0.999],
    [1, 1],
    ['0%', 0],
  ])('%j', (word, fraction) => expect(parsePercent(word)).toBe(fraction));

  test.each([
    [99, '99%'],
    ['99.9', '99.9%'],
    ['200%', undefined],
    [1.5, '1.5%'],
    ['most', undefined],
    [-0.1, undefined],
  ])('%j is refused', (word, fix) => {
    const e = errorOf(() => parsePercent(word));
    expect(e.expected).toContain('99.9%');
    expect(e.fix).toBe(fix);
  });

  test.each([
    [0.999988, '99.9988%'],
    [0.999, '99.9%'],
    [0.5, '50%'],
    [0.1234, '12.3%'],
    [0.000012, '0.0012%'],
    [1, '100%'],
    [0, '0%'],
    [1 - 2 ** -53, '99.9999999999%'],
    [1e-20, '0.0000000001%'],
    [0.99996, '99.996%'],
  ])('%d for people: %s', (fraction, text) => expect(formatPercent(fraction)).toBe(text));

  test('only all is 100%, only none is 0%, and half a digit is the error', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fraction => {
        const text = formatPercent(fraction);
        expect(text === '100%').toBe(fraction === 1);
        expect(text === '0%').toBe(fraction === 0);
        const told = Number(text.slice(0, -1)) / 100;
        const missing = Math.min(fraction, 1 - fraction);
        expect(Math.abs(told - fraction)).toBeLessThanOrEqual(missing * 0.051 + 1.1e-12);
      }),
    );
  });
});

describe('rates', () => {
  test.each([
    ['1 per year', 1, 365 * 86_400_000],
    ['1200000 per hour', 1_200_000, 3_600_000],
    ['2 per month', 2, 2_628_000_000],
    ['0.5 per day', 0.5, 86_400_000],
  ])('%s', (text, count, perMs) => {
    expect(parseRate(text)).toEqual({ count, perMs });
    expect(printRate(parseRate(text))).toBe(text);
  });

  test('in another unit', () => {
    expect(ratePer(parseRate('2 per month'), 365 * 86_400_000)).toBe(24);
    expect(ratePer(parseRate('1 per second'), 3_600_000)).toBe(3600);
  });

  test.each([
    ['1,200,000 per hour', '1200000 per hour'],
    ['1/year', '1 per year'],
    ['3 a month', '3 per month'],
    ['5 per min', '5 per minute'],
    ['often', undefined],
    ['5', undefined],
  ])('%j is refused', (text, fix) => {
    const e = errorOf(() => parseRate(text));
    expect(e.fix).toBe(fix);
    expect(e.message).toContain('expected a rate such as');
  });
});

describe('byte sizes', () => {
  test.each([
    ['512', 512],
    [512, 512],
    ['64KB', 64_000],
    ['64KiB', 65_536],
    ['10 MB', 10_000_000],
    ['1TiB', 1_099_511_627_776],
    ['7B', 7],
  ])('%j', (word, bytes) => expect(parseBytes(word)).toBe(bytes));

  test.each(['', '64kb', '1.5MB', '-1', '10 M', '999999999999TB'])('%j is refused', text => {
    expect(() => parseBytes(text)).toThrow(/expected a size such as 64KiB/);
  });

  test('what is printed is read as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 39 }), n => void expect(parseBytes(printBytes(n))).toBe(n)),
    );
    expect(printBytes(65_536)).toBe('64KiB');
    expect(printBytes(0)).toBe('0B');
  });

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_400_000, '1.4 MB'],
    [999_960, '1 MB'],
    [123_456, '123 KB'],
  ])('%d for people: %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
