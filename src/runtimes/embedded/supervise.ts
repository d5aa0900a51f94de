/** Keeps the server up: one that ends without being asked to is started again, on the same socket. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../contracts/context.ts';
import { endLeftovers } from './leftover.ts';
import { launch, type Server, type ServerPlan } from './server.ts';

export interface Supervised {
  /** Process number of the present run. */
  pid(): number;
  stop(): Promise<void>;
}

/** Restarts in a row wait twice as long each, from 0.1 s up to this. They never end: a full disk may be freed any day. */
const PAUSE_MS_MAX = 5_000;

/** A run this long ends a row of restarts. */
const STEADY_MS = 60_000;

/** Throws what `launch` throws, at the first start only; later failures are logged. */
export async function supervise(plan: ServerPlan, log: Log): Promise<Supervised> {
  const stopping = new AbortController();
  let server: Server = await launch(plan);

  const keepUp = async () => {
    let restarts = 0;
    for (;;) {
      const began = performance.now();
      const how = await server.ended;
      if (stopping.signal.aborted) return;
      if (performance.now() - began > STEADY_MS) restarts = 0;
      log('error', 'store.server.ended', { how, tail: plan.log.tail });
      const next = await restart(plan, log, restarts, stopping.signal);
      if (!next) return;
      restarts = next.restarts;
      server = next.server;
      if (stopping.signal.aborted) await server.stop();
    }
  };
  const kept = keepUp();

  return {
    pid: () => server.pid,
    stop: async () => {
      stopping.abort();
      // A restart under way is let finish; what it started is ended there.
      await server.stop();
      await kept;
    },
  };
}

/** The new run, and how many restarts in a row it took; undefined when told to stop. */
async function restart(
  plan: ServerPlan,
  log: Log,
  before: number,
  signal: AbortSignal,
): Promise<{ server: Server; restarts: number } | undefined> {
  for (let restarts = before; ; restarts++) {
    await sleep(Math.min(100 * 2 ** restarts, PAUSE_MS_MAX), undefined, { signal, ref: false }).catch(
      () => {},
    );
    if (signal.aborted) return undefined;
    try {
      await endLeftovers(plan.pgdata, log);
      const server = await launch(plan);
      log('warn', 'store.server.restarted', { pid: server.pid });
      return { server, restarts: restarts + 1 };
    } catch (error) {
      log('error', 'store.server.restart_failed', { message: (error as Error).message });
    }
  }
}
