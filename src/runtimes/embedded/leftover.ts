/** A server that outlived its coalmine, or the traces of one that didn't. We hold the directory's lock. */
import { readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../contracts/context.ts';
import { EmbeddedStoreError } from './error.ts';
import { exists, serversOn, shutDown, signal, within } from './process.ts';

/** Ends what still runs on the cluster and removes a stale `postmaster.pid`. Throws `failed` where that can't be done. */
export async function endLeftovers(pgdata: string, log: Log): Promise<void> {
  const file = join(pgdata, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const postmaster = Number.parseInt(text, 10);
  const real = await realpath(pgdata);
  const servers = () => serversOn(real, postmaster);
  const gone = (ms: number) => within(ms, async () => (await servers()).length === 0);

  const found = await servers();
  if (found.length > 0) {
    log('warn', 'store.leftover', { pids: found, dataDir: pgdata });
    // The postmaster if it lives: it ends the others. Else orphans, which notice by themselves unless busy.
    const heads = found.includes(postmaster) ? [postmaster] : found;
    const signalled = await shutDown(name => {
      for (const pid of heads) signal(pid, name);
    }, gone);
    if (!signalled) {
      throw new EmbeddedStoreError(
        'failed',
        `an old server of the store at ${pgdata} can't be ended: kill processes ${(await servers()).join(', ')}.`,
      );
    }
  }
  // PostgreSQL takes whatever has that number for a server: a stranger who got it since, or a zombie that
  // nobody collects. Where the number is free the file stays, and with it PostgreSQL's own check for orphans.
  if (exists(postmaster)) await rm(file, { force: true });
}

/** Directory of the socket that a running server listens on, as its own file says. */
export async function socketDirOf(pgdata: string): Promise<string | undefined> {
  const lines = (await readFile(join(pgdata, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[4]?.trim() || undefined;
}
