/** An incident's span as bars, with something before and after it to see it by. Counted from the ledger when it is asked for. */
import type { Incident } from '../domain/incident.ts';
import { addGap, type Gap, newWatch, sightOf } from '../domain/watermark.ts';
import { readIncident } from '../store/incident.ts';
import type { Sql } from '../store/open.ts';
import { readHours, snapshot, sumMarks } from '../store/read.ts';
import { readWatches } from '../store/register.ts';
import { periodMs } from './accounts.ts';
import { placeOf } from './incidents.ts';
import type { Engine } from './live.ts';
import type { Bar } from './view.ts';

export interface IncidentBars {
  /** Where they are counted. */
  readonly checkpoint: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** At most some 90, without holes, oldest first. */
  readonly bars: readonly Bar[];
  /** Spans in which nothing can be said. */
  readonly blind: readonly Pick<Gap, 'fromMs' | 'toMs'>[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const BARS_MAX = 90;
/** Longer spans, and those whose single canaries are gone, are read from the rollups' hours. */
const FINE_MAX_MS = DAY_MS;
const FINE_BARS_MS = [
  ...[1, 2, 5, 10, 15, 30].map(s => s * 1_000),
  ...[1, 2, 5, 10, 15, 30].map(m => m * MINUTE_MS),
];
const COARSE_BARS_MS = [1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 192].map(h => h * HOUR_MS);

interface Frame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly barMs: number;
  readonly fine: boolean;
}

/** The span with a fifth of it, and at least ten beats, on either side; what lies ahead isn't drawn. Pure. */
export function frameOf(
  { beganMs, endedMs }: Pick<Incident, 'beganMs' | 'endedMs'>,
  at: { readonly nowMs: number; readonly everyMs: number; readonly keptMs: number },
): Frame {
  const endMs = Math.max(beganMs, endedMs ?? at.nowMs);
  const padMs = Math.max((endMs - beganMs) / 5, 10 * at.everyMs, 30_000);
  const wholeMs = { fromMs: Math.max(0, beganMs - padMs), toMs: Math.min(at.nowMs, endMs + padMs) };
  const lengthMs = wholeMs.toMs - wholeMs.fromMs;
  const fine = lengthMs <= FINE_MAX_MS && wholeMs.fromMs >= at.nowMs - at.keptMs;
  const fits = (width: number) => width >= Math.min(at.everyMs, HOUR_MS) && lengthMs / width <= BARS_MAX - 1;
  const barMs = (fine ? FINE_BARS_MS : COARSE_BARS_MS).find(fits) ?? COARSE_BARS_MS.at(-1) ?? HOUR_MS;
  const fromMs = Math.floor(wholeMs.fromMs / barMs) * barMs;
  return { fromMs, toMs: Math.floor(wholeMs.toMs / barMs) * barMs + barMs, barMs, fine };
}

/** null: there is nothing to count, since its checkpoint is gone. */
export async function incidentBars(engine: Engine, incident: Incident): Promise<IncidentBars | null> {
  const nowMs = engine.ctx.clock.now();
  const pipeline = engine.pipelines.find(p => p.config.name === incident.pipeline.name);
  if (!pipeline) return null;
  const everyMs = periodMs(pipeline, nowMs);
  const frame = frameOf(incident, { nowMs, everyMs, keptMs: engine.config.retention.canariesMs });
  return await snapshot(engine.sql, async tx => {
    const row = await readIncident(tx, incident.id);
    const at = row && placeOf(pipeline, row.checkpoint);
    if (!at) return null;
    const span = { span: 0, ...at.key, from_ms: frame.fromMs, to_ms: frame.toMs, step_ms: frame.barMs };
    const counts = new Map<number, Record<string, number>>();
    const add = (atMs: number, bucket: string, n: number) => {
      const bar = counts.get(atMs - (atMs % frame.barMs)) ?? {};
      counts.set(atMs - (atMs % frame.barMs), { ...bar, [bucket]: (bar[bucket] ?? 0) + n });
    };
    for (const s of await sumMarks(tx, [span], frame.fine ? 'all' : 'open')) add(s.at_ms, s.bucket, s.n);
    if (!frame.fine)
      for (const h of await readHours(tx, [span]))
        for (const [bucket, n] of Object.entries(h.counts)) add(h.hour_ms, bucket, n);
    const watches = await readWatches(tx as unknown as Sql, [pipeline.number]);
    const known = watches.find(w => w.checkpoint === at.key.checkpoint)?.watermark;
    const watch = { ...newWatch, ...known };
    const sight = sightOf(watch, at.rules, nowMs);
    const open =
      sight.state === 'blind' ? [{ fromMs: sight.sinceMs, toMs: nowMs, reason: sight.reason }] : [];
    return {
      checkpoint: at.config.name,
      fromMs: frame.fromMs,
      toMs: frame.toMs,
      bars: barsOf(frame, counts),
      blind: open.reduce(addGap, [...watch.gaps]).filter(g => g.toMs > frame.fromMs && g.fromMs < frame.toMs),
    };
  });
}

function barsOf({ fromMs, toMs, barMs }: Frame, counts: ReadonlyMap<number, Record<string, number>>): Bar[] {
  const bars: Bar[] = [];
  for (let at = fromMs; at < toMs; at += barMs)
    bars.push({ fromMs: at, toMs: at + barMs, counts: counts.get(at) ?? {} });
  return bars;
}
