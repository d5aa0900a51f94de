/** What is old goes; what it counted for stays. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dropOld, dropPast } from '../../src/store/tidy.ts';
import { useDatabase } from '../support/database.ts';
import { accountsOf, Small, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
beforeEach(() => {
  w = new Small(db.options);
});
afterEach(() => w.close());

const countOf = async (table: string) =>
  Number((await w.sql`select count(*) as n from ${w.sql(table)}`)[0]?.n);

test('ordinary rows go with their marks, lost ones stay, open ones stay, and the rollups keep all counts', async () => {
  await w.start(small());
  await w.run(6_000);
  w.sink.fate = () => 'dropped';
  await w.run(2_000);
  w.sink.fate = () => 'kept';
  await w.run(8_000);
  const before = await accountsOf(w.sql);
  const all = await countOf('beat');
  const [open] = await w.sql<
    { n: number }[]
  >`select count(*)::int as n from mark where next_due_ms is not null`;
  const [lost] = await w.sql<{ n: number }[]>`select count(*)::int as n from mark where counts ? 'lost'`;
  const nowMs = w.clock.now();
  const dropped = await dropOld(w.sql, { fromMs: 0, canariesMs: nowMs + 1, exceptionsMs: 0 });
  expect(lost?.n).toBeGreaterThan(0);
  expect(dropped).toBeGreaterThan(0);
  expect(await countOf('beat')).toBe(all - dropped);
  expect(await countOf('mark')).toBe(await countOf('beat'));
  const [left] = await w.sql<{ lost: number; open: number }[]>`
    select count(*) filter (where counts ? 'lost')::int as lost,
           count(*) filter (where next_due_ms is not null)::int as open from mark`;
  expect(left).toEqual({ lost: lost?.n, open: open?.n });
  expect((await accountsOf(w.sql)).rolled).toEqual(before.rolled);
  // A copy of one that is gone is told from an orphan by its age alone.
  await dropOld(w.sql, { fromMs: 0, canariesMs: nowMs + 1, exceptionsMs: nowMs + 1 });
  expect(await countOf('mark')).toBe(open?.n);
});

test('rollups, findings and orphans go past their retention', async () => {
  await w.start(small());
  await w.run(8_000);
  const nowMs = w.clock.now();
  await w.sql`insert into finding values (1, 1, 'echo', ${nowMs}, 1, ${nowMs}, ${nowMs}, null)`;
  await w.sql`insert into orphan values (1, 1, 1, ${nowMs}, 1, ${nowMs})`;
  await w.sql`insert into counted select 1, 1, n, ${nowMs}::int8 + n from generate_series(0, 20000) n`;
  const tables = ['finding', 'orphan', 'rollup', 'counted'];
  const counts = async () => Promise.all(tables.map(countOf));
  expect(await counts()).toEqual([1, 1, 1, 20_001]);
  await dropPast(w.sql, { exceptionsMs: nowMs, rollupsMs: nowMs - 2 * 3_600_000, readMs: nowMs });
  // Of those beyond the bound the oldest go.
  expect([await counts(), (await w.sql`select min(record) as oldest from counted`)[0]?.oldest]).toEqual([
    [1, 1, 1, 20_000],
    1,
  ]);
  await dropPast(w.sql, { exceptionsMs: nowMs + 1, rollupsMs: nowMs + 1, readMs: nowMs + 20_000 });
  expect(await counts()).toEqual([0, 0, 0, 1]);
});
