/** Whether what is said of a loss rate holds as often as it says: at one moment, and at every moment of a path. */
import { objectivesOf } from '../../src/engine/report-checkpoint.ts';
import { completeness, completenessSentence } from '../../src/stats/completeness.ts';
import {
  clopperPearson,
  clopperPearsonUpper,
  confidenceSequence,
  wilson,
} from '../../src/stats/intervals.ts';
import { binomial, type Covered, covered, gap, mulberry32, type Random, remembered } from './draw.ts';

/** A canary count and a loss rate: few and many, from what nobody can see to all of them. At most some thousand losses a draw. */
const GRID: readonly (readonly [n: number, loss: number])[] = [
  ...[0.001, 0.05, 0.3, 0.5, 0.95, 0.999].map(p => [1, p] as const),
  ...[0.001, 0.02, 0.1, 0.5, 0.9, 0.999].map(p => [10, p] as const),
  ...[0.0005, 0.001, 0.01, 0.029, 0.3, 0.97, 0.9995].map(p => [100, p] as const),
  ...[0.0001, 0.001, 0.003, 0.05, 0.999].map(p => [1_440, p] as const),
  ...[0.00001, 0.0001, 0.001, 0.005].map(p => [43_200, p] as const),
  ...[1e-6, 0.00001, 0.0001, 0.0005].map(p => [1_000_000, p] as const),
];

const counts = {
  delivered: 0,
  recovered: 0,
  lost: 0,
  refused: 0,
  unsent: 0,
  maybeSent: 0,
  unproven: 0,
  pending: 0,
};

/** The bound as it is printed: rounded towards what it promises. */
function printed(losses: number, n: number): number {
  const text = completenessSentence(completeness({ ...counts, lost: losses, delivered: n - losses }));
  return Number(/at least ([\d.]+)% with 95% confidence/.exec(text)?.[1]) / 100;
}

interface Statement {
  readonly interval: string;
  readonly level: number;
  /** Whether what is said of so many losses in n is true of this rate. */
  readonly isTrue: (losses: number, n: number, loss: number) => boolean;
}

const delivered = (losses: number, n: number) =>
  objectivesOf({ lost: losses, on_time: n - losses }, { onTime: 0.99, delivered: 0.999 })[1]!;
const within = ({ lo, hi }: { readonly lo: number; readonly hi: number }, p: number) => lo <= p && p <= hi;
const SLACK = 1e-12;

/** One by one where they are stated: of a window that is looked at once. */
const POINTWISE: readonly Statement[] = [
  {
    interval: 'completeness, “at least … with 95% confidence”, as printed',
    level: 0.95,
    isTrue: (x, n, p) => 1 - p >= printed(x, n) - SLACK,
  },
  {
    interval: 'report: objective, at least',
    level: 0.95,
    isTrue: (x, n, p) => 1 - p >= delivered(x, n).atLeast - SLACK,
  },
  {
    interval: 'report: objective, at most',
    level: 0.95,
    isTrue: (x, n, p) => 1 - p <= delivered(x, n).atMost + SLACK,
  },
  {
    interval: 'Clopper–Pearson, two-sided 95%',
    level: 0.95,
    isTrue: (x, n, p) => within(clopperPearson({ losses: x, n }), p),
  },
  {
    interval: 'Clopper–Pearson upper, 99% (estimate: a clean day)',
    level: 0.99,
    isTrue: (x, n, p) => p <= clopperPearsonUpper({ losses: x, n, alpha: 0.01 }) + SLACK,
  },
];

/** A verdict on an objective that is met by just as much as it must: “not met” is wrong then, and “met” is wrong just below. */
function objectives(random: Random, runs: number): Covered[] {
  return [1_440, 10_080, 259_200].flatMap(n =>
    (['not met', 'met'] as const).map(wrong => {
      const loss = wrong === 'met' ? 0.001 * (1 + 1e-9) : 0.001;
      const is = remembered(x => delivered(x, n).is);
      return covered({ interval: `report: objective “${wrong}”`, level: 0.95, at: { n, loss } }, runs, () => {
        return is(binomial(random, n, loss)) !== wrong;
      });
    }),
  );
}

const pointwise = (random: Random, runs: number): Covered[] =>
  GRID.flatMap(([n, loss]) => {
    const drawn = Array.from({ length: runs }, () => binomial(random, n, loss));
    return POINTWISE.map(({ interval, level, isTrue }) => {
      const is = remembered(x => isTrue(x, n, loss));
      let i = 0;
      return covered({ interval, level, at: { n, loss } }, runs, () => is(drawn[i++]!));
    });
  });

/** Where the path ends, and its rate. */
const PATHS = [
  [50_000, 0.0002],
  [20_000, 0.001],
  [5_000, 0.01],
  [1_000, 0.05],
  [300, 0.3],
  [100, 0.5],
  [100, 0.9],
  [300, 0.999],
] as const;

/** The moments of a path at which an end of the interval is nearest to the truth: after a loss, and before the next. */
function* extremes(
  random: Random,
  end: number,
  loss: number,
): Generator<readonly [losses: number, n: number]> {
  let losses = 0;
  for (let n = 0; ; ) {
    const quiet = gap(random, loss);
    if (n + quiet >= end) return yield [losses, end];
    n += quiet;
    if (n > 0) yield [losses, n];
    losses++;
    n++;
    yield [losses, n];
  }
}

/** Whoever stops the path where it suits best finds the truth outside only so often. */
const anytime = (random: Random, runs: number): Covered[] =>
  PATHS.map(([end, loss]) =>
    covered(
      { interval: 'confidence sequence, at every moment of a path', level: 0.95, at: { n: end, loss } },
      runs,
      () => {
        for (const [losses, n] of extremes(random, end, loss))
          if (!within(confidenceSequence({ losses, n }), loss)) return false;
        return true;
      },
    ),
  );

/** What nobody states: how far below its level an approximate interval falls, and a pointwise one that is watched. */
export function rateBiases(seed: number, runs: number): Record<string, number> {
  const random = mulberry32(seed);
  const at = remembered(x => wilson({ losses: x, n: 1_440 }));
  const approximate = covered({ interval: '', level: 0.95, at: {} }, runs, () =>
    within(at(binomial(random, 1_440, 0.0001)), 0.0001),
  );
  const watched = covered({ interval: '', level: 0.95, at: {} }, Math.ceil(runs / 4), () => {
    for (const [losses, n] of extremes(random, 1_000, 0.05))
      if (!within(clopperPearson({ losses, n }), 0.05)) return false;
    return true;
  });
  return { 'Wilson, n=1440 at .0001': approximate.coverage, 'Clopper–Pearson, watched': watched.coverage };
}

export function rateCoverage(seed: number, runs: number): Covered[] {
  const random = mulberry32(seed);
  return [
    ...pointwise(random, runs),
    ...objectives(random, runs),
    ...anytime(random, Math.max(50, Math.ceil(runs / 10))),
  ];
}
