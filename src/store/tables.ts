/** The ledger's tables as the database itself knows them, so that what copies all of them forgets none. */
import type { Sql, Tx } from './open.ts';

export interface LedgerTable {
  readonly name: string;
  /** Rows in a stable order: by the primary key; by the whole row where there is none. */
  readonly orderBy: string;
  /** Columns that draw their numbers from a sequence. */
  readonly identities: readonly string[];
}

/** Told apart: `meta` says who the store is, `coalmine_migration` how its tables came to be, `replica` who lives now. */
const OWN = ['meta', 'coalmine_migration', 'replica'];

/** All tables that hold rows of the ledger, by name. */
export async function readTables(sql: Sql | Tx): Promise<LedgerTable[]> {
  const rows = await sql<{ name: string; key: string[] | null; identities: string[] | null }[]>`
    select c.relname as name,
           (select json_agg(quote_ident(a.attname) order by k.n)
              from pg_index i
             cross join lateral unnest(i.indkey::int2[]) with ordinality as k(attnum, n)
              join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
             where i.indrelid = c.oid and i.indisprimary) as key,
           (select json_agg(a.attname order by a.attnum) from pg_attribute a
             where a.attrelid = c.oid and a.attidentity <> '') as identities
      from pg_class c
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname not in (select json_array_elements_text(${JSON.stringify(OWN)}::text::json))
     order by c.relname`;
  return rows.map(({ name, key, identities }) => ({
    name,
    orderBy: key === null ? 't::text' : key.join(', '),
    identities: identities ?? [],
  }));
}

/** Names and hashes of the migrations that made these tables, in order. */
export const readMigrations = (sql: Sql | Tx): Promise<{ name: string; hash: string }[]> =>
  sql<{ name: string; hash: string }[]>`
    select name, hash from coalmine_migration order by name`.then(rows => rows.map(r => ({ ...r })));
