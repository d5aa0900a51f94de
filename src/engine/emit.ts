/**
 * The step `emit`: what is due is committed as intent, sent, and its outcome committed. A canary that can't be committed
 * doesn't leave; one whose beat is too late is recorded as skipped, not sent in a heap.
 */
import { type Beat, beats, nextBeat } from '../domain/schedule.ts';
import {
  type BeatKey,
  commitIntent,
  type PlannedBeat,
  type PlannedMark,
  type PlanStep,
  raisePlan,
  readOwners,
  type Skipped,
} from '../store/emit.ts';
import { PART_SIZE } from '../store/part-size.ts';
import { readPlans } from '../store/register.ts';
import { type Engine, FIRST_ASKED_INDEX, type LivePipeline } from './live.ts';
import type { OwnBeat } from './send.ts';

const HOUR_MS = 3_600_000;
/** Beats planned for one pipeline in one go; the rest comes with the next tick. */
const BEATS_MAX = 500;
/** A plan without beats is moved on only so often. */
const IDLE_STEP_MS = 60_000;
/** A slot that is lived again, after a backward step of the clock, has parts of its own beside those of its first life. */
const PARTS_AGAIN = 1_000_000;
const PARTS_MAX = 1_000;
/** Beyond `send_within`: the last attempt's own time-out, the commit, and a margin for a slow store. */
export const SEND_GRACE_MS = 120_000;

/**
 * Plans everything due until `untilMs` on all pipelines, in one commit. Returns the beats that are this replica's to
 * send, each at its `due_ms`.
 */
export async function planBeats(engine: Engine, nowMs: number, untilMs: number): Promise<OwnBeat[]> {
  const steps: (PlanStep & { live: LivePipeline })[] = [];
  const rows: OwnBeat[] = [];
  const skipped: Skipped[] = [];
  for (const live of engine.pipelines) {
    if (live.superseded || untilMs <= live.plannedToMs) continue;
    if (untilMs < nextDueMs(live) && untilMs - live.plannedToMs < IDLE_STEP_MS) continue;
    const due = beats(live.schedule, { fromMs: live.plannedToMs + 1, toMs: untilMs + 1, limit: BEATS_MAX });
    const toMs = due.cut ? (due.beats.at(-1)?.dueMs ?? untilMs) : untilMs;
    steps.push({
      pipeline: live.number,
      generation: live.generation,
      from_ms: live.plannedToMs,
      to_ms: toMs,
      live,
    });
    for (const beat of due.beats) {
      if (nowMs - beat.dueMs > live.config.sendWithinMs) skipped.push(...skip(live, beat));
      else rows.push(...rowsOf(engine, live, beat, nowMs).map(row => ({ pipeline: live, row })));
    }
  }
  if (steps.length === 0) return [];
  const ours = await commitOnce(engine, steps, rows, skipped);
  const own = rows.filter(r => ours.has(keyOf(r.row)));
  engine.instruments.add('beats_planned', own.length);
  return own;
}

const upcoming = new WeakMap<LivePipeline, { readonly afterMs: number; readonly dueMs: number }>();

/** When the next beat is due that isn't planned yet. */
function nextDueMs(live: LivePipeline): number {
  const known = upcoming.get(live);
  if (known?.afterMs === live.plannedToMs) return known.dueMs;
  const { dueMs } = nextBeat(live.schedule, live.plannedToMs);
  upcoming.set(live, { afterMs: live.plannedToMs, dueMs });
  return dueMs;
}

const keyOf = (k: BeatKey): string => `${k.pipeline} ${k.slot} ${k.part}`;

/** Commits the intents. When the outcome is unknown, the owner's nonce is read back rather than guessed. */
async function commitOnce(
  engine: Engine,
  steps: readonly (PlanStep & { live: LivePipeline })[],
  rows: readonly OwnBeat[],
  skipped: readonly Skipped[],
): Promise<Set<string>> {
  const planned = rows.map(r => r.row);
  try {
    const done = await commitIntent(
      engine.sql,
      steps.map(({ live: _, ...s }) => s),
      planned,
      skipped,
    );
    const ours = new Set(done.map(keyOf));
    const lost = steps.some(s => planned.some(b => b.pipeline === s.pipeline && !ours.has(keyOf(b))));
    if (lost) await rereadPlans(engine);
    else for (const s of steps) s.live.plannedToMs = s.to_ms;
    if (skipped.length > 0) engine.instruments.add('beats_skipped', skipped.length);
    return ours;
  } catch (error) {
    const level = engine.storeFault.met(error) ? 'debug' : 'warn';
    engine.ctx.log(level, 'emit.commit_unknown', { reason: String(error) });
    engine.instruments.add('store_retries');
    const owners = await readOwners(engine.sql, planned);
    await rereadPlans(engine);
    const mine = new Set(planned.map(p => `${keyOf(p)} ${p.owner}`));
    return new Set(owners.filter(o => mine.has(`${keyOf(o)} ${o.owner}`)).map(keyOf));
  }
}

/** Another replica moved a plan, or a newer configuration took over: learn where things stand. */
export async function rereadPlans(engine: Engine): Promise<void> {
  const plans = new Map((await readPlans(engine.sql)).map(p => [p.number, p]));
  for (const live of engine.pipelines) {
    const plan = plans.get(live.number);
    if (!plan) continue;
    if (!live.superseded && plan.round === live.round && plan.planned_to_ms < live.plannedToMs) {
      // The store forgot what it had committed (a standby took over): names that may have left are never planned again.
      engine.ctx.log('warn', 'emit.store_went_back', {
        pipeline: live.config.name,
        byMs: live.plannedToMs - plan.planned_to_ms,
      });
      await raisePlan(engine.sql, live.number, { round: live.round, toMs: live.plannedToMs });
    } else live.plannedToMs = plan.planned_to_ms;
    live.round = plan.round;
    const superseded = plan.generation !== live.generation || plan.retired;
    if (superseded && !live.superseded) {
      engine.ctx.log('warn', 'emit.superseded', {
        pipeline: live.config.name,
        generation: live.generation,
        newest: plan.generation,
      });
    }
    live.superseded = superseded;
  }
}

/** Skipped canaries are `unsent`: counted at every checkpoint of the pipeline, in the hour of their slot. */
function skip(live: LivePipeline, beat: Beat): Skipped[] {
  return live.checkpoints.map(c => ({
    pipeline: live.number,
    checkpoint: c.key.checkpoint,
    hour_ms: beat.slotMs - (beat.slotMs % HOUR_MS),
    count: live.targets.length,
  }));
}

function rowsOf(engine: Engine, live: LivePipeline, beat: Beat, nowMs: number): PlannedBeat[] {
  const targets = live.targets.map(t => t.number);
  if (isDrill(live, beat)) targets.push(live.drill);
  const rows: PlannedBeat[] = [];
  const round = live.round % FIRST_ASKED_INDEX;
  for (let part = 0; part * PART_SIZE < targets.length; part++) {
    const own = targets.slice(part * PART_SIZE, (part + 1) * PART_SIZE);
    rows.push({
      pipeline: live.number,
      slot: beat.slotMs,
      part: part + (round === 0 ? 0 : PARTS_AGAIN + round * PARTS_MAX),
      index: round,
      kind: 'planned',
      generation: live.generation,
      due_ms: beat.dueMs,
      owner: engine.self,
      committed_ms: nowMs,
      send_by_ms: beat.dueMs + live.config.sendWithinMs + SEND_GRACE_MS,
      targets: own,
      marks: marksOf(live, beat.dueMs, own),
    });
  }
  return rows;
}

/** Every checkpoint's mark of a new row: all pending. */
export function marksOf(live: LivePipeline, dueMs: number, targets: readonly number[]): PlannedMark[] {
  const drills = targets.includes(live.drill) ? 1 : 0;
  const pending = targets.length - drills;
  const counts = { ...(pending > 0 ? { pending } : {}), ...(drills > 0 ? { drill_open: drills } : {}) };
  return live.checkpoints.map(c => ({
    checkpoint: c.key.checkpoint,
    next_due_ms: dueMs + c.config.onTimeWithinMs,
    counts,
  }));
}

/** The first beat in each drill period. A pure function of the schedule, so replicas agree. */
function isDrill(live: LivePipeline, beat: Beat): boolean {
  const period = (ms: number) => Math.floor(ms / live.drillEveryMs);
  const { timing } = live.schedule;
  if (timing.kind === 'every') return period(beat.dueMs) !== period(beat.dueMs - timing.everyMs);
  const earlier = beats(live.schedule, {
    fromMs: period(beat.dueMs) * live.drillEveryMs,
    toMs: beat.dueMs,
    limit: 1,
  });
  return earlier.beats.length === 0;
}
