import { describe, expect, test } from 'vitest';
import {
  alarmsOf,
  type Beat,
  type Change,
  type DetectorRules,
  type DetectorState,
  detectorRules,
  dropTargets,
  feed,
  newDetector,
  thresholdOf,
  trackedTargets,
  trialsPerYearOf,
} from '../../src/stats/detector.ts';
import { random } from '../support/ledger.ts';

const MINUTE = 60_000;
const YEAR = 525_600;
const rulesOf = (over: Partial<Parameters<typeof detectorRules>[0]> = {}): DetectorRules =>
  detectorRules({ objective: 0.999, deadlineMs: MINUTE, targets: 1, threshold: YEAR, ...over });

const beatAt = (i: number, over: Partial<Beat> = {}): Beat => ({
  slotMs: i * MINUTE,
  n: 1,
  losses: [],
  skipped: [],
  ...over,
});

/** Feeds beats numbered from the state's own count on. */
function feedAll(from: DetectorState, beats: readonly Partial<Beat>[], rules: DetectorRules) {
  let state = from;
  const changes: Change[] = [];
  for (const beat of beats) {
    const fed = feed(state, beatAt(state.beats, beat), rules);
    state = fed.state;
    changes.push(...fed.changes);
  }
  return { state, changes };
}
const times = <T>(n: number, value: T): T[] => new Array<T>(n).fill(value);
const lost: Partial<Beat> = { losses: [1] };
/** Beats of arrivals only, with nothing in alarm or under way. */
const later = (state: DetectorState, beats: number): DetectorState => ({
  ...state,
  beats: state.beats + beats,
});

describe('a total outage', () => {
  test.each([
    [1, YEAR, 3],
    [1, 2.5e8, 3],
    [1, 2.8e8, 4],
    [1000, thresholdOf({ trialsPerYear: YEAR * 1001, falseAlarmsPerYear: 1 }), 4],
  ])('%d targets, A=%d: %d canaries', (targets, threshold, canaries) => {
    const rules = rulesOf({ targets, threshold });
    // From the start, and after years without a loss.
    for (const before of [0, 3 * YEAR]) {
      const start = later(newDetector(rules), before);
      const { state, changes } = feedAll(start, times(canaries, { n: targets, losses: [1] }), rules);
      expect(changes).toEqual([
        {
          target: targets === 1 ? null : 1,
          what: 'alarm',
          beganSlotMs: before * MINUTE,
          atSlotMs: (before + canaries - 1) * MINUTE,
          rate: 1,
        },
      ]);
      expect(alarmsOf(state)).toMatchObject([{ target: changes[0]!.target, n: canaries, x: canaries }]);
    }
  });

  test('of a thousand beats closes with the seventh arrival, and soon where what may be lost is lost', () => {
    const rules = rulesOf();
    const outage = feedAll(later(newDetector(rules), YEAR), times(1000, lost), rules);
    expect(outage.changes.map(c => c.what)).toEqual(['alarm']);
    const { changes, state } = feedAll(outage.state, times(7, {}), rules);
    expect(changes).toMatchObject([{ what: 'closed', beganSlotMs: YEAR * MINUTE, rate: 1 }]);
    expect(changes[0]!.atSlotMs).toBe((YEAR + 1006) * MINUTE);
    expect(state.alarms).toEqual({});
    const waits = Array.from({ length: 200 }, (_, seed) => {
      const next = random(seed);
      let at = outage.state;
      let n = 0;
      for (; alarmsOf(at).length > 0; n++)
        at = feed(at, beatAt(at.beats, next() < 0.001 ? lost : {}), rules).state;
      return n;
    });
    // A loss among them starts the count anew.
    expect(waits.filter(n => n > 10).length).toBeLessThanOrEqual(3);
    expect(Math.max(...waits)).toBeLessThanOrEqual(14);
  });

  test('does not close on what says nothing, nor on a loss', () => {
    const rules = rulesOf({ targets: 2, threshold: 1e5 });
    const { state } = feedAll(newDetector(rules), times(20, { n: 2, losses: [1] }), rules);
    expect(alarmsOf(state).map(a => a.target)).toEqual([null, 1]);
    const paused = feedAll(state, times(500, { n: 1, skipped: [1] }), rules);
    expect(alarmsOf(paused.state).map(a => a.target)).toEqual([1]);
    expect(feedAll(paused.state, times(50, { n: 0, skipped: [1, 2] }), rules).state).toEqual(paused.state);
    expect(feedAll(paused.state, times(7, { n: 2 }), rules).changes).toMatchObject([
      { target: 1, what: 'closed' },
    ]);
  });

  test('stands for as long as half of it is left, and follows what it becomes', () => {
    const rules = rulesOf();
    const next = random(11);
    const start = feedAll(newDetector(rules), times(5, lost), rules).state;
    const { state, changes } = feedAll(
      start,
      Array.from({ length: 5000 }, () => (next() < 0.5 ? lost : {})),
      rules,
    );
    expect(changes).toEqual([]);
    expect(alarmsOf(state)[0]!.rate).toBeCloseTo(0.5, 1);
  });

  test('of slight excess stands while there is more than twice p0', () => {
    const rules = rulesOf();
    const alarm = { at: 0, beganSlotMs: 0, atSlotMs: 1, n: 1e6, x: 1000, rate: 0.001, e: 1 };
    let state: DetectorState = { ...newDetector(rules), alarms: { 0: alarm } };
    const next = random(13);
    for (let i = 0; i < 5000; i++) state = feed(state, beatAt(i, next() < 0.004 ? lost : {}), rules).state;
    expect(alarmsOf(state)).toHaveLength(1);
  });

  test('of slight excess closes at p0', () => {
    const rules = rulesOf();
    const alarm = { at: 0, beganSlotMs: 0, atSlotMs: 1, n: 10_000, x: 20, rate: 0.002, e: 1 };
    let state: DetectorState = { ...newDetector(rules), alarms: { 0: alarm } };
    const next = random(12);
    let n = 0;
    for (; alarmsOf(state).length > 0 && n < 200_000; n++)
      state = feed(state, beatAt(n, next() < 0.001 ? lost : {}), rules).state;
    expect(n).toBeLessThan(60_000);
  });
});

test('an alarm tells since when, past losses of long ago', () => {
  const rules = rulesOf();
  const calm = feedAll(newDetector(rules), [lost, ...times(2000, {}), lost, ...times(3000, {})], rules);
  expect(calm.changes).toEqual([]);
  const { changes } = feedAll(calm.state, [{}, {}, lost, {}, lost, lost, lost], rules);
  expect(changes).toMatchObject([
    { beganSlotMs: 5004 * MINUTE, atSlotMs: 5007 * MINUTE, rate: expect.closeTo(0.75, 9) },
  ]);
});

describe('batches', () => {
  const rules = rulesOf({ batch: 5, threshold: YEAR / 5 });

  test('lost whole count once each, wherever in our steps they begin', () => {
    for (let phase = 0; phase < 5; phase++) {
      const outage = feedAll(
        newDetector(rules),
        [...times(40 + phase, {}), ...times(30, lost)] as Partial<Beat>[],
        rules,
      );
      expect(outage.changes.map(c => c.what)).toEqual(['alarm']);
      expect(outage.changes[0]!.beganSlotMs).toBe((40 + phase) * MINUTE);
      const waited = outage.changes[0]!.atSlotMs / MINUTE - (40 + phase) + 1;
      // Two whole batches, and where the first was cut short, at most one more.
      expect(waited).toBeGreaterThanOrEqual(10);
      expect(waited).toBeLessThanOrEqual(15);
    }
  });

  test('a second half tells nothing new', () => {
    const { state } = feedAll(newDetector(rules), [...times(3, {}), ...times(2, lost)], rules);
    const kept = state.watches;
    expect(feedAll(state, times(3, lost), rules).state.watches).toEqual(kept);
    expect(feedAll(state, times(3, {}), rules).state.watches).toEqual(kept);
    expect(feedAll(state, times(8, lost), rules).state.watches).not.toEqual(kept);
  });
});

describe('state costs for what is exceptional', () => {
  const rules = rulesOf({ targets: 10_000, threshold: 1e9 });

  test('arrivals of ten thousand targets leave none, and one loss leaves one', () => {
    const quiet = feedAll(newDetector(rules), times(500, { n: 10_000 }), rules).state;
    expect(quiet).toEqual(later(newDetector(rules), 500));
    const { state } = feed(quiet, beatAt(500, { n: 10_000, losses: [77] }), rules);
    expect(Object.keys(state.watches)).toEqual(['0', '77']);
    expect(trackedTargets(state)).toEqual([77]);
    expect(JSON.stringify(state).length).toBeLessThan(1500);
    const kept = feedAll(state, times(100, { n: 10_000 }), rules).state;
    // Nothing is walked for a beat of arrivals.
    expect(kept.watches).toBe(state.watches);
  });

  test('what is back at the baseline goes', () => {
    const one = feed(newDetector(rules), beatAt(0, { n: 10_000, losses: [77] }), rules).state;
    expect(Object.keys(feedAll(one, times(1023, { n: 10_000 }), rules).state.watches)).toHaveLength(2);
    const { watches } = feed(
      later(one, 40 * 1024 - 2),
      beatAt(40 * 1024, { n: 10_000, skipped: [3] }),
      rules,
    ).state;
    expect(watches).toEqual({});
  });

  test('a late comer’s head start is a few dozen trials’ worth', () => {
    const { watches } = feed(
      later(newDetector(rules), 10 * YEAR),
      beatAt(10 * YEAR, { n: 10_000, losses: [5] }),
      rules,
    ).state;
    // One loss multiplies 1 + M by p1 ÷ p0.
    const before = watches[5]!.odds.reduce((sum, o, i) => {
      const { weight, loss } = rules.alternatives[i]!;
      return sum + weight * (o.m / loss - 1);
    }, 0);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(40);
  });
});

test('the only target has no sequence of its own; a second gives both theirs', () => {
  const one = feed(newDetector(rulesOf()), beatAt(0, lost), rulesOf()).state;
  expect(Object.keys(one.watches)).toEqual(['0']);
  const two = rulesOf({ targets: 2 });
  expect(Object.keys(feed(one, beatAt(1, { n: 2, losses: [1] }), two).state.watches)).toEqual(['0', '1']);
});

test('waiting never alarms, at whatever threshold', () => {
  const rules = rulesOf({ threshold: 1 });
  const { state, changes } = feedAll(newDetector(rules), times(3000, {}), rules);
  expect(changes).toEqual([]);
  expect(feed(state, beatAt(3000, lost), rules).changes).toHaveLength(1);
  // Nor where a step is taken because a trial of it was skipped.
  const pairs = rulesOf({ threshold: 20, batch: 2, targets: 2 });
  const outage = feedAll(newDetector(pairs), times(40, { n: 2, losses: [1] }), pairs);
  const paused = times(9, [{ n: 2 }, { skipped: [1] }]).flat();
  const over = feedAll(outage.state, [...times(3000, { n: 2 }), ...paused], pairs);
  expect(over.changes.map(c => c.what)).toEqual(['closed', 'closed']);
});

test('“none may be lost” alarms at the first loss, and all numbers stay finite', () => {
  for (const [objective, threshold] of [
    [1, 1e12],
    [1 - 1e-9, 1e30],
    [0.999, 1e30],
    [0.3, 1e30],
  ] as const) {
    const rules = rulesOf({ objective, threshold });
    let { state, changes } = feedAll(newDetector(rules), [...times(100, {}), lost], rules);
    expect(changes).toHaveLength(objective === 1 ? 1 : 0);
    for (let i = 0; i < 600; i++) {
      state = feed(state, beatAt(state.beats, lost), rules).state;
      if (i % 20 === 0) expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    }
    expect(alarmsOf(state)).toHaveLength(1);
  }
});

describe('family', () => {
  test('one threshold over all sequences', () => {
    const a = { beatsPerYear: YEAR, batch: 1 };
    expect(trialsPerYearOf({ ...a, targets: 1 })).toBe(YEAR);
    expect(trialsPerYearOf({ ...a, targets: 1000 })).toBe(YEAR * 1001);
    expect(trialsPerYearOf({ ...a, targets: 2, batch: 5 })).toBe((YEAR * 3) / 5);
    expect(thresholdOf({ trialsPerYear: 2 * YEAR, falseAlarmsPerYear: 0.5 })).toBe(4 * YEAR);
    expect(() => thresholdOf({ trialsPerYear: YEAR, falseAlarmsPerYear: 0 })).toThrow(RangeError);
  });

  test('a running threshold never falls', () => {
    const high = feed(newDetector(rulesOf()), beatAt(0), rulesOf({ threshold: 2.6e8 })).state;
    const { state, changes } = feedAll(high, times(3, lost), rulesOf());
    expect(state.threshold).toBe(2.6e8);
    expect(changes).toEqual([]);
  });

  test('a changed null starts anew, and its alarms close', () => {
    const { state } = feedAll(newDetector(rulesOf()), times(5, lost), rulesOf());
    for (const over of [{ objective: 0.99 }, { deadlineMs: 1 }, { batch: 2 }]) {
      const fed = feed(state, beatAt(5), rulesOf(over));
      expect(fed.changes).toMatchObject([{ target: null, what: 'closed', atSlotMs: 5 * MINUTE }]);
      expect(fed.state).toEqual(later(newDetector(rulesOf(over)), 1));
    }
    expect(feed(state, beatAt(5), rulesOf({ targets: 9 })).changes).toEqual([]);
  });

  test('an alarm of a retired target closes', () => {
    const rules = rulesOf({ targets: 1000 });
    const { state } = feedAll(
      newDetector(rules),
      [...times(4, { n: 1000, losses: [7] }), { n: 1000, losses: [8] }],
      rules,
    );
    const dropped = dropTargets(state, [7, 8, 9], 9 * MINUTE);
    expect(dropped.changes).toEqual([
      { target: 7, what: 'closed', beganSlotMs: 0, atSlotMs: 9 * MINUTE, rate: 1 },
    ]);
    expect(trackedTargets(dropped.state)).toEqual([]);
  });

  test('refuses nonsense', () => {
    for (const bad of [
      { objective: 0 },
      { objective: 1.1 },
      { batch: 0 },
      { batch: 1.5 },
      { closingAlpha: 1 },
    ])
      expect(() => rulesOf(bad)).toThrow(RangeError);
    expect(() => feed(newDetector(rulesOf()), beatAt(0, { n: 1, losses: [1, 2] }), rulesOf())).toThrow(
      /at most 1 losses; found 2/,
    );
  });
});
