/** The pieces of the embedded store that a whole one can't be made to show. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { copyNative } from '../../../src/runtimes/embedded/copy.ts';
import { type Lock, lockDirectory } from '../../../src/runtimes/embedded/lock.ts';
import { ServerLog } from '../../../src/runtimes/embedded/server-log.ts';
import { makeSocketDir } from '../../../src/runtimes/embedded/socket.ts';
import { runTool } from '../../../src/runtimes/embedded/tool.ts';

const me = { uid: process.geteuid!(), gid: process.getegid!(), switched: false };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'coalmine-parts-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

describe('the lock', () => {
  const file = () => join(dir, 'lock');
  const release = (lock: Lock) => lock.release();
  const live = async (change: Record<string, unknown>) => {
    const lock = await lockDirectory(dir);
    const text = JSON.stringify({ ...JSON.parse(readFileSync(file(), 'utf8')), ...change });
    await release(lock);
    writeFileSync(file(), text);
  };

  test('is refused while its holder lives, and given when it has let go', async () => {
    const lock = await lockDirectory(dir);
    await expect(lockDirectory(dir)).rejects.toMatchObject({ code: 'in_use' });
    await release(lock);
    await release(await lockDirectory(dir));
    expect(readdirSync(dir)).toEqual([]);
  });

  test.each([
    ['has gone', { pid: 2 ** 22 + 1 }],
    ['has gone, and whose number is another process by now', { started: '1' }],
  ])('is taken from a holder that %s', async (_, change) => {
    await live(change);
    await release(await lockDirectory(dir));
  });

  test('is taken when torn by a power failure', async () => {
    for (const torn of ['', '{"pid":', 'null', '[]']) {
      writeFileSync(file(), torn);
      await release(await lockDirectory(dir));
    }
  });

  test('of another container is taken only when nobody touches it', async () => {
    await live({ space: 'elsewhere' });
    await release(await lockDirectory(dir, 100));

    await live({ space: 'elsewhere' });
    let second = 0;
    const touching = setInterval(() => utimesSync(file(), ++second, second), 20);
    await expect(lockDirectory(dir, 1_000)).rejects.toMatchObject({ code: 'in_use' });
    clearInterval(touching);
  });

  test('of a dead holder goes to exactly one of many', async () => {
    for (let round = 0; round < 5; round++) {
      await live({ started: '1' });
      const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(dir)));
      const won = all.filter(r => r.status === 'fulfilled');
      expect(won).toHaveLength(1);
      await release(won[0]!.value);
      expect(readdirSync(dir)).toEqual([]);
    }
  });
});

test('the programs are copied whole: links made, readable by everyone, without build files', async () => {
  const native = join(dir, 'native');
  for (const sub of ['bin', 'lib/pkgconfig', 'share/zone']) mkdirSync(join(native, sub), { recursive: true });
  const files = ['bin/postgres', 'lib/libx.so.1.2', 'lib/libx.a', 'lib/pkgconfig/x.pc', 'share/zone/UTC'];
  for (const file of files) writeFileSync(join(native, file), file, { mode: 0o600 });
  const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }];
  writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links));

  const to = join(dir, 'made', 'copy');
  const umask = process.umask(0o077);
  const copies = [copyNative(native, to), copyNative(native, to), copyNative(native, to)];
  await Promise.all(copies).finally(() => process.umask(umask));

  expect(readdirSync(join(dir, 'made'))).toEqual(['copy']);
  expect(readlinkSync(join(to, 'lib/libx.so.1'))).toBe('libx.so.1.2');
  expect(readFileSync(join(to, 'lib/libx.so.1'), 'utf8')).toBe('lib/libx.so.1.2');
  expect(readdirSync(join(to, 'lib')).sort()).toEqual(['libx.so.1', 'libx.so.1.2']);
  const mode = (path: string) => (statSync(join(to, path)).mode & 0o777).toString(8);
  expect(['..', '.', 'share/zone', 'bin/postgres', 'share/zone/UTC'].map(mode)).toEqual([
    '755',
    '755',
    '755',
    '755',
    '644',
  ]);
});

describe('the directory of the socket', () => {
  const pathOf = (socketDir: string) => `${socketDir}/.s.PGSQL.5432`;

  test('is within the data directory, for the owner alone', async () => {
    const made = await makeSocketDir(dir, me);
    expect(made).toBe(join(dir, 'socket'));
    expect(statSync(made).mode & 0o777).toBe(0o700);
    expect(readdirSync(made)).toEqual([]);
  });

  test('has a short path all the same where the data directory and TMPDIR have long ones', async () => {
    const long = join(dir, 'x'.repeat(90));
    mkdirSync(long);
    vi.stubEnv('TMPDIR', long);
    const made = await makeSocketDir(long, me);
    expect(pathOf(made).length).toBeLessThan(104);
    expect(statSync(made).mode & 0o777).toBe(0o700);
    expect(await makeSocketDir(long, me)).toBe(made);
    rmSync(made, { recursive: true });
  });

  test('is another one where its name is taken by something open to others', async () => {
    const first = await makeSocketDir(dir, me);
    chmodSync(first, 0o777);
    const second = await makeSocketDir(dir, me);
    expect(second).not.toBe(first);
    expect(statSync(second).mode & 0o777).toBe(0o700);
  });
});

describe('the log of the server', () => {
  test('holds no whole token, even one that comes in two pieces', () => {
    const log = new ServerLog(join(dir, 'server.log'), me);
    log.write('ERROR:  invalid input "coalmine1abc');
    log.write('defghij234"\nnext\n');
    log.close();
    expect(readFileSync(join(dir, 'server.log'), 'utf8')).toBe('ERROR:  invalid input "coalmine1…"\nnext\n');
    expect(log.tail).not.toContain('defghij');
  });

  test('stays within two files of a megabyte, and keeps its end', () => {
    const log = new ServerLog(join(dir, 'server.log'), me);
    for (let n = 0; n < 30_000; n++) log.write(`${n} ${'x'.repeat(100)}\n`);
    log.close();
    const sizes = readdirSync(dir).map(name => statSync(join(dir, name)).size);
    expect(sizes).toHaveLength(2);
    for (const size of sizes) expect(size).toBeLessThan(1_010_000);
    expect(log.tail.split('\n').at(-1)).toMatch(/^29999 /);
    expect(log.tail.split('\n')).toHaveLength(20);
  });
});

test('a program that can’t be started leaves no timer behind to keep the process', async () => {
  const timers = () => process.getActiveResourcesInfo().filter(r => r === 'Timeout').length;
  const before = timers();
  await expect(
    runTool('/nonexistent/initdb', [], { uid: 0, gid: 0, switched: false }, { timeoutMs: 60_000 }),
  ).rejects.toThrow('ENOENT');
  expect(timers()).toBe(before);
});
