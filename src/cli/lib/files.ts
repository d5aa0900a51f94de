/** Files that a user names: read within bounds, and every failure told in words. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { CliError, EXIT } from './exit.ts';

/** Why a file can't be used, as a clause. */
export function fileFault(error: unknown, path: string): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return `there is no file ${path}`;
  if (code === 'ENOTDIR') return `${path} goes through a file that is no directory`;
  if (code === 'EISDIR') return `${path} is a directory, not a file`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be read or written by this user`;
  if (code === 'EEXIST') return `${path} exists already`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return `no space is left for ${path}`;
  if (code === 'EROFS') return `${path} lies on a file system that can't be written`;
  if (code === 'ENAMETOOLONG') return `the name ${path.slice(0, 60)}… is too long`;
  return `${path} can't be used: ${error instanceof Error ? error.message : String(error)}`;
}

/** Whether something is there; a directory throws. */
export async function exists(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory())
      throw new CliError(EXIT.usage, `${path} is a directory, not a file`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.usage, fileFault(error, path));
  }
}

/** A whole text file (a pipe will do) of at most `bytesMax`. Throws CliError. */
export async function readText(path: string, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > bytesMax)
        throw new CliError(EXIT.usage, `expected a file of at most ${bytesMax} bytes, and ${path} has more`);
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.usage, fileFault(error, path));
  }
  const all = Buffer.concat(chunks);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(all);
    if (!text.includes('\0')) return text;
  } catch {
    // Said below.
  }
  throw new CliError(EXIT.usage, `expected text in UTF-8, and ${path} is something else (binary?)`);
}
