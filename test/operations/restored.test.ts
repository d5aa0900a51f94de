/** An older backup of the ledger is put back: no name is given out twice, nothing is falsely lost, and it is said. */
import { execFileSync } from 'node:child_process';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { account, ask, fileConfig, getJson, newDir, run, tokensIn, until } from './program.ts';

const KEY = 'signing_keys: [0123456789abcdef0123456789abcdef]';

test('a restored backup begins a new epoch by itself', async () => {
  const dir = newDir();
  const dataDir = join(dir, 'data');
  const path = join(dir, 'hello.log');
  const yaml = fileConfig(dir, { rest: KEY, lostAfter: '5s' });

  const first = await run(dir, yaml);
  await until(() => expect(tokensIn(path).length).toBeGreaterThanOrEqual(2));
  expect((await first.end()).code).toBe(0);
  cpSync(dataDir, join(dir, 'backup'), { recursive: true, preserveTimestamps: true });
  own(join(dir, 'backup'), dataDir);
  const atBackup = tokensIn(path);

  const second = await run(dir, yaml);
  expect(second.log().filter(l => l.event === 'store.restored')).toEqual([]);
  await until(() => expect(tokensIn(path).length).toBeGreaterThanOrEqual(atBackup.length + 2));
  expect((await second.end()).code).toBe(0);
  const before = tokensIn(path);
  const orphans = before.length - atBackup.length;

  rmSync(dataDir, { recursive: true });
  renameSync(join(dir, 'backup'), dataDir);
  const third = await run(dir, yaml);
  const said = third.log().filter(l => l.event === 'store.restored');
  expect(said).toMatchObject([{ level: 'warn', epoch: 2 }]);
  expect(said[0]?.means).toMatch(/restored backup.*new epoch.*orphans.*nothing is lost/s);
  await until(() => expect(tokensIn(path).length).toBeGreaterThanOrEqual(before.length + 2));
  await until(async () => {
    const [row] = await ask(dataDir, sql => sql`select count(*)::int as n from orphan`);
    expect(row?.n).toBe(orphans);
  });
  const page = await (await fetch(`${third.url}/pipelines/hello`)).text();
  expect(page).toMatch(/restored backup/);
  expect(page).toMatch(/orphan/);
  expect(JSON.stringify(await getJson(`${third.url}/api/v1/pipelines/hello`))).toContain('"restored"');
  const books = await ask(dataDir, sql => account(sql));
  expect(books.verdicts.lost ?? 0).toBe(0);
  expect((await third.end()).code).toBe(0);

  // Names: the part of a token before its MAC.
  const names = tokensIn(path).map(token => token.slice(0, 25));
  expect(new Set(names).size).toBe(names.length);

  const fourth = await run(dir, yaml);
  expect(fourth.log().filter(l => l.event === 'store.restored')).toEqual([]);
  await fourth.end();
}, 30_000);

/** As root the store's files belong to the server's own account. */
function own(copy: string, original: string): void {
  if (process.geteuid?.() !== 0) return;
  execFileSync('chown', ['-R', '--reference', join(original, 'postgres'), join(copy, 'postgres')]);
}
