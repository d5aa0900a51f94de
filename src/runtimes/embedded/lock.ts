/**
 * One coalmine on one data directory. The lock is a file that names its holder: process number, when that
 * process began, and within what such numbers mean anything. It is never in doubt for long: a holder of our
 * own machine is looked up, one of another container or machine must be seen to touch the file.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ELSEWHERE, EmbeddedStoreError } from './error.ts';
import { pidSpace, startOf } from './process.ts';

interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly space: string;
}

export interface Lock {
  release(): Promise<void>;
}

/** A holder touches its file this often; another container waits for that a little longer than twice as long. */
const TOUCH_MS = 3_000;
const WATCH_MS = 7_000;

/** Far longer than a few system calls take. */
const SETTLE_MS = 30;

/** Throws `in_use`, or what the file system throws. */
export async function lockDirectory(dataDir: string, watchMs = WATCH_MS): Promise<Lock> {
  const path = join(dataDir, 'lock');
  const nonce = randomUUID();
  const mine = `${path}.${nonce}`;
  const holder: Holder = {
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
    space: await pidSpace(),
  };
  const text = JSON.stringify({ ...holder, nonce });
  try {
    await writeFile(mine, text, { flag: 'wx', mode: 0o644 });
    // Linking a whole file takes the lock and says by whom in one step.
    for (let attempt = 0; ; attempt++) {
      if (await linked(mine, path)) {
        if (attempt === 0) break;
        // While dead holders are taken away a live lock may be out of its place for a moment; the last one counts.
        await sleep(SETTLE_MS);
        if ((await readText(path)) === text) break;
      }
      await dismiss(path, attempt, watchMs);
    }
  } finally {
    await rm(mine, { force: true });
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, TOUCH_MS);
  touching.unref();
  return {
    release: async () => {
      clearInterval(touching);
      if ((await readText(path)) === text) await rm(path, { force: true });
    },
  };
}

/** The process that holds a data directory; undefined where none does, or none of this machine. */
export async function holderOf(dataDir: string): Promise<number | undefined> {
  const holder = parseHolder(await readText(join(dataDir, 'lock')));
  return holder && (await isAlive(holder)) === true ? holder.pid : undefined;
}

/** Removes a lock whose holder is gone; throws `in_use` if it isn't. */
async function dismiss(path: string, attempt: number, watchMs: number): Promise<void> {
  const text = await readText(path);
  if (text === undefined) return;
  const holder = parseHolder(text);
  const alive = holder && ((await isAlive(holder)) ?? (await isTouched(path, watchMs)));
  if (alive || attempt > 10) {
    throw new EmbeddedStoreError(
      'in_use',
      `the store at ${join(path, '..')} is in use by process ${holder?.pid ?? 'unknown'}. ` +
        `Stop that one first, name another \`data_dir\`, ${ELSEWHERE} (one for many).`,
    );
  }
  // Two may have found the same dead holder: take away first, then see what it was, and give back a live one.
  const taken = `${path}.${process.pid}.old`;
  try {
    await rename(path, taken);
  } catch {
    return; // somebody else did
  }
  if ((await readText(taken)) !== text) await linked(taken, path);
  await rm(taken, { force: true });
}

/** Undefined: the holder belongs to another container or machine, where its number can't be looked up. */
async function isAlive(holder: Holder): Promise<boolean | undefined> {
  if (holder.space !== (await pidSpace())) return undefined;
  return (await startOf(holder.pid)) === holder.started;
}

async function isTouched(path: string, watchMs: number): Promise<boolean> {
  const touchedMs = async () => (await stat(path).catch(() => undefined))?.mtimeMs;
  const before = await touchedMs();
  for (let waitedMs = 0; waitedMs < watchMs; waitedMs += 50) {
    await sleep(50);
    if ((await touchedMs()) !== before) return true;
  }
  return false;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined where there is no such file. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string | undefined): Holder | undefined {
  try {
    const { pid, started, space } = JSON.parse(text ?? '') as Partial<Holder>;
    if (Number.isInteger(pid) && pid! > 0 && started !== undefined && space !== undefined)
      return { pid: pid!, started, space };
  } catch {
    // Not ours, or torn by a power failure: nobody's.
  }
  return undefined;
}
