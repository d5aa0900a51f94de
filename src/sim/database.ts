/** A database for each run: migrated once as a template, copied for every run, and dropped after it. */
import { createHash } from 'node:crypto';
import { migrate } from '../store/migrate.ts';
import { migrations } from '../store/migrations.gen.ts';
import { type OpenOptions, openStore, type Sql } from '../store/open.ts';
import { CLOCK_DDL } from './database-clock.ts';

export interface RunDatabase {
  readonly options: OpenOptions;
  drop(): Promise<void>;
}

let count = 0;
/** Servers that are known to have the template. */
const prepared = new Map<string, Promise<void>>();

/** On the server that these options reach; their user must be allowed to create databases. */
export async function createRunDatabase(admin: OpenOptions): Promise<RunDatabase> {
  const template = templateName();
  const server = JSON.stringify(admin);
  let ready = prepared.get(server);
  if (!ready) {
    ready = prepareTemplate(admin, template);
    prepared.set(server, ready);
  }
  await ready.catch(error => {
    prepared.delete(server);
    throw error;
  });
  const name = `coalmine_sim_${process.pid}_${++count}`;
  await asAdmin(admin, async sql => {
    await sql.unsafe(`drop database if exists ${name} with (force)`);
    await sql.unsafe(`create database ${name} template ${template}`);
  });
  return {
    options: inDatabase(admin, name),
    drop: () => asAdmin(admin, async sql => void (await sql.unsafe(`drop database ${name} with (force)`))),
  };
}

/** Removes the template from a server, for those who leave nothing behind. */
export async function dropTemplate(admin: OpenOptions): Promise<void> {
  prepared.delete(JSON.stringify(admin));
  await asAdmin(
    admin,
    async sql => void (await sql.unsafe(`drop database if exists ${templateName()} with (force)`)),
  );
}

/** Another version of the tables or of our additions has another template. */
function templateName(): string {
  const hash = createHash('sha256').update(JSON.stringify([migrations.map(m => m.hash), CLOCK_DDL, QUIET]));
  return `coalmine_sim_template_${hash.digest('hex').slice(0, 10)}`;
}

/** Statistics that are gathered at times of their own would change plans, and with them the order of rows. */
const QUIET = `
  do $$ declare t record; begin
    for t in select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = 'public' and c.relkind = 'r' loop
      execute format('alter table %s set (autovacuum_enabled = false, toast.autovacuum_enabled = false)', t.name);
    end loop;
  end $$`;

const LOCK = '7164772512837988966';

async function prepareTemplate(admin: OpenOptions, template: string): Promise<void> {
  await asAdmin(admin, async sql => {
    await sql`select pg_advisory_lock(${LOCK}::int8)`;
    const known = await sql`select from pg_database where datname = ${template}`;
    if (known.length === 0) {
      // What was left half made has another name.
      await sql.unsafe(`drop database if exists ${template}_new with (force)`);
      await sql.unsafe(`create database ${template}_new`);
      await fill(inDatabase(admin, `${template}_new`));
      await sql.unsafe(`alter database ${template}_new rename to ${template}`);
    }
    await sql`select pg_advisory_unlock(${LOCK}::int8)`;
  });
}

async function fill(options: OpenOptions): Promise<void> {
  const sql = openStore({ ...options, max: 1 });
  try {
    await migrate(sql);
    for (const statement of [QUIET, ...CLOCK_DDL]) await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function inDatabase(admin: OpenOptions, database: string): OpenOptions {
  if (admin.url === undefined) return { ...admin, database };
  const url = new URL(admin.url);
  url.pathname = `/${database}`;
  return { ...admin, url: url.href };
}

async function asAdmin<T>(admin: OpenOptions, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openStore({ ...admin, max: 1, applicationName: 'coalmine simulator' });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
