/**
 * `GET /metrics`: OpenMetrics, computed from the store, so that all replicas say the same. Sums are of a window and thus
 * gauges: a canary that was lost and came back moves. Names of targets and canaries are in no label.
 */
import type { Hono } from 'hono';
import type { RunningEngine } from '../engine/engine.ts';
import { COUNTERS } from '../engine/instruments.ts';
import { overview } from '../engine/overview.ts';
import type { CheckpointView, PipelineState, PipelineView } from '../engine/view.ts';
import { bucketEstimate, bucketUpper, type Sketch, sketchCount } from '../stats/sketch.ts';
import type { Access } from './access.ts';
import { CONTENT_TYPE, exposition, type Family, type Labels, type Sample } from './exposition.ts';
import { incidentFamily, noticeFamilies } from './metrics-incidents.ts';

const WINDOW_MS = 3_600_000;
const STATES = [
  'healthy',
  'late',
  'losing',
  'blind',
  'not_yet_proven',
  'silent',
] as const satisfies readonly PipelineState[];
/** Seconds. */
const BOUNDS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 21_600, 86_400];

export function mountMetrics(
  app: Hono,
  options: { readonly running: RunningEngine; readonly access: Access; readonly version: string },
): void {
  const { engine } = options.running;
  app.get('/metrics', async c => {
    const only = options.access.readable(c.req.raw);
    const { pipelines } = await overview(engine, { windowMs: WINDOW_MS, only });
    const isPublic = !options.access.has(c.req.raw, 'read');
    const own = isPublic
      ? []
      : [...(await noticeFamilies(engine)), ...processFamilies(options.running, options.version)];
    const families = [
      ...pipelineFamilies(pipelines),
      ...checkpointFamilies(pipelines),
      await incidentFamily(engine, { only, isPublic }),
      ...own,
    ];
    return new Response(exposition(families), {
      headers: { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' },
    });
  });
}

const seconds = (ms: number): number => ms / 1_000;

function pipelineFamilies(pipelines: readonly PipelineView[]): Family[] {
  const each = (of: (p: PipelineView) => number | null): Sample[] =>
    pipelines.flatMap(p => {
      const value = of(p);
      return value === null ? [] : [{ labels: { pipeline: p.name }, value }];
    });
  return [
    {
      name: 'coalmine_pipeline_state',
      type: 'gauge',
      help: '1 for the state the pipeline is in, 0 for the others.',
      samples: pipelines.flatMap(p =>
        STATES.map(state => ({ labels: { pipeline: p.name, state }, value: p.state === state ? 1 : 0 })),
      ),
    },
    {
      name: 'coalmine_targets',
      type: 'gauge',
      help: 'Targets that canaries are sent to.',
      samples: each(p => p.targets.n),
    },
    {
      name: 'coalmine_last_beat_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the newest planned beat was due.',
      samples: each(p => (p.lastBeatMs === null ? null : seconds(p.lastBeatMs))),
    },
    {
      name: 'coalmine_drill_found_lost_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the newest drill that was found lost was due: the alarm worked until then.',
      samples: each(p => (p.drill.lastMs === null ? null : seconds(p.drill.lastMs))),
    },
  ];
}

function checkpointFamilies(pipelines: readonly PipelineView[]): Family[] {
  const places = pipelines.flatMap(p =>
    p.checkpoints.map(c => ({ labels: { pipeline: p.name, checkpoint: c.name }, c })),
  );
  const each = (of: (c: CheckpointView) => number | null | undefined): Sample[] =>
    places.flatMap(({ labels, c }) => {
      const value = of(c);
      return value === null || value === undefined ? [] : [{ labels, value }];
    });
  const shares = ['accepted', 'scheduled', 'worst'] as const;
  return [
    {
      name: 'coalmine_canaries',
      type: 'gauge',
      help: 'Canaries of the last hour by what became of them; they sum to what was scheduled, drills apart.',
      samples: places.flatMap(({ labels, c }) =>
        Object.entries(c.counts).map(([bucket, value]) => ({ labels: { ...labels, bucket }, value })),
      ),
    },
    {
      name: 'coalmine_completeness_ratio',
      type: 'gauge',
      unit: 'ratio',
      help: 'Delivered canaries of the last hour, of the accepted, of the scheduled, and in the worst case.',
      samples: places.flatMap(({ labels, c }) =>
        shares.flatMap(of => {
          const { share } = c.completeness[of];
          return share === undefined ? [] : [{ labels: { ...labels, of }, value: share }];
        }),
      ),
    },
    {
      name: 'coalmine_completeness_lower_bound_ratio',
      type: 'gauge',
      unit: 'ratio',
      help: 'Delivered of the accepted, at least, with 95% confidence; pointwise.',
      samples: each(c => (c.completeness.accepted.n === 0 ? null : c.completeness.accepted.atLeast)),
    },
    {
      name: 'coalmine_coverage_ratio',
      type: 'gauge',
      unit: 'ratio',
      help: 'Share of the last hour in which absence could be proven.',
      samples: each(c => c.coverage),
    },
    {
      name: 'coalmine_watermark_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'Everything visible at the checkpoint until then has been accounted for.',
      samples: each(c => (c.watermarkMs === null ? null : seconds(c.watermarkMs))),
    },
    {
      name: 'coalmine_blind',
      type: 'gauge',
      help: '1 while nothing can be said of the checkpoint: neither loss nor health.',
      samples: each(c => (c.sight.state === 'sees' ? 0 : 1)),
    },
    {
      name: 'coalmine_delay_seconds',
      type: 'gaugehistogram',
      unit: 'seconds',
      help: 'One-way delay (RFC 7679) of canaries that arrived in the hours of the last hour; what is out is not in it.',
      samples: places.flatMap(({ labels, c }) => histogram(labels, c.delays.arrived)),
    },
  ];
}

/** Cumulative; a sketch's bucket counts where its upper end fits, so no delay comes out shorter than it was. */
function histogram(labels: Labels, sketch: Sketch): Sample[] {
  const below = (bound: number): number =>
    sketch.buckets.reduce((n, [i, count]) => (seconds(bucketUpper(i)) <= bound ? n + count : n), sketch.zero);
  const total = sketchCount(sketch);
  const sum = sketch.buckets.reduce((s, [i, count]) => s + count * bucketEstimate(i), 0);
  return [
    ...BOUNDS_S.map(le => ({ suffix: '_bucket', labels: { ...labels, le: boundOf(le) }, value: below(le) })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: total },
    { suffix: '_gcount', labels, value: total },
    { suffix: '_gsum', labels, value: seconds(sum) },
  ];
}

/** As OpenMetrics writes a bound: always with a point. */
const boundOf = (s: number): string => (Number.isInteger(s) ? `${s}.0` : String(s));

function processFamilies({ engine }: RunningEngine, version: string): Family[] {
  return [
    {
      name: 'coalmine_build',
      type: 'info',
      help: 'What runs here.',
      samples: [{ labels: { version }, value: 1 }],
    },
    ...COUNTERS.map(
      (counter): Family => ({
        name: `coalmine_process_${counter}`,
        type: 'counter',
        help: `Of this process since it began: ${counter.replaceAll('_', ' ')}.`,
        samples: [{ value: engine.instruments.counts[counter] }],
      }),
    ),
  ];
}
