/**
 * A log file and its rotated siblings, as they stand in one directory at one moment, opened for reading. Siblings are
 * the file's name with `.` or `-` and a number, date, `old`, `prev` or `bak` behind it; compressed ones only count.
 */
import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface Member {
  readonly name: string;
  readonly handle: FileHandle;
  readonly ino: string;
  /** Bytes when it was opened: a look reads no further. */
  readonly size: number;
  readonly mtimeMs: number;
}

export interface Family {
  /** The file at the path itself. */
  readonly live: Member;
  /** Uncompressed siblings, oldest first by their last write. */
  readonly rotated: readonly Member[];
  /** Names of all siblings, compressed ones too. */
  readonly names: readonly string[];
  /** When a compressed sibling last came or moved, by the file system's clock; -Infinity: there are none. */
  readonly compressedMs: number;
}

/** More rotated files than this aren't looked at, oldest first. */
const ROTATED_MAX = 32;
const ATTEMPTS = 3;
const ROTATED = /^[.-](?:\d[\w.-]*|old|prev|bak)$/;
const COMPRESSED = /\.(?:gz|bz2|xz|zst|lz4|z|zip|tmp)$/i;

/**
 * Opens them all, the same moment's view: where files moved meanwhile it starts again. Throws the system's error where
 * the file itself can't be opened, and an Error where no quiet moment is found. The caller closes.
 */
export const openFamily = async (path: string): Promise<Family> => {
  const real = await realpath(path);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const family = await openOnce(real);
    try {
      if (await unmoved(real, family)) return family;
    } catch (error) {
      await closeFamily(family);
      throw error;
    }
    await closeFamily(family);
  }
  throw new Error('the files were rotated again and again while they were being opened');
};

export const closeFamily = async (family: Family): Promise<void> => {
  await Promise.all([family.live, ...family.rotated].map(m => m.handle.close()));
};

const siblingsOf = async (path: string): Promise<string[]> => {
  const base = basename(path);
  const names = await readdir(dirname(path));
  return names.filter(name => name.startsWith(base) && ROTATED.test(name.slice(base.length))).sort();
};

const openOnce = async (path: string): Promise<Family> => {
  const names = await siblingsOf(path);
  const live = await openMember(path);
  const rotated: Member[] = [];
  for (const name of names.filter(n => !COMPRESSED.test(n))) {
    // One that can't be opened, or is no file, is as good as gone: what is missed in it is told as a gap.
    const member = await openMember(join(dirname(path), name)).catch(() => undefined);
    if (member) rotated.push(member);
  }
  rotated.sort((a, b) => a.mtimeMs - b.mtimeMs || (a.name < b.name ? 1 : -1));
  const dropped = rotated.splice(0, Math.max(0, rotated.length - ROTATED_MAX));
  await Promise.all(dropped.map(m => m.handle.close()));
  const compressed = names
    .filter(n => COMPRESSED.test(n))
    .map(n => stat(join(dirname(path), n)).catch(() => undefined));
  const changes = (await Promise.all(compressed)).map(found => found?.ctimeMs ?? Number.NEGATIVE_INFINITY);
  return { live, rotated, names, compressedMs: Math.max(Number.NEGATIVE_INFINITY, ...changes) };
};

const openMember = async (path: string): Promise<Member> => {
  // A FIFO would hold the opener until somebody writes.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await handle.stat({ bigint: true });
  if (!found.isFile()) {
    await handle.close();
    throw new Error(`${basename(path)} is not a regular file`);
  }
  const { ino, size, mtimeMs } = found;
  return { name: basename(path), handle, ino: String(ino), size: Number(size), mtimeMs: Number(mtimeMs) };
};

const unmoved = async (path: string, family: Family): Promise<boolean> => {
  if ((await siblingsOf(path)).join('\n') !== family.names.join('\n')) return false;
  for (const member of [family.live, ...family.rotated]) {
    const found = await stat(join(dirname(path), member.name), { bigint: true }).catch(() => undefined);
    if (String(found?.ino) !== member.ino) return false;
  }
  return true;
};

const WINDOW = 256;

/**
 * What the bytes before `offset` look like: a hash of the first and the last 256 of them. They don't change in a file
 * that is only appended to, so they tell a file again after a rename, a copy, or another file in its inode.
 */
export const printOf = async (member: Member, offset: number): Promise<string> => {
  const length = Math.min(WINDOW, offset);
  const head = await readAt(member, 0, length);
  const tail = await readAt(member, offset - length, length);
  return createHash('sha256').update(head).update(tail).digest('base64url').slice(0, 22);
};

/** Bytes of a file from `offset` on; fewer than `length` where it ends before. */
export const readAt = async (member: Member, offset: number, length: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await member.handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};
