/** Opens the store that the configuration names: our own embedded server, or somebody's PostgreSQL that must first answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import type { Log } from '../../contracts/context.ts';
import { openStore, type Sql } from '../../store/open.ts';
import { runningEmbedded, startEmbedded } from '../embedded/index.ts';
import { asStartError, StartError } from './start-error.ts';

export interface NodeStore {
  readonly sql: Sql;
  /** Which store it is, for people; without a password. */
  readonly describe: string;
  /** Where the embedded store lies; undefined: not embedded, or another process's. */
  readonly dataDir: string | undefined;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly log: Log;
  /** Use the server of another coalmine on the same data directory, where one runs, instead of refusing. */
  readonly share?: boolean;
  /** How long a PostgreSQL that doesn't answer is tried, milliseconds. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const PATIENCE_MS = 30_000;
const PAUSE_MS_MAX = 5_000;
const END_S = 5;

/** Opens it, and proves that it answers. Not migrated. Throws StartError. */
export async function openNodeStore(config: Config, options: StoreOptions): Promise<NodeStore> {
  const { store } = config;
  return store.kind === 'postgres'
    ? await openPostgres(store.url, options)
    : await openEmbedded(store.dataDir, options);
}

async function openEmbedded(dataDir: string | undefined, options: StoreOptions): Promise<NodeStore> {
  const running = options.share ? await runningEmbedded(dataDir) : undefined;
  if (running) {
    const sql = openStore(running);
    return {
      sql,
      describe: 'embedded PostgreSQL of a running coalmine',
      dataDir: undefined,
      close: () => sql.end({ timeout: END_S }),
    };
  }
  const embedded = await startEmbedded({
    log: options.log,
    ...(dataDir === undefined ? {} : { dataDir }),
  }).catch(error => {
    throw asStartError(error);
  });
  const sql = openStore(embedded.connection);
  return {
    sql,
    describe: `embedded PostgreSQL ${embedded.major} in ${embedded.dataDir}`,
    dataDir: embedded.dataDir,
    async close() {
      await sql.end({ timeout: END_S }).catch(() => {});
      await embedded.stop();
    },
  };
}

async function openPostgres(url: string, options: StoreOptions): Promise<NodeStore> {
  const describe = withoutPassword(url);
  const sql = openStore({ url });
  try {
    await answered(sql, describe, options);
  } catch (error) {
    await sql.end({ timeout: 0 }).catch(() => {});
    throw error;
  }
  return { sql, describe, dataDir: undefined, close: () => sql.end({ timeout: END_S }) };
}

/** Waits for a server that may be starting; what waiting can't mend ends it at once. */
async function answered(sql: Sql, describe: string, options: StoreOptions): Promise<void> {
  const { log, patienceMs = PATIENCE_MS, signal } = options;
  const endMono = performance.now() + patienceMs;
  for (let tries = 1; ; tries++) {
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      const { code = '' } = error as { code?: string };
      const message = error instanceof Error ? error.message : String(error);
      const advice = CLEAR[code];
      if (advice !== undefined) {
        throw new StartError(
          { expected: `to be let in at ${describe}`, found: message, do: advice },
          { cause: error },
        );
      }
      const pauseMs = Math.min(250 * 2 ** tries, PAUSE_MS_MAX);
      if (performance.now() + pauseMs > endMono) {
        const found = `${message || code} (tried ${tries} times in ${Math.round(patienceMs / 1000)} s)`;
        throw new StartError(
          { expected: `a PostgreSQL that answers at ${describe}`, found, do: 'start it, or correct store:' },
          { cause: error },
        );
      }
      log('warn', 'store.unreachable', { store: describe, tries, reason: message || code });
      await sleep(pauseMs, undefined, signal ? { signal } : {});
    }
  }
}

/** SQLSTATEs that another try won't change, and what to do. */
const CLEAR: Readonly<Record<string, string>> = {
  '28P01': 'correct user and password in store:',
  '28000': 'correct the user in store:, or let it in (pg_hba.conf)',
  '3D000': 'create that database, or correct its name in store:',
  '42501': 'grant the user the right to connect',
};

/** A connection URL as it may be shown. */
export function withoutPassword(url: string): string {
  try {
    const shown = new URL(url);
    return `${shown.protocol}//${shown.username === '' ? '' : `${shown.username}@`}${shown.host}${shown.pathname}`;
  } catch {
    return 'the store';
  }
}
