/**
 * The tick, once a second: a Durable Object whose alarm sets itself again. The object is one process to all of its events,
 * so the engine stays open in it, with its connections, leases and whatever goes on beside a tick, as it does on Node.
 */
import type { RunningEngine } from '../../engine/engine.ts';
import type { Sql } from '../../store/open.ts';
import { context } from './context.ts';
import type { Env, ObjectState } from './env.ts';
import { openWorkerEngine, openWorkerStore } from './open.ts';
import { needsSeconds } from './pace.ts';
import { readConfig } from './settings.ts';

const TICK_MS = 1_000;
/** Beats are planned so far ahead and leave on time, rather than with the tick after. */
const AHEAD_MS = 1_500;
const TICK_WITHIN_MS = 60_000;
/** After a failure: the store is away, or somebody has to act. */
const RETRY_MS = 5_000;
/** The adapters' requests need the other three of six. */
const CONNECTIONS_MAX = 3;
const END_WITHIN_S = 5;

interface Open {
  readonly sql: Sql;
  readonly running: RunningEngine;
}

export function createTicker(storage: ObjectState['storage'], env: Env) {
  let open: Open | undefined;

  async function opened(): Promise<Open> {
    const sql = openWorkerStore(env, CONNECTIONS_MAX);
    try {
      return { sql, running: await within(TICK_WITHIN_MS, openWorkerEngine(env, sql)) };
    } catch (error) {
      await sql.end({ timeout: 0 });
      throw error;
    }
  }

  async function close(): Promise<void> {
    const closing = open;
    open = undefined;
    if (!closing) return;
    await closing.running.close().catch(() => {});
    await closing.sql.end({ timeout: END_WITHIN_S }).catch(() => {});
  }

  /** When to tick again, in milliseconds from this tick's start; null: not any more. */
  async function tick(): Promise<number | null> {
    if (needsSeconds(readConfig(env)).length === 0) {
      await close();
      return null;
    }
    open ??= await opened();
    const { running } = open;
    await within(TICK_WITHIN_MS, running.tick(AHEAD_MS));
    // An isolate of an older deployment has registered its configuration since. Opening again registers this one.
    if (running.engine.pipelines.some(p => p.superseded)) {
      // What has been planned ahead leaves first.
      await context.clock.sleep(AHEAD_MS);
      await close();
    }
    return TICK_MS;
  }

  return {
    async start(): Promise<Response> {
      if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now());
      return new Response(null, { status: 204 });
    },
    /** Never throws: a platform that tries again by its own rules would tick beside these. */
    async alarm(): Promise<void> {
      const startedMs = Date.now();
      let waitMs: number | null = RETRY_MS;
      try {
        waitMs = await tick();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        context.log('error', 'tick.failed', { reason });
        await close();
      } finally {
        if (waitMs !== null) await storage.setAlarm(Math.max(startedMs + waitMs, Date.now() + 1));
      }
    },
  };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = context.clock.sleep(ms, done.signal).then(() => {
    throw new Error(`not done within ${ms / 1000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    done.abort();
  }
}

/** Whether this configuration wants the object and there is one. Logs what is missed where there is none. */
export function wantsTicker(env: Env): boolean {
  const needs = needsSeconds(readConfig(env));
  if (needs.length === 0) return false;
  if (env.TICKER) return true;
  for (const need of needs)
    context.log('warn', 'config.needs_ticker', { need, fix: 'or bind TICKER as wrangler.toml does' });
  return false;
}

/** Sees to it that the one object ticks. */
export async function startTicker({ TICKER }: Env): Promise<void> {
  if (!TICKER) return;
  const response = await TICKER.get(TICKER.idFromName('ticker')).fetch('https://ticker/');
  await response.body?.cancel();
}
