/** What the step `conditions` reads, for all pipelines together, and what the rules of the domain make of it. */
import type { CheckpointConfig } from '../config/config.ts';
import {
  EVENT_FINDINGS,
  eventSignals,
  type FindingReading,
  HOUR_MS,
  steppedMs,
} from '../domain/condition-events.ts';
import {
  type DrillReading,
  drillNotFound,
  type EmitterReading,
  noticesFailing,
  schedulerLag,
  silence,
  skew,
  unsent,
} from '../domain/condition-ours.ts';
import { type PlaceReading, proofWithinMs, sightSignals } from '../domain/condition-sight.ts';
import { type Signal, unknownSignal } from '../domain/conditions.ts';
import { partialToken } from '../domain/token.ts';
import { newWatch, sightOf, type Watch } from '../domain/watermark.ts';
import { type EmitterRow, readAccepted, readEmitters, readRecentFindings } from '../store/conditions.ts';
import type { Tx } from '../store/open.ts';
import { PART_SIZE } from '../store/part-size.ts';
import { readDrills } from '../store/read.ts';
import { type FailingNotifier, readFailing } from '../store/read-notices.ts';
import { readWatches } from '../store/register.ts';
import { periodMs } from './accounts.ts';
import { type Engine, FIRST_ASKED_INDEX, type LiveCheckpoint, type LivePipeline } from './live.ts';

/** Beats that say how sending fares; of many targets not all parts of them. */
const BEATS = 20;
const PARTS_MAX = 200;
/** What changes slowly and costs more to read. */
const SLOWLY_MS = 30_000;
/** An hour that is over, and one to say so. */
const FINDINGS_MS = 2 * HOUR_MS;

interface Slow {
  readonly atMono: number;
  /** By pipeline. */
  readonly drills: ReadonlyMap<number, readonly DrillReading[]>;
  readonly failing: readonly FailingNotifier[];
  /** When the first canary was accepted, by checkpoint that never saw one. */
  readonly accepted: ReadonlyMap<string, number>;
}

type Watches = ReadonlyMap<string, Watch>;

const keyOf = (k: { readonly pipeline: number; readonly checkpoint: number }): string =>
  `${k.pipeline} ${k.checkpoint}`;

export interface Judged {
  readonly signals: readonly Signal[];
  /** Of a replica on an older configuration: it knows neither the checkpoints nor the channels, but that nothing is sent it sees. */
  readonly onlySilent: boolean;
}

/** The function that reads and judges, by pipeline. Those that are retired have nothing to say. */
export function createReading(engine: Engine): () => Promise<ReadonlyMap<number, Judged>> {
  const { sql, ctx, pipelines } = engine;
  const numbers = pipelines.map(p => p.number);
  const places = pipelines.flatMap(p => [
    { pipeline: p.number, checkpoint: 0 },
    ...p.checkpoints.map(c => c.key),
  ]);
  let slow: Slow | undefined;
  return async () => {
    const nowMs = ctx.clock.now();
    const watches: Watches = new Map(
      (await readWatches(sql, numbers)).map(w => [keyOf(w), { ...newWatch, ...w.watermark }]),
    );
    const emitters = await readEmitters(sql, pipelines.map(wantedBeats), {
      nowMs,
      beats: BEATS,
      rounds: FIRST_ASKED_INDEX,
    });
    const findings = await readRecentFindings(sql, places, EVENT_FINDINGS, nowMs - FINDINGS_MS);
    if (slow === undefined || ctx.clock.mono() - slow.atMono >= SLOWLY_MS)
      slow = await readSlow(engine, watches, nowMs);
    const out = new Map<number, Judged>();
    for (const pipeline of pipelines) {
      const row = emitters.find(e => e.pipeline === pipeline.number);
      if (!row || row.retired) continue;
      const own = findings
        .filter(f => f.pipeline === pipeline.number)
        .map(f => ({ ...f, hourMs: f.hour_ms, firstMs: f.first_ms, lastMs: f.last_ms }));
      const channels = pipeline === homeOfChannels(engine, slow.failing) ? slow.failing : [];
      out.set(
        pipeline.number,
        signalsOf(engine, {
          pipeline,
          row,
          findings: own,
          watches,
          accepted: slow.accepted,
          drills: slow.drills.get(pipeline.number) ?? [],
          failing: channels,
          nowMs,
        }),
      );
    }
    return out;
  };
}

function wantedBeats(pipeline: LivePipeline): { readonly pipeline: number; readonly rows: number } {
  const parts = Math.max(1, Math.ceil((pipeline.targets.length + 1) / PART_SIZE));
  return { pipeline: pipeline.number, rows: Math.min(PARTS_MAX, BEATS * parts) };
}

const watchOf = (watches: Watches, c: LiveCheckpoint): Watch => watches.get(keyOf(c.key)) ?? newWatch;

const unproven = (pipelines: readonly LivePipeline[], watches: Watches, nowMs: number) =>
  pipelines
    .flatMap(p => p.checkpoints)
    .filter(c => !watchOf(watches, c).proven)
    .map(c => ({ ...c.key, until_ms: nowMs - proofWithinMs(c.config.lostAfterMs) }));

async function readSlow(engine: Engine, watches: Watches, nowMs: number): Promise<Slow> {
  const drills = new Map<number, DrillReading[]>();
  const wanted = engine.pipelines.flatMap(pipeline =>
    pipeline.checkpoints.flatMap(checkpoint => {
      const sight = sightOf(watchOf(watches, checkpoint), checkpoint.rules, nowMs);
      return sight.state === 'sees' ? [{ pipeline, checkpoint, asOfMs: sight.asOfMs }] : [];
    }),
  );
  const tx = engine.sql as unknown as Tx;
  const spans = wanted.map(({ pipeline, checkpoint, asOfMs }, span) => {
    const { lostAfterMs } = checkpoint.config;
    // Its proof may take a while longer than W takes to pass the deadline.
    const slackMs = lostAfterMs / 16 + 3 * checkpoint.rules.lookEveryMs + 60_000;
    const to_ms = Math.floor(asOfMs - lostAfterMs - slackMs);
    const reachMs = 2 * Math.max(pipeline.drillEveryMs, periodMs(pipeline, nowMs));
    return { span, ...checkpoint.key, from_ms: Math.floor(to_ms - reachMs), to_ms, step_ms: 1 };
  });
  const rows = await readDrills(tx, spans);
  for (const [span, { pipeline, checkpoint, asOfMs }] of wanted.entries()) {
    const newest = rows.find(r => r.span === span);
    const reading = {
      checkpoint: checkpoint.key.checkpoint,
      name: checkpoint.config.name,
      newest: newest ? { dueMs: newest.due_ms, bucket: newest.bucket } : null,
      lostAfterMs: checkpoint.config.lostAfterMs,
      asOfMs,
    };
    drills.set(pipeline.number, [...(drills.get(pipeline.number) ?? []), reading]);
  }
  const failing = await readFailing(engine.sql, nowMs);
  const accepted = await readAccepted(engine.sql, unproven(engine.pipelines, watches, nowMs));
  return {
    atMono: engine.ctx.clock.mono(),
    drills,
    failing,
    accepted: new Map(accepted.map(a => [keyOf(a), a.accepted_ms])),
  };
}

/** A channel is everybody's: the first pipeline that uses one that fails tells of all. */
const homeOfChannels = (
  { pipelines }: Engine,
  failing: readonly FailingNotifier[],
): LivePipeline | undefined => {
  const names = new Set(failing.map(f => f.notifier));
  const uses = ({ config: { notify } }: LivePipeline) =>
    [...notify.loss, ...notify.ours].some(n => names.has(n));
  return pipelines.find(uses);
};

interface Known {
  readonly pipeline: LivePipeline;
  readonly row: EmitterRow;
  readonly findings: readonly FindingReading[];
  readonly watches: Watches;
  readonly accepted: ReadonlyMap<string, number>;
  readonly drills: readonly DrillReading[];
  readonly failing: readonly FailingNotifier[];
  readonly nowMs: number;
}

function signalsOf(engine: Engine, known: Known): Judged {
  const { pipeline, row, findings, watches, nowMs } = known;
  const superseded = pipeline.superseded || row.generation !== pipeline.generation;
  const stepMs = steppedMs(findings);
  const emitter = emitterOf(known, superseded, stepMs);
  const silent = silence(emitter, nowMs);
  const own = silent ? [silent] : [];
  if (superseded) return { signals: own, onlySilent: true };
  const names = new Map(pipeline.checkpoints.map(c => [c.key.checkpoint, c.config.name]));
  const places = pipeline.checkpoints.map(
    (c): PlaceReading => ({
      checkpoint: c.key.checkpoint,
      name: c.config.name,
      backend: backendOf(c.config),
      watch: watchOf(watches, c),
      rules: c.rules,
      acceptedMs: known.accepted.get(keyOf(c.key)) ?? null,
    }),
  );
  const drilled = new Set(known.drills.map(d => d.checkpoint));
  const all: (Signal | null)[] = [
    ...sightSignals(places, {
      nowMs,
      silent: silent?.state === 'lasts',
      sampleOf: key => sampleOf(engine, pipeline, key),
    }),
    ...eventSignals(findings, {
      nowMs,
      perHour: (pipeline.targets.length * HOUR_MS) / emitter.periodMs,
      nameOf: checkpoint => names.get(checkpoint) ?? null,
    }),
    unsent(emitter),
    schedulerLag(emitter, nowMs),
    ...places.map(p => skew({ ...p, anchors: p.watch.anchors }, { nowMs, steppedMs: stepMs })),
    ...known.drills.map(drillNotFound),
    // Where nothing is seen nothing is known of the drill either.
    ...places
      .filter(p => !drilled.has(p.checkpoint))
      .map(p => unknownSignal('drill_not_found', [p.checkpoint])),
    noticesFailing(known.failing),
  ];
  return { signals: [...own, ...all.filter(s => s !== null)], onlySilent: false };
}

function emitterOf(
  { pipeline, row, nowMs }: Known,
  superseded: boolean,
  stepMs: number | null,
): EmitterReading {
  return {
    schedule: pipeline.schedule,
    periodMs: Math.max(1, periodMs(pipeline, nowMs)),
    beats: (row.beats ?? []).map(b => ({
      generation: b.generation,
      dueMs: b.due_ms,
      committedMs: b.committed_ms,
      firstOffMs: b.first_off,
      sent: b.sent,
      unsent: b.unsent,
      maybeSent: b.maybe_sent,
      why: b.why,
    })),
    plannedToMs: row.planned_to_ms,
    targets: pipeline.targets.length,
    superseded,
    steppedMs: stepMs,
  };
}

/** Its kind and settings, but for what is asked: equal ones fail together. Holds secrets; never shown. */
function backendOf({ observe: { kind, settings } }: CheckpointConfig): string {
  const entries = Object.entries(settings ?? {}).filter(([name]) => name !== 'query');
  return JSON.stringify([kind, entries.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** What a person can search for: the canary's token, without what makes it count. */
function sampleOf(engine: Engine, pipeline: LivePipeline, nameKey: string): unknown {
  const [target = 0, slot = 0, index = 0] = nameKey.split('.').map(Number);
  return {
    canary: partialToken(engine.keyring.sign({ target, slot, index }).token),
    target: pipeline.targetByNumber.get(target) ?? `target ${target}`,
    planned: new Date(slot).toISOString(),
  };
}
