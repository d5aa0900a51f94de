/** A database of its own for a test file, and the proof that the file closed what it opened. */
import { afterAll, beforeAll, inject } from 'vitest';
import { type OpenOptions, openStore, type Sql } from '../../src/store/open.ts';
import { withDatabase } from './postgres-global.ts';

export interface TestDatabase {
  /** For `openStore`. Only inside tests and hooks. */
  readonly options: OpenOptions;
  readonly name: string;
}

export interface DatabaseOptions {
  /** A database without our schema, for tests of the migrations themselves. */
  readonly empty?: boolean;
}

/** What a pool that was ended a moment ago may still take to be gone from the server's list. */
const CLOSE_WITHIN_MS = 1_000;

let count = 0;

/**
 * Call at the top of a file or of a `describe`. The database is there from `beforeAll` on and dropped after
 * the last `afterAll` of the same level; connections still open then fail it.
 */
export function useDatabase({ empty = false }: DatabaseOptions = {}): TestDatabase {
  const { admin, template } = inject('postgres');
  // Copying files is the fastest without fsync, and would checkpoint a server that others use.
  const strategy = admin.url === undefined ? 'strategy file_copy' : '';
  count += 1;
  const name = `coalmine_test_${process.pid}_${Date.now().toString(36)}_${count}`;

  beforeAll(async () => {
    await as(admin, sql =>
      sql.unsafe(`create database ${name} template ${empty ? 'template0' : template} ${strategy}`),
    );
  });

  afterAll(async () => {
    await as(admin, async sql => {
      const open = await leaked(sql, name);
      await sql.unsafe(`drop database if exists ${name} with (force)`);
      if (open.length > 0) {
        throw new Error(
          `${open.length} connections were left open; end() every pool. They are:\n${open.join('\n')}`,
        );
      }
    });
  });

  return { options: withDatabase(admin, name), name };
}

async function as<T>(admin: OpenOptions, use: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openStore({ ...admin, max: 1, applicationName: 'coalmine tests' });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function leaked(sql: Sql, name: string): Promise<string[]> {
  const end = performance.now() + CLOSE_WITHIN_MS;
  for (;;) {
    const rows = await sql<{ application_name: string; state: string; query: string }[]>`
      select application_name, state, left(query, 200) as query from pg_stat_activity
      where datname = ${name} and backend_type = 'client backend'`;
    if (rows.length === 0 || performance.now() > end) {
      return rows.map(r => `${r.application_name}, ${r.state}: ${r.query}`);
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
