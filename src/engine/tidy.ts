/** The step `tidy`: drops what is old, closes what nobody can judge any more. */

import { dropLinks } from '../store/chain.ts';
import { acquireLeases } from '../store/lease.ts';
import { dropNotices } from '../store/read-notices.ts';
import { readRetiredOpen } from '../store/register.ts';
import { dropOld, dropPast } from '../store/tidy.ts';
import type { Engine } from './live.ts';
import { settle } from './settle.ts';
import { endUnwatched } from './unwatched.ts';

/** Statements of one kind in one step; what is left waits for the next. */
const ROUNDS_MAX = 20;

/** Exceptions stay where ordinary rows go: only so often are all of them gone through for what has grown old since. */
const SWEEP_EVERY_MS = 3_600_000;

/** The step, which remembers up to where it has been. */
export function createTidy(engine: Engine): () => Promise<void> {
  const { sql, ctx, config } = engine;
  const { canariesMs, exceptionsMs, rollupsMs } = config.retention;
  const keepsMs = Math.max(0, ...config.pipelines.flatMap(p => p.checkpoints.map(c => c.keepsMs)));
  let sweptMono = Number.NEGATIVE_INFINITY;
  let reachedMs = 0;
  return async () => {
    // Again and again: who held them before may not be gone yet, nor what it was sending.
    await closeRetired(engine);
    await endUnwatched(engine);
    const nowMs = ctx.clock.now();
    const isSweep = ctx.clock.mono() - sweptMono >= SWEEP_EVERY_MS;
    const before = {
      // What closes late goes with one of the next, or with the next sweep.
      fromMs: isSweep ? 0 : reachedMs - SWEEP_EVERY_MS,
      canariesMs: nowMs - canariesMs,
      exceptionsMs: nowMs - exceptionsMs,
    };
    for (let i = 0; i < ROUNDS_MAX && (await dropOld(sql, before)) > 0; i++);
    reachedMs = before.canariesMs;
    if (!isSweep) return;
    for (let i = 0; i < ROUNDS_MAX && (await dropNotices(sql, before.exceptionsMs)) > 0; i++);
    await dropLinks(sql, nowMs - rollupsMs);
    await dropPast(sql, {
      exceptionsMs: nowMs - exceptionsMs,
      rollupsMs: nowMs - rollupsMs,
      readMs: nowMs - keepsMs,
    });
    sweptMono = ctx.clock.mono();
  };
}

/** The step once, whole: for those that don't stay open. */
export const tidy = (engine: Engine): Promise<void> => createTidy(engine)();

/** Open canaries of checkpoints that left the configuration close as `unproven`: nobody will look for them again. */
export async function closeRetired(engine: Engine): Promise<void> {
  for (const gone of await readRetiredOpen(engine.sql)) {
    const [lease] = await acquireLeases(engine.sql, {
      self: engine.self,
      leaseMs: engine.leaseMs,
      wanted: [{ ...gone, generation: null }],
    });
    if (!lease) continue;
    const at = {
      lease,
      pipeline: { number: gone.pipeline, drill: gone.drill, generation: -1, source: undefined },
      checkpoint: {
        config: { id: gone.id, onTimeWithinMs: 0, lostAfterMs: 0 },
        rules: {
          // Nothing is kept where nobody looks: what isn't proven yet never will be.
          way: 'query' as const,
          chained: false,
          secondLook: null,
          settleMs: 0,
          keepsMs: 0,
          lookEveryMs: 1_000,
        },
        upstream: [],
        downstream: [],
      },
    };
    for (let i = 0; i < ROUNDS_MAX && (await settle(engine, { at, seconds: [] })).more; i++);
  }
}
