/** The store a verb works on, beside a running coalmine or alone. Nothing is created unless asked for. */

import type { Config } from '../../config/config.ts';
import { clusterIn } from '../../runtimes/embedded/account.ts';
import { clusterMajor } from '../../runtimes/embedded/create.ts';
import { defaultDataDir, EmbeddedStoreError, runningEmbedded } from '../../runtimes/embedded/index.ts';
import { openNodeStore } from '../../runtimes/node/store.ts';
import { MigrationError, pendingMigrations } from '../../store/migrate.ts';
import type { Sql } from '../../store/open.ts';
import { context } from './context.ts';
import { CliError, EXIT } from './exit.ts';

export interface CliStore {
  readonly sql: Sql;
  readonly describe: string;
  /** Where the embedded store lies; undefined: not embedded. */
  readonly dataDir: string | undefined;
  /** Another process's server: a coalmine runs on it. */
  readonly shared: boolean;
  close(): Promise<void>;
}

/** A person waits: a server that is only starting is asked twice. */
const PATIENCE_MS = 1_000;

/** Where the embedded store of this configuration lies; undefined: it is a PostgreSQL of the user's. */
export const dataDirOf = ({ store }: Config): string | undefined =>
  store.kind === 'embedded' ? (store.dataDir ?? defaultDataDir()) : undefined;

/** Opens the store, tables or not. Throws CliError where it can't be reached: then nothing can be told. */
export async function openAnyStore(
  config: Config,
  { create }: { readonly create: boolean },
): Promise<CliStore> {
  const dataDir = dataDirOf(config);
  try {
    if (dataDir !== undefined && !create && (await clusterMajor(clusterIn(dataDir))) === undefined) {
      throw new CliError(
        EXIT.unknown,
        `there is no store at ${dataDir} yet: start one with \`coalmine run\``,
      );
    }
    const shared = dataDir !== undefined && (await runningEmbedded(dataDir)) !== undefined;
    const options = { log: context.log, share: true, patienceMs: PATIENCE_MS };
    return { ...(await openNodeStore(config, options)), dataDir, shared };
  } catch (error) {
    throw storeTrouble(error);
  }
}

/** Opens a store that has this version's tables, runs `work`, and closes it whatever happens. */
export async function withStore<T>(config: Config, work: (store: CliStore) => Promise<T>): Promise<T> {
  const store = await openAnyStore(config, { create: false });
  try {
    const pending = await pendingMigrations(store.sql);
    if (pending.length > 0) {
      throw new CliError(
        EXIT.unknown,
        `the store (${store.describe}) lacks the tables of this version (${pending.join(', ')}): run \`coalmine migrate\``,
      );
    }
    return await work(store);
  } catch (error) {
    throw storeTrouble(error);
  } finally {
    await store.close().catch(() => {});
  }
}

/** What a store may do to us, as what a user can act on; bugs stay bugs. */
export function storeTrouble(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CliError) return error;
  // Told in words by those who know: the embedded store, the start, the migrations.
  if (error instanceof EmbeddedStoreError || error instanceof MigrationError || error.name === 'StartError')
    return new CliError(EXIT.unknown, error.message);
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return error;
  // Connection and resources, shutdown, permission; what our own statements do wrong is a bug.
  const theirs = /^(08|28|3D|53|57|42501|E[A-Z]+$|CONNECT|CONNECTION)/.test(code);
  return theirs ? new CliError(EXIT.unknown, `the store can't be used (${code}): ${error.message}`) : error;
}
