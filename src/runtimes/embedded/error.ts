/** Everything that can go wrong with the embedded store, said so that its reader can act on it. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * - `in_use`: another live process holds the data directory.
 * - `foreign_version`: the data were written by another major version of PostgreSQL.
 * - `disk_full`: no space (or quota) left.
 * - `no_binaries`: PostgreSQL for this platform isn't installed or doesn't run here.
 * - `no_permission`: a directory can't be read, written or passed through by the account that must.
 * - `failed`: anything else; the message carries the end of the server's log.
 */
export type EmbeddedStoreCode =
  | 'in_use'
  | 'foreign_version'
  | 'disk_full'
  | 'no_binaries'
  | 'no_permission'
  | 'failed';

export class EmbeddedStoreError extends Error {
  override readonly name = 'EmbeddedStoreError';
  readonly code: EmbeddedStoreCode;

  constructor(code: EmbeddedStoreCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The way out that always exists. */
export const ELSEWHERE = 'or use a PostgreSQL of your own: `store: postgres://user:password@host/database`';

const NO_SPACE = /No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes|ENOSPC|EDQUOT/;
const NO_PERMISSION = /Permission denied|Operation not permitted|Read-only file system|EACCES|EPERM|EROFS/;

/**
 * Makes an error of what a system call threw or a server tool printed.
 * @param doing what was tried, as a clause: "creating the store".
 * @param path where; its file system is the one whose free space is told.
 */
export async function storeError(
  doing: string,
  path: string,
  cause: unknown,
  output = '',
): Promise<EmbeddedStoreError> {
  if (cause instanceof EmbeddedStoreError) return cause;
  const found = [cause instanceof Error ? cause.message : cause, output.trim()].filter(Boolean).join('\n');
  if (NO_SPACE.test(found)) {
    const free = await freeSpace(path);
    return new EmbeddedStoreError(
      'disk_full',
      `no space left while ${doing} in ${path}: ${free}. Free some (a new store takes about 45 MB, and grows ` +
        `with what it holds), name a \`data_dir\` on a larger disk, ${ELSEWHERE}.\n${found}`,
      { cause },
    );
  }
  if (NO_PERMISSION.test(found)) {
    return new EmbeddedStoreError(
      'no_permission',
      `no permission while ${doing} in ${path}. Name a writable \`data_dir\`, ${ELSEWHERE}.\n${found}`,
      { cause },
    );
  }
  return new EmbeddedStoreError('failed', `${doing} in ${path} failed: ${found}`, { cause });
}

async function freeSpace(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return `${((bavail * bsize) / 1e6).toFixed(1)} MB are free there`;
    } catch {
      if (at === dirname(at)) return 'how much is free there could not be read';
    }
  }
}
