/** How a question to the log store goes wrong, the same for each of its query APIs. */
import type { Context } from 'hono';
import type { LogStore } from './log-store.ts';
import type { World } from './world.ts';

/** A hanging query is given up by us after this long, if the client hasn't before. */
const HANG_MS = 10 * 60_000;

export interface Asked {
  /** Answer with what was visible then, monotonic milliseconds. */
  readonly asOfMono: number;
  /** Answers of more records than this are cut, silently. */
  readonly recordsMax: number;
  /** What of the records found is answered. */
  readonly shown: <T>(found: readonly T[]) => readonly T[];
}

/** Either the failing answer, or how to answer. */
export async function underFaults(c: Context, world: World, store: LogStore): Promise<Response | Asked> {
  const knobs = world.faults.get().store;
  c.header('date', new Date(store.now()).toUTCString());
  if (knobs.queryDelayMs > 0) await pause(c, world, knobs.queryDelayMs);
  switch (knobs.query) {
    case 'hang':
      await pause(c, world, HANG_MS);
      return c.text('context deadline exceeded', 504);
    case 'fail':
      return c.text('internal server error', 500);
    case 'throttle':
      return c.text('too many outstanding requests', 429, { 'retry-after': '5' });
    default:
  }
  const mono = world.clock.mono();
  return {
    asOfMono: knobs.query === 'stale' ? mono - knobs.staleMs : mono,
    recordsMax: knobs.pageSize,
    shown: found => {
      if (knobs.query === 'empty') return [];
      if (knobs.query !== 'truncate' || found.length === 0) return found;
      const kept = found.slice(0, Math.floor(found.length / 2));
      store.noteCut(kept.length, found.length);
      return kept;
    },
  };
}

const pause = (c: Context, world: World, ms: number): Promise<void> =>
  world.clock.sleep(ms, c.req.raw.signal).catch(() => undefined);
