/** The step `seal`: hours that are whole get a link in their pipeline's hash chain, and another whenever they change later. */
import { nextBeat } from '../domain/schedule.ts';
import { readUnsealed, sealHours, type Unsealed } from '../store/chain.ts';
import type { Engine } from './live.ts';

/** Hours in one transaction, and transactions for one pipeline in one step: what is left waits for the next. */
const HOURS_MAX = 500;
const ROUNDS_MAX = 20;

/** Seals what is whole by now, of all pipelines of the store; any replica may, one at a time does. Returns how many links. */
export async function seal(engine: Pick<Engine, 'sql' | 'ctx' | 'pipelines' | 'stop'>): Promise<number> {
  const nowMs = engine.ctx.clock.now();
  let links = 0;
  for (const unsealed of await readUnsealed(engine.sql, nowMs)) {
    const untilMs = closedUntil(engine, unsealed);
    if (untilMs === null) continue;
    for (let i = 0; i < ROUNDS_MAX && !engine.stop.aborted; i++) {
      const done = await sealHours(engine.sql, unsealed.pipeline, { nowMs, untilMs, limit: HOURS_MAX });
      links += done?.links ?? 0;
      if ((done?.hours ?? 0) < HOURS_MAX) break;
    }
  }
  return links;
}

/** Slots before this get no more canaries; null: another configuration plans here, and its replica knows. */
function closedUntil({ pipelines }: Pick<Engine, 'pipelines'>, unsealed: Unsealed): number | null {
  const live = pipelines.find(p => p.number === unsealed.pipeline);
  if (unsealed.retired) return Number.MAX_SAFE_INTEGER;
  if (!live || live.generation !== unsealed.generation) return null;
  // A beat of a long slot comes late in it: the slot is what it is counted by.
  return nextBeat(live.schedule, unsealed.planned_to_ms).slotMs;
}
