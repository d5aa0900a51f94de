/**
 * The embedded store: a private PostgreSQL of our own, for one node. It lives and dies with us, listens on a
 * Unix socket that only we may reach, and survives whatever is killed.
 *
 * A data directory holds `postgres/` (the cluster), `lock` (who uses it) and `server.log`.
 */
import { createHash } from 'node:crypto';
import { chmod, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Log } from '../../contracts/context.ts';
import { type Account, blockedAt, clusterIn, makeDirectories, serverAccount } from './account.ts';
import { findBinaries } from './binaries.ts';
import { clusterMajor, createCluster, DATABASE, USER } from './create.ts';
import { ELSEWHERE, EmbeddedStoreError, storeError } from './error.ts';
import { endLeftovers, socketDirOf } from './leftover.ts';
import { holderOf, type Lock, lockDirectory } from './lock.ts';
import type { ServerPlan } from './server.ts';
import { ServerLog } from './server-log.ts';
import type { Settings } from './settings.ts';
import { makeSocketDir, removeSocketDir } from './socket.ts';
import { supervise } from './supervise.ts';

export { type EmbeddedStoreCode, EmbeddedStoreError } from './error.ts';

/** For postgres.js. It can't take a Unix socket in a URL, so there is none. */
export interface EmbeddedConnection {
  /** Directory of the socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface EmbeddedStore {
  readonly connection: EmbeddedConnection;
  /** Major version of the server. */
  readonly major: number;
  readonly dataDir: string;
  /** Process number of the server; another one after it was killed and started anew. */
  readonly pid: () => number;
  /** Ends sessions, writes everything out, gives the directory free. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly dataDir?: string;
  readonly log: Log;
  /** Server settings over our own. For tests, which need no durability. */
  readonly settings?: Settings;
}

/**
 * Where the store lies unless `data_dir` says otherwise: `.coalmine/` in the working directory; for root a
 * directory of that project under /var/lib/coalmine, since the server's account can't be expected to reach
 * the working directory.
 */
export function defaultDataDir(cwd = process.cwd(), uid = process.geteuid?.()): string {
  if (uid !== 0) return join(cwd, '.coalmine');
  const mark = createHash('sha256').update(cwd).digest('hex').slice(0, 8);
  return join('/var/lib/coalmine', `${basename(cwd) || 'root'}-${mark}`);
}

/** Starts the store, creating it where there is none. Throws `EmbeddedStoreError`. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedStore> {
  const dataDir = resolve(options.dataDir ?? defaultDataDir());
  let lock: Lock | undefined;
  let socketDir: string | undefined;
  let log: ServerLog | undefined;
  const release = async () => {
    log?.close();
    if (socketDir) await removeSocketDir(socketDir);
    await lock?.release();
  };
  try {
    const pgdata = clusterIn(dataDir);
    const account = await serverAccount(dataDir, pgdata);
    await prepare(dataDir, account);
    const binaries = await findBinaries(account);
    lock = await lockDirectory(dataDir);
    await provide(pgdata, { dataDir, account, binaries, options });
    await endLeftovers(pgdata, options.log);
    socketDir = await makeSocketDir(dataDir, account);
    log = new ServerLog(join(dataDir, 'server.log'), account);
    const plan: ServerPlan = {
      bin: binaries.bin,
      pgdata,
      socketDir,
      account,
      settings: options.settings ?? {},
      log,
    };
    const server = await supervise(plan, options.log);
    let stopped: Promise<void> | undefined;
    return {
      connection: connectionTo(socketDir),
      major: binaries.major,
      dataDir,
      pid: server.pid,
      stop: () => {
        stopped ??= server.stop().finally(release);
        return stopped;
      },
    };
  } catch (error) {
    await release();
    throw await storeError('starting the store', dataDir, error);
  }
}

/** The connection to a store that another process has started; undefined where none runs. For looking, beside `coalmine run`. */
export async function runningEmbedded(dataDir = defaultDataDir()): Promise<EmbeddedConnection | undefined> {
  if ((await holderOf(dataDir)) === undefined) return undefined;
  const socketDir = await socketDirOf(clusterIn(dataDir));
  return socketDir ? connectionTo(socketDir) : undefined;
}

const connectionTo = (host: string): EmbeddedConnection => ({
  host,
  port: 5432,
  user: USER,
  database: DATABASE,
});

/** Makes the data directory and sees to it that the server's account can pass it. */
async function prepare(dataDir: string, account: Account): Promise<void> {
  await makeDirectories(dataDir, account.switched ? 0o711 : 0o700);
  if (!account.switched) return;
  const { mode, uid } = await stat(dataDir);
  if (uid === process.geteuid?.() && (mode & 0o001) === 0) await chmod(dataDir, (mode & 0o777) | 0o001);
  const blocked = await blockedAt(dataDir, account);
  if (!blocked) return;
  throw new EmbeddedStoreError(
    'no_permission',
    `PostgreSQL refuses to run as root, so it runs as user id ${account.uid}, who may not pass ${blocked} on the ` +
      `way to ${dataDir}. Name a \`data_dir\` elsewhere (such as ${defaultDataDir()}), run coalmine as an ordinary ` +
      `user, ${ELSEWHERE}.`,
  );
}

interface Provision {
  readonly dataDir: string;
  readonly account: Account;
  readonly binaries: Awaited<ReturnType<typeof findBinaries>>;
  readonly options: EmbeddedOptions;
}

/** Sees to it that there is a cluster, and one that these binaries can read. */
async function provide(pgdata: string, { dataDir, account, binaries, options }: Provision): Promise<void> {
  const found = await clusterMajor(pgdata);
  if (found === binaries.major) return;
  if (found !== undefined) {
    throw new EmbeddedStoreError(
      'foreign_version',
      `the store at ${dataDir} was written by PostgreSQL ${found}, and this coalmine brings ${binaries.major}, which ` +
        `can't read it. Run \`coalmine export\` with the version of coalmine that wrote it, then start this one on ` +
        'another `data_dir` and `coalmine import` into it.',
    );
  }
  const began = performance.now();
  await createCluster({ pgdata, binaries, account, sync: options.settings?.fsync !== 'off' });
  options.log('info', 'store.created', {
    dataDir,
    major: binaries.major,
    ms: Math.round(performance.now() - began),
  });
}
