/**
 * What a peer's suite needs on this machine. Where something is missing the suite is skipped, under a name that says
 * what is missing and what installs it; nothing is installed unless COALMINE_PEERS_INSTALL=1.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

export interface Need {
  readonly what: string;
  readonly found: () => boolean;
  /** A command that installs it without asking; absent where that is the reader's own choice, told by `how`. */
  readonly install?: string;
  readonly how?: string;
}

const isThere = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** Where a program is, or undefined. */
export const programAt = (name: string): string | undefined =>
  FOLDERS.map(folder => join(folder, name)).find(path => isThere(path, constants.X_OK));

export const program = (name: string, install: string): Need => ({
  what: name,
  found: () => programAt(name) !== undefined,
  install,
});

/** A file of which the place depends on the architecture: any of `paths` will do. */
export const file = (what: string, paths: readonly string[], install: string): Need => ({
  what,
  found: () => paths.some(path => isThere(path, constants.R_OK)),
  install,
});

const INSTALL_WITHIN_MS = 300_000;

const isMet = (need: Need): boolean => {
  if (need.found()) return true;
  if (process.env.COALMINE_PEERS_INSTALL !== '1' || need.install === undefined) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('sh', ['-c', need.install], { stdio: 'inherit', timeout: INSTALL_WITHIN_MS, env });
  return need.found();
};

/** A suite that runs where everything is there, and else is counted as skipped. */
export const describePeer = (name: string, needs: readonly Need[], suite: () => void): void => {
  const missing = needs.filter(need => !isMet(need));
  if (missing.length === 0) {
    describe(name, suite);
    return;
  }
  const what = missing.map(need => `${need.what} (${need.install ?? need.how})`).join(', ');
  process.stderr.write(
    `${name}: skipped, missing ${what}; COALMINE_PEERS_INSTALL=1 runs what is a command\n`,
  );
  describe.skip(`${name} (missing ${missing.map(need => need.what).join(', ')})`, suite);
};

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'coalmine-peers');

/**
 * A program of Debian packages that can't or needn't be installed, since they would replace or start a service: unpacked
 * into a folder of the user's cache. One that is installed is preferred.
 */
export const unpacked = (
  name: string,
  packages: readonly string[],
): Need & { readonly root: string; at(): { command: string; isInstalled: boolean } | undefined } => {
  const root = join(CACHE, name);
  const at = () => {
    const installed = programAt(name);
    if (installed !== undefined) return { command: installed, isInstalled: true };
    const inside = ['usr/sbin', 'usr/bin']
      .map(folder => join(root, folder, name))
      .find(path => isThere(path, constants.X_OK));
    return inside === undefined ? undefined : { command: inside, isInstalled: false };
  };
  const unpack = 'for f in *.deb; do dpkg -x "$f" . ; done';
  const install = `mkdir -p ${root} && cd ${root} && apt-get download ${packages.join(' ')} && ${unpack}`;
  return { what: name, found: () => at() !== undefined, install, root, at };
};

/** A program that is built from Go modules, each `path@version`, into a folder of the user's cache, unless it is installed. */
export const builtByGo = (
  name: string,
  main: string,
  modules: readonly string[],
): Need & { at(): string | undefined } => {
  const root = join(CACHE, name);
  const inside = join(root, name);
  const at = () => programAt(name) ?? (isThere(inside, constants.X_OK) ? inside : undefined);
  const required = modules.map(module => `-require=${module}`).join(' ');
  const build = `GOFLAGS=-mod=mod GOBIN=${root} go install ${main}`;
  const module = `rm -f go.mod go.sum && go mod init peer && go mod edit ${required}`;
  const install = `mkdir -p ${root} && cd ${root} && ${module} && ${build}`;
  return { what: name, found: () => at() !== undefined, install, at };
};
