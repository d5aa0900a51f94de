/** Secrets that we draw ourselves: made once, kept in a file that only we may read, never shown. */
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './start-error.ts';

const CHARS_MIN = 32;

/** The secret of this name in a directory, drawn at random where there is none. The caller holds the directory's lock. */
export async function keptSecret(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unreadable(path, error.message);
  });
  if (kept === undefined) return await draw(path);
  const secret = kept.trim();
  if (secret.length < CHARS_MIN) throw unreadable(path, `${secret.length} characters`);
  return secret;
}

/** Whole or not at all: a crash in between must not leave a short key that signs. */
async function draw(path: string): Promise<string> {
  const secret = randomBytes(32).toString('hex');
  const temporary = `${path}.${process.pid}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return secret;
}

const unreadable = (path: string, found: string): StartError =>
  new StartError({
    expected: `a key of at least ${CHARS_MIN} characters in ${path}`,
    found,
    do: 'restore that file from a backup, or set signing_keys; with another key, canaries under way count as forged',
  });
