/** Full disks, by a small file system of memory: what can't be committed isn't sent, it is said once, and it goes on by itself. */
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { account, ask, fileConfig, getJson, newDir, type Program, run, tokensIn, until } from './program.ts';

const mounts: string[] = [];

/** A file system of this size, or undefined where we may not mount one. */
function smallDisk(megabytes: number): string | undefined {
  const at = join(newDir(), 'disk');
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'coalmine-test', at], {
      stdio: 'pipe',
    });
  } catch {
    return undefined;
  }
  mounts.push(at);
  chmodSync(at, 0o755);
  return at;
}

/** Takes all that is left. */
function fill(at: string): void {
  const fd = openSync(join(at, 'ballast'), 'w');
  const block = Buffer.alloc(65_536, 1);
  try {
    for (let size = block.length; size >= 1; ) {
      try {
        if (writeSync(fd, block, 0, size) < size) size = Math.floor(size / 2);
      } catch {
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(fd);
  }
}

const free = (at: string) => rmSync(join(at, 'ballast'));

afterAll(() => {
  for (const at of mounts) execFileSync('umount', ['-l', at]);
});

const canMount = smallDisk(1) !== undefined;

interface Ready {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason: string }[];
}
const writes = async (program: Program) =>
  ((await getJson(`${program.url}/readyz`)) as Ready).checks.find(c => c.name === 'writes');

describe.skipIf(!canMount)('a full disk (needs the right to mount a tmpfs)', () => {
  test('under the embedded store', async () => {
    const dir = newDir();
    const disk = smallDisk(128)!;
    const path = join(dir, 'hello.log');
    const dataDir = join(disk, 'data');
    const targets = Array.from({ length: 40 }, (_, i) => `web-${i}`);
    const yaml = fileConfig(dir, {
      head: `store: { kind: embedded, data_dir: ${JSON.stringify(dataDir)} }`,
      lostAfter: '4s',
      rest: `    targets: [${targets.join(', ')}]\n`,
    });
    const program = await run(dir, yaml);
    await until(() => expect(tokensIn(path).length).toBeGreaterThan(0));
    fill(disk);
    await until(async () => {
      const check = await writes(program);
      expect(check).toMatchObject({ name: 'writes', ok: false });
    }, 15_000);
    expect((await fetch(`${program.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${program.url}/healthz`)).status).toBe(200);
    // What left was committed: every name in the log has its row.
    free(disk);
    await until(async () => expect((await writes(program))?.ok).toBe(true), 15_000);
    const before = tokensIn(path).length;
    await until(() => expect(tokensIn(path).length).toBeGreaterThan(before), 15_000);
    const told = program.log().filter(l => l.event === 'store.unusable');
    expect(told.length).toBe(1);
    expect(program.log().filter(l => l.level === 'error').length).toBeLessThan(20);
    const books = await ask(dataDir, sql => account(sql, targets.length));
    expect(books.verdicts.lost ?? 0).toBe(0);
    expect(books.total).toBe(books.scheduled);
    const [row] = await ask(
      dataDir,
      sql => sql`select count(*)::int as n from beat b, unnest(b.targets) where b.kind = 'planned'`,
    );
    expect(new Set(tokensIn(path)).size).toBe(tokensIn(path).length);
    expect(row?.n).toBeGreaterThanOrEqual(tokensIn(path).length);
    expect((await program.end()).code).toBe(0);
  }, 60_000);

  test('under the log that canaries are written to: refused by the first hop, with the reason', async () => {
    const dir = newDir();
    const disk = smallDisk(1)!;
    const path = join(disk, 'hello.log');
    const program = await run(dir, fileConfig(dir, { path, lostAfter: '30s' }));
    await until(() => expect(tokensIn(path).length).toBeGreaterThan(0));
    fill(disk);
    const refused = sqlOf(dir, 'sendings[1] in (1, 2)');
    await until(async () => expect(await refused()).toBeGreaterThan(0));
    expect((await fetch(`${program.url}/readyz`)).status).toBe(200);
    const [row] = await ask(
      join(dir, 'data'),
      sql => sql`select reasons::text as why from beat where reasons is not null limit 1`,
    );
    expect(row?.why).toMatch(/no space left/i);
    free(disk);
    const sent = tokensIn(path).length;
    await until(() => expect(tokensIn(path).length).toBeGreaterThan(sent + 1));
    const { verdicts } = await ask(join(dir, 'data'), account);
    expect(verdicts.lost ?? 0).toBe(0);
    expect((await program.end()).code).toBe(0);
  });
});

const sqlOf = (dir: string, where: string) => async (): Promise<number> => {
  const [row] = await ask(join(dir, 'data'), sql =>
    sql.unsafe(`select count(*)::int as n from beat where ${where}`),
  );
  return row?.n ?? 0;
};

test.skipIf(canMount)('full disks were not tried: this user may not mount a tmpfs', ctx => ctx.skip());
