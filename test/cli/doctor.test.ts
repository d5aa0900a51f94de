import { describe, expect, test } from 'vitest';
import { niceAbove, propose } from '../../src/cli/lib/doctor/measured.ts';
import { checkNode } from '../../src/cli/lib/doctor/surroundings.ts';
import { EXIT, worst } from '../../src/cli/lib/exit.ts';
import { keyBitsMax } from '../../src/cli/lib/keys.ts';
import { sketchOf } from '../../src/stats/sketch.ts';

describe('deadlines from what was measured', () => {
  test('above the slowest in a thousand, and above all that arrived', () => {
    const delays = [
      ...Array.from({ length: 9_990 }, (_, i) => 200 + i / 10),
      ...Array.from({ length: 10 }, () => 40_000),
    ];
    const { onTimeMs, lostMs, p999Ms, slowestMs, canaries } = propose(sketchOf(delays))!;
    expect(canaries).toBe(10_000);
    expect(p999Ms).toBeGreaterThan(1_150);
    expect(p999Ms).toBeLessThan(1_250);
    expect(slowestMs).toBeGreaterThan(39_500);
    expect(onTimeMs).toBe(2_000);
    expect(lostMs).toBe(120_000);
  });

  test('from too few nothing is proposed', () => {
    expect(propose(sketchOf(Array.from({ length: 999 }, () => 100)))).toBeUndefined();
  });

  test('fast ones don’t get deadlines that no scheduler keeps', () => {
    expect(propose(sketchOf(Array.from({ length: 5_000 }, () => 3)))).toMatchObject({
      onTimeMs: 1_000,
      lostMs: 30_000,
    });
  });

  test.each([
    [1, 1_000],
    [1_001, 2_000],
    [29_000, 30_000],
    [61_000, 120_000],
    [40 * 60_000, 3_600_000],
    [31 * 3_600_000, 48 * 3_600_000],
  ])('%d ms becomes %d', (ms, nice) => expect(niceAbove(ms)).toBe(nice));
});

test('Node is old, or it isn’t', () => {
  expect(['20.18.3', '18.20.0', '20.19.0', '22.1.0', '24.0.0'].map(v => checkNode(v).level)).toEqual([
    'bad',
    'bad',
    'ok',
    'ok',
    'ok',
  ]);
});

test('a key of few characters is weak however long it is', () => {
  expect(keyBitsMax('a'.repeat(200))).toBe(0);
  expect(keyBitsMax('correcthorse1234')).toBeLessThan(128);
  expect(keyBitsMax('0123456789abcdef'.repeat(2))).toBe(128);
});

test('bad news outweighs not knowing, which outweighs good news', () => {
  expect(worst([])).toBe(EXIT.good);
  expect(worst([EXIT.good, EXIT.unknown])).toBe(EXIT.unknown);
  expect(worst([EXIT.unknown, EXIT.bad, EXIT.good])).toBe(EXIT.bad);
});
