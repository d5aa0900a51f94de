/** Where the server listens: a short path that lasts as long as the data directory, in a directory of its own. */
import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, mkdtemp, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, blockedAt } from './account.ts';
import { EmbeddedStoreError } from './error.ts';

const FILES = ['.s.PGSQL.5432', '.s.PGSQL.5432.lock'];

/** What a socket's address holds: 104 bytes on macOS, 108 on Linux, one of them the end. */
const PATH_BYTES_MAX = 103;

/** Makes it, empty, for the server's account alone. Throws `no_permission`, or what the file system throws. */
export async function makeSocketDir(dataDir: string, account: Account): Promise<string> {
  // The inode too: in two containers one path may be two directories, while they share one /tmp.
  const { ino } = await stat(dataDir);
  const name = `coalmine-${createHash('sha256').update(`${dataDir} ${ino}`).digest('hex').slice(0, 8)}`;
  const tried: string[] = [];
  for (const place of new Set([tmpdir(), '/tmp', '/run'])) {
    const path = join(place, name);
    if (Buffer.byteLength(join(path, '-XXXXXX', FILES[0]!)) > PATH_BYTES_MAX) {
      tried.push(`${place}: too long a path for a socket`);
      continue;
    }
    const blocked = account.switched ? await blockedAt(place, account) : undefined;
    if (blocked) {
      tried.push(`${place}: user id ${account.uid} may not pass ${blocked}`);
      continue;
    }
    try {
      return await own(path, account);
    } catch (error) {
      tried.push(`${place}: ${(error as Error).message}`);
    }
  }
  throw new EmbeddedStoreError(
    'no_permission',
    `found no directory for the store's socket; set TMPDIR to a short, writable one. Tried:\n${tried.join('\n')}`,
  );
}

export async function removeSocketDir(path: string): Promise<void> {
  await clear(path);
  await rmdir(path).catch(() => {});
}

async function own(path: string, account: Account): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const found = await lstat(path);
    if (found.isDirectory() && found.uid === account.uid && (found.mode & 0o077) === 0) {
      await clear(path);
      return path;
    }
    // Somebody else's, or opened to others: this name is guessable, a random one isn't.
    path = await mkdtemp(`${path}-`);
  }
  if (account.switched) await chown(path, account.uid, account.gid);
  return path;
}

/** What a killed server left behind. Its lock names a process number that may be another's by now. */
async function clear(path: string): Promise<void> {
  for (const file of FILES) await rm(join(path, file), { force: true });
}
