/** When a fault would be told of, and which rate of canaries finds one in time: the detector's arithmetic in wall time. */
import { YEAR_MS } from '../../domain/words.ts';
import {
  type AlarmDelays,
  type Fault,
  familyThreshold,
  meanAlarmBeatsMax,
  simulateAlarms,
} from '../../stats/alarm-delay.ts';
import { type DetectorRules, detectorRules } from '../../stats/detector.ts';
import type { Plan } from './estimate-plan.ts';

/** When the detectors tell of a fault; times run from its onset, deadline and look included. */
export interface Found {
  readonly loss: number;
  readonly affected: number;
  /** The objective whose detector tells first; null: none need ever, the loss is within what may be lost. */
  readonly objective: 'on_time' | 'delivered' | null;
  /** On average, at most. */
  readonly meanMsMax: number | null;
  /** Of the simulated runs; null: it would take too long to try. */
  readonly meanMs: number | null;
  readonly p95Ms: number | null;
  readonly runs: number;
}

/** What passes from a canary's sending until its absence can have been looked at, at the slowest checkpoint. */
export const slowestMs = (plan: Plan, objective: 'on_time' | 'delivered'): number =>
  Math.max(...plan.checkpoints.map(c => deadlineOf(c.config, objective) + lagMs(c)));

const deadlineOf = (
  c: { readonly onTimeWithinMs: number; readonly lostAfterMs: number },
  objective: 'on_time' | 'delivered',
): number => (objective === 'on_time' ? c.onTimeWithinMs : c.lostAfterMs);

/** A look that comes just before the deadline proves nothing; the next one does, for `settle` before its start. */
const lagMs = ({ rules }: Plan['checkpoints'][number]): number => rules.settleMs + rules.lookEveryMs;

export const thresholdFor = (plan: Plan): number =>
  familyThreshold({
    checkpoints: plan.checkpoints.length,
    beatsPerYear: YEAR_MS / plan.everyMs,
    targets: plan.targets,
    batch: plan.batch,
    falseAlarmsPerYear: plan.falseAlarmsPerYear,
  });

function rulesFor(plan: Plan, objective: 'on_time' | 'delivered'): DetectorRules {
  return detectorRules({
    objective: objective === 'on_time' ? plan.onTime : plan.delivered,
    deadlineMs: 0,
    targets: plan.targets,
    batch: plan.batch,
    threshold: thresholdFor(plan),
  });
}

/** The objective that is to tell first on average, and when. */
function firstOf(plan: Plan, fault: Fault) {
  const ways = (['on_time', 'delivered'] as const).map(objective => {
    const rules = rulesFor(plan, objective);
    const fixedMs = slowestMs(plan, objective);
    return {
      objective,
      rules,
      fixedMs,
      meanMsMax: meanAlarmBeatsMax(rules, fault) * plan.everyMs + fixedMs,
    };
  });
  return ways[0]!.meanMsMax <= ways[1]!.meanMsMax ? ways[0]! : ways[1]!;
}

export function findFault(
  plan: Plan,
  of: { readonly loss: number; readonly affected: number },
  randomOf: () => () => number,
): Found {
  const fault: Fault = { targets: plan.targets, ...of };
  const { objective, rules, fixedMs, meanMsMax } = firstOf(plan, fault);
  if (!Number.isFinite(meanMsMax))
    return { ...of, objective: null, meanMsMax: null, meanMs: null, p95Ms: null, runs: 0 };
  const tried: AlarmDelays | undefined = simulateAlarms(rules, fault, randomOf());
  const time = (beats: number) => beats * plan.everyMs + fixedMs;
  return {
    ...of,
    objective,
    meanMsMax,
    meanMs: tried ? time(tried.meanBeats) : null,
    p95Ms: tried ? time(tried.p95Beats) : null,
    runs: tried?.runs ?? 0,
  };
}

/** Periods that a person would write, shortest first. */
const PERIODS_MS: readonly number[] = [
  100,
  200,
  500,
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40].map(s => s * 1_000),
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40].map(m => m * 60_000),
  ...[1, 2, 3, 4, 6, 8, 12, 24].map(h => h * 3_600_000),
];

/** The longest period that finds the fault in time, with what is found at it; or why there is none. */
export type Wanted =
  | { readonly everyMs: number; readonly found: Found }
  | {
      readonly everyMs: null;
      readonly found: Found | null;
      readonly reason: 'deadline' | 'objective' | 'rate';
    };

/** In time: in 95 of 100 runs; by the bound of the mean where runs would take too long. */
export function longestPeriod(
  plan: Plan,
  of: { readonly loss: number; readonly affected: number; readonly withinMs: number },
  randomOf: () => () => number,
): Wanted {
  const { withinMs, ...fault } = of;
  const finds = (everyMs: number): { found: Found; inTime: boolean } => {
    const found = findFault({ ...plan, everyMs }, fault, randomOf);
    return { found, inTime: (found.p95Ms ?? found.meanMsMax ?? Number.POSITIVE_INFINITY) <= withinMs };
  };
  const fastest = finds(PERIODS_MS[0]!);
  if (fastest.found.objective === null) return { everyMs: null, found: null, reason: 'objective' };
  if (!fastest.inTime) {
    const reason = slowestMs(plan, fastest.found.objective) >= withinMs ? 'deadline' : 'rate';
    return { everyMs: null, found: fastest.found, reason };
  }
  let [low, high] = [0, PERIODS_MS.length];
  let best = fastest.found;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const { found, inTime } = finds(PERIODS_MS[middle]!);
    if (inTime) [low, best] = [middle, found];
    else high = middle;
  }
  return { everyMs: PERIODS_MS[low]!, found: best };
}
