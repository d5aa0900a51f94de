/**
 * The detector of one objective at one checkpoint: a sequence for the pipeline as a whole, one trial a beat, and one for each
 * target, under one threshold. Pure, and its state is plain JSON.
 *
 * State costs for what is exceptional. A sequence is kept only where a loss still matters; all others have had arrivals only, and
 * are computed from the number of beats when they lose one. So a target that joins late counts as one that was always there:
 * that gives it the head start of endless arrivals, which is what about (1 − p1) ÷ (p1 − p0) trials more would, once.
 */
import { alternativesOf } from './e-detector.ts';
import {
  type Alarm,
  afterArrivals,
  isBaseline,
  type Null,
  newTrials,
  newWatch,
  stepAlarm,
  stepWatch,
  type Trials,
  type Watch,
  withLoss,
  withSkip,
} from './sequence.ts';

export interface DetectorRules extends Null {
  /** Names the null. State under another key starts anew. */
  readonly key: string;
  /** How many targets there are. The only one of a pipeline has no sequence of its own: it is the whole. */
  readonly targets: number;
  /** Of the family: `thresholdOf`. */
  readonly threshold: number;
}

/** What is fed of one beat: all its canaries at once, and beats strictly by slot. */
export interface Beat {
  readonly slotMs: number;
  /** Canaries fed. A beat without is no trial. */
  readonly n: number;
  /** Targets that lost theirs. */
  readonly losses: readonly number[];
  /** Targets whose canary wasn't fed, or that had none. Only those of `trackedTargets` matter; others may be left out. */
  readonly skipped: readonly number[];
}

export interface DetectorState {
  readonly key: string;
  /** The highest there was: it never falls. */
  readonly threshold: number;
  /** Beats fed. */
  readonly beats: number;
  /** By sequence: the trials of the step under way, where any was lost or skipped. */
  readonly open: Sequences<Trials>;
  readonly watches: Sequences<Watch>;
  readonly alarms: Sequences<Alarm>;
}

/** By number of the target; `WHOLE` is the pipeline as a whole. */
type Sequences<T> = { readonly [sequence: number]: T };

const WHOLE = 0;
/** How often sequences that are back at the baseline are dropped, beats. */
const SWEEP_EVERY = 1024;
/** Stands for "none may be lost" in a ratio of likelihoods: any loss then alarms at once. */
const P0_MIN = 1e-15;
/** Part of every key: another version's state can't be read on. */
const VERSION = 1;

export interface Change {
  /** null: the pipeline as a whole. */
  readonly target: number | null;
  readonly what: 'alarm' | 'closed';
  readonly beganSlotMs: number;
  /** Slot of the beat that did it. */
  readonly atSlotMs: number;
  /** Share lost, from its beginning to its last loss. */
  readonly rate: number;
}

/** An alarm that stands. */
export type StandingAlarm = Alarm & { readonly target: number | null };

/**
 * The threshold that holds a budget of false alarms over all sequences of a family.
 * @param trialsPerYear the sum of `trialsPerYearOf` over its checkpoints and objectives.
 */
export function thresholdOf(family: {
  readonly trialsPerYear: number;
  readonly falseAlarmsPerYear: number;
}): number {
  const threshold = family.trialsPerYear / family.falseAlarmsPerYear;
  if (!(threshold > 0 && threshold < Infinity)) {
    throw new RangeError(
      `expected trials and false alarms a year above 0; found ${family.trialsPerYear} and ${family.falseAlarmsPerYear}`,
    );
  }
  return threshold;
}

/** Steps a year of all sequences of one objective at one checkpoint. */
export const trialsPerYearOf = (of: {
  readonly beatsPerYear: number;
  readonly targets: number;
  readonly batch: number;
}): number => (of.beatsPerYear / of.batch) * (of.targets > 1 ? 1 + of.targets : 1);

/**
 * @param of.objective the share that is to make it, such as .999.
 * @param of.deadlineMs of which objective; a changed one is another null.
 * @param of.batch how many successive canaries of a target travel together.
 */
export function detectorRules(of: {
  readonly objective: number;
  readonly deadlineMs: number;
  readonly targets: number;
  readonly threshold: number;
  readonly batch?: number;
  readonly closingAlpha?: number;
}): DetectorRules {
  const { objective, deadlineMs, targets, threshold, batch = 1, closingAlpha = 0.01 } = of;
  if (!(objective > 0 && objective <= 1))
    throw new RangeError(`expected an objective in (0, 1]; found ${objective}`);
  if (!(Number.isSafeInteger(batch) && batch >= 1))
    throw new RangeError(`expected a batch of 1 or more; found ${batch}`);
  if (!(closingAlpha > 0 && closingAlpha < 1))
    throw new RangeError(`expected an alpha in (0, 1); found ${closingAlpha}`);
  const p0 = Math.max(P0_MIN, 1 - objective);
  const key = `${VERSION}:${objective}:${deadlineMs}:${batch}`;
  return { key, p0, alternatives: alternativesOf(p0), batch, closingAlpha, targets, threshold };
}

export const newDetector = ({ key, threshold }: DetectorRules): DetectorState => ({
  key,
  threshold,
  beats: 0,
  open: {},
  watches: {},
  alarms: {},
});

/** What was fed, and what that changed. */
export interface Fed {
  readonly state: DetectorState;
  readonly changes: readonly Change[];
}

/**
 * Feeds one beat. Costs what the losses, the skipped and the alarms of the beat cost, not what its arrivals would.
 * Under a changed null the detector starts anew, and what stood in alarm closes: nothing is known of it under this null.
 */
export function feed(given: DetectorState, beat: Beat, rules: DetectorRules): Fed {
  if (beat.losses.length > beat.n)
    throw new RangeError(`expected at most ${beat.n} losses; found ${beat.losses.length}`);
  const anew = given.key !== rules.key;
  const before = anew ? newDetector(rules) : given;
  const changes = anew ? closedBy(given, numbersOf(given.alarms), beat.slotMs) : [];
  if (beat.n === 0) return { state: before, changes };
  const threshold = Math.max(before.threshold, rules.threshold);
  const open = noted(before, beat, rules);
  return step({ ...before, threshold, beats: before.beats + 1, open }, changes, beat.slotMs, rules);
}

/** The trials under way, with those of this beat. */
function noted(state: DetectorState, beat: Beat, rules: DetectorRules): Sequences<Trials> {
  if (beat.losses.length + beat.skipped.length === 0) return state.open;
  const open: Record<number, Trials> = { ...state.open };
  const i = state.beats;
  const note = (sequence: number, change: (trials: Trials) => Trials): void => {
    const at = (state.alarms[sequence] ?? state.watches[sequence])?.at ?? 0;
    // Passed over: of a batch that has been counted.
    if (i < at) return;
    open[sequence] = change(open[sequence] ?? newTrials(at, i, rules));
  };
  const { slotMs, n, losses } = beat;
  if (losses.length > 0) note(WHOLE, t => withLoss(t, losses.length / n, i, slotMs));
  for (const target of losses)
    if (rules.targets > 1 || isTracked(state, target)) note(target, t => withLoss(t, 1, i, slotMs));
  for (const target of beat.skipped) if (isTracked(state, target)) note(target, t => withSkip(t, i));
  return open;
}

/** Steps the sequences whose step ends with this beat, where they had more than arrivals or are in alarm. */
function step(state: DetectorState, before: readonly Change[], slotMs: number, rules: DetectorRules): Fed {
  const changes = [...before];
  const watches = new Map<number, Watch | null>();
  const alarms: Record<number, Alarm> = { ...state.alarms };
  const open: Record<number, Trials> = {};
  for (const sequence of new Set([...numbersOf(alarms), ...numbersOf(state.open)])) {
    const alarm = alarms[sequence];
    const trials = state.open[sequence] ?? newTrials(alarm?.at ?? 0, state.beats - 1, rules);
    if (alarm && state.beats < alarm.at + rules.batch) {
      if (state.open[sequence]) open[sequence] = trials;
    } else if (alarm) {
      const next = stepAlarm(alarm, trials, rules);
      if (next) {
        alarms[sequence] = next;
        continue;
      }
      delete alarms[sequence];
      watches.set(sequence, newWatch(rules, state.beats));
      changes.push(changeOf(sequence, 'closed', alarm, slotMs));
    } else if (state.beats < trials.ends) {
      open[sequence] = trials;
    } else {
      const watch = afterArrivals(
        state.watches[sequence] ?? newWatch(rules, 0),
        trials.ends - rules.batch,
        rules,
      );
      const next = stepWatch(watch, trials, { slotMs, threshold: state.threshold }, rules);
      watches.set(sequence, 'watch' in next ? next.watch : null);
      if ('watch' in next) continue;
      alarms[sequence] = next.alarm;
      changes.push(changeOf(sequence, 'alarm', next.alarm, slotMs));
    }
  }
  const kept = swept(updated(state.watches, watches), state.beats, rules, open);
  return { state: { ...state, open, watches: kept, alarms }, changes };
}

function updated(watches: Sequences<Watch>, by: ReadonlyMap<number, Watch | null>): Sequences<Watch> {
  if (by.size === 0) return watches;
  const next: Record<number, Watch> = { ...watches };
  for (const [sequence, watch] of by) {
    if (watch) next[sequence] = watch;
    else delete next[sequence];
  }
  return next;
}

/** Drops, now and then, what has come back to the baseline. */
function swept(
  watches: Sequences<Watch>,
  beats: number,
  rules: DetectorRules,
  open: Sequences<Trials>,
): Sequences<Watch> {
  if (beats % SWEEP_EVERY !== 0) return watches;
  const base = afterArrivals(newWatch(rules, 0), beats, rules);
  return filtered(
    watches,
    (sequence, watch) => sequence in open || !isBaseline(afterArrivals(watch, beats, rules), base),
  );
}

/** Targets of which it matters whether a beat fed them: who isn't fed must stand in its `skipped`. */
export const trackedTargets = (state: DetectorState): readonly number[] =>
  [...new Set([state.watches, state.alarms, state.open].flatMap(numbersOf))].filter(s => s !== WHOLE);

const isTracked = (state: DetectorState, sequence: number): boolean =>
  sequence in state.watches || sequence in state.alarms || sequence in state.open;

/** All alarms that stand, the whole's first. */
export const alarmsOf = (state: DetectorState): readonly StandingAlarm[] =>
  Object.entries(state.alarms).map(([sequence, alarm]) => ({ target: targetOf(Number(sequence)), ...alarm }));

/** Forgets targets that are retired; their alarms close. */
export function dropTargets(state: DetectorState, targets: readonly number[], slotMs: number): Fed {
  const gone = new Set(targets);
  const without = <T>(part: Sequences<T>): Sequences<T> => filtered(part, sequence => !gone.has(sequence));
  return {
    state: {
      ...state,
      open: without(state.open),
      watches: without(state.watches),
      alarms: without(state.alarms),
    },
    changes: closedBy(state, targets, slotMs),
  };
}

const closedBy = (state: DetectorState, sequences: readonly number[], slotMs: number): Change[] =>
  sequences.flatMap(sequence => {
    const alarm = state.alarms[sequence];
    return alarm ? [changeOf(sequence, 'closed', alarm, slotMs)] : [];
  });

const changeOf = (sequence: number, what: Change['what'], alarm: Alarm, slotMs: number): Change => ({
  target: targetOf(sequence),
  what,
  beganSlotMs: alarm.beganSlotMs,
  atSlotMs: slotMs,
  rate: alarm.rate,
});

const numbersOf = (part: Sequences<unknown>): number[] => Object.keys(part).map(Number);

const filtered = <T>(part: Sequences<T>, keep: (sequence: number, value: T) => boolean): Sequences<T> =>
  Object.fromEntries(Object.entries(part).filter(([sequence, value]) => keep(Number(sequence), value)));

const targetOf = (sequence: number): number | null => (sequence === WHOLE ? null : sequence);
