/**
 * When to detect: for each checkpoint that we hold, once something is missing and its watermark has moved, and again while an
 * incident is open. The first hop's detectors go with the pipeline's first checkpoint.
 */
import { periodMs } from './accounts.ts';
import { detect } from './detect.ts';
import { type Held, type Holding, keyOf } from './held.ts';
import type { DetectAt } from './incident.ts';
import type { Engine } from './live.ts';
import type { Tasks } from './tasks.ts';

/** Feeding several beats at once costs hardly more than one: a fast schedule is fed in steps of this. */
const STEP_MAX_MS = 10_000;
/** As long as everything arrives there is no hurry. */
const QUIET_MS = 5 * 60_000;
/** What is open is counted anew this often at most. */
const REVISE_MS = 2_000;
/** Transactions in a row; what is left waits for the next tick. */
const ROUNDS_MAX = 50;

interface Last {
  readonly wMs: number | null;
  readonly atMs: number;
  readonly again: boolean;
}

/** The function that begins the detections that are due. */
export function createDetection(engine: Engine, beside: { holding: Holding; tasks: Tasks }): () => void {
  const { clock } = engine.ctx;
  const last = new Map<string, Last>();
  const busy = new Set<string>();

  async function run(h: Held): Promise<void> {
    const wMs = h.watch.wMs;
    h.missing = false;
    const places: DetectAt[] = [{ pipeline: h.pipeline, checkpoint: h.checkpoint }];
    if (h.checkpoint === h.pipeline.checkpoints[0]) places.push({ pipeline: h.pipeline, checkpoint: null });
    let again = false;
    for (const place of places) {
      for (let i = 0; i < ROUNDS_MAX; i++) {
        const found = await detect(engine, place);
        again ||= found.open || (found.more && i === ROUNDS_MAX - 1);
        if (!found.more) break;
      }
    }
    last.set(keyOf(h.lease), { wMs, atMs: clock.now(), again });
  }

  return () => {
    const nowMs = clock.now();
    const held = beside.holding.all();
    const known = new Set(held.map(h => keyOf(h.lease)));
    for (const key of last.keys()) if (!known.has(key)) last.delete(key);
    for (const h of held) {
      const key = keyOf(h.lease);
      if (busy.has(key) || !isDue(h, last.get(key), nowMs)) continue;
      busy.add(key);
      beside.tasks.start('detect', () => run(h).finally(() => busy.delete(key)));
    }
  };
}

function isDue(h: Held, last: Last | undefined, nowMs: number): boolean {
  // After a step of the clock backwards the last one may seem to come.
  if (last === undefined || nowMs < last.atMs) return true;
  const sinceMs = nowMs - last.atMs;
  if (last.again && sinceMs >= REVISE_MS) return true;
  const stepMs = h.missing ? Math.min(STEP_MAX_MS, periodMs(h.pipeline, nowMs)) : QUIET_MS;
  return h.watch.wMs !== last.wMs && sinceMs >= stepMs;
}
