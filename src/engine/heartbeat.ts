/**
 * The outside dead-man's switch hears from us only while sending, looking, judging and alerting all work, as far as this
 * replica can see (law 11). What the pipelines do is no part of it: a backend that nobody can ask is an incident.
 */
import { clip } from '../domain/saying.ts';
import { beats } from '../domain/schedule.ts';
import { newWatch } from '../domain/watermark.ts';
import { formatDuration } from '../domain/words.ts';
import { type CheckpointProgress, readProgress } from '../store/heartbeat.ts';
import { readPipelines, snapshot } from '../store/read.ts';
import { type OutboxState, readOutbox } from '../store/read-notices.ts';
import { deadlinesOf } from './deadlines.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import { within } from './within.ts';

/** How far behind our own work may be, beyond what its schedule allows. */
const BEHIND_MS = 10 * 60_000;
/** How long a notice may wait, whatever the reason. */
const NOTICE_WAITS_MS = 15 * 60_000;
/** Looks that fail are tried again after at most so long. */
const LOOK_BACK_OFF_MS = 60_000;
/** So many beats that were due and didn't happen, and nothing is sent; as the overview says it. */
const SILENT_BEATS = 3;
const PLAN_GRACE_MS = 30_000;
const ASK_MS = 10_000;
/** While it is withheld, the reasons are read again this often. */
const AGAIN_MS = 10_000;
const REASONS_MAX = 20;

/** What the reasons are found from. All times are Unix milliseconds. */
export interface Readings {
  readonly nowMs: number;
  readonly pipelines: readonly PipelineReading[];
  readonly outbox: OutboxState;
  /** What the store doesn't take, in words; null: it takes all. */
  readonly storeFault: string | null;
}

export interface PipelineReading {
  readonly name: string;
  /** A newer configuration runs elsewhere: only who runs it can say how this one fares. */
  readonly isSuperseded: boolean;
  /** When the beats were due that should be in the store and aren't; counted to SILENT_BEATS. */
  readonly missedMs: readonly number[];
  readonly checkpoints: readonly CheckpointReading[];
}

export interface CheckpointReading {
  readonly name: string;
  /** When the newest look or probe ended, however it went; where there was none, when looking began. */
  readonly lookedMs: number;
  readonly lookEveryMs: number;
  readonly onTimeWithinMs: number;
  /** The watermark; null: nothing to judge yet. */
  readonly wMs: number | null;
  /** The watermark since which the oldest open row waits to be settled; null: none waits. */
  readonly nextDueMs: number | null;
  /** The watermark at which the oldest beat that a detector hasn't had was decided; null: it has had all. */
  readonly unfedMs: number | null;
}

/** Why the switch shouldn't hear from us, in words for a person; empty: all works. Pure. */
export function healthReasons({ nowMs, pipelines, outbox, storeFault }: Readings): string[] {
  const reasons: string[] = storeFault === null ? [] : [storeFault];
  const ago = (ms: number) => formatDuration(Math.max(0, nowMs - ms));
  for (const p of pipelines) {
    if (p.isSuperseded) {
      reasons.push(`${p.name}: this replica runs an older configuration than another`);
      continue;
    }
    const [firstMs] = p.missedMs;
    if (firstMs !== undefined && (p.missedMs.length >= SILENT_BEATS || nowMs - firstMs > BEHIND_MS))
      reasons.push(`${p.name}: a beat that was due ${ago(firstMs)} ago has not been sent, nor any since`);
    for (const c of p.checkpoints)
      reasons.push(...checkpointReasons(c, nowMs).map(r => `${p.name}, ${c.name}: ${r}`));
  }
  if (outbox.oldestMs !== null && nowMs - outbox.oldestMs > NOTICE_WAITS_MS)
    reasons.push(`a notice has waited for ${ago(outbox.oldestMs)} to be delivered`);
  for (const f of outbox.failing)
    reasons.push(`the notifier "${f.notifier}" has failed since ${ago(f.sinceMs)} ago: ${f.error}`);
  return reasons;
}

function checkpointReasons(c: CheckpointReading, nowMs: number): string[] {
  const reasons: string[] = [];
  const spacingMs = Math.max(c.lookEveryMs, LOOK_BACK_OFF_MS);
  if (nowMs - c.lookedMs > 3 * spacingMs + BEHIND_MS)
    reasons.push(`nobody has looked for ${formatDuration(nowMs - c.lookedMs)}`);
  if (c.wMs === null) return reasons;
  // Rows in which all has arrived wait for the next news before they close; proofs of absence come a little after W.
  const allowedMs = 5 * spacingMs + c.onTimeWithinMs + BEHIND_MS;
  const settleMs = c.wMs - (c.nextDueMs ?? c.wMs);
  if (settleMs > allowedMs) reasons.push(`settling is ${formatDuration(settleMs)} behind what has been seen`);
  const detectMs = c.wMs - (c.unfedMs ?? c.wMs);
  if (detectMs > allowedMs)
    reasons.push(`the detectors are ${formatDuration(detectMs)} behind what has been seen`);
  return reasons;
}

type HeartbeatEngine = Pick<Engine, 'sql' | 'ctx' | 'config' | 'pipelines' | 'storeFault' | 'instruments'>;

/** Reads the store. `sinceMs`: when this process began: what it never saw done counts from there. */
export async function readReadings(engine: HeartbeatEngine, sinceMs: number): Promise<Readings> {
  const { sql, ctx, storeFault } = engine;
  const nowMs = ctx.clock.now();
  const numbers = engine.pipelines.map(p => p.number);
  const rows = new Map(
    (await snapshot(sql, tx => readPipelines(tx, numbers, nowMs))).map(r => [r.pipeline, r]),
  );
  const progress = await readProgress(sql, numbers);
  const pipelines: PipelineReading[] = [];
  for (const p of engine.pipelines) {
    const row = rows.get(p.number);
    const checkpoints: CheckpointReading[] = [];
    for (const c of progress.filter(other => other.pipeline === p.number)) {
      const live = p.checkpoints.find(l => l.key.checkpoint === c.checkpoint);
      if (live) checkpoints.push(await checkpointReading(engine, p, live, c, { nowMs, sinceMs }));
    }
    pipelines.push({
      name: p.config.name,
      isSuperseded: p.superseded || row?.generation !== p.generation || row.retired,
      // What was due while nobody ran is counted elsewhere: it isn't sent any more.
      missedMs: missedSince(p, Math.max(row?.last_due_ms ?? 0, sinceMs), nowMs),
      checkpoints,
    });
  }
  const fault = storeFault.current()?.reason ?? null;
  return { nowMs, pipelines, outbox: await readOutbox(sql, nowMs), storeFault: fault };
}

const missedSince = ({ schedule, config }: LivePipeline, lastBeatMs: number, nowMs: number): number[] =>
  beats(schedule, {
    fromMs: lastBeatMs + 1,
    toMs: nowMs - config.sendWithinMs - PLAN_GRACE_MS,
    limit: SILENT_BEATS,
  }).beats.map(b => b.dueMs);

async function checkpointReading(
  engine: HeartbeatEngine,
  pipeline: LivePipeline,
  live: LiveCheckpoint,
  { watermark, nextDueMs, unfed }: CheckpointProgress,
  { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
): Promise<CheckpointReading> {
  const watch = { ...newWatch, ...watermark };
  const { sendWithinMs } = pipeline.config;
  const decided: number[] = [];
  for (const beat of unfed) {
    const { onTimeWithinMs, lostAfterMs } = await deadlinesOf(
      engine,
      { pipeline, checkpoint: live },
      beat.generation,
    );
    const deadlineMs = beat.objective === 'on_time' ? onTimeWithinMs : lostAfterMs;
    decided.push(beat.dueMs + sendWithinMs + deadlineMs);
  }
  // A probe that doesn't come through leaves no look behind, only a gap.
  const gapMs = live.rules.way === 'receive' ? watch.gaps.at(-1)?.toMs : undefined;
  return {
    name: live.config.name,
    lookedMs: Math.max(watch.lastLook?.endedMs ?? sinceMs, Math.min(gapMs ?? 0, nowMs)),
    lookEveryMs: live.rules.lookEveryMs,
    onTimeWithinMs: live.config.onTimeWithinMs,
    wMs: watch.proven ? watch.wMs : null,
    nextDueMs,
    unfedMs: decided.length === 0 ? null : Math.min(...decided),
  };
}

/** To be called every second or so: asks the configured URL when it is time, and only while all works. */
export function createHeartbeat(engine: HeartbeatEngine): () => Promise<void> {
  const { heartbeat } = engine.config;
  const { ctx, instruments } = engine;
  const sinceMs = ctx.clock.now();
  let dueMono = Number.NEGATIVE_INFINITY;
  let known = 0;
  return async () => {
    if (!heartbeat || ctx.clock.mono() < dueMono) return;
    dueMono = ctx.clock.mono() + Math.min(AGAIN_MS, heartbeat.everyMs);
    const reasons = healthReasons(await readReadings(engine, sinceMs));
    const isNews = reasons.length !== known;
    known = reasons.length;
    if (reasons.length > 0) {
      instruments.add('heartbeats_withheld');
      if (isNews) ctx.log('error', 'heartbeat.withheld', { reasons: reasons.slice(0, REASONS_MAX) });
      return;
    }
    if (isNews) ctx.log('info', 'heartbeat.resumed');
    dueMono = ctx.clock.mono() + heartbeat.everyMs * (0.9 + 0.1 * ctx.random());
    await beat(engine, heartbeat.url);
  };
}

/** One request. Its failure is told and counted, no more: the switch on the other side will speak. */
async function beat({ ctx, instruments }: HeartbeatEngine, url: string): Promise<void> {
  try {
    await within({ clock: ctx.clock, ms: ASK_MS, reason: 'no answer within 10 s' }, async signal => {
      const response = await ctx.fetch(url, { signal, redirect: 'manual' });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`expected a status from 200 to 299, found ${response.status}`);
    });
    instruments.add('heartbeats_sent');
  } catch (error) {
    // The URL is a secret of sorts: who knows it can beat in our stead.
    ctx.log('warn', 'heartbeat.failed', { host: new URL(url).host, reason: reasonOf(error) });
  }
}

const reasonOf = (error: unknown): string => {
  const { cause, message } = error as Partial<Error>;
  return clip(cause instanceof Error ? cause.message : (message ?? String(error)), 200);
};
