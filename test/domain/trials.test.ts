import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FLAG } from '../../src/domain/settlement.ts';
import { joinTrials, type TrialContext, type TrialRow, trialsOf } from '../../src/domain/trials.ts';

const D = 10_000;
const L = 60_000;
const T0 = Date.UTC(2026, 10, 23);
const DRILL = 99;

const context = (over: Partial<TrialContext> = {}): TrialContext => ({
  watch: { wMs: T0 + L, gaps: [], proven: true },
  deadlines: { onTimeWithinMs: D, lostAfterMs: L },
  drill: DRILL,
  missingBefore: () => false,
  inMaintenance: () => false,
  ...over,
});

/** One canary of target 1, accepted at T0. */
const row = (over: Partial<TrialRow> = {}): TrialRow => ({
  slot: T0,
  due_ms: T0,
  restart_ms: null,
  targets: [1],
  sendings: [0],
  last_offs: [0],
  next_due_ms: null,
  seen_offs: [null],
  seen_after_offs: [null],
  flags: [0],
  ...over,
});

const ARRIVAL = { targets: [1], losses: [], skipped: [] };
const LOSS = { targets: [1], losses: [1], skipped: [] };
const SKIP = { targets: [], losses: [], skipped: [1] };
const absent = FLAG.absentAtD | FLAG.absentAtL;

describe('on_time', () => {
  const on = (r: TrialRow, c = context()) => trialsOf(r, 'on_time', c);
  const openRow = (over: Partial<TrialRow>) => row({ next_due_ms: T0 + L, ...over });
  const atD = context({ watch: { wMs: T0 + D, gaps: [], proven: true } });

  test('seen in time, absent at D, or seen after D', () => {
    expect(on(openRow({ seen_offs: [D] }), atD)).toEqual(ARRIVAL);
    expect(on(openRow({ flags: [FLAG.absentAtD] }), atD)).toEqual(LOSS);
    expect(on(openRow({ seen_offs: [D + 5], seen_after_offs: [D] }))).toEqual(LOSS);
  });

  test('what came at a time that straddles D is no loss: after a blindness only the missing would count', () => {
    expect(on(openRow({ seen_offs: [D + 5], seen_after_offs: [D - 1] }))).toEqual(ARRIVAL);
    expect(on(openRow({ seen_offs: [D + 5], seen_after_offs: [null] }))).toEqual(ARRIVAL);
  });

  test('waits for W, even where it was seen: who counts must not depend on that', () => {
    const before = context({ watch: { wMs: T0 + D - 1, gaps: [], proven: true } });
    expect(on(openRow({ seen_offs: [1] }), before)).toBeNull();
    expect(
      on(openRow({ seen_offs: [1] }), context({ watch: { wMs: null, gaps: [], proven: false } })),
    ).toBeNull();
    expect(on(openRow({}), atD)).toBeNull();
  });

  test('a gap in [e, e + D] leaves out the seen and the unseen alike', () => {
    const gap = { fromMs: T0 + 1, toMs: T0 + 2, reason: 'x' };
    const c = context({ watch: { wMs: T0 + L, gaps: [gap], proven: true } });
    expect(on(openRow({ seen_offs: [1] }), c)).toEqual(SKIP);
    expect(on(openRow({ flags: [FLAG.absentAtD] }), c)).toEqual(SKIP);
  });

  test('a closed row that nobody could judge is passed over', () => {
    const blind = context({ watch: { wMs: null, gaps: [], proven: false } });
    expect(on(row({ flags: [FLAG.uncovered] }), blind)).toEqual(SKIP);
    expect(on(row({ flags: [FLAG.uncovered], seen_offs: [1] }), blind)).toEqual(SKIP);
  });
});

describe('delivered', () => {
  const delivered = (r: TrialRow, c = context()) => trialsOf(r, 'delivered', c);

  test('absent at L is a loss, whether or not it came back; late is an arrival', () => {
    expect(delivered(row({ flags: [absent] }))).toEqual(LOSS);
    expect(delivered(row({ flags: [absent], seen_offs: [L + 1] }))).toEqual(LOSS);
    expect(delivered(row({ flags: [FLAG.absentAtD], seen_offs: [D + 1] }))).toEqual(ARRIVAL);
  });

  test('waits until the row is closed', () => {
    expect(delivered(row({ next_due_ms: T0 + L, seen_offs: [1] }))).toBeNull();
  });

  test('uncovered ones are left out, seen or not', () => {
    expect(delivered(row({ flags: [FLAG.uncovered | absent] }))).toEqual(SKIP);
    expect(delivered(row({ flags: [FLAG.uncovered], seen_offs: [1] }))).toEqual(SKIP);
  });
});

describe('refused', () => {
  test.each([
    [0, ARRIVAL],
    [1, LOSS],
    [2, SKIP],
    [3, SKIP],
    [4, SKIP],
  ])('sending code %i', (code, expected) => {
    expect(trialsOf(row({ sendings: [code] }), 'refused', context())).toEqual(expected);
  });
});

test.each(['on_time', 'delivered'] as const)(
  '%s: a loss told elsewhere is no loss of this hop',
  objective => {
    const lost = row({ flags: [absent] });
    expect(trialsOf(lost, objective, context({ missingBefore: () => true }))).toEqual(SKIP);
    expect(trialsOf(row({ flags: [absent | FLAG.downstream] }), objective, context())).toEqual(SKIP);
    const arrived = row({ seen_offs: [1] });
    expect(trialsOf(arrived, objective, context({ missingBefore: () => true }))).toEqual(ARRIVAL);
  },
);

test.each(['on_time', 'delivered'] as const)(
  '%s: maintenance is asked from the last attempt to the deadline',
  objective => {
    const asked: [number, number][] = [];
    const inMaintenance = (fromMs: number, toMs: number) => asked.push([fromMs, toMs]) > 0;
    expect(trialsOf(row({ last_offs: [7], seen_offs: [8] }), objective, context({ inMaintenance }))).toEqual(
      SKIP,
    );
    expect(asked).toEqual([[T0 + 7, T0 + 7 + (objective === 'on_time' ? D : L)]]);
  },
);

test('deadlines of a row that was restarted run from there', () => {
  const late = row({ next_due_ms: 1, restart_ms: T0 + 5_000, seen_offs: [D + 4_000] });
  expect(trialsOf(late, 'on_time', context())).toEqual(ARRIVAL);
});

test('a row without outcomes waits, the drill is never fed, every other canary exactly once', () => {
  expect(trialsOf(row({ sendings: null }), 'refused', context())).toBeNull();
  const code = fc.constantFrom(0, 1, 2, 3);
  const canary = fc.record({ code, flags: fc.integer({ min: 0, max: 15 }), seen: fc.option(fc.nat(2 * L)) });
  fc.assert(
    fc.property(fc.array(canary, { minLength: 1, maxLength: 30 }), fc.nat(30), (canaries, drillAt) => {
      const targets = canaries.map((_, i) => (i === drillAt ? DRILL : i + 1));
      const r = row({
        targets,
        sendings: canaries.map((c, i) => (i === drillAt ? 4 : c.code)),
        last_offs: canaries.map(() => 0),
        seen_offs: canaries.map(c => c.seen),
        seen_after_offs: canaries.map(() => null),
        flags: canaries.map(c => c.flags),
      });
      for (const objective of ['on_time', 'delivered', 'refused'] as const) {
        const t = trialsOf(r, objective, context());
        if (t === null) throw new Error('a closed row waits');
        const all = [...t.targets, ...t.skipped].toSorted((a, b) => a - b);
        expect(all).toEqual(targets.filter(x => x !== DRILL).toSorted((a, b) => a - b));
        expect(t.targets).toEqual(expect.arrayContaining([...t.losses]));
      }
    }),
  );
});

test('parts of a beat are one trial', () => {
  expect(joinTrials([LOSS, { targets: [2, 3], losses: [3], skipped: [4] }])).toEqual({
    targets: [1, 2, 3],
    losses: [1, 3],
    skipped: [4],
  });
});
