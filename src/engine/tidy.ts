/** The step `tidy`: drops what is old, closes what nobody can judge any more. */

import { acquireLeases } from '../store/lease.ts';
import { readRetiredOpen } from '../store/register.ts';
import { dropOld, dropPast } from '../store/tidy.ts';
import type { Engine } from './live.ts';
import { settle } from './settle.ts';

/** Statements of one kind in one step; what is left waits for the next. */
const ROUNDS_MAX = 20;

export async function tidy(engine: Engine): Promise<void> {
  const nowMs = engine.ctx.clock.now();
  // Again and again: who held them before may not be gone yet, nor what it was sending.
  await closeRetired(engine);
  const { canariesMs, exceptionsMs, rollupsMs } = engine.config.retention;
  for (const p of engine.pipelines) {
    const before = { canariesMs: nowMs - canariesMs, exceptionsMs: nowMs - exceptionsMs };
    for (let i = 0; i < ROUNDS_MAX && (await dropOld(engine.sql, p.number, before)) > 0; i++);
    await dropPast(engine.sql, p.number, {
      exceptionsMs: nowMs - exceptionsMs,
      rollupsMs: nowMs - rollupsMs,
    });
  }
}

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
          secondLook: false,
          settleMs: 0,
          keepsMs: 0,
          lookEveryMs: 1_000,
        },
        upstream: [],
        downstream: [],
      },
    };
    for (let i = 0; i < ROUNDS_MAX && (await settle(engine, at, [])).more; i++);
  }
}
