/**
 * What can be said of every pipeline now: the one view model behind pages, API and metrics. Computed when it is read,
 * from W and the clock, never stored (law 11).
 */
import { beats } from '../domain/schedule.ts';
import { newWatch, sightOf } from '../domain/watermark.ts';
import { formatDuration, printDuration } from '../domain/words.ts';
import type { Sql } from '../store/open.ts';
import { type PipelineRow, readFindings, readPipelines, snapshot } from '../store/read.ts';
import { type CheckpointState, readWatches } from '../store/register.ts';
import { type Account, type Place, readAccounts } from './accounts.ts';
import { checkpointView } from './checkpoint-view.ts';
import { drillState, pipelineState } from './health.ts';
import type { Engine, LivePipeline } from './live.ts';
import { readTargetViews, type TargetsOfPipeline } from './target-views.ts';
import type { FindingView, Overview, OverviewOptions, PipelineView } from './view.ts';
import { windowOf } from './window.ts';

export type * from './view.ts';

const FINDINGS_MAX = 200;
/** So many beats that were due and didn't happen, and the emitter is silent. */
const SILENT_BEATS = 3;
/** A beat is planned when it is due; a busy process does so a little later. */
const PLAN_GRACE_MS = 5_000;

/** @throws RangeError for a window outside 1 minute … 400 days. */
export async function overview(engine: Engine, options: OverviewOptions): Promise<Overview> {
  const nowMs = engine.ctx.clock.now();
  const window = windowOf(options.windowMs, nowMs, engine.config.retention.canariesMs);
  const shown = engine.pipelines.filter(p => options.only?.includes(p.config.name) ?? true);
  const numbers = shown.map(p => p.number);
  const pipelines = await snapshot(engine.sql, async tx => {
    const watches = await readWatches(tx as unknown as Sql, numbers);
    const places = placesOf(shown, watches);
    const accounts = await readAccounts(tx, places, window, nowMs);
    const targets = await readTargetViews(tx, places, { windowMs: options.windowMs, nowMs });
    const rows = new Map((await readPipelines(tx, numbers, nowMs)).map(r => [r.pipeline, r]));
    const findings = await readFindings(tx, numbers, window.fromMs, FINDINGS_MAX * Math.max(1, shown.length));
    return shown.map(p =>
      pipelineView(
        {
          pipeline: p,
          row: rows.get(p.number),
          accounts: accounts.filter(a => a.place.pipeline === p),
          targets: targets.get(p.number),
          findings: findings
            .filter(f => f.pipeline === p.number)
            .slice(0, FINDINGS_MAX)
            .map(f => ({
              kind: f.kind,
              checkpoint: p.checkpoints.find(c => c.key.checkpoint === f.checkpoint)?.config.name ?? null,
              count: f.count,
              firstMs: f.first_ms,
              lastMs: f.last_ms,
              sample: f.sample,
            })),
        },
        { nowMs, fromMs: window.fromMs },
      ),
    );
  });
  return {
    asOfMs: nowMs,
    windowMs: options.windowMs,
    fromMs: window.fromMs,
    toMs: window.toMs,
    pipelines,
  };
}

function placesOf(pipelines: readonly LivePipeline[], watches: readonly CheckpointState[]): Place[] {
  const byKey = new Map(watches.map(w => [`${w.pipeline} ${w.checkpoint}`, w.watermark]));
  return pipelines.flatMap(pipeline =>
    pipeline.checkpoints.map(checkpoint => ({
      pipeline,
      checkpoint,
      watch: { ...newWatch, ...byKey.get(`${checkpoint.key.pipeline} ${checkpoint.key.checkpoint}`) },
    })),
  );
}

interface Known {
  readonly pipeline: LivePipeline;
  readonly row: PipelineRow | undefined;
  readonly accounts: readonly Account[];
  readonly targets: TargetsOfPipeline | undefined;
  readonly findings: readonly FindingView[];
}

function pipelineView(known: Known, span: { readonly nowMs: number; readonly fromMs: number }): PipelineView {
  const { pipeline, row, accounts, targets, findings } = known;
  const { config } = pipeline;
  const checkpoints = accounts.map(a => checkpointView(a, span));
  const drills = accounts.map(({ place, drills }) => ({
    drills,
    sight: sightOf(place.watch, place.checkpoint.rules, span.nowMs),
    lostAfterMs: place.checkpoint.config.lostAfterMs,
    slackMs: place.checkpoint.config.lostAfterMs / 16 + 3 * place.checkpoint.rules.lookEveryMs + 60_000,
  }));
  return {
    name: config.name,
    title: config.title,
    ...pipelineState(checkpoints, silence(pipeline, row, span.nowMs)),
    targets: { n: row?.active ?? 0, quiet: row?.quiet ?? 0 },
    every: everyOf(pipeline),
    inject: config.inject.kind,
    lastBeatMs: row?.last_due_ms ?? null,
    superseded: pipeline.superseded || (row !== undefined && row.generation !== pipeline.generation),
    objective: { onTime: config.objective.onTime, delivered: config.objective.delivered },
    checkpoints,
    targetsView: targets?.views ?? [],
    targetsFromMs: targets?.fromMs ?? span.nowMs,
    findings,
    drill: drillState(drills, span.nowMs),
  };
}

/** Why our own emitter counts as silent; null: it doesn't. */
function silence(pipeline: LivePipeline, row: PipelineRow | undefined, nowMs: number): string | null {
  const sinceMs = row?.last_due_ms ?? row?.planned_to_ms ?? pipeline.plannedToMs;
  const missed = beats(pipeline.schedule, {
    fromMs: sinceMs + 1,
    toMs: nowMs - PLAN_GRACE_MS,
    limit: SILENT_BEATS,
  }).beats.length;
  if (missed < SILENT_BEATS) return null;
  return `our own emitter has sent nothing for ${formatDuration(nowMs - sinceMs)}; this says nothing of the pipeline`;
}

function everyOf({ config }: LivePipeline): string {
  const { schedule } = config;
  return schedule.kind === 'every'
    ? `every ${printDuration(schedule.everyMs)}`
    : `cron ${schedule.expression} (${schedule.timezone})`;
}
