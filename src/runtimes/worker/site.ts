/**
 * The HTTP side. An engine is opened once for each isolate and never ticks there; every request gets it with a connection
 * of its own, since what one request opened no other may use.
 */
import type { RunningEngine } from '../../engine/engine.ts';
import type { Sql } from '../../store/open.ts';
import { createApp } from '../../web/app.ts';
import { mountPages } from '../../web/pages/index.tsx';
import { Problem, problemResponse } from '../../web/problem.ts';
import { context } from './context.ts';
import type { Env, ExecutionContext } from './env.ts';
import { openWorkerEngine, openWorkerStore } from './open.ts';
import { SetupError } from './settings.ts';

/** Of the six connections that an event may have. */
const CONNECTIONS_MAX = 5;
const END_WITHIN_S = 5;

let opened: RunningEngine | undefined;

export interface Asked {
  readonly request: Request;
  readonly env: Env;
  readonly ctx: ExecutionContext;
  readonly version: string;
  /** Called in the request that is the first to open an engine in this isolate. */
  readonly onOpened: () => void;
}

export async function answer({ request, env, ctx, version, onOpened }: Asked): Promise<Response> {
  let sql: Sql | undefined;
  const end = async () => await sql?.end({ timeout: END_WITHIN_S });
  try {
    sql = openWorkerStore(env, CONNECTIONS_MAX);
    if (!opened) {
      // Not shared while it is opening: requests must not wait for one that may be cancelled.
      opened = await openWorkerEngine(env, sql);
      onOpened();
    }
    return endedAfter(await appOf(opened, sql, version).fetch(request), ctx, end);
  } catch (error) {
    ctx.waitUntil(end());
    return refused(error);
  }
}

function appOf({ engine, ...rest }: RunningEngine, sql: Sql, version: string) {
  // Signals belong to the request that made them, as connections do.
  const running = { ...rest, engine: { ...engine, sql, stop: new AbortController().signal } };
  return createApp({ running, version, extra: app => mountPages(app, { running, version }) });
}

/** A streamed answer reads from the store until its end. */
function endedAfter(response: Response, ctx: ExecutionContext, end: () => Promise<void>): Response {
  if (!response.body) {
    ctx.waitUntil(end());
    return response;
  }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const piped = response.body.pipeTo(writable).catch(() => {});
  ctx.waitUntil(piped.then(end));
  return new Response(readable, response);
}

function refused(error: unknown): Response {
  const reason = error instanceof Error ? error.message : String(error);
  context.log('error', 'worker.not_ready', { reason });
  const detail =
    error instanceof SetupError
      ? 'expected a valid configuration and a migrated store: the Worker’s log says what was found and what to do'
      : 'try again; the Worker’s log says more';
  return problemResponse(new Problem('unavailable', detail, { 'retry-after': '10' }));
}
