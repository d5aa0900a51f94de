/**
 * `/healthz`: the process answers. `/readyz`: it can do its work: the store answers, has our tables, takes what we write, and
 * the engine ticks.
 * Neither says anything of a pipeline, and neither needs a key.
 */
import type { Hono } from 'hono';
import type { RunningEngine } from '../engine/engine.ts';
import { pendingMigrations } from '../store/migrate.ts';

const STORE_WITHIN_MS = 2_000;
const TICK_WITHIN_MS = 30_000;

export interface HealthOptions {
  readonly running: RunningEngine;
  /** When the runtime last ticked the engine, on the monotonic clock. Not judged where the runtime doesn't say. */
  readonly lastTickMonoMs?: () => number | undefined;
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly reason: string;
}

export function mountHealth(app: Hono, options: HealthOptions): void {
  app.get('/healthz', c => c.json({ status: 'ok' }, 200, { 'cache-control': 'no-store' }));
  app.get('/readyz', async c => {
    const { running } = options;
    const checks = [await checkStore(running), checkWrites(running), checkTick(options), checkStop(running)];
    const ready = checks.every(check => check.ok);
    return c.json({ status: ready ? 'ready' : 'not ready', checks }, ready ? 200 : 503, {
      'cache-control': 'no-store',
    });
  });
}

async function checkStore({ engine }: RunningEngine): Promise<Check> {
  const stop = new AbortController();
  const late = engine.ctx.clock.sleep(STORE_WITHIN_MS, stop.signal).then(
    () => `no answer within ${STORE_WITHIN_MS} ms`,
    () => '',
  );
  const asked = pendingMigrations(engine.sql).then(
    pending =>
      pending.length === 0 ? '' : `migrations are missing (${pending.join(', ')}): run coalmine migrate`,
    // What the driver says names hosts and users; the log has it.
    error => {
      engine.ctx.log('warn', 'ready.store_failed', { reason: String(error) });
      return 'the store can’t be reached';
    },
  );
  const reason = await Promise.race([asked, late]);
  stop.abort();
  return { name: 'store', ok: reason === '', reason: reason === '' ? 'answers, with our tables' : reason };
}

function checkWrites({ engine }: RunningEngine): Check {
  const fault = engine.storeFault.current();
  const since = fault && ` (since ${new Date(fault.sinceMs).toISOString()})`;
  return { name: 'writes', ok: !fault, reason: fault ? `${fault.reason}${since}` : 'the store takes them' };
}

function checkTick({ running, lastTickMonoMs }: HealthOptions): Check {
  if (!lastTickMonoMs) return { name: 'tick', ok: true, reason: 'not told by this runtime' };
  const last = lastTickMonoMs();
  if (last === undefined) return { name: 'tick', ok: false, reason: 'the engine hasn’t ticked yet' };
  const agoMs = Math.max(0, Math.round(running.engine.ctx.clock.mono() - last));
  return { name: 'tick', ok: agoMs <= TICK_WITHIN_MS, reason: `${agoMs} ms ago` };
}

const checkStop = ({ engine }: RunningEngine): Check =>
  engine.stop.aborted
    ? { name: 'running', ok: false, reason: 'shutting down' }
    : { name: 'running', ok: true, reason: 'yes' };
