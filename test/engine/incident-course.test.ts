/** When an incident of loss is over. What stands is told by a list of times here. */
import { describe, expect, test } from 'vitest';
import type { LossFacts } from '../../src/domain/incident.ts';
import {
  alarmOf,
  courseOf,
  type Finding,
  isStanding,
  withAlarm,
  withoutAlarm,
} from '../../src/engine/incident-course.ts';
import type { IncidentState } from '../../src/store/incident.ts';

const EVERY = 60_000;
const HOLD = 20 * EVERY;

const finding = (what: 'opened' | 'closed', target: number | null, ms: number): Finding =>
  ({ what, target, objective: 'delivered', beganSlotMs: ms, atSlotMs: ms }) as Finding;
const facts = (open: number, lastMs = 0) =>
  ({ counts: { overdue: open, pending: 0 }, lastMs }) as unknown as LossFacts;
const none: IncidentState = { alarms: [], told: null };
const opened = (state: IncidentState, target: number | null, ms: number) =>
  withAlarm(state, alarmOf(finding('opened', target, ms), 1));
const closed = (state: IncidentState, target: number | null, ms: number, checkpoint = 1) =>
  withoutAlarm(state, finding('closed', target, ms), checkpoint);
const fresh = { quiet_ms: null, reopened: 0 };
const at = (state: IncidentState, nowMs: number, more: { open?: number; caughtUp?: boolean } = {}) => ({
  state,
  facts: facts(more.open ?? 0),
  caughtUp: more.caughtUp ?? true,
  nowMs,
  everyMs: EVERY,
});

describe('alarms', () => {
  test('each sequence stands once, from its first beginning, until it closes', () => {
    let state = opened(opened(none, 7, 2_000), 8, 3_000);
    state = opened(state, 7, 5_000);
    expect(state.alarms.map(a => [a.target, a.beganMs])).toEqual([
      [8, 3_000],
      [7, 2_000],
    ]);
    state = closed(state, 7, 9_000);
    expect(isStanding(state)).toBe(true);
    expect(isStanding(closed(state, 8, 9_500))).toBe(false);
  });

  test('closing what stands elsewhere, or not at all, changes nothing', () => {
    const state = opened(none, 7, 2_000);
    expect(closed(state, null, 9_000)).toEqual(state);
    expect(closed(state, 7, 9_000, 2)).toEqual(state);
  });
});

describe('an incident', () => {
  const over = closed(opened(none, null, 0), null, 1_000);

  test('is over once nothing has stood for twenty beats, and not a millisecond before', () => {
    const quiet = courseOf(fresh, at(over, 10_000));
    expect(quiet).toEqual({ quiet_ms: 10_000, reopened: 0, ended_ms: null });
    expect(courseOf(quiet, at(over, 10_000 + HOLD - 1)).ended_ms).toBeNull();
    expect(courseOf(quiet, at(over, 10_000 + HOLD)).ended_ms).toBe(EVERY);
  });

  test('goes on while canaries are undecided, or outcomes wait to be fed', () => {
    const quiet = { quiet_ms: 0, reopened: 0 };
    expect(courseOf(quiet, at(over, 2 * HOLD, { open: 1 })).ended_ms).toBeNull();
    expect(courseOf(quiet, at(over, 2 * HOLD, { caughtUp: false })).ended_ms).toBeNull();
    expect(courseOf(quiet, at(over, 2 * HOLD)).ended_ms).not.toBeNull();
  });

  test('that flaps is one: what stands again before the end starts the waiting anew, and is counted', () => {
    const quiet = courseOf(fresh, at(over, 10_000));
    const again = courseOf(quiet, at(opened(over, null, 11_000), 11_000));
    expect(again).toEqual({ quiet_ms: null, reopened: 1, ended_ms: null });
    expect(courseOf(again, at(over, 12_000 + HOLD)).ended_ms).toBeNull();
  });

  test.each([
    [1_000, 30_000],
    [3_600_000, 3_600_000],
  ])('of a beat every %i ms is held for %i ms: half a minute at least, an hour at most', (everyMs, hold) => {
    const quiet = { quiet_ms: 0, reopened: 0 };
    const end = (nowMs: number) => courseOf(quiet, { ...at(over, nowMs), everyMs }).ended_ms;
    expect([end(hold - 1), end(hold) === null]).toEqual([null, false]);
  });
});
