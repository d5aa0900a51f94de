/**
 * Where the server listens: in a directory of its own within the data directory, or, where that makes too long
 * a path or can't hold sockets (some mounts of virtual machines), in one of the same fate under a short one.
 */
import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, mkdtemp, rm, rmdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
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
  for (const path of [
    join(dataDir, 'socket'),
    ...[tmpdir(), '/tmp', '/run'].map(place => join(place, name)),
  ]) {
    const problem = await refusal(path, account);
    if (problem === undefined) {
      try {
        return await own(path, account);
      } catch (error) {
        tried.push(`${path}: ${(error as Error).message}`);
      }
    } else {
      tried.push(`${path}: ${problem}`);
    }
  }
  throw new EmbeddedStoreError(
    'no_permission',
    `found no directory for the store's socket; set TMPDIR to a short, writable one. Tried:\n${tried.join('\n')}`,
  );
}

async function refusal(path: string, account: Account): Promise<string | undefined> {
  if (Buffer.byteLength(`${path}-XXXXXX/${FILES[0]}`) > PATH_BYTES_MAX) return 'too long a path for a socket';
  const blocked = account.switched ? await blockedAt(join(path, '..'), account) : undefined;
  return blocked && `user id ${account.uid} may not pass ${blocked}`;
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
  await listenOnce(join(path, FILES[0]!)).catch(async error => {
    await rmdir(path);
    throw error;
  });
  if (account.switched) await chown(path, account.uid, account.gid);
  return path;
}

/** Rejects where the file system has no sockets. */
function listenOnce(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(path, () => server.close(() => resolve()));
  });
}

/** What a killed server left behind. Its lock names a process number that may be another's by now. */
async function clear(path: string): Promise<void> {
  for (const file of FILES) await rm(join(path, file), { force: true });
}
