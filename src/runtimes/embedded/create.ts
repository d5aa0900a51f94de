/** Makes a new cluster: beside its place, renamed to it when whole, so that a half-made one is never found. */
import { chown, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedStoreError, storeError } from './error.ts';
import { runTool } from './tool.ts';

export const USER = 'coalmine';
export const DATABASE = 'coalmine';

export interface NewCluster {
  /** Where the cluster shall lie. Its parent exists and is locked by us. */
  readonly pgdata: string;
  readonly binaries: Binaries;
  readonly account: Account;
  /** False only for tests: a power failure within seconds would leave an unreadable cluster. */
  readonly sync: boolean;
}

/** Major version of the cluster at `pgdata`; undefined where there is none. Throws what reading throws. */
export async function clusterMajor(pgdata: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(pgdata, 'PG_VERSION'), 'utf8'), 10);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Throws `disk_full`, `no_permission` or `failed`, having removed what it began. */
export async function createCluster(cluster: NewCluster): Promise<void> {
  const { pgdata, account } = cluster;
  const temp = `${pgdata}.new`;
  try {
    await rm(temp, { recursive: true, force: true });
    await mkdir(temp, { mode: 0o700 });
    if (account.switched) await chown(temp, account.uid, account.gid);
    await fill(cluster, temp);
    await rename(temp, pgdata);
    if (cluster.sync) await syncDirectory(dirname(pgdata));
  } catch (error) {
    await rm(temp, { recursive: true, force: true }).catch(() => {});
    throw await storeError('creating the store', dirname(pgdata), error);
  }
}

async function fill({ binaries, account, sync }: NewCluster, temp: string): Promise<void> {
  const initdb = (args: string[]) => run(join(binaries.bin, 'initdb'), ['-D', temp, ...args], account);
  const identity = ['-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  await initdb([...identity, '--no-sync', '--no-instructions']);
  // A cluster comes with one database to work in: it gets our name, which is cheaper than a copy.
  const rename = `alter database postgres rename to ${DATABASE}\n`;
  const single = [
    '--single',
    '-F',
    '-D',
    temp,
    '-c',
    'exit_on_error=true',
    '-c',
    'log_checkpoints=off',
    'template1',
  ];
  await run(join(binaries.bin, 'postgres'), single, account, rename);
  if (sync) await initdb(['--sync-only']);
}

async function run(program: string, args: string[], account: Account, input?: string): Promise<void> {
  const { code, output } = await runTool(program, args, account, { input, timeoutMs: 120_000 });
  if (code === 0) return;
  if (output.includes('could not look up effective user ID')) {
    throw new EmbeddedStoreError(
      'no_permission',
      `user id ${account.uid} has no name on this system, and PostgreSQL's initdb wants one: add a line for it to ` +
        `/etc/passwd, run as another user, or use \`store: postgres://…\`.`,
    );
  }
  throw new Error(`${program} ended with ${code ?? 'a signal'}:\n${output.trim()}`);
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
