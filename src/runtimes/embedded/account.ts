/**
 * Who runs the server. PostgreSQL refuses to run as root and insists on owning its data, so when we are root
 * it runs as whoever owns the data already, and as `nobody` when there are none.
 */
import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { EmbeddedStoreError } from './error.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** True where it isn't our own: only root can switch. */
  readonly switched: boolean;
}

/** `nobody` of every current Linux distribution. */
const NOBODY = 65_534;

/** The account for a data directory and the cluster in it; neither need exist yet. */
export async function serverAccount(dataDir: string, pgdata: string): Promise<Account> {
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  if (uid === undefined || gid === undefined) {
    throw new EmbeddedStoreError('no_binaries', `the embedded store doesn't run on ${process.platform}`);
  }
  for (const path of [pgdata, dataDir]) {
    const owner = await stat(path).catch(() => undefined);
    if (!owner) continue;
    if (uid === 0 && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, switched: true };
    if (uid !== 0 && path === pgdata && owner.uid !== uid) {
      throw new EmbeddedStoreError(
        'no_permission',
        `the store at ${dataDir} belongs to user id ${owner.uid}, and this process runs as ${uid}. ` +
          'Run coalmine as that user (or as root), or name another `data_dir`.',
      );
    }
  }
  return uid === 0 ? { uid: NOBODY, gid: NOBODY, switched: true } : { uid, gid, switched: false };
}

/** What `spawn` must be given to run as the account. */
export const spawnAs = (account: Account): { uid?: number; gid?: number } =>
  account.switched ? { uid: account.uid, gid: account.gid } : {};

/** The outermost directory on the way to `path` (itself included) that the account may not pass; judged by mode bits. */
export async function blockedAt(path: string, account: Account): Promise<string | undefined> {
  const { root } = parse(path);
  const way: string[] = [];
  for (let at = path; at !== root; at = dirname(at)) way.unshift(at);
  for (const at of way) {
    const s = await stat(at).catch(() => undefined);
    if (!s) return undefined;
    const bit = s.uid === account.uid ? 0o100 : s.gid === account.gid ? 0o010 : 0o001;
    if ((s.mode & bit) === 0) return at;
  }
  return undefined;
}

/** Whether what stands at `path` is a directory that only `uid` (or root) can change: safe to trust where others can write beside it. */
export async function isPrivate(path: string, uid: number): Promise<boolean> {
  const s = await lstat(path).catch(() => undefined);
  return s?.isDirectory() === true && (s.uid === uid || s.uid === 0) && (s.mode & 0o022) === 0;
}

/** Makes a directory and those above it, all of exactly this mode, whatever the umask. Leaves existing ones alone. */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  for (let at = path; first !== undefined; at = dirname(at)) {
    await chmod(at, mode);
    if (at === first) return;
  }
}

/** Where the cluster lies in a data directory, beside our lock and the server's log. */
export const clusterIn = (dataDir: string): string => join(dataDir, 'postgres');
