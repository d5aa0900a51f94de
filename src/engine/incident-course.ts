/** The course of an incident of loss: which alarms it is made of, and when it is over. Pure: nothing here reads or writes. */
import type { LossFacts } from '../domain/incident.ts';
import type { Objective } from '../domain/trials.ts';
import type { Change } from '../stats/detector.ts';
import type { Alarm, IncidentRow, IncidentState } from '../store/incident.ts';

const MINUTE_MS = 60_000;

/** What a sequence concluded, and for which objective. */
export type Finding = Change & { readonly objective: Objective };

export const alarmOf = (f: Finding, checkpoint: number): Alarm => ({
  checkpoint,
  objective: f.objective,
  target: f.target,
  beganMs: f.beganSlotMs,
  closedMs: null,
});

const same = (a: Alarm, b: Pick<Alarm, 'checkpoint' | 'objective' | 'target'>): boolean =>
  a.checkpoint === b.checkpoint && a.objective === b.objective && a.target === b.target;

/** A sequence that alarms again goes on from where it began. */
export function withAlarm(state: IncidentState, alarm: Alarm): IncidentState {
  const before = state.alarms.find(a => same(a, alarm));
  const beganMs = Math.min(alarm.beganMs, before?.beganMs ?? alarm.beganMs);
  return { ...state, alarms: [...state.alarms.filter(a => !same(a, alarm)), { ...alarm, beganMs }] };
}

/** The sequence that closed stands no longer; where it never stood nothing changes. */
export function withoutAlarm(state: IncidentState, f: Finding, checkpoint: number): IncidentState {
  const key = { checkpoint, objective: f.objective, target: f.target };
  const alarms = state.alarms.map(a =>
    a.closedMs === null && same(a, key) ? { ...a, closedMs: f.atSlotMs } : a,
  );
  return { ...state, alarms };
}

/** Some sequence is in alarm. */
export const isStanding = ({ alarms }: Pick<IncidentState, 'alarms'>): boolean =>
  alarms.some(a => a.closedMs === null);

/** Flapping is one incident: it ends only after so long without an alarm. */
const holdMs = (everyMs: number): number => Math.min(60 * MINUTE_MS, Math.max(MINUTE_MS / 2, 20 * everyMs));

export interface CourseAt {
  readonly state: IncidentState;
  readonly facts: LossFacts;
  /** Every outcome that is known has been fed. */
  readonly caughtUp: boolean;
  readonly nowMs: number;
  /** From beat to beat. */
  readonly everyMs: number;
}

/** How it goes on: it ends when nothing stands, nothing is undecided, and it has been so for long enough. */
export function courseOf(
  before: Pick<IncidentRow, 'quiet_ms' | 'reopened'>,
  { state, facts, caughtUp, nowMs, everyMs }: CourseAt,
): Pick<IncidentRow, 'quiet_ms' | 'reopened' | 'ended_ms'> {
  const over = !isStanding(state);
  const quietMs = over ? (before.quiet_ms ?? nowMs) : null;
  const again = before.quiet_ms !== null && !over;
  const decided = facts.counts.overdue + facts.counts.pending === 0;
  const ends = quietMs !== null && decided && caughtUp && nowMs - quietMs >= holdMs(everyMs);
  return {
    quiet_ms: quietMs,
    reopened: before.reopened + (again ? 1 : 0),
    ended_ms: ends ? Math.min(nowMs, facts.lastMs + everyMs) : null,
  };
}
