/** Where the demo keeps its store and its lab's files, from whatever directory and by whomever it is started. */
import { rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeDirectories } from '../embedded/account.ts';
import { holderOf, lockDirectory } from '../embedded/lock.ts';
import { asStartError, StartError } from '../node/start-error.ts';

/** Everything the demo ever makes there. Nothing else is removed: the directory may be somebody's home. */
const OURS = ['postgres', 'lab', 'signing-key', 'demo-key', 'coalmine.yaml', 'server.log', 'high-water'];

export function defaultDemoDir(): string {
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) return '/var/lib/coalmine/demo';
  const { HOME, XDG_DATA_HOME } = process.env;
  const data = XDG_DATA_HOME || (HOME && join(HOME, '.local', 'share'));
  return data ? join(data, 'coalmine', 'demo') : join(tmpdir(), `coalmine-demo-${uid}`);
}

/** Makes the directory, or empties what an earlier demo left in it. Throws StartError. */
export async function prepareDemoDir(given: string | undefined, fresh: boolean): Promise<string> {
  const dataDir = resolve(given ?? defaultDemoDir());
  try {
    // As root the store's server runs as another account, which must pass.
    await makeDirectories(dataDir, process.geteuid?.() === 0 ? 0o711 : 0o700);
    const holder = await holderOf(dataDir);
    if (holder !== undefined) throw inUse(dataDir, holder);
    if (fresh) await forget(dataDir);
  } catch (error) {
    const told = asStartError(error);
    if (told instanceof StartError) throw told;
    throw new StartError(
      {
        expected: `to write to ${dataDir}`,
        found: error instanceof Error ? error.message : String(error),
        do: 'name a directory of yours with --data-dir',
      },
      { cause: error },
    );
  }
  return dataDir;
}

const inUse = (dataDir: string, pid: number): StartError =>
  new StartError({
    expected: `to have ${dataDir} to itself`,
    found: `it in use by process ${pid}`,
    do: 'end that one, or name another directory with --data-dir',
  });

async function forget(dataDir: string): Promise<void> {
  const version = await stat(join(dataDir, 'postgres', 'PG_VERSION')).catch(() => undefined);
  const yaml = await stat(join(dataDir, 'coalmine.yaml')).catch(() => undefined);
  if (!version && !yaml) return;
  // The lock keeps a running demo from losing its store under its feet.
  const lock = await lockDirectory(dataDir);
  try {
    for (const name of OURS) await rm(join(dataDir, name), { recursive: true, force: true });
  } finally {
    await lock.release();
  }
}
