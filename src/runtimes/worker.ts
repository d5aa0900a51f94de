/** coalmine as a Cloudflare Worker: the same app and engine as on Node, over Hyperdrive. docs/workers.md says how. */
import { context } from './worker/context.ts';
import type { Env, ExecutionContext, ObjectState } from './worker/env.ts';
import { runRound } from './worker/round.ts';
import { answer } from './worker/site.ts';
import { createTicker, startTicker, wantsTicker } from './worker/ticker.ts';

export interface WorkerOptions {
  /** coalmine.yaml as text. A variable or secret COALMINE_CONFIG of the Worker goes before it. */
  readonly config: string;
  readonly version: string;
}

/** The Durable Object that ticks. */
export interface TickerObject {
  /** Whatever is asked: sees to it that it ticks. */
  fetch(): Promise<Response>;
  alarm(): Promise<void>;
}

/** What the Worker's main module exports: `export default handlers; export { Ticker };` */
export interface Worker {
  readonly handlers: {
    fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
    scheduled(event: unknown, env: Env): Promise<void>;
  };
  readonly Ticker: new (state: ObjectState, env: Env) => TickerObject;
}

export function createWorker({ config, version }: WorkerOptions): Worker {
  const configured = (env: Env): Env => ({ COALMINE_CONFIG: config, ...env });

  /** The cron trigger does the same each minute, so a failure here costs a minute at most. */
  const start = async (env: Env): Promise<void> => {
    try {
      if (wantsTicker(env)) await startTicker(env);
    } catch (error) {
      context.log('error', 'ticker.not_started', { reason: String(error) });
    }
  };

  return {
    handlers: {
      fetch(request: Request, given: Env, ctx: ExecutionContext): Promise<Response> {
        const env = configured(given);
        return answer({ request, env, ctx, version, onOpened: () => ctx.waitUntil(start(env)) });
      },
      async scheduled(_event: unknown, given: Env): Promise<void> {
        const env = configured(given);
        if (wantsTicker(env)) await startTicker(env);
        else await runRound(env);
      },
    },
    Ticker: class {
      readonly #ticker: ReturnType<typeof createTicker>;
      constructor(state: ObjectState, env: Env) {
        this.#ticker = createTicker(state.storage, configured(env));
      }
      fetch(): Promise<Response> {
        return this.#ticker.start();
      }
      alarm(): Promise<void> {
        return this.#ticker.alarm();
      }
    },
  };
}
