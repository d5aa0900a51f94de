/** Wrong keys: a signing key that was forgotten is asked for rather than its canaries called forged; ingest keys are the sender's. */
import { createHash } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyring } from '../../src/domain/token.ts';
import { remembering } from '../../src/engine/signatures.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { admitKeys, forgetKey, noteKeys, readSigningKeys } from '../../src/store/signing-keys.ts';
import { coalmine, expectNoStack } from '../cli/child.ts';
import { useDatabase } from '../support/database.ts';
import { account, ask, fileConfig, newDir, run, tokensIn, until } from './program.ts';

const OLD = 'old-key-0123456789abcdef01234567';
const NEW = 'new-key-0123456789abcdef01234567';
const printOf = (key: string) =>
  createHash('sha256').update(`coalmine key fingerprint\0${key}`).digest('hex').slice(0, 12);
const withKeys = (dir: string, ...keys: string[]) =>
  fileConfig(dir, { rest: `signing_keys: [${keys.join(', ')}]`, lostAfter: '4s' });

test('what another key or epoch signed can be made again, for comparison with what arrives', () => {
  const of = (signingKeys: string[], epochs: number[]) =>
    createKeyring({ signingKeys, storeId: 's', epochs });
  const name = { target: 7, slot: 1_700_000_000_000, index: 1 };
  const before = of([OLD], [1]).sign(name);
  const now = of([NEW, OLD], [1, 2]);
  const by = now.verify(before.token);
  expect(by).toMatchObject({ kind: 'valid', keyIndex: 1, epoch: 1 });
  if (by.kind !== 'valid') return;
  expect(now.sign(name, by)).toEqual(before);
  expect(remembering(now, 2).sign(name, by)).toEqual(before);
  expect(now.sign(name)).not.toEqual(before);
});

describe('a rotation', () => {
  const dir = newDir();
  const dataDir = join(dir, 'data');
  const path = join(dir, 'hello.log');

  test('that forgot the old key doesn’t start: it says which one, until when, and the ways out', async () => {
    const first = await run(dir, withKeys(dir, OLD));
    await until(() => expect(tokensIn(path).length).toBeGreaterThan(0));
    await first.end();
    writeFileSync(join(dir, 'coalmine.yaml'), withKeys(dir, NEW));
    const refused = await coalmine(['run'], { cwd: dir });
    expect(refused.code).toBe(2);
    expectNoStack(refused);
    expect(refused.err).toContain(printOf(OLD));
    expect(refused.err).toMatch(/signed until \d{4}-.*Add it to signing_keys as the second.*until \d{4}-/s);
    expect(refused.err).toContain(`coalmine keys forget ${printOf(OLD)}`);
    expect(refused.err).not.toContain(OLD);
    expect(refused.err).not.toContain(NEW);
  });

  test('with the old key second goes on, and what the old one signed arrives', async () => {
    const file = withKeys(dir, NEW, OLD);
    const sent = tokensIn(path).length;
    const program = await run(dir, file);
    await until(() => expect(tokensIn(path).length).toBeGreaterThan(sent));
    await until(async () => {
      const { verdicts } = await ask(dataDir, sql => account(sql));
      expect(verdicts.lost ?? 0).toBe(0);
      expect((verdicts.on_time ?? 0) + (verdicts.late ?? 0) + (verdicts.delivered ?? 0)).toBeGreaterThan(
        sent,
      );
    });
    const [row] = await ask(
      dataDir,
      sql => sql`select count(*)::int as n from finding where kind <> 'skipped'`,
    );
    expect(row?.n).toBe(0);
    await program.end();
  });
});

test('a key that is gone for good is given up on purpose: what it signed is unproven, not lost', async () => {
  const dir = newDir();
  const [sent, seen] = [join(dir, 'hello.log'), join(dir, 'seen.log')];
  writeFileSync(seen, '');
  const config = (key: string) =>
    withKeys(dir, key).replace(/observe: .*/, `observe: { kind: file, path: ${JSON.stringify(seen)} }`);
  const first = await run(dir, config(OLD));
  await until(() => expect(tokensIn(sent).length).toBeGreaterThan(3));
  await first.end();
  const forgot = await coalmine(['keys', 'forget', printOf(OLD)], { cwd: dir });
  expect(forgot.code).toBe(2);
  expect(forgot.err).toMatch(/take it out there first/);
  writeFileSync(join(dir, 'coalmine.yaml'), config(NEW));
  const unknown = await coalmine(['keys', 'forget', '000000000000'], { cwd: dir });
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain(printOf(OLD));
  expect((await coalmine(['keys', 'forget', printOf(OLD)], { cwd: dir })).code).toBe(0);

  // From now on the path carries everything, the canaries of the old key too, which nobody can verify any more.
  const old = tokensIn(sent).length;
  const program = await run(dir, config(NEW));
  await until(async () => {
    copyFileSync(sent, seen);
    const { verdicts } = await ask(join(dir, 'data'), account);
    expect(verdicts.unproven ?? 0).toBeGreaterThanOrEqual(old);
    expect(verdicts.on_time ?? 0).toBeGreaterThan(0);
  }, 20_000);
  const { verdicts } = await ask(join(dir, 'data'), account);
  expect(verdicts.lost ?? 0).toBe(0);
  expect((await program.end()).code).toBe(0);
}, 40_000);

test('a push with a wrong key is the sender’s to mend: 401, and the store hears nothing of it', async () => {
  const dir = newDir();
  const program = await run(
    dir,
    fileConfig(dir, {
      rest: `      - { name: hook, after: source, observe: { kind: receive }, on_time_within: 5s, lost_after: 1m }
access: { keys: [{ name: hook, key: right-key-0123456789, scopes: [ingest] }, { name: reader, key: read-key-0123456789, scopes: [read] }] }
`,
    }),
  );
  const push = (key: string | undefined) =>
    fetch(`${program.url}/ingest/hello/hook`, {
      method: 'POST',
      body: '{"message":"x"}\n',
      headers: { 'content-type': 'application/x-ndjson', ...(key ? { authorization: `Bearer ${key}` } : {}) },
    });
  expect((await push(undefined)).status).toBe(401);
  const wrong = await push('wrong-key-0123456789');
  expect(wrong.status).toBe(401);
  expect(await wrong.text()).not.toContain('wrong-key');
  expect((await push('read-key-0123456789')).status).toBe(403);
  expect((await push('right-key-0123456789')).status).toBeLessThan(300);
  expect((await fetch(`${program.url}/api/v1/pipelines`)).status).toBe(401);
  expect((await fetch(`${program.url}/readyz`)).status).toBe(200);
  expect(JSON.stringify(program.log())).not.toContain('wrong-key');
  await program.end();
});

describe('keys of replicas', () => {
  const { options } = useDatabase();
  let sql: Sql;
  const times = { nowMs: 1_000_000_000, lookBackMs: 60_000, leaseMs: 20_000 };
  afterAll(() => sql.end());
  beforeAll(async () => {
    sql = openStore(options);
    await sql`insert into replica (self, seen_ms) values ('other', (extract(epoch from clock_timestamp()) * 1000)::int8)`;
    await noteKeys(sql, ['a', 'b'], { self: 'other', nowMs: times.nowMs });
  });

  test('none signs by a key that another one, which runs, doesn’t know', async () => {
    await expect(admitKeys(sql, ['c', 'a'], times)).rejects.toThrow(
      /know the key c before one signs by it.*\(other\)/,
    );
    await expect(admitKeys(sql, ['b', 'a'], times)).resolves.toBeUndefined();
    await sql`update replica set seen_ms = 0`;
    await expect(admitKeys(sql, ['c', 'a'], times)).resolves.toBeUndefined();
  });

  test('a key is asked for as long as its canaries are looked for', async () => {
    await expect(admitKeys(sql, ['c'], times)).rejects.toThrow(/expected the signing key a/);
    const later = { ...times, nowMs: times.nowMs + times.lookBackMs + 6 * 60_000 };
    await expect(admitKeys(sql, ['c'], later)).resolves.toBeUndefined();
    expect(await forgetKey(sql, 'a')).toBe(true);
    expect(await forgetKey(sql, 'a')).toBe(false);
    expect(await readSigningKeys(sql)).toEqual([]);
    await expect(admitKeys(sql, ['c'], times)).resolves.toBeUndefined();
  });
});
