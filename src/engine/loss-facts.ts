/** What is known of a departure from the objective, counted anew from the ledger whenever it is asked for. */
import type { IncidentCounts, LossFacts } from '../domain/incident.ts';
import type { Fate, TargetSeries } from '../domain/loss-runs.ts';
import { patternOf } from '../domain/pattern.ts';
import { VERDICTS, type Verdict } from '../domain/verdict.ts';
import { clopperPearson } from '../stats/intervals.ts';
import {
  type Alarm,
  countSpan,
  type FateRow,
  type IncidentSpan,
  readFates,
  readTouched,
  type Touched,
} from '../store/incident.ts';
import type { Tx } from '../store/open.ts';
import { periodMs } from './accounts.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';

const HOUR_MS = 3_600_000;
const TOUCHED_NAMES_MAX = 100;
/** A pattern is read from so many canaries, of so many targets. */
const FATES_MAX = 20_000;
const FATE_TARGETS_MAX = 100;

export interface LossOf {
  readonly pipeline: LivePipeline;
  readonly kind: 'loss' | 'refused';
  readonly alarms: readonly Alarm[];
  readonly open: boolean;
}

/** A checkpoint's number and its facts; null where nothing is missing any more that could be told of. */
export async function lossFacts(
  engine: Engine,
  tx: Tx,
  of: LossOf,
): Promise<{ readonly checkpoint: number; readonly facts: LossFacts }> {
  const { pipeline, kind, alarms, open } = of;
  const nowMs = engine.ctx.clock.now();
  const places = placesOf(pipeline, kind, alarms);
  const hop = places[0] as LiveCheckpoint;
  const fromMs = Math.min(...alarms.map(a => a.beganMs));
  const lateCounts = alarms.some(a => a.objective === 'on_time');
  const missing: Verdict[] = kind === 'refused' ? ['refused'] : ['overdue', 'lost', 'recovered'];
  const whole: IncidentSpan = {
    pipeline: pipeline.number,
    checkpoint: hop.key.checkpoint,
    from_ms: fromMs,
    to_ms: nowMs,
  };
  const perRow = Math.max(1, pipeline.targets.length);
  const read = { missing, drill: pipeline.drill, perRow };
  const soFar = touchedBy(await readTouched(tx, whole, read), alarms, lateCounts);
  const lastMs = Math.max(fromMs, ...soFar.map(t => t.last_ms));
  // What came after the newest that is missing says nothing of how much was.
  const touched = touchedBy(await readTouched(tx, { ...whole, to_ms: lastMs }, read), alarms, lateCounts);
  const firstMs = fromMs;
  const keptMs = nowMs - engine.config.retention.canariesMs;
  const counts = countsOf(await countSpan(tx, { ...whole, to_ms: open ? nowMs : lastMs }, keptMs));
  const affected = touched.reduce((sum, t) => sum + t.missing + (lateCounts ? t.late : 0), 0);
  const n = touched.reduce((sum, t) => sum + t.decided, 0);
  const ofTargets = Math.max(1, pipeline.targets.length);
  const { config } = pipeline;
  const ahead = counts.lost + counts.recovered === 0 ? 'overdue' : 'lost';
  return {
    checkpoint: kind === 'refused' ? 0 : hop.key.checkpoint,
    facts: {
      counts,
      phase: kind === 'refused' ? 'refused' : ahead,
      hop:
        kind === 'refused'
          ? { after: null, checkpoint: 'source' }
          : { after: hop.config.after, checkpoint: hop.config.name },
      checkpoints: kind === 'refused' ? [] : places.map(p => p.config.name),
      targets: {
        touched: touched.slice(0, TOUCHED_NAMES_MAX).map(t => nameOf(pipeline, t.target)),
        n: touched.length,
        of: Math.max(ofTargets, touched.length),
      },
      firstMs,
      lastMs,
      rate: rateOf(affected, n),
      realEvents: realEvents(pipeline, counts, { firstMs, lastMs: open ? nowMs : lastMs }),
      heldUntilMs: heldUntil(hop, firstMs, open, nowMs),
      holdsMs: hop.config.holdsMs ?? null,
      hunt: {
        eventFromMs: firstMs,
        eventToMs: lastMs + hop.config.onTimeWithinMs,
        ingestFromMs: firstMs,
        ingestToMs: open ? nowMs : lastMs + hop.config.lostAfterMs,
        query: hop.observer.hunt?.({ fromMs: firstMs, toMs: lastMs + hop.config.onTimeWithinMs }) ?? null,
      },
      pattern: patternOf(
        await seriesOf(
          tx,
          pipeline,
          { ...whole, from_ms: firstMs - 20 * periodMs(pipeline, nowMs) },
          touched,
        ),
        {
          targets: ofTargets,
          open,
          everyMs: periodMs(pipeline, nowMs),
          onTimeWithinMs: hop.config.onTimeWithinMs,
          nowMs,
        },
      ),
      objective: config.objective,
      onTimeWithinMs: hop.config.onTimeWithinMs,
      lostAfterMs: hop.config.lostAfterMs,
    },
  };
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

/** Targets in alarm, and where the whole is, every one that misses something. */
function touchedBy(rows: readonly Touched[], alarms: readonly Alarm[], late: boolean): Touched[] {
  const named = new Set(alarms.map(a => a.target));
  const misses = (t: Touched) => t.missing > 0 || (late && t.late > 0);
  return rows.filter(t => misses(t) && (named.has(null) || named.has(t.target)));
}

const nameOf = (pipeline: LivePipeline, target: number): string =>
  pipeline.targetByNumber.get(target) ?? `target ${target}`;

const sum = (counts: Readonly<Record<string, number>>, ...buckets: string[]): number =>
  buckets.reduce((n, b) => n + (counts[b] ?? 0), 0);

function countsOf(counts: Readonly<Record<string, number>>): IncidentCounts {
  return {
    scheduled: sum(counts, ...Object.keys(counts)),
    overdue: sum(counts, 'overdue'),
    lost: sum(counts, 'lost'),
    recovered: sum(counts, 'recovered'),
    late: sum(counts, 'late'),
    arrived: sum(counts, 'on_time', 'delivered'),
    refused: sum(counts, 'refused'),
    pending: sum(counts, 'pending'),
    unknown: sum(counts, 'unproven', 'maybe_sent', 'unsent', 'missed_here'),
  };
}

function rateOf(affected: number, n: number): LossFacts['rate'] {
  if (n === 0) return { share: 0, low: 0, high: 1, n: 0 };
  const { lo, hi } = clopperPearson({ losses: affected, n });
  return { share: affected / n, low: lo, high: hi, n };
}

/** As many real events as canaries of the whole pipeline fared so, over the same time. */
function realEvents(
  { config }: LivePipeline,
  counts: IncidentCounts,
  span: { readonly firstMs: number; readonly lastMs: number },
): LossFacts['realEvents'] {
  if (config.volumePerHour === undefined) return null;
  const gone = counts.lost + counts.refused;
  const n = gone + counts.recovered + counts.late + counts.arrived;
  if (n === 0) return null;
  const events = (config.volumePerHour * Math.max(0, span.lastMs - span.firstMs)) / HOUR_MS;
  const { lo, hi } = clopperPearson({ losses: gone, n });
  return {
    n: Math.round((gone / n) * events),
    low: Math.round(lo * events),
    high: Math.round(hi * events),
  };
}

function heldUntil(hop: LiveCheckpoint, firstMs: number, open: boolean, nowMs: number): number | null {
  if (hop.config.holdsMs === undefined || !open) return null;
  const untilMs = firstMs + hop.config.holdsMs;
  return untilMs > nowMs ? untilMs : null;
}

const FATES: Readonly<Record<Verdict, Fate>> = {
  pending: 'unknown',
  overdue: 'missing',
  on_time: 'arrived',
  late: 'late',
  delivered: 'arrived',
  lost: 'missing',
  recovered: 'recovered',
  missed_here: 'unknown',
  refused: 'missing',
  maybe_sent: 'unknown',
  unsent: 'unknown',
  unproven: 'unknown',
};

/** The newest canaries of the span, of the targets that miss most and some that miss nothing, by target. */
async function seriesOf(
  tx: Tx,
  pipeline: LivePipeline,
  span: IncidentSpan,
  touched: readonly Touched[],
): Promise<TargetSeries[]> {
  const targets = pipeline.targets.map(t => t.number);
  const worst = touched.slice(0, FATE_TARGETS_MAX).map(t => t.target);
  const chosen = new Set([...worst, ...targets].slice(0, FATE_TARGETS_MAX));
  const rowsMax = Math.max(50, Math.floor(FATES_MAX / Math.max(1, chosen.size)));
  const series = new Map<number, TargetSeries['canaries'][number][]>();
  for (const row of await readFates(tx, span, rowsMax)) {
    for (const [i, target] of row.targets.entries()) {
      if (!chosen.has(target) || target === pipeline.drill) continue;
      const known = series.get(target) ?? [];
      series.set(target, known);
      known.push(observed(row, i));
    }
  }
  return [...series].map(([target, canaries]) => ({ target: nameOf(pipeline, target), canaries }));
}

function observed(row: FateRow, i: number): TargetSeries['canaries'][number] {
  const seen = row.seen_offs?.[i] ?? null;
  return {
    slotMs: row.slot,
    sentMs: row.due_ms + (row.last_offs?.[i] ?? 0),
    fate: FATES[VERDICTS[row.verdicts?.[i] ?? 0] ?? 'pending'],
    seenMs: seen === null ? null : row.due_ms + seen,
  };
}
