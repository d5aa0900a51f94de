/** Checks of what is around the store: Node, the configuration's remarks, keys, the port, the disk. */
import { stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from '../../../config/config.ts';
import type { Diagnostic } from '../../../config/diagnostic.ts';
import { formatBytes } from '../../../domain/words.ts';
import { clusterIn } from '../../../runtimes/embedded/account.ts';
import { socketDirOf } from '../../../runtimes/embedded/leftover.ts';
import { holderOf } from '../../../runtimes/embedded/lock.ts';
import { serversOn } from '../../../runtimes/embedded/process.ts';
import { fingerprint, keyBitsMax, signingKeysOf } from '../keys.ts';
import { isCoalmine, listenUrl } from '../server.ts';
import { dataDirOf } from '../store.ts';
import { bad, type Finding, hint, ok, unknown } from './finding.ts';

const NODE_MIN = [20, 19] as const;
const KEY_BITS_MIN = 128;
/** The store of a busy day, and PostgreSQL's own room to work. */
const DISK_BYTES_MIN = 500e6;
const DISK_BYTES_WARN = 5e9;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  return enough
    ? ok('node', `Node ${version}`)
    : bad('node', `Node ${version}; ${NODE_MIN.join('.')} or newer is needed`, 'upgrade Node');
}

export const checkRemarks = (diagnostics: readonly Diagnostic[]): Finding[] =>
  diagnostics.map(d =>
    hint(`config line ${d.line}`, `${d.path === '' ? '' : `${d.path}: `}${d.message}`, d.fix ?? 'see docs'),
  );

export async function checkKeys(config: Config): Promise<Finding[]> {
  const { keys, from } = await signingKeysOf(config);
  if (keys.length === 0) return [ok('keys', `none yet: one will be drawn and kept in ${from}`)];
  const weak = keys.filter(key => keyBitsMax(key) < KEY_BITS_MIN);
  const fix =
    'draw one with `coalmine keys generate`, put it first, and drop this one when its canaries are gone';
  const found = weak.map(key =>
    bad(
      'keys',
      `key ${fingerprint(key)} can’t hold ${KEY_BITS_MIN} random bits (${key.length} characters, ${new Set(key).size} different)`,
      fix,
    ),
  );
  if (new Set(keys).size < keys.length) found.push(hint('keys', 'a key is listed twice', 'drop one of them'));
  if (found.length === 0)
    found.push(ok('keys', `${keys.length} from ${from}, ${fingerprint(keys[0]!)} signs`));
  return found;
}

export async function checkListen(config: Config): Promise<Finding[]> {
  const { host, port } = config.listen;
  const place = `${host}:${port}`;
  const found: Finding[] = [];
  if (await isCoalmine(listenUrl(config))) found.push(ok('listen', `a coalmine answers at ${place}`));
  else {
    const fault = await bindFault(host, port);
    if (fault === undefined) found.push(ok('listen', `${place} is free`));
    else if (fault === 'EADDRINUSE')
      found.push(
        bad(
          'listen',
          `something that is no coalmine listens at ${place}`,
          'stop it, or name another port in listen:',
        ),
      );
    else
      found.push(
        bad(
          'listen',
          `${place} can’t be listened at (${fault})`,
          'name an address of this machine in listen:',
        ),
      );
  }
  const isLocal = /^(localhost|127\.|::1$)/.test(host);
  if (!isLocal && config.access.keys.length === 0) {
    const says = `${place} is reached from elsewhere, and there are no access.keys: only what access.public names can be read`;
    found.push(hint('access', says, 'add keys under access.keys'));
  }
  return found;
}

const bindFault = (host: string, port: number): Promise<string | undefined> =>
  new Promise(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });

/** The embedded store's directory: room, and what a crash may have left. */
export async function checkDataDir(config: Config): Promise<Finding[]> {
  const dataDir = dataDirOf(config);
  if (dataDir === undefined) return [];
  const found = [await checkDisk(dataDir)];
  const pgdata = clusterIn(dataDir);
  const holder = await holderOf(dataDir).catch(() => undefined);
  const socket = await socketDirOf(pgdata);
  if (holder !== undefined) found.push(ok('embedded store', `in use by process ${holder}`));
  else if (socket !== undefined && (await serversOn(pgdata, 0)).length > 0)
    found.push(
      hint(
        'embedded store',
        'a server runs there without its coalmine',
        'nothing: the next `coalmine run` ends it and takes over',
      ),
    );
  if (await stat(`${pgdata}.new`).catch(() => undefined))
    found.push(
      hint(
        'embedded store',
        `${pgdata}.new was left by a creation that didn’t end`,
        'remove it, or let the next start do so',
      ),
    );
  if (holder === undefined && (await stat(join(dataDir, 'lock')).catch(() => undefined)))
    found.push(
      ok('embedded store', 'a lock of a process that is gone lies there; the next start takes it away'),
    );
  return found;
}

async function checkDisk(path: string): Promise<Finding> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      const free = bavail * bsize;
      const says = `${formatBytes(free)} are free at ${at}`;
      if (free < DISK_BYTES_MIN)
        return bad('disk', says, 'free some, or move data_dir: a full disk stops the store');
      return free < DISK_BYTES_WARN ? hint('disk', says, 'watch it') : ok('disk', says);
    } catch (error) {
      if (at === dirname(at))
        return unknown('disk', `free space at ${path} can’t be read: ${String(error)}`, 'look yourself');
    }
  }
}
