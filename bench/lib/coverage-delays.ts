/** Whether what is said of delays holds: with canaries still out, seen only between two looks, and from sketches. */
import { propose } from '../../src/cli/lib/doctor/proposal.ts';
import { delayCurve, delayCurveOfSketches, delayQuantile } from '../../src/stats/kaplan-meier.ts';
import { sketchOf, sketchQuantile } from '../../src/stats/sketch.ts';
import { type Covered, covered, exponential, mulberry32, normal, type Random } from './draw.ts';

/** Log-normal with this median: its distribution function is that of the normal. */
const MEDIAN_MS = 4_000;
const SIGMA = 0.8;
/** Standard normal quantiles, from a table. */
const Z = { 0.5: 0, 0.9: 1.2815515655446004, 0.95: 1.6448536269514722, 0.99: 2.3263478740408408 } as const;
type Q = keyof typeof Z;
const QUANTILES = [0.5, 0.9, 0.95, 0.99] as const;
const quantileMs = (q: Q): number => MEDIAN_MS * Math.exp(SIGMA * Z[q]);
const delayMs = (random: Random): number => MEDIAN_MS * Math.exp(SIGMA * normal(random));

interface Sample {
  readonly arrived: { readonly ageMs: number }[];
  readonly waiting: { readonly ageMs: number }[];
}

/**
 * So many canaries, some of them asked for before they could have arrived. `lookMs`: what arrived is known by the look after it only.
 * `lost`: that share never arrives.
 */
function sample(
  random: Random,
  n: number,
  { censoredMs, lookMs = 0, lost = 0 }: { censoredMs: number; lookMs?: number; lost?: number },
): Sample {
  const arrived: { ageMs: number }[] = [];
  const waiting: { ageMs: number }[] = [];
  for (let i = 0; i < n; i++) {
    const delay = random() < lost ? Number.POSITIVE_INFINITY : delayMs(random);
    const age = exponential(random, censoredMs);
    // Looks fall anywhere beside its sending; one that falls after its age isn't there yet.
    const phase = random() * lookMs;
    const seen = lookMs === 0 ? delay : Math.ceil((delay - phase) / lookMs) * lookMs + phase;
    const upTo = lookMs === 0 ? age : Math.floor((age - phase) / lookMs) * lookMs + phase;
    if (seen <= upTo) arrived.push({ ageMs: seen });
    else waiting.push({ ageMs: Math.max(0, upTo) });
  }
  return { arrived, waiting };
}

/** The curve's interval at a time whose share is known. Where nothing has arrived by then it says nothing: all that could be. */
function intervalAt(sampled: Sample, ms: number): { readonly lo: number; readonly hi: number } {
  const step = delayCurve(sampled).steps.findLast(s => s.ageMs <= ms);
  return step ? { lo: step.lo, hi: step.hi } : { lo: 0, hi: 1 };
}

const SIZES = [50, 300, 2_000] as const;

/** With right censoring the share out by a time is inside; with looks apart, the pessimistic end is never too good. */
const survival = (random: Random, runs: number): Covered[] =>
  SIZES.flatMap(n =>
    QUANTILES.filter(q => n * (1 - q) >= 5).flatMap(q => {
      const truth = 1 - q;
      const each = Math.max(100, Math.ceil((runs * 300) / n));
      return [
        covered(
          { interval: 'Kaplan–Meier, log-log 95%, right-censored', level: 0.95, at: { n, q } },
          Math.min(runs, each),
          () => {
            const { lo, hi } = intervalAt(sample(random, n, { censoredMs: 30_000 }), quantileMs(q));
            return lo <= truth && truth <= hi;
          },
        ),
        covered(
          {
            interval: 'Kaplan–Meier, pessimistic end, seen between looks 2 s apart',
            level: 0.975,
            at: { n, q },
          },
          Math.min(runs, each),
          () =>
            truth <= intervalAt(sample(random, n, { censoredMs: 30_000, lookMs: 2_000 }), quantileMs(q)).hi,
        ),
      ];
    }),
  );

/** “p95 > 15 min”: more than one in twenty lost for good, so no age may ever be named. */
const above = (random: Random, runs: number): Covered[] =>
  ([0.02, 0.06, 0.5] as const).map(lost =>
    covered(
      {
        interval: '“p95 > T”: T has been waited for, and 5% were not back by T',
        level: 1,
        at: { lost, n: 400 },
      },
      Math.min(runs, 300),
      () => {
        const sampled = sample(random, 400, { censoredMs: 60_000, lost });
        const { arrived, waiting } = sampled;
        const sketched = delayCurveOfSketches({
          arrived: sketchOf(arrived.map(a => a.ageMs)),
          waiting: sketchOf(waiting.map(a => a.ageMs)),
        });
        const at = delayQuantile(sketched, 0.95);
        if (typeof at === 'number') return true;
        const oldest = Math.max(...waiting.map(a => a.ageMs));
        // The product-limit estimate of that share, from the words of its definition.
        let share = 1;
        const ages = arrived.map(a => a.ageMs).sort((a, b) => a - b);
        for (const age of ages) {
          const atRisk =
            arrived.filter(a => a.ageMs >= age).length + waiting.filter(a => a.ageMs >= age).length;
          share *= 1 - 1 / atRisk;
        }
        return at.above <= oldest * (1 + 1e-9) && share > 0.05 - 0.02;
      },
    ),
  );

/** What `doctor` says of the deadline that was measured. */
const doctor = (random: Random, runs: number): Covered[] =>
  (
    [
      [0.99, 400],
      [0.99, 1_440],
      [0.95, 1_440],
    ] as const
  ).map(([q, n]) =>
    covered(
      { interval: 'doctor: by when a share had arrived, 95% interval', level: 0.95, at: { q, n } },
      Math.min(runs, Math.max(100, Math.ceil((runs * 300) / n))),
      () => {
        const { arrived, waiting } = sample(random, n, { censoredMs: 3_600_000 });
        const said = propose(
          {
            arrived: sketchOf(arrived.map(a => a.ageMs)),
            waiting: sketchOf(waiting.map(a => a.ageMs)),
            hours: 24,
          },
          { quantile: q, settleMs: 0 },
        );
        // Where it says that more are missing than may be late, it names no interval.
        if (said.kind !== 'fits') return true;
        // Times are read from buckets of 2%.
        return said.loMs <= quantileMs(q) * 1.0203 && quantileMs(q) <= said.hiMs * (1 + 1e-9);
      },
    ),
  );

/** Within 1% of the value of its rank, whatever the values: of an error, not of chance. */
const sketches = (random: Random, runs: number): Covered[] =>
  (['log-normal', 'Pareto', 'whole seconds'] as const).map(kind =>
    covered({ interval: 'sketch, relative error 1%', level: 1, at: { kind } }, Math.min(runs, 300), () => {
      const draw = {
        'log-normal': () => delayMs(random),
        Pareto: () => (1 - random()) ** (-1 / 0.7),
        'whole seconds': () => Math.floor(random() * 30) * 1_000,
      }[kind];
      const values = Array.from({ length: 200 }, draw).sort((a, b) => a - b);
      const sketch = sketchOf(values);
      return [0, 0.5, 0.95, 0.99, 1].every(q => {
        const exact = values[Math.floor(q * 199)]!;
        return Math.abs(sketchQuantile(sketch, q)! - exact) <= 0.01 * exact * (1 + 1e-9);
      });
    }),
  );

export function delayCoverage(seed: number, runs: number): Covered[] {
  const random = mulberry32(seed);
  return [
    ...survival(random, runs),
    ...above(random, runs),
    ...doctor(random, runs),
    ...sketches(random, runs),
  ];
}
