/**
 * coalmine as one Node process: server, store, engine and pulse, opened in this order and closed in reverse. What a user
 * can cause ends the start with a StartError.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import type { Hono } from 'hono';
import type { Config } from '../config/config.ts';
import type { Context, Log } from '../contracts/context.ts';
import type { Registry } from '../contracts/registry.ts';
import { openEngine, type RunningEngine } from '../engine/engine.ts';
import { migrate } from '../store/migrate.ts';
import type { Sql } from '../store/open.ts';
import type { Plans } from '../store/restored.ts';
import { createApp } from '../web/app.ts';
import { createClock } from './clock.ts';
import { type Front, listen } from './node/front.ts';
import { type HighWater, openHighWater } from './node/high-water.ts';
import { readFiles } from './node/read-files.ts';
import { keptSecret } from './node/secret-file.ts';
import { asStartError } from './node/start-error.ts';
import { type NodeStore, openNodeStore } from './node/store.ts';
import { startTicker, type Ticker } from './node/ticker.ts';

export { type Front, listen } from './node/front.ts';
export { StartError } from './node/start-error.ts';
export { type NodeStore, openNodeStore } from './node/store.ts';

export interface NodeOptions {
  readonly config: Config;
  readonly registry: Registry;
  readonly log: Log;
  /** coalmine's own version. */
  readonly version: string;
  /** Mounts more on the app, such as pages. */
  readonly extra?: (app: Hono, running: RunningEngine) => void;
  /** Done with the engine before anything is sent or looked at. */
  readonly prepare?: (running: RunningEngine) => Promise<void>;
  /** Ends the start, or what was started. */
  readonly signal?: AbortSignal;
  /** A server that listens already: the configuration then fits its address. Closed with us. */
  readonly front?: Front;
}

export interface NodeHandle {
  readonly running: RunningEngine;
  readonly sql: Sql;
  /** Where this machine reaches it. */
  readonly url: string;
  /** As it runs: with the port that was had and the keys that were drawn. */
  readonly config: Config;
  /** Which store, for people. */
  readonly store: string;
  /** Ticks left out, see `Ticker`. */
  skippedTicks(): number;
  /** Stops the pulse, takes no more requests, commits what is known, gives the leases back, ends the store. Idempotent. */
  close(): Promise<void>;
}

/** Beats are planned this far ahead, so that each goes out at its own millisecond. */
const AHEAD_MS = 1_000;
/** Until the last planned beat has gone. */
const PLANNED_MS = AHEAD_MS + 250;

type Closer = () => Promise<void>;

export async function startNode(options: NodeOptions): Promise<NodeHandle> {
  const closers: Closer[] = [];
  try {
    return await start(options, closers);
  } catch (error) {
    for (const close of closers.reverse()) await close().catch(() => {});
    throw asStartError(error);
  }
}

async function start(options: NodeOptions, closers: Closer[]): Promise<NodeHandle> {
  const { registry, log, version, signal } = options;
  const stopped = () => signal?.throwIfAborted();
  const front = options.front ?? (await listen(options.config.listen, log));
  closers.push(() => front.close(0));
  const store = await openNodeStore(options.config, { log, signal });
  closers.push(() => store.close());
  stopped();
  const applied = await migrate(store.sql);
  if (applied.length > 0) log('info', 'store.migrated', { applied });
  // Nobody else can be on a server that only we have started: what a killed process held is free at once.
  if (store.dataDir !== undefined) await store.sql`delete from replica`;
  const config = await completed(options.config, front, store);
  const ctx: Context = {
    clock: createClock({ unref: true }),
    random: Math.random,
    fetch: globalThis.fetch,
    log,
    readFiles,
  };
  stopped();
  const highWater = await openHighWater(store.sql, { dataDir: store.dataDir, log, nowMs: ctx.clock.now });
  const running = await openEngine({
    sql: store.sql,
    ctx,
    config,
    registry,
    self: `${hostname()} ${process.pid} ${randomBytes(4).toString('hex')}`,
    fresh: { storeId: randomUUID(), seed: randomBytes(16).toString('hex') },
  });
  // Every beat and look under way listens for the end; Node would call that a leak.
  setMaxListeners(0, running.engine.stop);
  closers.push(() => running.close());
  await options.prepare?.(running);
  let lastTickMono: number | undefined;
  const app = createApp({
    running,
    version,
    lastTickMonoMs: () => lastTickMono,
    extra: app => options.extra?.(app, running),
  });
  stopped();
  front.serve((request, env) => app.fetch(request, env));
  const ticker = startTicker(async () => {
    await running.tick(AHEAD_MS);
    lastTickMono = ctx.clock.mono();
    await highWater.keep(plansOf(running));
  }, log);
  log('info', 'started', { url: front.url, store: store.describe, pipelines: config.pipelines.length });
  const close = closeOnce({ front, store, running, ticker, highWater }, log);
  signal?.addEventListener('abort', () => void close().catch(() => {}), { once: true });
  return {
    running,
    sql: store.sql,
    url: front.url,
    config,
    store: store.describe,
    skippedTicks: ticker.skipped,
    close,
  };
}

interface Parts {
  readonly front: Front;
  readonly store: NodeStore;
  readonly running: RunningEngine;
  readonly ticker: Ticker;
  readonly highWater: HighWater;
}

const plansOf = ({ engine }: RunningEngine): Plans =>
  Object.fromEntries(engine.pipelines.map(p => [p.config.id, [p.round, p.plannedToMs] as const]));

function closeOnce({ front, store, running, ticker, highWater }: Parts, log: Log): () => Promise<void> {
  const closeAll = async () => {
    await ticker.stop();
    // What is planned already is still sent: a restart must not cost canaries.
    await running.engine.ctx.clock.sleep(PLANNED_MS);
    front.stopAccepting();
    // Requests under way come last: what was pushed to us is committed as long as the store is there.
    await running.close();
    await highWater.keep(plansOf(running), true);
    await front.close();
    await store.close();
    log('info', 'stopped', { skippedTicks: ticker.skipped() });
  };
  let closing: Promise<void> | undefined;
  return () => {
    closing ??= closeAll();
    return closing;
  };
}

/** The configuration with what only the start could know: the port where any would do, and keys where none were given. */
async function completed(config: Config, front: Front, store: NodeStore): Promise<Config> {
  const signingKeys =
    config.signingKeys.length > 0 || store.dataDir === undefined
      ? config.signingKeys
      : [await keptSecret(store.dataDir, 'signing-key')];
  return {
    ...config,
    listen: { ...config.listen, port: front.port },
    baseUrl: config.listen.port === 0 && /:0$/.test(config.baseUrl) ? front.url : config.baseUrl,
    signingKeys,
  };
}
