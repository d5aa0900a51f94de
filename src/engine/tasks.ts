/** What is under way beside the ticks, and what becomes of its failures: none ends the engine. */
import type { Engine } from './live.ts';

export interface Tasks {
  readonly size: number;
  start(what: string, work: () => Promise<void>): void;
  /** Runs to its end; false: it failed, which has been told. */
  guarded(what: string, work: () => Promise<void>): Promise<boolean>;
  /** Begins the work when its time has come again, one at a time. */
  periodic(what: string, everyMs: number, work: () => Promise<void>): () => void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createTasks(engine: Engine): Tasks {
  const { clock, log } = engine.ctx;
  const tasks = new Set<Promise<void>>();

  const failed = (what: string, error: unknown): void => {
    engine.instruments.add('step_failures');
    const level = engine.storeFault.met(error) ? 'debug' : 'error';
    log(level, `${what}.failed`, {
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  };
  const start = (what: string, work: () => Promise<void>): void => {
    const task = work()
      .catch(error => failed(what, error))
      .finally(() => tasks.delete(task));
    tasks.add(task);
  };
  return {
    get size() {
      return tasks.size;
    },
    start,
    async guarded(what, work) {
      try {
        await work();
        return true;
      } catch (error) {
        failed(what, error);
        return false;
      }
    },
    periodic(what, everyMs, work) {
      let lastMono = Number.NEGATIVE_INFINITY;
      let busy = false;
      return () => {
        if (busy || clock.mono() - lastMono < everyMs) return;
        lastMono = clock.mono();
        busy = true;
        start(what, () =>
          work().finally(() => {
            busy = false;
          }),
        );
      };
    },
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}
