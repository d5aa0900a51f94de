/** What is known of a departure from the objective, counted anew from the ledger whenever it is asked for. */
import type { LossFacts } from '../domain/incident.ts';
import type { Observed, TargetSeries } from '../domain/loss-runs.ts';
import type { Verdict } from '../domain/verdict.ts';
import {
  type Alarm,
  countSpan,
  type IncidentSpan,
  readFates,
  readTouched,
  type Touched,
} from '../store/incident.ts';
import type { Tx } from '../store/open.ts';
import { periodMs } from './accounts.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import {
  countsLate,
  lossFactsOf,
  observedOf,
  patternFromMs,
  patternSpread,
  patternTargets,
  touchedBy,
  touchedSpread,
  verdictAt,
} from './loss-facts-of.ts';

export interface LossOf {
  readonly pipeline: LivePipeline;
  readonly kind: 'loss' | 'refused';
  readonly alarms: readonly Alarm[];
  readonly open: boolean;
}

/** A checkpoint's number and its facts. */
export async function lossFacts(
  engine: Engine,
  tx: Tx,
  of: LossOf,
): Promise<{ readonly checkpoint: number; readonly facts: LossFacts }> {
  const { pipeline, kind, alarms, open } = of;
  const { config } = pipeline;
  const nowMs = engine.ctx.clock.now();
  const everyMs = Math.max(1, periodMs(pipeline, nowMs));
  const places = placesOf(pipeline, kind, alarms);
  const hop = places[0] as LiveCheckpoint;
  const firstMs = Math.min(...alarms.map(a => a.beganMs));
  const whole: IncidentSpan = {
    pipeline: pipeline.number,
    checkpoint: hop.key.checkpoint,
    from_ms: firstMs,
    to_ms: nowMs,
  };
  const missing: Verdict[] = kind === 'refused' ? ['refused'] : ['overdue', 'lost', 'recovered'];
  const late = countsLate(alarms);
  const readUntil = async (toMs: number): Promise<Touched[]> => {
    const spread = touchedSpread({ fromMs: firstMs, toMs, everyMs }, pipeline.targets.length);
    const rows = await readTouched(
      tx,
      { ...whole, to_ms: toMs },
      { missing, late, drill: pipeline.drill, spread },
    );
    return touchedBy(rows, alarms, { targets: pipeline.targets.length, objective: config.objective });
  };
  const lastMs = Math.max(firstMs, ...(await readUntil(nowMs)).map(t => t.last_ms));
  // What came after the newest that is missing says nothing of how much was.
  const touched = await readUntil(lastMs);
  const keptMs = nowMs - engine.config.retention.canariesMs;
  const { series, seriesEveryMs } = await seriesOf(tx, pipeline, { span: whole, touched, everyMs });
  const query = hop.observer.hunt?.({ fromMs: firstMs, toMs: lastMs + hop.config.onTimeWithinMs });
  const facts = lossFactsOf({
    ...of,
    nowMs,
    firstMs,
    lastMs,
    counts: await countSpan(tx, { ...whole, to_ms: open ? nowMs : lastMs }, keptMs),
    touched,
    hop: { ...hop.config, holdsMs: hop.config.holdsMs ?? null },
    checkpoints: places.map(p => p.config.name),
    targets: pipeline.targets.length,
    nameOf: target => nameOf(pipeline, target),
    volumePerHour: config.volumePerHour ?? null,
    query: query ?? null,
    objective: config.objective,
    series,
    seriesEveryMs,
  });
  return { checkpoint: kind === 'refused' ? 0 : hop.key.checkpoint, facts };
}

/**
 * The checkpoints in alarm, topmost first: what is missing there is missing further down too, so the fault is at the hop to the
 * first. While some are still in alarm those that are over don't name the hop.
 */
function placesOf(pipeline: LivePipeline, kind: LossOf['kind'], alarms: readonly Alarm[]): LiveCheckpoint[] {
  if (kind === 'refused') return pipeline.checkpoints.slice(0, 1);
  const standing = alarms.filter(a => a.closedMs === null);
  const named = new Set((standing.length > 0 ? standing : alarms).map(a => a.checkpoint));
  const live = pipeline.checkpoints.filter(c => named.has(c.key.checkpoint));
  const sorted = live.toSorted((a, b) => a.upstream.length - b.upstream.length);
  return sorted.length > 0 ? sorted : pipeline.checkpoints.slice(0, 1);
}

const nameOf = (pipeline: LivePipeline, target: number): string =>
  pipeline.targetByNumber.get(target) ?? `target ${target}`;

interface SeriesOf {
  readonly span: IncidentSpan;
  readonly touched: readonly Touched[];
  readonly everyMs: number;
}

/** The canaries of the span by target, of those targets and beats that a pattern is read from. */
async function seriesOf(
  tx: Tx,
  pipeline: LivePipeline,
  { span, touched, everyMs }: SeriesOf,
): Promise<{ readonly series: readonly TargetSeries[]; readonly seriesEveryMs: number }> {
  const chosen = patternTargets(
    touched,
    pipeline.targets.map(t => t.number),
  );
  const from_ms = patternFromMs(span.from_ms, everyMs);
  const spread = patternSpread({ fromMs: from_ms, toMs: span.to_ms, everyMs }, chosen.size);
  const series = new Map<number, Observed[]>();
  for (const row of await readFates(tx, { ...span, from_ms }, spread)) {
    for (const [i, target] of row.targets.entries()) {
      if (!chosen.has(target) || target === pipeline.drill) continue;
      const seen = row.seen_offs?.[i] ?? null;
      const known = series.get(target) ?? [];
      series.set(target, known);
      known.push(
        observedOf(verdictAt(row.verdicts?.[i]), {
          slotMs: row.slot,
          sentMs: row.due_ms + (row.last_offs?.[i] ?? 0),
          seenMs: seen === null ? null : row.due_ms + seen,
        }),
      );
    }
  }
  return {
    series: [...series].map(([target, canaries]) => ({ target: nameOf(pipeline, target), canaries })),
    seriesEveryMs: spread.stepMs ?? everyMs,
  };
}
