/**
 * What coalmine costs that has next to nothing to do: the whole Node process (server, engine, embedded store) with a
 * hundred pipelines at one canary in ten seconds. Canaries go to memory: an outside backend would be measured too.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '../src/runtimes/node.ts';
import { cpuOf, loadNow, memoryOf, treeCpuOf, treeMemoryOf } from './lib/cpu.ts';
import { complain, configOf, say } from './lib/engine.ts';
import { createSink } from './lib/sink.ts';

const PIPELINES = 100;
/** It runs for years: what the engine's compiler spends in the first minutes isn't what it costs. */
const SETTLE_S = 180;
const MEASURE_S = 60;

/** By the child once it runs, and whenever it is asked. */
interface Told {
  readonly postgres: number;
  readonly sent: number;
  readonly commits: number;
}

export async function run(): Promise<object> {
  const child = fork(fileURLToPath(import.meta.url), ['child'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const load = loadNow();
    const { postgres } = await told(child);
    say(`running, waiting ${SETTLE_S} s`);
    await seconds(SETTLE_S);
    const from = await read(child, postgres);
    say(`measuring for ${MEASURE_S} s`);
    await seconds(MEASURE_S);
    const to = await read(child, postgres);
    const s = to.s - from.s;
    const share = (key: 'node' | 'postgresCpu') => Number((((to[key] - from[key]) / s) * 100).toFixed(2));
    return {
      pipelines: PIPELINES,
      everySeconds: 10,
      seconds: Number(s.toFixed(1)),
      canaries: to.sent - from.sent,
      percentOfOneCore: { node: share('node'), postgres: share('postgresCpu') },
      transactionsPerSecond: Number(((to.commits - from.commits) / s).toFixed(1)),
      memory: { node: memoryOf(child.pid!), postgresPssBytes: treeMemoryOf(postgres) },
      loadBefore: load,
    };
  } finally {
    child.send('stop');
    await once(child, 'exit');
  }
}

async function read(child: ChildProcess, postgres: number) {
  child.send('tell');
  const answer = await told(child);
  return {
    ...answer,
    s: performance.now() / 1_000,
    node: cpuOf(child.pid!),
    postgresCpu: treeCpuOf(postgres),
  };
}

async function told(child: ChildProcess): Promise<Told> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('the process under test ended');
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message as Told;
}

const seconds = (s: number) => new Promise<void>(resolve => setTimeout(resolve, s * 1_000));

async function serve(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'coalmine-bench-'));
  const sink = createSink({ now: Date.now, ingestTime: true, recordIds: true, keepsMs: 3_600_000 });
  const pipelines = Object.fromEntries(Array.from({ length: PIPELINES }, (_, i) => [`p${i}`, pipelineOf(i)]));
  const config = configOf(
    { pipelines, listen: '127.0.0.1:0', base_url: 'http://127.0.0.1:8090' },
    sink.registry,
  );
  const node = await startNode({
    config: { ...config, store: { kind: 'embedded', dataDir } },
    registry: sink.registry,
    log: complain,
    version: 'bench',
  });
  const tell = async () => {
    const [row] = await node.sql<{ pid: number; commits: number }[]>`
      select (select min(pid) from pg_stat_activity where backend_type = 'checkpointer') as pid,
             (select xact_commit::float8 from pg_stat_database where datname = current_database()) as commits`;
    process.send?.({
      postgres: await postmasterOf(row?.pid ?? 0),
      sent: sink.counts.accepted,
      commits: row?.commits ?? 0,
    });
  };
  process.on('message', message => {
    if (message === 'tell') return void tell();
    void node.close().then(() => {
      rmSync(dataDir, { recursive: true, force: true });
      rmSync(`${dataDir}.high-water`, { force: true });
      process.exit(0);
    });
  });
  await tell();
}

/** The server is the parent of its own workers. */
async function postmasterOf(worker: number): Promise<number> {
  const text = await readFile(`/proc/${worker}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

const pipelineOf = (i: number): object => ({
  every: '10s',
  targets: ['web-1'],
  event: { format: 'ecs' },
  inject: { kind: 'sink', stream: `s${i}` },
  checkpoints: [
    { name: 'sink', observe: { kind: 'sink', stream: `s${i}` }, on_time_within: '15s', lost_after: '10m' },
  ],
});

if (process.argv[2] === 'child' && process.send) await serve();
