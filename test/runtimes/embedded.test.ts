/** The embedded store in one process: what it creates, keeps, refuses, and says when it can't. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  defaultDataDir,
  type EmbeddedConnection,
  type EmbeddedStore,
  runningEmbedded,
  startEmbedded,
} from '../../src/runtimes/embedded/index.ts';
import { gone } from '../support/embedded-child.ts';

const isRoot = process.geteuid?.() === 0;
const log = () => {};

const dirs: string[] = [];
const stores: EmbeddedStore[] = [];

function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-embedded-'));
  dirs.push(dir);
  return dir;
}

async function start(dataDir: string): Promise<EmbeddedStore> {
  const store = await startEmbedded({ dataDir, log });
  stores.push(store);
  return store;
}

async function ask<T>(connection: EmbeddedConnection, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres({ ...connection, max: 1, onnotice: () => {} });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

describe('a store', () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = newDir();
  });
  afterEach(async () => {
    while (stores.length > 0) await stores.pop()!.stop();
  });

  test('is created durable, reached through a private socket only', async () => {
    const store = await start(dataDir);
    expect(store.major).toBe(18);
    expect(store.connection.host.startsWith('/')).toBe(true);
    expect(statSync(store.connection.host).mode & 0o777).toBe(0o700);
    const found = await ask(store.connection, async sql => {
      const rows = await sql`select name, setting from pg_settings where name in
        ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses', 'max_wal_senders', 'TimeZone')`;
      await sql`create table kept (n int)`;
      await sql`insert into kept select generate_series(1, 1000)`;
      return Object.fromEntries(rows.map(r => [r.name, r.setting]));
    });
    expect(found).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      listen_addresses: '',
      max_wal_senders: '0',
      TimeZone: 'UTC',
    });
    if (isRoot) expect(readFileSync(`/proc/${store.pid()}/status`, 'utf8')).toMatch(/^Uid:\s+65534\s+65534/m);
  });

  test('keeps what it was given, and leaves nothing else behind', async () => {
    const store = await start(dataDir);
    expect(await ask(store.connection, sql => sql`select count(*)::int as n from kept`)).toEqual([
      { n: 1000 },
    ]);
    const pid = store.pid();
    await store.stop();
    await gone(pid);
    expect(existsSync(store.connection.host)).toBe(false);
    expect(readdirSync(dataDir).sort()).toEqual(['postgres', 'server.log']);
  });

  test('is refused a second time while in use, and found by those who only look', async () => {
    const store = await start(dataDir);
    await expect(startEmbedded({ dataDir, log })).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining(`the store at ${dataDir} is in use by process ${process.pid}`),
    });
    const connection = await runningEmbedded(dataDir);
    expect(connection).toEqual(store.connection);
    expect(await ask(connection!, sql => sql`select 1 as one`)).toEqual([{ one: 1 }]);
    await store.stop();
    expect(await runningEmbedded(dataDir)).toBeUndefined();
  });

  test('comes back on the same socket when its server is killed, with every acknowledged row', async () => {
    const store = await start(dataDir);
    const sql = postgres({ ...store.connection, max: 1, onnotice: () => {} });
    try {
      await sql`insert into kept values (-1)`;
      const killed = store.pid();
      process.kill(killed, 'SIGKILL');
      // Its orphaned sessions may answer for a while; what counts is the next server.
      await vi.waitFor(() => expect(store.pid()).not.toBe(killed), { timeout: 20_000, interval: 10 });
      const asked = () => ask(store.connection, sql => sql`select n from kept where n = -1`);
      expect(await asked()).toEqual([{ n: -1 }]);
      // The pool's own connection is gone: its first use says so or opens another.
      await sql`select 1`.catch(() => {});
      expect(await sql`select n from kept where n = -1`).toEqual([{ n: -1 }]);
    } finally {
      await sql.end({ timeout: 1 });
    }
  });

  test('can be stopped while its server is being started again', async () => {
    const store = await start(dataDir);
    process.kill(store.pid(), 'SIGKILL');
    await gone(store.pid());
    await store.stop();
    await gone(store.pid());
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
  });

  test('says which version wrote it, which reads it, and the way out', async () => {
    const file = join(dataDir, 'postgres', 'PG_VERSION');
    writeFileSync(file, '17\n');
    await expect(start(dataDir)).rejects.toMatchObject({
      name: 'EmbeddedStoreError',
      code: 'foreign_version',
      message: expect.stringMatching(/PostgreSQL 17.* 18.*coalmine export.*coalmine import/s),
    });
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
    writeFileSync(file, '18\n');
  });

  test('shows the end of the log when the server refuses', async () => {
    const conf = join(dataDir, 'postgres', 'postgresql.conf');
    const before = readFileSync(conf, 'utf8');
    writeFileSync(conf, `${before}\nno_such_setting = 1\n`);
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('no_such_setting'),
    });
    writeFileSync(conf, before);
    await start(dataDir);
  });
});

test('lies in the project for a user, and for root where the server can reach it', () => {
  expect(defaultDataDir('/srv/app', 1000)).toBe('/srv/app/.coalmine');
  expect(defaultDataDir('/root/app', 0)).toMatch(/^\/var\/lib\/coalmine\/app-[0-9a-f]{8}$/);
  expect(defaultDataDir('/root/app', 0)).not.toBe(defaultDataDir('/home/app', 0));
});

describe('where it can not be', () => {
  test('a file in the way', async () => {
    const file = join(newDir(), 'file');
    writeFileSync(file, '');
    await expect(start(join(file, 'store'))).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining(join(file, 'store')),
    });
  });

  test.skipIf(isRoot)('a directory that may not be written (not as root, who may)', async () => {
    const dir = newDir();
    chmodSync(dir, 0o500);
    await expect(start(join(dir, 'store'))).rejects.toMatchObject({ code: 'no_permission' });
  });

  test.runIf(isRoot)('a place its unprivileged server may not reach (needs root)', async () => {
    // mkdtemp makes it 0700.
    const dir = newDir();
    await expect(start(join(dir, 'deeper', 'store'))).rejects.toMatchObject({
      code: 'no_permission',
      message: expect.stringMatching(new RegExp(`user id 65534, who may not pass ${dir} on the way`)),
    });
  });

  test.runIf(isRoot && process.platform === 'linux')(
    'a disk too small (needs root, to mount one)',
    async ctx => {
      const dir = join(newDir(), 'small');
      mkdirSync(dir);
      chmodSync(join(dir, '..'), 0o755);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m,mode=755', 'coalmine-test', dir], {
          stdio: 'pipe',
        });
      } catch {
        ctx.skip('mounting is not allowed here');
      }
      try {
        await expect(start(dir)).rejects.toMatchObject({
          code: 'disk_full',
          message: expect.stringMatching(
            new RegExp(`no space left while creating the store in ${dir}: \\d+\\.\\d MB are free`),
          ),
        });
        expect(readdirSync(dir)).toEqual([]);
      } finally {
        execFileSync('umount', [dir]);
      }
    },
  );
});
