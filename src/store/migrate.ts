/**
 * Brings a database to this version's tables. Safe when many start at once: one holds an advisory lock, the others wait
 * and find the work done. Never goes back.
 */
import { migrations } from './migrations.gen.ts';
import type { Sql, Tx } from './open.ts';

/** Anybody's key would do; this is `coalmine` in ASCII, cut to an int8. */
const LOCK = '7164772512837988965';
const SERVER_MIN = 140_000;

/** The database isn't one this version can work on. The message says what was expected, found and what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** Applies what is missing, in order, all in one transaction. Returns the names applied. */
export async function migrate(sql: Sql): Promise<string[]> {
  const applied = await sql.begin(async tx => {
    const [server] = await tx<{ version: string }[]>`select current_setting('server_version_num') as version`;
    if (Number(server?.version) < SERVER_MIN) {
      throw new MigrationError(
        `expected PostgreSQL 14 or newer, found server_version_num ${server?.version}: upgrade the server`,
      );
    }
    await tx`select pg_advisory_xact_lock(${LOCK}::int8)`;
    return await applyMissing(tx);
  });
  return applied as string[];
}

async function applyMissing(sql: Tx): Promise<string[]> {
  await sql`
    create table if not exists coalmine_migration (
      name text primary key, hash text not null, applied_at timestamptz not null default clock_timestamp())`;
  const rows = await sql<{ name: string; hash: string }[]>`select name, hash from coalmine_migration`;
  const applied = new Map(rows.map(r => [r.name, r.hash]));
  const unknown = [...applied.keys()].filter(name => !migrations.some(m => m.name === name));
  if (unknown.length > 0) {
    throw new MigrationError(
      `expected a store of this version or older, found migrations it doesn't know (${unknown.join(', ')}): run the newer coalmine that wrote them`,
    );
  }
  const done: string[] = [];
  for (const m of migrations) {
    const hash = applied.get(m.name);
    if (hash !== undefined && hash !== m.hash) {
      throw new MigrationError(
        `expected migration ${m.name} with hash ${m.hash}, found ${hash}: the store was made by a changed build; use that build, or export and import`,
      );
    }
    if (hash !== undefined) continue;
    for (const statement of m.statements) await sql.unsafe(statement);
    await sql`insert into coalmine_migration (name, hash) values (${m.name}, ${m.hash})`;
    done.push(m.name);
  }
  return done;
}

/** Names that `migrate` would apply. */
export async function pendingMigrations(sql: Sql): Promise<string[]> {
  const [known] = await sql<
    { there: boolean }[]
  >`select to_regclass('coalmine_migration') is not null as there`;
  if (!known?.there) return migrations.map(m => m.name);
  const rows = await sql<{ name: string }[]>`select name from coalmine_migration`;
  return migrations.map(m => m.name).filter(name => !rows.some(r => r.name === name));
}
