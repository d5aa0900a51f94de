/** Opens the engine on workerd: the bundled configuration over the store that is bound. */
import { randomBytes, randomUUID } from 'node:crypto';
import { openEngine, type RunningEngine } from '../../engine/engine.ts';
import { registry } from '../../registry.workerd.gen.ts';
import { pendingMigrations } from '../../store/migrate.ts';
import { openStore, type Sql } from '../../store/open.ts';
import { context } from './context.ts';
import type { Env } from './env.ts';
import { readConfig, SetupError, storeUrl } from './settings.ts';

/** Connects when it is first asked something. To be ended in the event, or by the object, that opened it. */
export const openWorkerStore = (env: Env, max: number): Sql =>
  openStore({
    url: storeUrl(env, readConfig(env)),
    fetchTypes: false,
    max,
    applicationName: 'coalmine-worker',
  });

/**
 * Throws `SetupError`, and what the store throws. Never migrates: that takes an advisory lock, which a pooler in between
 * doesn't promise to keep.
 */
export async function openWorkerEngine(env: Env, sql: Sql): Promise<RunningEngine> {
  const config = readConfig(env);
  const pending = await pendingMigrations(sql);
  if (pending.length > 0) {
    throw new SetupError(
      `expected a store with this version's tables, found these migrations missing: ${pending.join(', ')}; run ` +
        '`coalmine migrate` on the database itself, not through Hyperdrive',
    );
  }
  return await openEngine({
    sql,
    ctx: context,
    config,
    registry,
    self: `worker-${randomUUID()}`,
    fresh: { storeId: randomUUID(), seed: randomBytes(16).toString('hex') },
  });
}
