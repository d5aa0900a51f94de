/** The detectors of a scenario's one checkpoint, fed beat by beat as the engine's step `detect` feeds them. */
import { type Objective, type TrialContext, trialsOf } from '../domain/trials.ts';
import { YEAR_MS } from '../domain/words.ts';
import type { Finding } from '../engine/incident-course.ts';
import { familyThreshold } from '../stats/alarm-delay.ts';
import {
  type DetectorRules,
  type DetectorState,
  detectorRules,
  feed,
  newDetector,
  trackedTargets,
} from '../stats/detector.ts';
import { type Deadlines, isStandIn, type Row, trialRow, watchAt } from './scenario-ledger.ts';

export interface DetectorSetting {
  readonly targets: number;
  readonly everyMs: number;
  readonly objective: { readonly onTime: number; readonly delivered: number };
  readonly falseAlarmsPerYear: number;
  readonly deadlines: Deadlines;
  readonly latencyMs: number;
}

export interface Detector {
  /** Feeds a beat whose deadline W has passed, strictly by slot. */
  feed(row: Row, wMs: number): Finding[];
}

const NO_DRILL = -1;

export function createDetector(objective: Exclude<Objective, 'refused'>, setting: DetectorSetting): Detector {
  const rules = rulesOf(objective, setting);
  let state: DetectorState = newDetector(rules);
  return {
    feed(row, wMs) {
      const context: TrialContext = {
        watch: watchAt(wMs),
        deadlines: setting.deadlines,
        drill: NO_DRILL,
        missingBefore: () => false,
        inMaintenance: () => false,
      };
      const trials = trialsOf(
        trialRow(
          row,
          row.targets.map((_, i) => i),
          setting.latencyMs,
        ),
        objective,
        context,
      );
      if (trials === null) throw new Error(`beat ${row.slotMs} is fed before it can be told`);
      const ordinary = trials.targets.some(isStandIn) ? row.ordinary - 1 : 0;
      const present = new Set(trials.skipped);
      const beat = {
        slotMs: row.slotMs,
        n: trials.targets.length + ordinary,
        losses: trials.losses,
        skipped: present.size === 0 ? [] : trackedTargets(state).filter(t => present.has(t)),
      };
      const fed = feed(state, beat, rules);
      state = fed.state;
      return fed.changes.map(c => ({ ...c, objective }));
    },
  };
}

function rulesOf(objective: 'on_time' | 'delivered', s: DetectorSetting): DetectorRules {
  const family = {
    checkpoints: 1,
    beatsPerYear: YEAR_MS / s.everyMs,
    targets: s.targets,
    batch: 1,
    falseAlarmsPerYear: s.falseAlarmsPerYear,
  };
  return detectorRules({
    objective: objective === 'on_time' ? s.objective.onTime : s.objective.delivered,
    deadlineMs: objective === 'on_time' ? s.deadlines.onTimeWithinMs : s.deadlines.lostAfterMs,
    targets: s.targets,
    batch: 1,
    threshold: familyThreshold(family),
  });
}
