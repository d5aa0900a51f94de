/**
 * How soon the real detector tells of a loss: the bound that theory gives for its mean, and beside it a seeded run of its own
 * `feed`. Both in beats, from the first affected one to the one that alarms; deadlines and looks come on top.
 */
import { logBinomial } from './beta.ts';
import { type DetectorRules, feed, newDetector, thresholdOf, trialsPerYearOf } from './detector.ts';

/** `affected` of a pipeline's `targets` lose this share of their canaries. What travels in one batch is lost together. */
export interface Fault {
  readonly targets: number;
  readonly affected: number;
  readonly loss: number;
}

/** All detectors of a pipeline: one for each objective at each checkpoint, and one for what the first hop refuses. */
export interface Family {
  readonly checkpoints: number;
  readonly beatsPerYear: number;
  readonly targets: number;
  readonly batch: number;
  readonly falseAlarmsPerYear: number;
}

const OBJECTIVES_AT_A_CHECKPOINT = 2;
const AT_THE_FIRST_HOP = 1;

/** The one threshold of a pipeline's detectors, as the engine computes it. */
export const familyThreshold = ({ checkpoints, falseAlarmsPerYear, ...of }: Family): number =>
  thresholdOf({
    trialsPerYear: (checkpoints * OBJECTIVES_AT_A_CHECKPOINT + AT_THE_FIRST_HOP) * trialsPerYearOf(of),
    falseAlarmsPerYear,
  });

/**
 * At most so many beats on average: from the onset on, M is at least the product of the likelihood ratios, so by Wald's identity
 * an alternative of weight w that grows by g a step reaches A after (ln (A ÷ w) + one step's most) ÷ g. The least over all
 * alternatives, and over the sequences of the whole and of one affected target. Infinity: no alternative grows, since the loss is
 * within the objective or too little above it.
 */
export function meanAlarmBeatsMax(rules: DetectorRules, fault: Fault): number {
  check(rules, fault);
  const { targets, affected, loss } = fault;
  const shares = [{ of: targets, affected }, ...(targets > 1 ? [{ of: 1, affected: 1 }] : [])];
  const steps = shares.flatMap(({ of, affected: hit }) =>
    rules.alternatives.map(({ weight, ...ratios }) => {
      const growth = (lost: number): number => {
        const share = lost / of;
        return Math.log(share * ratios.loss + (1 - share) * ratios.arrival);
      };
      const g = meanOver(hit, loss, growth);
      return g > 1e-12 ? (Math.log(rules.threshold / weight) + growth(hit)) / g : Number.POSITIVE_INFINITY;
    }),
  );
  // An onset falls inside a step, which then says nothing.
  const begun = rules.batch > 1 ? 1 : 0;
  return (Math.min(...steps) + begun) * rules.batch;
}

/** Beyond so many standard deviations a double knows no chance. */
const DEVIATIONS = 12;

/** The mean of f(X) for X ~ Binomial(n, p). */
function meanOver(n: number, p: number, f: (lost: number) => number): number {
  if (p === 1) return f(n);
  const reach = DEVIATIONS * Math.sqrt(n * p * (1 - p)) + DEVIATIONS;
  const last = Math.min(n, Math.ceil(n * p + reach));
  let mean = 0;
  for (let x = Math.max(0, Math.floor(n * p - reach)); x <= last; x++)
    mean += Math.exp(logBinomial(x, n, p)) * f(x);
  return mean;
}

/** How long it took in so many runs, in beats. */
export interface AlarmDelays {
  readonly runs: number;
  readonly meanBeats: number;
  readonly medianBeats: number;
  /** 95 of 100 runs took at most so many. */
  readonly p95Beats: number;
}

/** Arrivals before the onset: a detector has a past, and it takes part. */
const WARM_BEATS = 5_000;
/** Beats and losses that are fed in all runs together: a fraction of a second. */
const WORK_MAX = 100_000;
const RUNS_MIN = 40;
const RUNS_MAX = 200;

/**
 * Runs the detector's own `feed` from the onset to the alarm, over and over.
 * @param random uniform in [0, 1): the same numbers give the same delays.
 * @returns undefined where the bound says that it would take too long to try.
 */
export function simulateAlarms(
  rules: DetectorRules,
  fault: Fault,
  random: () => number,
): AlarmDelays | undefined {
  const boundBeats = meanAlarmBeatsMax(rules, fault);
  const work = boundBeats * (1 + fault.affected * fault.loss);
  // Nothing is left to chance where all is lost.
  const runsMin = fault.loss === 1 ? 1 : RUNS_MIN;
  if (!(work * runsMin <= WORK_MAX)) return undefined;
  const runs = fault.loss === 1 ? 1 : Math.min(RUNS_MAX, Math.floor(WORK_MAX / work));
  let warm = newDetector(rules);
  for (let i = 0; i < WARM_BEATS; i++)
    warm = feed(warm, { slotMs: i, n: fault.targets, losses: [], skipped: [] }, rules).state;
  const delays: number[] = [];
  for (let run = 0; run < runs; run++) {
    let state = warm;
    let losses: readonly number[] = [];
    for (let beat = 0; ; beat++) {
      if (beat % rules.batch === 0) losses = losing(fault, random);
      const fed = feed(state, { slotMs: WARM_BEATS + beat, n: fault.targets, losses, skipped: [] }, rules);
      state = fed.state;
      if (!fed.changes.some(c => c.what === 'alarm')) continue;
      delays.push(beat + 1);
      break;
    }
  }
  delays.sort((a, b) => a - b);
  const at = (q: number): number => delays[Math.min(runs - 1, Math.ceil(q * runs) - 1)]!;
  const meanBeats = delays.reduce((sum, d) => sum + d, 0) / runs;
  return { runs, meanBeats, medianBeats: at(0.5), p95Beats: at(0.95) };
}

/** Numbers of the targets that lose theirs: each of the affected with the same chance, by skipping those that don't. */
function losing({ affected, loss }: Fault, random: () => number): number[] {
  const lost: number[] = [];
  const logKept = Math.log1p(-loss);
  for (let target = 1; ; target++) {
    if (loss < 1) target += Math.floor(Math.log1p(-random()) / logKept);
    if (target > affected) return lost;
    lost.push(target);
  }
}

function check(rules: DetectorRules, { targets, affected, loss }: Fault): void {
  if (!(loss > 0 && loss <= 1)) throw new RangeError(`expected a loss rate in (0, 1]; found ${loss}`);
  if (!(Number.isSafeInteger(affected) && affected >= 1 && affected <= targets))
    throw new RangeError(`expected 1 to ${targets} affected targets; found ${affected}`);
  if (rules.targets !== targets)
    throw new RangeError(`expected rules of ${targets} targets; found ${rules.targets}`);
}
