/** Incidents of a scenario, over one checkpoint: by the rules of the engine (engine/incident-course.ts, notice.ts), in memory. */
import { type LossFacts, severityOf } from '../domain/incident.ts';
import { type Telling, textOf, titleOf } from '../domain/incident-words.ts';
import {
  alarmOf,
  courseOf,
  type Finding,
  isStanding,
  withAlarm,
  withoutAlarm,
} from '../engine/incident-course.ts';
import { type IncidentPlace, incidentView } from '../engine/incident-view.ts';
import { dueNotice } from '../engine/notice.ts';
import type { Alarm, IncidentRow, IncidentState } from '../store/incident.ts';
import type { Said } from './scenario.ts';
import type { FactsOf, Reach } from './scenario-facts.ts';

const CHECKPOINT = 1;
const LASTING_PARTS = 1_000;

export interface IncidentsSetting {
  readonly pipeline: { readonly name: string; readonly title: string };
  readonly checkpoint: string;
  readonly everyMs: number;
  /** The facts by now. */
  readonly reachOf: (alarms: readonly Alarm[]) => Reach;
  readonly factsOf: (alarms: readonly Alarm[], open: boolean, depth: FactsOf['depth']) => LossFacts;
}

/** Of an incident that lasts nothing is counted until it is told. */
const UNCOUNTED: LossFacts['counts'] = {
  scheduled: 0,
  overdue: 0,
  lost: 0,
  recovered: 0,
  late: 0,
  arrived: 0,
  refused: 0,
  pending: 0,
  unknown: 0,
};

type LossRow = IncidentRow<LossFacts>;

export interface Incidents {
  /** With what the detectors concluded, strictly in time; also where they concluded nothing. */
  revise(findings: readonly Finding[], nowMs: number): void;
  readonly said: readonly Said[];
  /**
   * Whether it may be time to say something though the detectors concluded nothing. What opens, becomes urgent or ends is never
   * told late; that something lasts or grows, by a thousandth of how long it has lasted, as counting it anew is what costs.
   */
  isDue(nowMs: number): boolean;
  /** All, oldest first; one that is open as it is now. */
  rows(): LossRow[];
}

export function createIncidents(setting: IncidentsSetting): Incidents {
  const said: Said[] = [];
  const ended: LossRow[] = [];
  let open: LossRow | null = null;
  let revisedMs = 0;

  /** Counts it anew, ends it when it has been over for long enough, and says what is worth saying. */
  function revised(before: LossRow, state: IncidentState, nowMs: number): LossRow {
    const standing = isStanding(state);
    const facts = standing
      ? { ...before.facts, ...setting.reachOf(state.alarms), counts: UNCOUNTED }
      : setting.factsOf(state.alarms, false, 'counts');
    const course = courseOf(before, { state, facts, caughtUp: true, nowMs, everyMs: setting.everyMs });
    const row = { ...before, ...course, began_ms: facts.firstMs, facts, state };
    const event = dueNotice(row, { nowMs, acknowledged: false });
    return event === null ? row : told(row, event, nowMs);
  }

  function told(of: LossRow, event: Telling, nowMs: number): LossRow {
    const facts = setting.factsOf(of.state.alarms, isStanding(of.state), 'whole');
    const row = { ...of, facts };
    const incident = incidentView(placeOf(setting), row);
    said.push({
      atMs: nowMs,
      event: event === 'summary' ? 'resolved' : event,
      incident: String(of.number),
      title: titleOf(incident),
      text: textOf(incident, event, { nowMs }),
    });
    const extent = {
      severity: severityOf({ kind: 'loss', loss: facts }),
      targets: facts.targets.n,
      share: facts.rate.share,
      checkpoints: facts.checkpoints.length,
    };
    const reminders = event === 'reminder' ? (of.state.told?.reminders ?? 0) + 1 : 0;
    return { ...row, state: { ...of.state, told: { ...extent, atMs: nowMs, reminders } } };
  }

  return {
    said,
    isDue: nowMs =>
      open !== null &&
      (!isStanding(open.state) ||
        open.state.told?.severity !== 'critical' ||
        nowMs - revisedMs >= (nowMs - open.began_ms) / LASTING_PARTS),
    rows: () =>
      open === null
        ? ended
        : [...ended, { ...open, facts: setting.factsOf(open.state.alarms, isStanding(open.state), 'whole') }],
    revise(findings, nowMs) {
      let state = open?.state ?? null;
      for (const f of findings) {
        if (f.what === 'closed') state &&= withoutAlarm(state, f, CHECKPOINT);
        else state = withAlarm(state ?? { alarms: [], told: null }, alarmOf(f, CHECKPOINT));
      }
      if (state === null) return;
      revisedMs = nowMs;
      open = revised(open ?? newRow(ended.length + 1, state, nowMs), state, nowMs);
      if (open.ended_ms === null) return;
      ended.push(open);
      open = null;
    },
  };
}

/** Its facts are read before anybody sees them. */
const newRow = (number: number, state: IncidentState, nowMs: number): LossRow => ({
  number,
  pipeline: 1,
  checkpoint: CHECKPOINT,
  kind: 'loss',
  began_ms: nowMs,
  detected_ms: nowMs,
  ended_ms: null,
  quiet_ms: null,
  reopened: 0,
  facts: {} as LossFacts,
  state,
});

const placeOf = ({ pipeline, checkpoint }: IncidentsSetting): IncidentPlace => ({
  config: pipeline,
  checkpoints: [{ key: { checkpoint: CHECKPOINT }, config: { name: checkpoint } }],
});
