/** The pulse: once a second, never twice at once. What is left out because the last one still runs is counted and said. */
import { schedule, type TaskOptions } from 'node-cron';
import type { Log } from '../../contracts/context.ts';

export interface Ticker {
  /** Ticks left out since the start: the one before was still running, or this process was too busy to tick. */
  skipped(): number;
  /** No tick begins any more; resolves when the last one has ended. */
  stop(): Promise<void>;
}

export function startTicker(tick: () => Promise<void>, log: Log): Ticker {
  let skipped = 0;
  let running: Promise<void> = Promise.resolve();
  const once = (): Promise<void> => {
    running = tick().catch(error => log('error', 'tick.failed', { reason: String(error) }));
    return running;
  };
  const task = schedule('* * * * * *', once, { name: 'tick', noOverlap: true, logger: loggerTo(log) });
  const skip = (why: string) => () => {
    skipped++;
    log('warn', 'tick.skipped', { why, skipped });
  };
  task.on('execution:overlap', skip('the tick before it is still running'));
  task.on('execution:missed', skip('this process was too busy'));
  void once();
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
