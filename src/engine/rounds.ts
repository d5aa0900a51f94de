/** Rounds of looking and settling: for each checkpoint we hold at most one at a time, when it is due or its inbox has something. */
import { readFilledInboxes } from '../store/lease.ts';
import { readOpen } from '../store/look.ts';
import type { Commits } from './commits.ts';
import { type Held, type Holding, keyOf } from './held.ts';
import type { Engine } from './live.ts';
import { look, type Second } from './look.ts';
import { questionOf } from './plan.ts';
import { probeFailed, sendProbe } from './receive.ts';
import { settle } from './settle.ts';
import type { Tasks } from './tasks.ts';

const SETTLES_MAX = 50;
const CLOSE_LOOKS = 4;
/** Looks that fall just after deadlines are no closer to each other. */
const REST_MIN_MS = 250;

export interface Beside {
  readonly holding: Holding;
  readonly tasks: Tasks;
  readonly commits: Commits;
  /** The bearer key of self-probes. */
  readonly probeKey: string;
}

/** The function that begins the rounds that are due. */
export function createRounds(engine: Engine, beside: Beside): () => Promise<void> {
  const { holding, tasks } = beside;
  const { clock, random, log } = engine.ctx;
  /** Checkpoints with a round under way, which may be one under a lease that is over. */
  const busy = new Set<string>();

  async function run(h: Held, looks: boolean): Promise<void> {
    try {
      await round(engine, h, looks, beside);
      h.failures = 0;
    } catch (error) {
      h.failures++;
      h.notBeforeMs = clock.now() + Math.min(500 * 2 ** h.failures, 30_000) * (0.5 + random());
      if (!(error instanceof Error) || error.name !== 'LeaseLostError') throw error;
      holding.drop(h);
      engine.instruments.add('leases_lost');
      log('info', 'lease.lost', { reason: error.message });
    } finally {
      busy.delete(keyOf(h.lease));
    }
  }
  return async () => {
    const nowMs = clock.now();
    const filled = await readFilledInboxes(
      engine.sql,
      engine.pipelines.map(p => p.number),
    );
    const idle = holding.all().filter(h => !busy.has(keyOf(h.lease)));
    // A round under way takes what is there; what comes after it is seen with the next tick.
    const waiting = new Set(filled.map(keyOf));
    for (const h of idle) if (waiting.has(keyOf(h.lease))) h.wanted = true;
    const ready = idle.filter(h => nowMs >= h.notBeforeMs && (h.wanted || lookDue(h, nowMs)));
    const asking = ready.filter(h => h.checkpoint.rules.way !== 'receive' && lookDue(h, nowMs));
    const open = await readOpen(
      engine.sql,
      asking.map(h => questionOf(h.checkpoint, h.watch, nowMs)),
    );
    for (const [i, h] of asking.entries()) h.open = open[i] ?? null;
    for (const h of ready) {
      // What a look is to fall just after may have been seen since it was last asked for.
      const looks = periodDue(h, nowMs) || (asking.includes(h) && (h.open?.due.length ?? 0) > 0);
      if (!looks && !h.wanted) continue;
      busy.add(keyOf(h.lease));
      tasks.start('round', () => run(h, looks));
    }
  };
}

async function round(engine: Engine, h: Held, due: boolean, { commits, probeKey }: Beside): Promise<void> {
  const { checkpoint, pipeline, lease } = h;
  const nowMs = engine.ctx.clock.now();
  let seconds: readonly Second[] = [];
  const sinceMs = h.lookedMs ?? nowMs - checkpoint.rules.lookEveryMs;
  if (due) h.lookedMs = nowMs;
  if (due && checkpoint.rules.way === 'receive') {
    if (!(await sendProbe(engine, h, probeKey))) await probeFailed(engine, h, sinceMs);
  } else if (due) {
    const at = { pipeline, checkpoint, lease, known: h.known, open: h.open };
    const commitEnd = commits.lookEnds.add;
    const seen = await look(
      engine,
      { ...at, commitEnd: evidence => commitEnd({ at, lease, evidence }) },
      h.watch,
      h.cursor,
    );
    seconds = seen.seconds;
    h.watch = seen.watch;
    h.cursor = seen.cursor;
    if (!seen.news && !h.wanted && !mustSettle(h, nowMs)) return;
  }
  h.wanted = false;
  for (let i = 0; i < SETTLES_MAX; i++) {
    const work = { at: { lease, pipeline, checkpoint }, seconds, afterLook: due, after: h.after };
    const settled = i === 0 ? await commits.settle(work) : await settle(engine, work);
    h.watch = settled.watch;
    h.missing ||= settled.missing;
    h.after = settled.more ? settled.after : null;
    if (!settled.more) return;
  }
  h.wanted = true;
}

/**
 * Whether a look without news leaves something to judge. Canaries that have arrived and only wait for their row to close are
 * closed with the next news, or a few looks later.
 */
function mustSettle({ open, watch, checkpoint: { rules } }: Held, nowMs: number): boolean {
  if (open === null || open.due.length > 0) return true;
  const untilMs = Math.max(watch.wMs ?? 0, nowMs - rules.keepsMs);
  return open.next_due !== null && open.next_due <= untilMs - CLOSE_LOOKS * rules.lookEveryMs;
}

/** By its period, or because a canary that still missed has passed a deadline since the last look. */
function lookDue(h: Held, nowMs: number): boolean {
  const { lookEveryMs, settleMs } = h.checkpoint.rules;
  const deadlineMs = h.open?.next_deadline ?? null;
  if (periodDue(h, nowMs) || deadlineMs === null || h.lookedMs === null) return periodDue(h, nowMs);
  const restMs = Math.max(lookEveryMs / 4, REST_MIN_MS);
  return nowMs >= h.watch.notBeforeMs && nowMs - h.lookedMs >= restMs && nowMs >= deadlineMs + settleMs;
}

function periodDue(h: Held, nowMs: number): boolean {
  if (nowMs < h.watch.notBeforeMs) return false;
  return h.lookedMs === null || nowMs - h.lookedMs >= h.checkpoint.rules.lookEveryMs;
}
