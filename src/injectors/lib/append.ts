// Appends lines to a log in one write, and tells line by line what the kernel took: a line cut by a full disk is
// `maybe_sent` (a reader may or may not make an event of it), the lines before it stand, those after it never left.
// A shared log is never truncated back; the fragment is ended with a line feed before the next append.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { wordsOf } from '../../adapters/fault.ts';
import type { Outcome } from '../../contracts/injector.ts';
import { fileOutcome } from './file-faults.ts';

export const LINE_FEED = 10;
/** Never blocks on a pipe that nobody reads: that is an answer (ENXIO, EAGAIN), not a wait. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

export interface Log {
  readonly handle: FileHandle;
  readonly dev: number;
  readonly ino: number;
  readonly regular: boolean;
  /** The last byte isn't a line feed: somebody's line was cut. */
  cut: boolean;
}

/** Whether the file ends within a line. What we may not read, we take for whole. */
const endsCut = async (path: string, size: number): Promise<boolean> => {
  if (size === 0) return false;
  const handle = await open(path, 'r').catch(() => undefined);
  try {
    const read = await handle?.read(new Uint8Array(1), 0, 1, size - 1);
    return read !== undefined && read.bytesRead === 1 && read.buffer[0] !== LINE_FEED;
  } finally {
    await handle?.close();
  }
};

/** Opens the log at `path`, making it with `mode` if it is missing. Throws the system's error. */
export const openLog = async (path: string, mode: number): Promise<Log> => {
  const handle = await open(path, FLAGS, mode);
  try {
    const at = await handle.stat();
    const regular = at.isFile();
    return { handle, dev: at.dev, ino: at.ino, regular, cut: regular && (await endsCut(path, at.size)) };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** Each line's outcome when the kernel took the first `taken` bytes. */
const outcomesOf = (sizes: readonly number[], taken: number, short: Outcome): Outcome[] => {
  let end = 0;
  return sizes.map(size => {
    const begin = end;
    end += size;
    if (end <= taken) return { result: 'accepted' };
    if (begin >= taken) return short;
    return {
      result: 'maybe_sent',
      reason: 'the line was cut: the file took only its beginning',
      again: true,
    };
  });
};

/** One write of whole `lines` (each ends with a line feed), then, if `sync`, fsync. One outcome for each. */
export const append = async (log: Log, lines: readonly Buffer[], sync: boolean): Promise<Outcome[]> => {
  const lead = log.cut ? 1 : 0;
  const bytes = Buffer.concat(lead === 1 ? [Buffer.of(LINE_FEED), ...lines] : lines);
  let written: number;
  try {
    ({ bytesWritten: written } = await log.handle.write(bytes, 0, bytes.length));
  } catch (error) {
    return lines.map(() => fileOutcome(error));
  }
  if (written > 0) log.cut = bytes[written - 1] !== LINE_FEED;
  const short: Outcome = {
    result: 'refused',
    reason: `the file took ${written} of ${bytes.length} bytes`,
    again: true,
  };
  const sizes = lines.map(l => l.length);
  const outcomes = outcomesOf(sizes, written - lead, short);
  if (!sync || !log.regular) return outcomes;
  try {
    await log.handle.datasync();
    return outcomes;
  } catch (error) {
    const doubt: Outcome = { result: 'maybe_sent', reason: wordsOf(error), again: true };
    return outcomes.map(o => (o.result === 'accepted' ? doubt : o));
  }
};
