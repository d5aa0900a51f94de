/** Whether what `coalmine estimate` promises before a canary is sent comes true as often as it says. */
import { meanAlarmBeatsMax, simulateAlarms } from '../../src/stats/alarm-delay.ts';
import { detectorRules } from '../../src/stats/detector.ts';
import { zeroLossSampleSize } from '../../src/stats/intervals.ts';
import {
  agentsToCover,
  detectionQuantileMs,
  expectedDetectionMs,
  firstAgentFailsMs,
  onsetDetectionMs,
} from '../../src/stats/planning.ts';
import { binomial, type Covered, covered, exponential, gap, mulberry32, type Random } from './draw.ts';

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
const DEADLINE_MS = 900_000;

/** By then the first deadline has been missed. */
const firstLoss = (random: Random, runs: number): Covered[] =>
  [0.005, 0.01, 0.25, 0.9].flatMap(loss =>
    ([0.95, 0.99] as const).map(level => {
      const byMs = detectionQuantileMs({ loss, everyMs: EVERY_MS, deadlineMs: DEADLINE_MS, quantile: level });
      return covered({ interval: 'first missed deadline by …', level, at: { loss } }, runs, () => {
        return DEADLINE_MS + (1 + gap(random, loss)) * EVERY_MS <= byMs;
      });
    }),
  );

/** So many canaries, all back, claim a rate below: at that rate they would have lost one. */
const claims = (random: Random, runs: number): Covered[] =>
  [0.05, 0.01, 0.001, 0.0001].flatMap(loss =>
    ([0.95, 0.99] as const).map(level => {
      const n = zeroLossSampleSize({ loss, confidence: level });
      const interval = 'canaries needed to claim a rate';
      return covered({ interval, level, at: { loss, n } }, runs, () => binomial(random, n, loss) > 0);
    }),
  );

/** So many covered agents meet one of those affected. */
const agents = (random: Random, runs: number): Covered[] =>
  (
    [
      [100, 1],
      [100, 5],
      [1_000, 10],
      [1_000, 50],
    ] as const
  ).map(([all, affected]) => {
    const cover = agentsToCover({ agents: all, affected, confidence: 0.95 });
    const at = { agents: all, affected, cover };
    return covered({ interval: 'agents to cover, to meet an affected one', level: 0.95, at }, runs, () => {
      // Chosen one by one: those left of the affected, among those left.
      for (let i = 0; i < cover; i++) if (random() < affected / (all - i)) return true;
      return false;
    });
  });

/** A creeping fault: half of the time by then. */
function onsets(random: Random, runs: number): Covered[] {
  const tauMs = 10 * DAY_MS;
  const secondMs = onsetDetectionMs({
    tauMs,
    everyMs: EVERY_MS,
    deadlineMs: DEADLINE_MS,
    losses: 2,
    quantile: 0.5,
  });
  const firstMs = firstAgentFailsMs({ tauMs, covered: 20, quantile: 0.5 });
  return [
    covered(
      { interval: 'creeping onset: second loss by the median', level: 0.5, at: { tauDays: 10 } },
      runs,
      () => {
        let losses = 0;
        let ms = 0;
        while (losses < 2) {
          ms += exponential(random, EVERY_MS);
          if (ms > secondMs) return false;
          if (random() < 1 - Math.exp(-ms / tauMs)) losses++;
        }
        return ms + DEADLINE_MS <= secondMs;
      },
    ),
    covered(
      { interval: 'creeping onset: first of 20 agents by the median', level: 0.5, at: { tauDays: 10 } },
      runs,
      () => Math.min(...Array.from({ length: 20 }, () => exponential(random, tauMs))) <= firstMs,
    ),
  ];
}

/** The alternatives and weights at p0 = .001, from the words of the architecture. */
const MIXTURE = [
  [0.003, 0.01],
  [0.01, 0.2475],
  [0.05, 0.2475],
  [0.25, 0.2475],
  [0.999, 0.2475],
] as const;

/** Beats until a mixture of e-SR that has seen arrivals only, and then this loss, reaches A with a loss. */
function alarmBeats(random: Random, threshold: number, loss: number): number {
  let m = MIXTURE.map(([p1]) => (1 - p1) / (p1 - 0.001));
  for (let beats = 1; ; beats++) {
    const lost = random() < loss;
    m = m.map((v, i) => {
      const p1 = MIXTURE[i]![0];
      return (1 + v) * (lost ? p1 / 0.001 : (1 - p1) / 0.999);
    });
    if (lost && m.reduce((sum, v, i) => sum + v * MIXTURE[i]![1], 0) >= threshold) return beats;
  }
}

/** An alarm by then, in 95 of 100: itself drawn from some runs, so that it strays by their error too. */
const alarms = (random: Random, runs: number): Covered[] =>
  [0.9, 0.5, 0.25, 0.1].map(loss => {
    const threshold = 3 * 525_600;
    const rules = detectorRules({ objective: 0.999, deadlineMs: 1, targets: 1, threshold });
    const fault = { targets: 1, affected: 1, loss };
    const told = simulateAlarms(rules, fault, mulberry32(7))!;
    const error = Math.sqrt((0.95 * 0.05) / told.runs);
    const of = { interval: 'alarm delay, 95 of 100', level: 0.95 - 3 * error, at: { loss, runs: told.runs } };
    return covered(of, runs, () => alarmBeats(random, threshold, loss) <= told.p95Beats);
  });

/** A mean that is promised: what was drawn, and what must not be exceeded, in the same unit. */
export interface Mean {
  readonly statement: string;
  readonly loss: number;
  readonly mean: number;
  readonly standardError: number;
  readonly atMost: number;
}

export function means(seed: number, runs: number): Mean[] {
  const random = mulberry32(seed);
  const of = (statement: string, loss: number, atMost: number, draw: () => number): Mean => {
    const all = Array.from({ length: runs }, draw);
    const mean = all.reduce((a, b) => a + b, 0) / runs;
    const variance = all.reduce((a, b) => a + (b - mean) ** 2, 0) / (runs - 1);
    return { statement, loss, mean, standardError: Math.sqrt(variance / runs), atMost };
  };
  return [1, 0.5, 0.25, 0.1, 0.05].flatMap(loss => {
    const threshold = 3 * 525_600;
    const rules = detectorRules({ objective: 0.999, deadlineMs: 1, targets: 1, threshold });
    const bound = meanAlarmBeatsMax(rules, { targets: 1, affected: 1, loss });
    const expected = expectedDetectionMs({ loss, everyMs: EVERY_MS, deadlineMs: DEADLINE_MS });
    return [
      of('alarm, beats, at most', loss, bound, () => alarmBeats(random, threshold, loss)),
      of('first missed deadline, ms', loss, expected, () => {
        return DEADLINE_MS + (1 + gap(random, loss)) * EVERY_MS;
      }),
    ];
  });
}

export function planningCoverage(seed: number, runs: number): Covered[] {
  const random = mulberry32(seed);
  return [
    ...firstLoss(random, runs),
    ...claims(random, runs),
    ...agents(random, runs),
    ...onsets(random, runs),
    ...alarms(random, runs),
  ];
}
