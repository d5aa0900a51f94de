/** Migrations: many at once, never back, and not over a store that another build made. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MigrationError, migrate, pendingMigrations } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations.gen.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';

const names = migrations.map(m => m.name);

describe('an empty database', () => {
  const database = useDatabase({ empty: true });
  test('ten at once: one does the work, the others find it done', async () => {
    const pools = Array.from({ length: 10 }, () => openStore({ ...database.options, max: 1 }));
    try {
      expect(await pendingMigrations(pools[0]!)).toEqual(names);
      const done = await Promise.all(pools.map(migrate));
      expect(done.filter(d => d.length > 0)).toEqual([names]);
      expect(await pendingMigrations(pools[0]!)).toEqual([]);
      expect(await migrate(pools[0]!)).toEqual([]);
    } finally {
      await Promise.all(pools.map(p => p.end()));
    }
  });
});

describe('a store that is not ours to change', () => {
  const database = useDatabase();
  let sql: Sql;
  beforeAll(() => {
    sql = openStore({ ...database.options, max: 1 });
  });
  afterAll(() => sql.end());
  beforeEach(() => sql`delete from coalmine_migration where name like '9%'`);
  const tables = async () =>
    (
      await sql`select table_name || '.' || column_name as c from information_schema.columns
                where table_schema = current_schema() order by 1`
    ).map(r => r.c);

  test('a newer one is refused, by name, and left as it is', async () => {
    const before = await tables();
    await sql`insert into coalmine_migration (name, hash) values ('9999_future', 'x')`;
    await expect(migrate(sql)).rejects.toThrow(MigrationError);
    await expect(migrate(sql)).rejects.toThrow(/9999_future.*newer coalmine/);
    expect(await tables()).toEqual(before);
  });

  test('one that a changed build made is refused', async () => {
    const [first] = migrations;
    await sql`update coalmine_migration set hash = 'other' where name = ${first!.name}`;
    try {
      await expect(migrate(sql)).rejects.toThrow(/expected migration 0000_ledger with hash .*, found other/);
    } finally {
      await sql`update coalmine_migration set hash = ${first!.hash} where name = ${first!.name}`;
    }
    expect(await migrate(sql)).toEqual([]);
  });

  test('a migration that fails leaves nothing behind', async () => {
    const last = migrations.at(-1)!;
    await sql`delete from coalmine_migration where name = ${last.name}`;
    const before = await tables();
    await expect(migrate(sql)).rejects.toThrow(/already exists/);
    expect(await tables()).toEqual(before);
    await sql`insert into coalmine_migration (name, hash) values (${last.name}, ${last.hash})`;
  });
});
