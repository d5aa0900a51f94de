/** Files by name or by a `*` pattern in the last part of a path, as Prometheus' file_sd has them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** No list of targets is larger; what is, isn't one. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Throws Error with words for a person. Relative paths are taken from the working directory. */
export async function readFiles(pattern: string): Promise<{ path: string; text: string }[]> {
  const paths = await pathsOf(pattern);
  return await Promise.all(
    paths.map(async path => {
      const { size } = await stat(path);
      if (size > FILE_BYTES_MAX) throw new Error(`${path}: expected at most 16 MiB, found ${size} bytes`);
      return { path, text: await readFile(path, 'utf8') };
    }),
  );
}

async function pathsOf(pattern: string): Promise<string[]> {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const escaped = name.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const wanted = new RegExp(`^${escaped.join('.*')}$`);
  const names = await readdir(dirname(pattern));
  return names
    .filter(n => wanted.test(n))
    .sort()
    .map(n => join(dirname(pattern), n));
}
