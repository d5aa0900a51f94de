import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { useDatabase } from './database.ts';

describe('useDatabase', () => {
  const one = useDatabase();
  const other = useDatabase();
  const bare = useDatabase({ empty: true });

  test('gives each caller a database of its own', async () => {
    const [a, b] = [openStore(one.options), openStore(other.options)];
    try {
      await a`create table only_here (n int)`;
      expect((await a`select current_database() as name`)[0]!.name).toBe(one.name);
      expect((await b`select to_regclass('only_here') as found`)[0]!.found).toBeNull();
    } finally {
      await Promise.all([a.end(), b.end()]);
    }
  });

  test('gives an empty one on demand', async () => {
    const sql = openStore(bare.options);
    try {
      const tables =
        await sql`select 1 from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`;
      expect(tables).toHaveLength(0);
    } finally {
      await sql.end();
    }
  });
});
