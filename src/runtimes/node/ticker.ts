/** The pulse: once a second, never twice at once. What is left out because the last one still runs is counted and said. */
import { schedule, type TaskOptions } from 'node-cron';
import type { Log } from '../../contracts/context.ts';

export interface Ticker {
  /** Ticks left out since the start: the one before was still running, or this process was too busy to tick. */
  skipped(): number;
  /** No tick begins any more; resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** Ticks at once, then at every full second. */
export function startTicker(tick: () => Promise<void>, log: Log): Ticker {
  let skipped = 0;
  let running: Promise<void> | undefined;
  const skip = (why: string): void => {
    skipped++;
    log('warn', 'tick.skipped', { why, skipped });
  };
  const beat = (): void => {
    if (running) {
      skip('the tick before it is still running');
      return;
    }
    running = tick()
      .catch(error => log('error', 'tick.failed', { reason: String(error) }))
      .finally(() => {
        running = undefined;
      });
  };
  // Its own noOverlap would not know of the first tick, and says nothing of how many it left out.
  const task = schedule('* * * * * *', beat, { name: 'tick', logger: loggerTo(log) });
  task.on('execution:missed', () => skip('this process was too busy'));
  beat();
  return {
    skipped: () => skipped,
    async stop() {
      await task.destroy();
      await running;
    },
  };
}

/** What node-cron says beside its events, which are told above. */
const loggerTo = (log: Log): NonNullable<TaskOptions['logger']> => ({
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (message, error) => log('error', 'tick.cron', { reason: String(error ?? message) }),
});
