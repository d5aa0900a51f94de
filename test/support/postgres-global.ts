/**
 * One PostgreSQL for a whole run of the tests: a private one, made for it and removed with it, or the one that
 * COALMINE_TEST_POSTGRES=postgres://… names (its user must be allowed to create databases). Migrations run once,
 * into a template; `useDatabase()` copies it for each file.
 */
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/runtimes/embedded/index.ts';
import { type OpenOptions, openStore, type Sql } from '../../src/store/open.ts';

/** What the files are told. */
export interface TestServer {
  /** How to reach the server; `database` is one to be in while creating and dropping others. */
  readonly admin: OpenOptions;
  /** Holds the schema, and nothing else. */
  readonly template: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestServer;
  }
}

/** Nothing here needs to outlive a power failure; eight files with a few pools each need room. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const url = process.env.COALMINE_TEST_POSTGRES;
  const server = url ? { admin: { url }, stop: async () => {} } : await startPrivate();
  const template = `coalmine_template_${process.pid}_${Date.now().toString(36)}`;
  const admin = openStore({ ...server.admin, max: 1 });
  const end = async () => {
    // A private server takes its databases with it.
    if (url) await admin.unsafe(`drop database if exists ${template} with (force)`);
    await admin.end({ timeout: 5 });
    await server.stop();
  };
  try {
    await admin.unsafe(`create database ${template}`);
    await migrateInto(withDatabase(server.admin, template));
  } catch (error) {
    await end();
    throw error;
  }
  project.provide('postgres', { admin: server.admin, template });
  return end;
}

/** The same server, another database. */
export function withDatabase(admin: OpenOptions, database: string): OpenOptions {
  if (admin.url === undefined) return { ...admin, database };
  const url = new URL(admin.url);
  url.pathname = `/${database}`;
  return { url: url.href };
}

async function migrateInto(options: OpenOptions): Promise<void> {
  const path = join(import.meta.dirname, '../../src/store/migrate.ts');
  if (!existsSync(path)) return;
  const { migrate } = (await import(path)) as { migrate(sql: Sql): Promise<unknown> };
  const sql = openStore({ ...options, max: 1 });
  try {
    await within(MIGRATE_WITHIN_MS, migrate(sql));
  } finally {
    // The template can't be copied while somebody is in it.
    await sql.end({ timeout: 5 });
  }
}

/** vitest gives a global setup all the time in the world; one that waits for itself would never end. */
const MIGRATE_WITHIN_MS = 30_000;

async function within(ms: number, migrating: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`migrate() didn't end within ${ms} ms on a pool of one`)), ms);
  });
  await Promise.race([migrating, late]).finally(() => clearTimeout(timer));
}

const PREFIX = 'coalmine-test-';

async function startPrivate(): Promise<{ admin: OpenOptions; stop: () => Promise<void> }> {
  await sweep();
  const dir = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(dir, 'owner'), String(process.pid));
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
  const store = await startEmbedded({ dataDir: dir, settings: SETTINGS, log: () => {} }).catch(error => {
    remove();
    throw error;
  });
  // For ends that vitest doesn't tear down after. The server's own watcher is too polite to wait for here.
  const leave = () => {
    try {
      process.kill(store.pid(), 'SIGQUIT');
    } catch {
      // It has gone already.
    }
    remove();
  };
  process.once('exit', leave);
  const stop = async () => {
    process.off('exit', leave);
    await store.stop();
    remove();
  };
  return { admin: store.connection, stop };
}

/** Removes what runs left behind that were killed: their servers are gone, their directories aren't. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const dir = join(tmpdir(), name);
    const owner = Number(await readFile(join(dir, 'owner'), 'utf8').catch(() => ''));
    // Another user's directory can't be removed, and isn't ours to.
    if (owner > 0 && !isRunning(owner)) await rm(dir, { recursive: true, force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
