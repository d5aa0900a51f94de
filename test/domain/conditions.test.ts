/** Rules of conditions, by tables and properties: what opens, what stays, what ends, and that nothing says two things at once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventSignals, type FindingReading } from '../../src/domain/condition-events.ts';
import { type PlaceReading, sightSignals } from '../../src/domain/condition-sight.ts';
import {
  type Course,
  courseOf,
  isMuted,
  type Ripening,
  ripen,
  stateSignal,
  unknownSignal,
} from '../../src/domain/conditions.ts';
import { newWatch, type Watch, type WatchRules } from '../../src/domain/watermark.ts';

const T = Date.UTC(2026, 2, 1, 12);
const MIN = 60_000;
const facts = { reason: 'because', count: null, sample: null };
const blind = stateSignal('blind', 1, { beganMs: T, facts, graceMs: MIN });
const row: Course = { kind: 'blind', began_ms: T, ended_ms: null, quiet_ms: null, reopened: 0, facts };

describe('the course of an incident', () => {
  test('gone for its hold it ended when it was first seen gone', () => {
    const quiet = courseOf(row, null, T + MIN);
    expect(quiet).toMatchObject({ quiet_ms: T + MIN, ended_ms: null });
    expect(courseOf(quiet, null, T + 3 * MIN - 1).ended_ms).toBeNull();
    expect(courseOf(quiet, null, T + 3 * MIN).ended_ms).toBe(T + MIN);
  });

  test('what can’t be told changes nothing', () => {
    const quiet = courseOf(row, null, T + MIN);
    for (const r of [row, quiet]) expect(courseOf(r, unknownSignal('blind', [1]), T + 60 * MIN)).toBe(r);
  });

  test('flapping faster than the hold is one incident, and each return is counted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 59 })), { maxLength: 60 }),
        steps => {
          let [r, now, returns, goneMs, was] = [row, T, 0, 0, true];
          for (const [lasts, seconds] of steps) {
            now += seconds * 1_000;
            if (lasts && !was) returns++;
            goneMs = lasts ? 0 : was ? 1 : goneMs + seconds * 1_000;
            was = lasts;
            if (goneMs >= 2 * MIN) return;
            r = courseOf(r, lasts ? blind : null, now);
            expect(r.ended_ms).toBeNull();
            expect(r.reopened).toBe(returns);
          }
        },
      ),
    );
  });

  test('a clock that was set back keeps nothing open for longer than the hold', () => {
    const quiet = courseOf(row, null, T + 60 * MIN);
    const after = courseOf(quiet, null, T);
    expect(after.quiet_ms).toBe(T);
    expect(courseOf(after, null, T + 2 * MIN).ended_ms).toBe(T);
  });
});

describe('ripening', () => {
  const run = (times: readonly number[], graceMs: number) => {
    let ripening: Ripening | undefined;
    let ripe = 0;
    for (const mono of times) {
      const r = ripen(ripening, [{ ...blind, graceMs }], mono);
      ripening = r.ripening;
      ripe = r.ripe.length;
    }
    return ripe;
  };
  test.each([
    ['a grace watched', [0, 5_000, 30_000, 60_000], 60_000, 1],
    ['not yet', [0, 5_000, 30_000, 59_999], 60_000, 0],
    ['nobody watched in between', [0, 5_000, 66_000], 60_000, 0],
    ['a restart', [600_000], 60_000, 0],
    ['no grace', [0], 0, 1],
  ])('%s', (_, times, graceMs, n) => expect(run(times, graceMs)).toBe(n));

  test('what isn’t worth an incident, or can’t be told, never ripens', () => {
    const never = [{ ...blind, opens: false }, unknownSignal('blind', [2])];
    const first = ripen(undefined, never, 0);
    expect(ripen(first.ripening, never, 50_000).ripe).toEqual([]);
  });
});

test('maintenance mutes what opens, but for what an attacker may do in it and our own channels', () => {
  const windows = [{ kind: 'once' as const, fromMs: T - MIN, toMs: T + MIN }];
  expect(isMuted(blind, windows, T)).toBe(true);
  expect(isMuted(blind, windows, T + 2 * MIN)).toBe(false);
  // Afterwards, what happened in it.
  expect(isMuted({ ...blind, kind: 'altered', overMs: T }, windows, T + 5 * MIN)).toBe(true);
  for (const kind of ['identity_used', 'drill_seen', 'notices_failing'] as const)
    expect(isMuted({ ...blind, kind }, windows, T)).toBe(false);
});

const rules: WatchRules = {
  way: 'query',
  chained: false,
  secondLook: null,
  settleMs: 1_000,
  keepsMs: 7 * 86_400_000,
  lookEveryMs: 2_000,
};
const watch = (more: Partial<Watch>): Watch => ({ ...newWatch, proven: true, wMs: T - 1_000, ...more });
const failed = (startedMs: number, reason: string) =>
  ({ startedMs, endedMs: startedMs, end: 'failed', reason, records: 0, found: 0 }) as const;
const place = (checkpoint: number, w: Watch, more: Partial<PlaceReading> = {}): PlaceReading => ({
  checkpoint,
  name: `c${checkpoint}`,
  backend: 'one',
  watch: w,
  rules,
  acceptedMs: null,
  ...more,
});
const sight = (places: PlaceReading[], silent = false) =>
  sightSignals(places, { nowMs: T, silent, sampleOf: key => ({ key }) });

describe('seeing', () => {
  const down = (startedMs = T - 1_000) =>
    watch({ wMs: T - 5 * MIN, failures: 9, lastLook: failed(startedMs, '500: internal server error') });
  const gone = watch({
    wMs: T - 5 * MIN,
    vanished: true,
    anchors: [{ key: '3.1700000000000.0', seenMs: T - 6 * MIN, eventMs: null, ingestedMs: null }],
    lastLook: { ...failed(T, ''), end: 'exhausted', reason: null },
  });

  test('blind says since when, and what the backend said; no whole token', () => {
    const token = `coalmine1${'a'.repeat(40)}`;
    const [s] = sight([place(1, { ...down(), lastLook: failed(T - 1_000, `500: no ${token} here`) })]);
    expect(s).toMatchObject({ kind: 'blind', state: 'lasts', checkpoint: 1, beganMs: T - 5 * MIN });
    expect(s?.facts.reason).toContain('c1 is accounted for after 2026-03-01 11:55:00 UTC');
    expect(s?.facts.reason).toContain('500: no coalmine1');
    expect(s?.facts.reason).toContain('9 looks in a row');
    expect(s?.facts.reason).not.toContain(token);
  });

  test('one backend is one cause, two are two', () => {
    const [s, ...more] = sight([place(1, down()), place(2, watch({})), place(3, down())]);
    expect(more).toEqual([]);
    expect(s).toMatchObject({ checkpoint: 1, places: [1, 2, 3] });
    expect(s?.facts.reason).toContain('c1 and c3');
    expect(sight([place(1, down()), place(2, down(), { backend: 'two' })])).toHaveLength(2);
  });

  test('records that are gone aren’t blindness, and are told by what to search', () => {
    const [s, ...more] = sight([place(1, gone)]);
    expect(more).toEqual([]);
    expect(s).toMatchObject({ kind: 'vanished', facts: { sample: { key: '3.1700000000000.0' } } });
    const older = { ...gone, lastLook: { ...gone.lastLook!, records: 9, found: 7 } };
    expect(sight([place(1, older)])[0]?.facts.reason).toMatch(
      /read 9 records to the end and found 7 canaries in them; it shows older canaries only/,
    );
  });

  test('never seen: told once canaries were accepted long ago, and it isn’t blind', () => {
    const never = { ...down(), proven: false };
    expect(sight([place(1, never)])).toMatchObject([{ kind: 'not_proven', state: 'unknown' }]);
    const [s, ...more] = sight([place(1, never, { acceptedMs: T - 30 * MIN })]);
    expect(more).toEqual([]);
    expect(s).toMatchObject({ kind: 'not_proven', state: 'lasts', beganMs: T - 30 * MIN });
    expect(s?.facts.reason).toContain('500: internal server error');
  });

  test('a silent emitter doesn’t blind; a failing look does all the same', () => {
    const idle = watch({ wMs: T - 5 * MIN, lastLook: { ...failed(T, ''), end: 'exhausted', reason: null } });
    expect(sight([place(1, idle)], false)).toMatchObject([{ kind: 'blind', state: 'lasts' }]);
    expect(sight([place(1, idle)], true).map(s => s.state)).toEqual(['unknown', 'unknown']);
    expect(sight([place(1, down(T - 20 * MIN))], true).map(s => s.state)).toEqual(['unknown', 'unknown']);
    expect(sight([place(1, down())], true)).toMatchObject([{ kind: 'blind', state: 'lasts' }]);
  });

  test('just after a step of our clock nothing can be said', () => {
    expect(sight([place(1, watch({ wMs: null }))]).map(s => s.state)).toEqual(['unknown', 'unknown']);
  });

  test('at most one of them lasts at a checkpoint, whatever the watches', () => {
    const anyWatch = fc.record({
      proven: fc.boolean(),
      vanished: fc.boolean(),
      wMs: fc.option(fc.integer({ min: T - 10 * MIN, max: T })),
      failures: fc.nat(20),
      lastLook: fc.option(fc.constantFrom(failed(T, 'x'), { ...failed(T, ''), end: 'exhausted' as const })),
    });
    const anyPlace = fc.tuple(anyWatch, fc.constantFrom('one', 'two'), fc.option(fc.constant(T - 30 * MIN)));
    fc.assert(
      fc.property(fc.array(anyPlace, { maxLength: 4 }), fc.boolean(), (all, silent) => {
        const signals = sight(
          all.map(([w, backend, acceptedMs], i) =>
            place(i + 1, { ...newWatch, ...w }, { backend, acceptedMs }),
          ),
          silent,
        );
        const lasting = signals.filter(s => s.state === 'lasts');
        expect(new Set(lasting.map(s => `${s.checkpoint}`)).size).toBe(lasting.length);
        expect(new Set(signals.map(s => `${s.kind} ${s.places[0]}`)).size).toBe(signals.length);
      }),
    );
  });
});

const finding = (kind: string, count: number, more: Partial<FindingReading> = {}): FindingReading => ({
  checkpoint: 1,
  kind,
  hourMs: T - 30 * MIN,
  count,
  firstMs: T - 20 * MIN,
  lastMs: T - MIN,
  sample: null,
  ...more,
});
const events = (findings: FindingReading[], nowMs = T) =>
  eventSignals(findings, { nowMs, perHour: 3_600, nameOf: c => (c === 0 ? null : `c${c}`) });

describe('events', () => {
  test.each([
    ['altered', 1, 'altered', true],
    ['orphan', 1, 'orphans', true],
    ['drill_seen', 1, 'drill_seen', true],
    ['identity_used', 1, 'identity_used', true],
    ['clock_step', 1, 'clock_step', true],
    // 1,800 were due in the half hour.
    ['echo', 18, 'echoes', false],
    ['echo', 19, 'echoes', true],
    ['duplicate', 19, 'duplicates', true],
    ['false_absence', 18, 'false_absence', false],
    ['reordered', 19, 'reordering', true],
  ] as const)('%s, %i times', (kind, n, incident, opens) => {
    expect(events([finding(kind, n)])).toMatchObject([
      { kind: incident, state: 'lasts', opens, facts: { count: n } },
    ]);
  });

  test('over an hour after the newest, at the time of the newest', () => {
    const [s] = events([finding('altered', 5)], T + 59 * MIN);
    expect(s).toMatchObject({ state: 'over', overMs: T - MIN, opens: false });
    expect(courseOf({ ...row, kind: 'altered' }, s ?? null, T + 59 * MIN).ended_ms).toBe(T);
  });

  test('forgeries are one incident of the pipeline, and one a day', () => {
    const [s, ...more] = events([finding('forged', 9), finding('forged', 1, { checkpoint: 2 })]);
    expect(more).toEqual([]);
    expect(s).toMatchObject({ checkpoint: 0, unlessSinceMs: T - 24 * 60 * MIN, facts: { count: 10 } });
    expect(s?.facts.reason).toContain('c1, c2');
  });

  test('what is no condition is none', () => expect(events([finding('alien', 5)])).toEqual([]));
});
