import { describe, expect, test } from 'vitest';
import { judgeMeasured } from '../../src/cli/lib/doctor/measured.ts';
import { type Fits, niceAbove, propose } from '../../src/cli/lib/doctor/proposal.ts';
import { checkNode } from '../../src/cli/lib/doctor/surroundings.ts';
import { EXIT, worst } from '../../src/cli/lib/exit.ts';
import { keyBitsMax } from '../../src/cli/lib/keys.ts';
import { emptySketch, sketchOf } from '../../src/stats/sketch.ts';
import { configOf, good } from '../config/parse.ts';

const needs = { quantile: 0.999, settleMs: 1_000 };
const measured = (
  arrived: Iterable<number>,
  waiting: Iterable<number | readonly [number, number]> = [],
  hours = 24,
) => ({
  arrived: sketchOf(arrived),
  waiting: sketchOf(waiting),
  hours,
});
const many = (n: number, ms: (i: number) => number) => Array.from({ length: n }, (_, i) => ms(i));

describe('deadlines from what was measured', () => {
  test('above the slowest in a thousand, and above all that arrived', () => {
    const delays = [...many(99_950, i => 200 + i / 100), ...many(50, () => 40_000)];
    const fits = propose(measured(delays), needs) as Fits;
    expect(fits).toMatchObject({ kind: 'fits', canaries: 100_000, onTimeMs: 2_000, lostMs: 120_000 });
    // 99,900 of 100,000 arrived within 1,199 ms; a sketch reads at most 2.1% too long.
    expect(fits.quantileMs).toBeGreaterThan(1_190);
    expect(fits.quantileMs).toBeLessThan(1_230);
    expect(fits.loMs).toBeLessThanOrEqual(fits.quantileMs);
    expect(fits.hiMs).toBeGreaterThanOrEqual(fits.quantileMs);
    expect(fits.slowestMs).toBeGreaterThan(39_500);
    expect(fits.met(5_000)).toBeCloseTo(0.9995, 9);
    expect(fits.met(100)).toBe(0);
  });

  test('an uncertain quantile is taken at its upper end', () => {
    // Three of 3,000 are slow: whether one in a thousand is, nobody knows yet.
    const fits = propose(measured([...many(2_997, () => 500), ...many(3, () => 20_000)]), needs) as Fits;
    expect(fits.hiMs).toBeGreaterThan(19_000);
    expect(fits.onTimeMs).toBe(30_000);
  });

  test('from too few, or less than a day, nothing is proposed, and what is needed is told', () => {
    const few = { kind: 'too few', needed: 2_995 };
    expect(propose(measured(many(2_994, () => 100)), needs)).toMatchObject({ ...few, canaries: 2_994 });
    expect(
      propose(
        measured(
          many(5_000, () => 100),
          [],
          23,
        ),
        needs,
      ),
    ).toMatchObject({ ...few, hours: 23 });
    expect(propose(measured(many(2_995, () => 100)), needs).kind).toBe('fits');
    expect(propose(measured(many(5_000, () => 100)), { ...needs, quantile: 0.9999 })).toMatchObject({
      needed: 29_956,
    });
    expect(propose({ arrived: emptySketch, waiting: emptySketch, hours: 0 }, needs).kind).toBe('too few');
  });

  test('what never came counts as longer than its age: too much of it, and no deadline is met', () => {
    const lost = (n: number) =>
      propose(
        measured(
          many(10_000 - n, () => 300),
          [[600_000, n]].filter(([, k]) => k! > 0) as [number, number][],
        ),
        needs,
      );
    expect(lost(20)).toMatchObject({ kind: 'missing', canaries: 10_000, share: expect.closeTo(0.002, 9) });
    expect(lost(5)).toMatchObject({ kind: 'fits', met: expect.any(Function) });
    expect((lost(5) as Fits).met(60_000)).toBeCloseTo(0.9995, 9);
  });

  test('those still out and young say nothing of the slow ones', () => {
    const fits = propose(
      measured(
        many(10_000, () => 4_000),
        [[1_000, 50]],
      ),
      needs,
    );
    expect(fits).toMatchObject({ kind: 'fits', canaries: 10_050 });
  });

  test('none below what no scheduler keeps, nor below the backend’s own settle', () => {
    const fast = measured(many(5_000, () => 3));
    expect(propose(fast, needs)).toMatchObject({ onTimeMs: 1_000, lostMs: 30_000 });
    expect(propose(fast, { ...needs, settleMs: 25_000 })).toMatchObject({
      onTimeMs: 30_000,
      lostMs: 120_000,
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

describe('what is told of them', () => {
  const checkpoint = {
    ...configOf(good()).pipelines[0]!.checkpoints[0]!,
    ...{ onTimeWithinMs: 30_000, lostAfterMs: 600_000, lookEveryMs: 10_000, settleMs: 1_000 },
  };
  const watch = { proven: true, skewLowMs: -300, skewHighMs: 900 };
  const beside = { quantile: 0.999, watch, falseAbsences: 0 };
  const told = (delays: ReturnType<typeof measured>, c = checkpoint, more = beside) =>
    judgeMeasured('sink', c, delays, more);

  test('n, span, quantile and interval, what is set and what would be met', () => {
    const [finding] = told(measured(many(86_400, () => 3_100)));
    expect(finding?.says).toMatch(
      /^p99\.9 of 86,400 canaries in 1 d is 3\.\d+ s \(95% interval 3\.\d+ s to 3\.\d+ s\), the slowest that came 3\.\d+ s; you have on_time_within 30s, met by 100%, and lost_after 10m/,
    );
    expect(finding).toMatchObject({ level: 'hint', says: expect.stringMatching(/later than it could be$/) });
    expect(finding?.fix).toBe('on_time_within: 5s would be met by 100%, with lost_after: 30s');
  });

  test('deadlines that ordinary delays pass, and those that fit', () => {
    const slow = measured(many(5_000, () => 40_000));
    expect(told(slow)[0]).toMatchObject({
      level: 'hint',
      says: expect.stringMatching(/met by 0%.*ordinary delays/),
    });
    expect(told(measured(many(5_000, () => 15_000)))[0]).toMatchObject({
      level: 'ok',
      says: expect.stringMatching(/fits$/),
    });
  });

  test('too few and too many missing: no proposal', () => {
    expect(
      told(
        measured(
          many(100, () => 5),
          [],
          3,
        ),
      ),
    ).toEqual([
      {
        check: 'sink',
        level: 'ok',
        says: '100 canaries within 3 h are too few to propose deadlines from: p99.9 takes 2,995 of them, and a day',
      },
    ]);
    const missing = told(
      measured(
        many(9_000, () => 5),
        [[700_000, 1_000]],
      ),
    )[0];
    expect(missing).toMatchObject({
      level: 'hint',
      says: expect.stringMatching(/^10% of 10,000 canaries in 1 d never came/),
    });
    expect(missing?.fix).not.toMatch(/on_time_within:/);
  });

  test('a look_every of one’s own follows; the usual one does so by itself', () => {
    const delays = measured(many(86_400, () => 3_100));
    expect(told(delays, { ...checkpoint, lookEveryMs: 9_000 })[0]?.fix).toMatch(/and look_every: 1s$/);
  });

  test('false absences ask for a longer settle; clocks that differ are told', () => {
    const delays = measured(many(86_400, () => 15_000));
    const found = told(delays, checkpoint, {
      ...beside,
      falseAbsences: 86,
      watch: { ...watch, skewLowMs: -5_000 },
    });
    expect(found.slice(1)).toMatchObject([
      {
        level: 'hint',
        says: expect.stringMatching(/^86 false absences \(0\.1% of canaries\)/),
        fix: 'settle: 2s',
      },
      { level: 'hint', says: expect.stringMatching(/up to 5 s before/) },
    ]);
    expect(told(delays)).toHaveLength(1);
  });

  test('delays that are mostly our own looking say so', () => {
    const found = told(measured(many(86_400, () => 9_000)));
    expect(found[1]).toMatchObject({
      level: 'ok',
      says: expect.stringMatching(/mostly look_every \(10 s\)/),
    });
  });
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
