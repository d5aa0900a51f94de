/** Rules of our own working, by tables: silence, sending, lag, clocks, the drill and the channels. */
import { describe, expect, test } from 'vitest';
import {
  type BeatReading,
  drillNotFound,
  type EmitterReading,
  noticesFailing,
  schedulerLag,
  silence,
  skew,
  unsent,
} from '../../src/domain/condition-ours.ts';

const T = Date.UTC(2026, 2, 1, 12);
const MIN = 60_000;

const beat = (dueMs: number, more: Partial<BeatReading> = {}): BeatReading => ({
  generation: 1,
  dueMs,
  committedMs: dueMs,
  firstOffMs: 0,
  sent: 2,
  unsent: 0,
  maybeSent: 0,
  why: null,
  ...more,
});
const emitter = (beats: readonly BeatReading[], more: Partial<EmitterReading> = {}): EmitterReading => ({
  schedule: { timing: { kind: 'every', everyMs: 10_000 }, sampling: 'fixed', seed: 's' },
  periodMs: 10_000,
  beats,
  plannedToMs: T,
  targets: 2,
  superseded: false,
  steppedMs: null,
  ...more,
});
const steady = (untilMs = T) => Array.from({ length: 20 }, (_, i) => beat(untilMs - i * 10_000));

describe('our own working', () => {
  test('silent once three beats were due, and not for a busy moment', () => {
    expect(silence(emitter(steady()), T + 30_000)).toBeNull();
    expect(silence(emitter(steady()), T + 35_000)).toBeNull();
    const s = silence(emitter(steady()), T + 35_001);
    expect(s).toMatchObject({ kind: 'silent', state: 'lasts', beganMs: T + 10_000, graceMs: MIN });
    expect(s?.facts.reason).toContain('the last beat was due 2026-03-01 12:00:00 UTC');
    expect(silence(emitter([], { targets: 0, plannedToMs: T + 40_000 }), T + 40_000)).toBeNull();
  });

  const rest = [beat(T), ...steady(T - 10 * MIN)];
  test.each([
    ['told afterwards', rest, {}, 'over'],
    ['not of another configuration', [beat(T, { generation: 2 }), ...rest.slice(1)], {}, undefined],
    ['not where the clock stepped', rest, { steppedMs: T - MIN }, undefined],
    ['not of less than a minute', [beat(T), ...steady(T - 50_000)], {}, undefined],
    [
      'not for ever',
      rest.map(b => beat(b.dueMs - 11 * MIN)),
      { beats: [beat(T), ...steady(T - 10_000)] },
      undefined,
    ],
  ] as const)('silence that ended: %s', (_, beats, more, state) => {
    expect(silence(emitter(beats, more), T)?.state).toBe(state);
  });

  test('unsent: a tenth of the last beats, among them one of the newest', () => {
    const bad = (from: number, n: number) =>
      steady().map((b, i) => (i >= from && i < from + n ? { ...b, sent: 1, maybeSent: 1, why: 'reset' } : b));
    expect(unsent(emitter(bad(0, 3)))).toBeNull();
    const s = unsent(emitter(bad(4, 4)));
    expect(s?.facts).toMatchObject({ count: 4 });
    expect(s?.facts.reason).toContain('of 4 nobody knows: 10%');
    expect(s?.facts.reason).toContain('reset');
    expect(unsent(emitter(bad(5, 4)))).toBeNull();
    expect(unsent(emitter([]))).toBeNull();
  });

  test('late beats are lag; those caught up with in one go are not', () => {
    const late = (ms: number) => emitter(steady().map(b => ({ ...b, committedMs: b.dueMs + ms })));
    expect(schedulerLag(late(5_000), T)).toBeNull();
    expect(schedulerLag(late(9_000), T)?.facts.reason).toContain('5 of the last 5 beats');
    expect(schedulerLag(emitter(steady().map(b => ({ ...b, committedMs: T + 60_000 }))), T)).toBeNull();
    expect(schedulerLag({ ...late(9_000), steppedMs: T - MIN }, T)).toBeNull();
    const slow = emitter(steady().map(b => ({ ...b, firstOffMs: 8_000 })));
    expect(schedulerLag(slow, T)).not.toBeNull();
  });

  test.each([
    ['in order', { eventMs: T, ingestedMs: T + 900 }, false],
    ['stamped before it was planned', { eventMs: T - 6_000, ingestedMs: null }, true],
    ['within what NTP may', { eventMs: T - 4_000, ingestedMs: T - 4_000 }, false],
    ['taken in after we saw it', { eventMs: null, ingestedMs: T + 7_100 }, true],
    [
      'stamped long after it was planned: it may have waited',
      { eventMs: T + 900, ingestedMs: T + 900 },
      false,
    ],
  ])('skew: %s', (_, times, wrong) => {
    const reading = {
      checkpoint: 1,
      name: 'c1',
      anchors: [{ key: `1.${T}.0`, seenMs: T + 1_000, ...times }],
    };
    expect(skew(reading, { nowMs: T, steppedMs: null }) !== null).toBe(wrong);
    expect(skew(reading, { nowMs: T, steppedMs: T - MIN })?.state).toBe('unknown');
  });

  test.each([
    ['drill_lost', null],
    ['drill_open', 'lasts'],
    ['drill_unproven', 'unknown'],
    [null, 'unknown'],
  ])('a drill that should be lost is %s', (bucket, state) => {
    const newest = bucket === null ? null : { dueMs: T - 10 * MIN, bucket };
    const s = drillNotFound({ checkpoint: 1, name: 'c1', newest, lostAfterMs: MIN, asOfMs: T });
    expect(s?.state ?? null).toBe(state);
  });

  test('channels that fail are one condition', () => {
    expect(noticesFailing([])).toBeNull();
    const failing = (notifier: string) => ({ notifier, sinceMs: T, notices: 2, error: '404 no such hook' });
    expect(noticesFailing([failing('a'), failing('b')])?.facts).toMatchObject({
      count: 4,
      reason:
        '4 notices to a and b could not be delivered, and none has been since; a said: 404 no such hook',
    });
  });
});
