/** The mark of how far was planned, kept outside of the ledger: what it proves, and what it doesn't. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { markPlaces, openHighWater } from '../../src/runtimes/node/high-water.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { openWorld } from '../support/world.ts';
import { newDir } from './program.ts';

const { options } = useDatabase();
let sql: Sql;
let logs: { event: string; fields: unknown }[];
let dataDir: string;

const open = () =>
  openHighWater(sql, {
    dataDir,
    log: (_, event, fields) => void logs.push({ event, fields }),
    nowMs: () => 5_000,
  });
const epochs = async () => (await sql<{ e: number[] }[]>`select to_json(epochs) as e from meta`)[0]?.e;

beforeEach(async () => {
  sql ??= openStore(options);
  logs = [];
  dataDir = join(newDir(), 'data');
  await sql`truncate meta, pipeline, replica, finding restart identity`;
  await sql`insert into meta (store_id, epochs, created_ms, seed) values ('s', '{1,2}', 0, 'x')`;
  await sql`insert into pipeline (id, name, planned_to_ms, round) values ('a', 'a', 1000, 3), ('b', 'b', 2000, 0)`;
});
afterAll(() => sql.end());

const keep = async (plans: Record<string, readonly [number, number]>) =>
  await (await open()).keep(plans, true);

test('a ledger that is where its mark is, or further, is itself', async () => {
  await keep({ a: [3, 1000], b: [0, 1999] });
  await keep({ a: [2, 9_000_000], b: [0, 2000] });
  await open();
  expect(await epochs()).toEqual([1, 2]);
  expect(logs).toEqual([]);
});

test.each([
  ['a plan that had gone further', { a: [3, 1001] }],
  ['a later round', { a: [4, 10] }],
  ['a pipeline it doesn’t know', { a: [3, 1000], c: [0, 1] }],
] as const)('%s: an older copy, and a new epoch begins', async (_, plans) => {
  await keep(plans);
  await open();
  expect(await epochs()).toEqual([1, 2, 3]);
  expect(logs.map(l => l.event)).toEqual(['store.restored']);
  expect(await sql`select round from pipeline order by id`).toEqual([{ round: 4 }, { round: 1 }]);
  expect((await sql`select from finding where kind = 'restored'`).length).toBe(3);
  await open();
  expect(await epochs()).toEqual([1, 2, 3]);
});

test('an epoch that another life has reached isn’t taken again', async () => {
  await keep({ a: [3, 1000] });
  const [path = ''] = markPlaces(dataDir, 's');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"epoch":2', '"epoch":7'));
  await open();
  expect(await epochs()).toEqual([1, 2, 8]);
});

test('others that sign on an older copy must be stopped first', async () => {
  await keep({ a: [3, 1001] });
  await sql`insert into replica (self, seen_ms) values ('x', (extract(epoch from clock_timestamp()) * 1000)::int8)`;
  await expect(open()).rejects.toThrow(/older copy, and a coalmine that runs on it: stop every coalmine/);
  expect(await epochs()).toEqual([1, 2]);
});

test('a torn mark, and that of another store, prove nothing', async () => {
  const [path = ''] = markPlaces(dataDir, 's');
  for (const text of ['', '\0\0\0', '{"storeId":"s"', '{"storeId":"other","epoch":9,"plans":{"a":[9,9]}}']) {
    writeFileSync(path, text);
    await open();
  }
  expect(await epochs()).toEqual([1, 2]);
});

test('it lies beside the directory, so that restoring the directory leaves it; else in it; and leaves nothing half written', async () => {
  mkdirSync(dataDir);
  await keep({ a: [3, 1000] });
  expect(readdirSync(join(dataDir, '..'))).toEqual(['data', 'data.high-water']);
  expect(markPlaces(undefined, 'id', { STATE_DIRECTORY: '/x:/y' })).toEqual(['/x/high-water-id']);
  const [beside = ''] = markPlaces(dataDir, 's');
  mkdirSync(`${beside}.new`);
  await keep({ a: [3, 1002] });
  expect(readFileSync(join(dataDir, 'high-water'), 'utf8')).toContain('1002');
});

test('where none can be kept it is said once', async () => {
  dataDir = '/dev/null/nowhere/data';
  const water = await open();
  await water.keep({}, true);
  await water.keep({}, true);
  expect(logs.map(l => l.event)).toEqual(['store.high_water_not_kept']);
});

test('a store that forgot what it had committed while we run: no slot is planned again', async () => {
  const world = await openWorld(
    options,
    `
signing_keys: [test-key-0123456789abcdef]
pipelines:
  p:
    every: 5s
    sampling: fixed
    event: { format: sshd }
    inject: { kind: http, url: "http://nowhere/" }
    checkpoints: [{ name: hook, observe: { kind: receive }, on_time_within: 5s, lost_after: 1m }]
`,
  );
  try {
    await world.run(30_000);
    const slots = async () =>
      (await sql<{ slot: number }[]>`select slot from beat order by slot`).map(r => r.slot);
    const before = await slots();
    const forgotten = before.slice(-3);
    await sql`update pipeline set planned_to_ms = ${forgotten[0]! - 1}`;
    await sql`delete from beat where slot >= ${forgotten[0]!}`;
    await sql`delete from mark where slot >= ${forgotten[0]!}`;
    await world.run(30_000);
    const after = await slots();
    expect(after.filter(slot => forgotten.includes(slot))).toEqual([]);
    expect(after.at(-1)).toBeGreaterThan(before.at(-1)! + 20_000);
    expect(world.logs.map(l => l.event)).toContain('emit.store_went_back');
  } finally {
    await world.close();
  }
});
