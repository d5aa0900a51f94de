/**
 * How fast a loss is detected, beside log A ÷ KL, which no detector with as few false alarms can beat as A grows (Lorden 1971);
 * with finite A one that also counts what came before may. And how many false alarms there really are. Objective 99.9%, one
 * canary a minute to each target, one false alarm a year over both objectives of one checkpoint.
 */
import {
  type Beat,
  type DetectorRules,
  type DetectorState,
  detectorRules,
  feed,
  newDetector,
  thresholdOf,
  trialsPerYearOf,
} from '../src/stats/detector.ts';

const OBJECTIVE = 0.999;
const P0 = 1 - OBJECTIVE;
const BEATS_PER_YEAR = 525_600;
const LOSSES = [1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.003];
const RUNS = 2_000;
const SEQUENCE_YEARS = 1_000;
/** Just what is allowed: the hardest null there is. */
const FALSE_ALARM_LOSS = P0;
const BATCH = 5;

export function run(): object {
  const at = [1, 1000].map(delays);
  return {
    objective: OBJECTIVE,
    canariesPerMinute: 1,
    falseAlarmsPerYear: 1,
    runs: RUNS,
    worstRatio: Math.max(...at.flatMap(d => d.at.map(a => a.ratio))),
    delays: at,
    falseAlarms: [1, BATCH].map(falseAlarms),
  };
}

function familyOf(targets: number, batch = 1): DetectorRules {
  const one = trialsPerYearOf({ beatsPerYear: BEATS_PER_YEAR, targets, batch });
  const threshold = thresholdOf({ trialsPerYear: 2 * one, falseAlarmsPerYear: 1 });
  return detectorRules({ objective: OBJECTIVE, deadlineMs: 600_000, targets, threshold, batch });
}

/** One target fails after years of arrivals; all others go on. */
function delays(targets: number): {
  readonly targets: number;
  readonly threshold: number;
  readonly at: readonly {
    readonly loss: number;
    readonly ratio: number;
    readonly [figure: string]: unknown;
  }[];
} {
  const rules = familyOf(targets);
  const random = mulberry32(20_240_902);
  return {
    targets,
    threshold: rules.threshold,
    at: LOSSES.map(loss => {
      const bound = Math.ceil(Math.log(rules.threshold) / divergence(loss, P0));
      const all = Array.from({ length: RUNS }, () => delay(rules, loss, random)).sort((a, b) => a - b);
      const mean = all.reduce((sum, n) => sum + n, 0) / RUNS;
      return {
        loss,
        meanCanaries: Number(mean.toFixed(1)),
        p95Canaries: all[Math.floor(0.95 * RUNS)],
        boundCanaries: bound,
        ratio: Number((mean / bound).toFixed(2)),
      };
    }),
  };
}

const divergence = (p: number, q: number): number =>
  p * Math.log(p / q) + (p < 1 ? (1 - p) * Math.log((1 - p) / (1 - q)) : 0);

/** Canaries until its sequence alarms. */
function delay(rules: DetectorRules, loss: number, random: () => number): number {
  let state: DetectorState = { ...newDetector(rules), beats: 3 * BEATS_PER_YEAR };
  const own = rules.targets > 1 ? 7 : null;
  for (let n = 0; ; ) {
    const gap = quiet(random, loss);
    state = { ...state, beats: state.beats + gap };
    n += gap + 1;
    const fed = feed(state, lostBeat(state, rules.targets), rules);
    state = fed.state;
    if (fed.changes.some(c => c.what === 'alarm' && c.target === own)) return n;
  }
}

const lostBeat = (state: DetectorState, n: number): Beat => ({
  slotMs: state.beats * 60_000,
  n,
  losses: [7],
  skipped: [],
});

/** Years of a pipeline of one target that loses just what it may, all canaries of a batch together, at any phase to our steps. */
function falseAlarms(batch: number): object {
  const rules = familyOf(1, batch);
  const random = mulberry32(20_240_903);
  let state = newDetector(rules);
  let alarms = 0;
  const next = (losses: readonly number[]): void => {
    const fed = feed(state, { ...lostBeat(state, 1), losses }, rules);
    state = fed.state;
    alarms += fed.changes.filter(c => c.what === 'alarm').length;
  };
  while (state.beats < SEQUENCE_YEARS * BEATS_PER_YEAR) {
    let arrivals = quiet(random, FALSE_ALARM_LOSS) * batch + Math.floor(random() * batch);
    const busy = () => Object.keys(state.alarms).length + Object.keys(state.open).length > 0;
    for (; arrivals > 0 && busy(); arrivals--) next([]);
    // Otherwise beats of arrivals need no feeding: the state counts them.
    state = { ...state, beats: state.beats + arrivals };
    for (let i = 0; i < batch; i++) next([7]);
  }
  // One sequence of the family's two: half of its budget.
  return {
    loss: FALSE_ALARM_LOSS,
    batch,
    sequenceYears: SEQUENCE_YEARS,
    alarms,
    perSequenceYear: alarms / SEQUENCE_YEARS,
    allowedPerSequenceYear: 0.5,
  };
}

/** Arrivals before the next loss. */
const quiet = (random: () => number, loss: number): number =>
  loss >= 1 ? 0 : Math.floor(Math.log(1 - random()) / Math.log1p(-loss));

/** A seeded generator (T. Ettinger), so that each run meets the same losses. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
