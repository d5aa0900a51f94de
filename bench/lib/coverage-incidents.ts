/**
 * The rate of an incident. A detector chose its span (it begins where losses began to speak, and ends with one), and its targets
 * were chosen because they lost some: an interval of all those counts would be of the most striking part of what happened. Counted
 * is what came after each target's first loss, which nothing chose; and since the moment was chosen too, by a confidence sequence.
 */
import { rateOf } from '../../src/engine/loss-facts-of.ts';
import { detectorRules, feed, newDetector } from '../../src/stats/detector.ts';
import { clopperPearson, confidenceSequence, type Interval } from '../../src/stats/intervals.ts';
import type { Touched } from '../../src/store/incident.ts';
import { type Covered, covered, gap, mulberry32, type Random } from './draw.ts';

const OBJECTIVE = 0.999;
const BEATS_PER_YEAR = 525_600;
const CHECKPOINT_SEQUENCES = 3;

interface Fault {
  readonly targets: number;
  /** Of every canary of every target. */
  readonly loss: number;
  /** Beats at just what may be lost, before. */
  readonly before: number;
  /** Beats after the alarm at which somebody looks. */
  readonly later: number;
}

/** Losses of the beats of the incident's span, oldest first; and which targets a person is told of. */
interface Span {
  readonly beats: readonly (readonly number[])[];
  readonly touched: readonly number[];
}

function losing(random: Random, targets: number, loss: number): number[] {
  const lost: number[] = [];
  for (let t = 1 + gap(random, loss); t <= targets; t += 1 + gap(random, loss)) lost.push(t);
  return lost;
}

/** As the engine reads an incident: from where its alarm began to the newest loss. */
function incident(random: Random, { targets, loss, before, later }: Fault): Span {
  const trials = CHECKPOINT_SEQUENCES * BEATS_PER_YEAR * (targets > 1 ? targets + 1 : 1);
  const rules = detectorRules({ objective: OBJECTIVE, deadlineMs: 1, targets, threshold: trials });
  let state = newDetector(rules);
  const beats: number[][] = [];
  const next = (p: number) => {
    const losses = losing(random, targets, p);
    beats.push(losses);
    return losses;
  };
  for (;;) {
    const losses = next(beats.length < before ? 1 - OBJECTIVE : loss);
    // A beat of arrivals changes nothing but the count.
    if (losses.length === 0) {
      state = { ...state, beats: state.beats + 1 };
      continue;
    }
    const fed = feed(state, { slotMs: beats.length - 1, n: targets, losses, skipped: [] }, rules);
    state = fed.state;
    const alarms = fed.changes.filter(c => c.what === 'alarm');
    if (alarms.length === 0) continue;
    for (let i = 0; i < later; i++) next(loss);
    const from = Math.min(...alarms.map(a => a.beganSlotMs));
    const span = beats.slice(from, beats.findLastIndex(lost => lost.length > 0) + 1);
    const named = alarms.some(a => a.target === null) ? null : alarms.map(a => a.target);
    const touched = [...new Set(span.flat())].filter(t => named === null || named.includes(t));
    return { beats: span, touched };
  }
}

/** Every canary of the targets touched, over the span. */
function everything({ beats, touched }: Span): Interval {
  const losses = beats.flat().filter(t => touched.includes(t)).length;
  return clopperPearson({ losses, n: touched.length * beats.length });
}

/** As the product states it. */
function stated({ beats, touched }: Span): Interval {
  const rows = touched.map((target): Touched => {
    const lost = beats.map(losses => losses.includes(target));
    return {
      target,
      missing: lost.filter(Boolean).length,
      late: 0,
      decided: beats.length,
      after: beats.length - 1 - lost.indexOf(true),
      last_ms: lost.lastIndexOf(true),
    };
  });
  const { low, high } = rateOf(rows, false);
  return { lo: low, hi: high };
}

/** All of the pipeline's canaries but the loss that begins the span: what real events are estimated from. */
const ofThePipeline = (targets: number, { beats }: Span) => ({
  losses: beats.flat().length - 1,
  n: targets * beats.length - 1,
});

const within = ({ lo, hi }: Interval, p: number) => lo <= p && p <= hi;

const GRID: readonly Fault[] = [
  ...[1, 0.5, 0.1, 0.05, 0.02, 0.01].flatMap(loss =>
    [0, 50, 500].map(later => ({ targets: 1, loss, before: 2_000, later })),
  ),
  ...[0.5, 0.25, 0.05, 0.01].flatMap(loss =>
    [0, 50].map(later => ({ targets: 20, loss, before: 200, later })),
  ),
  ...[0.1, 0.02].flatMap(loss => [0, 20].map(later => ({ targets: 300, loss, before: 40, later }))),
];

/** Replications of one point: fewer where one takes longer. */
const timesOf = ({ targets, loss, before, later }: Fault, runs: number): number => {
  const cost = before + 30 / loss + targets * (later + 4);
  return Math.max(40, Math.min(runs, Math.ceil((runs * 2_000) / cost)));
};

const INTERVALS = [
  ['incident: rate after each target’s first loss, confidence sequence', (_, span) => stated(span)],
  [
    'incident: rate of the whole pipeline (real events), confidence sequence',
    (targets, span) => confidenceSequence(ofThePipeline(targets, span)),
  ],
] as const satisfies readonly (readonly [string, (targets: number, span: Span) => Interval])[];

/** @param every takes each so-manieth point of the grid. */
export function incidentCoverage(seed: number, runs: number, every = 1): Covered[] {
  const random = mulberry32(seed);
  return GRID.filter((_, i) => i % every === 0).flatMap(fault => {
    const { targets, loss, later } = fault;
    const spans = Array.from({ length: timesOf(fault, runs) }, () => incident(random, fault));
    return INTERVALS.map(([interval, of]) => {
      let i = 0;
      const at = { targets, loss, 'beats after the alarm': later };
      return covered({ interval, level: 0.95, at }, spans.length, () =>
        within(of(targets, spans[i++]!), loss),
      );
    });
  });
}

/** What Clopper–Pearson over everything in the chosen span comes to instead of 95%. */
export function incidentBiases(seed: number, runs: number): Record<string, number> {
  const random = mulberry32(seed);
  const faults: Fault[] = [
    { targets: 1, loss: 0.05, before: 2_000, later: 0 },
    { targets: 1, loss: 0.01, before: 2_000, later: 0 },
    { targets: 20, loss: 0.05, before: 200, later: 0 },
    { targets: 20, loss: 0.05, before: 200, later: 500 },
  ];
  return Object.fromEntries(
    faults.map(fault => [
      `${fault.targets} targets at ${fault.loss}, ${fault.later} beats after the alarm`,
      covered({ interval: '', level: 0.95, at: {} }, timesOf(fault, runs), () =>
        within(everything(incident(random, fault)), fault.loss),
      ).coverage,
    ]),
  );
}
