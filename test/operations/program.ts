/** `coalmine run` as an operator has it: the compiled program in a process of its own, asked over HTTP, its ledger read beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, vi } from 'vitest';
import { runningEmbedded } from '../../src/runtimes/embedded/index.ts';
import { CLI } from '../cli/child.ts';

export interface Program {
  readonly pid: number;
  /** Where it answers. */
  readonly url: string;
  /** Its log, a line each. */
  log(): Line[];
  /** Sends a signal; resolves with the exit code and how long it took. */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; ms: number }>;
}

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

const children: ChildProcess[] = [];
const dirs: string[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
});

/** A directory that the store's own user may pass, gone after the test file. */
export function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-ops-'));
  chmodSync(dir, 0o755);
  dirs.push(dir);
  return dir;
}

/** Rows of JSON in a text; other lines are left out. */
const parsed = (text: string): Line[] =>
  text.split('\n').flatMap(line => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));

/** Runs `coalmine run` on this configuration until it has started. Throws with what it said where it hasn't. */
export async function run(dir: string, yaml: string, env: Record<string, string> = {}): Promise<Program> {
  const file = join(dir, 'coalmine.yaml');
  writeFileSync(file, yaml);
  const child = spawn(process.execPath, [CLI, 'run', '--config', file, '--json'], {
    cwd: dir,
    env: { ...process.env, STATE_DIRECTORY: join(dir, 'state'), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let err = '';
  child.stderr.setEncoding('utf8').on('data', chunk => {
    err += chunk;
  });
  const ended = new Promise<number | null>(resolve => child.once('close', resolve));
  const started = () => parsed(err).find(l => l.event === 'started');
  await vi.waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${err}`);
      expect(started(), err).toBeDefined();
    },
    { timeout: 20_000, interval: 20 },
  );
  return {
    pid: child.pid!,
    url: String(started()!.url),
    log: () => parsed(err),
    async end(signal = 'SIGTERM') {
      const began = performance.now();
      child.kill(signal);
      return { code: await ended, ms: performance.now() - began };
    },
  };
}

/** The path's own record of what left, newest last. */
export const tokensIn = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/coalmine1[a-z2-7]{40}/g)].map(m => m[0]);

/** Reads the ledger of a running program on an embedded store. */
export async function ask<T>(dataDir: string, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const connection = await runningEmbedded(dataDir);
  if (!connection) throw new Error(`no program runs on ${dataDir}`);
  const sql = postgres({ ...connection, max: 1, onnotice: () => {}, idle_timeout: 1 });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

export interface Account {
  /** Canaries by what became of them at all checkpoints together, drills left out. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Of all of them. */
  readonly total: number;
  /** How many the schedule had from the first beat on. */
  readonly scheduled: number;
}

/** What the ledger makes of it all: counts of rows under way, of rollups, and of beats skipped and not judged yet. */
export async function account(sql: postgres.Sql, targets = 1): Promise<Account> {
  const rows = await sql<{ bucket: string; n: number }[]>`
    select c.key as bucket, sum(c.value::int)::int as n
      from (select counts from mark where not folded union all select counts from rollup
            union all select json_build_object('unsent', copies)::jsonb from sighting where kind = 3) t
     cross join lateral jsonb_each_text(t.counts) c
     group by 1`;
  const verdicts = Object.fromEntries(
    rows.filter(r => !r.bucket.startsWith('drill')).map(r => [r.bucket, r.n]),
  );
  const [plan] = await sql<{ first: string; planned: string }[]>`
    select min(b.due_ms) as first, max(p.planned_to_ms) as planned from beat b join pipeline p on p.number = b.pipeline`;
  return {
    verdicts,
    total: Object.values(verdicts).reduce((a, b) => a + b, 0),
    scheduled: targets * (Math.floor((Number(plan?.planned) - Number(plan?.first)) / EVERY_MS) + 1),
  };
}

/** Of a pipeline by `fileConfig`. */
export const EVERY_MS = 500;

/** A pipeline from a file to the same file: it delivers at once. */
export function fileConfig(
  dir: string,
  more: {
    readonly head?: string;
    readonly path?: string;
    readonly lostAfter?: string;
    readonly rest?: string;
  } = {},
): string {
  const path = JSON.stringify(more.path ?? join(dir, 'hello.log'));
  return `${more.head ?? `store: { kind: embedded, data_dir: ${JSON.stringify(join(dir, 'data'))} }`}
listen: 127.0.0.1:0
pipelines:
  hello:
    every: ${EVERY_MS}ms
    sampling: fixed
    event: { format: sshd }
    inject: { kind: file, path: ${path} }
    checkpoints:
      - name: file
        observe: { kind: file, path: ${path} }
        on_time_within: 2s
        lost_after: ${more.lostAfter ?? '3s'}
        look_every: 200ms
        settle: 0s
${more.rest ?? ''}`;
}

export const getJson = async (url: string): Promise<unknown> => await (await fetch(url)).json();

/** Waits for what the program makes true by itself. */
export const until = (what: () => unknown, timeout = 10_000): Promise<void> =>
  vi.waitFor(async () => void (await what()), { timeout, interval: 50 });
