/** What must get into the store is tried until it is there or the process ends: what happened can't be made not to have. */
import { LeaseLostError } from '../store/lease.ts';
import type { Engine } from './live.ts';

/** Gives up after this: by then the row's own deadline has been passed and the reaper has spoken. */
const GIVE_UP_MS = 300_000;

/** Repeats an idempotent commit with back-off and jitter. Throws the last error when the process stops or the time is over. */
export async function untilCommitted<T>(
  engine: Pick<Engine, 'ctx' | 'instruments' | 'stop' | 'storeFault'>,
  what: string,
  commit: () => Promise<T>,
): Promise<T> {
  const { clock, random, log } = engine.ctx;
  const endMono = clock.mono() + GIVE_UP_MS;
  for (let tries = 0; ; tries++) {
    try {
      return await commit();
    } catch (error) {
      if (error instanceof LeaseLostError) throw error;
      if (clock.mono() > endMono || (engine.stop.aborted && tries >= 3)) throw error;
      engine.instruments.add('store_retries');
      const level = engine.storeFault.met(error) ? 'debug' : 'warn';
      log(level, `${what}.retry`, { tries, reason: String(error) });
      await clock.sleep(Math.min(200 * 2 ** tries, 10_000) * (0.5 + random()));
    }
  }
}
