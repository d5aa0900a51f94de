/**
 * Canaries fully accounted for per second: intent committed, sent to a backend in memory, seen there, judged, folded.
 * The store is the embedded server as users get it (fsync and synchronous_commit on), on the same cores.
 */
import { createClock } from '../src/runtimes/clock.ts';
import type { Sql } from '../src/store/open.ts';
import { cpuOf, loadNow, treeCpuOf } from './lib/cpu.ts';
import { configOf, openBenchEngine, say } from './lib/engine.ts';
import { createSink } from './lib/sink.ts';
import { openBenchStore, readWal } from './lib/store.ts';

/** Beats of one pipeline go out this often; their size makes the rate. */
const EVERY_MS = 100;
const ON_TIME_MS = 3_000;
const LOST_MS = 5_000;
const TRIAL_S = 14;
const FINAL_S = 38;
/** From here on what is open should no longer grow: every canary's time is over after `lost_after` and a look. */
const STEADY_S = 8;
/** What is open is read this often. */
const SAMPLE_S = 2;
/** Rates that are tried, canaries a second; the highest that holds is run for longer. */
const WIDE = [5_000, 10_000, 15_000, 20_000, 25_000, 30_000];
const NARROW = [100, 200, 400, 800, 1_600];

interface Shape {
  readonly pipelines: number;
  readonly targets: number;
  readonly everyMs: number;
}

/** One pipeline of many targets. */
const wide = (rate: number): Shape => ({
  pipelines: 1,
  targets: Math.round((rate * EVERY_MS) / 1_000),
  everyMs: EVERY_MS,
});
/** Many pipelines of one target. */
const narrow = (rate: number): Shape => ({ pipelines: rate, targets: 1, everyMs: 1_000 });

interface Trial {
  readonly rate: number;
  readonly holds: boolean;
  readonly accountedPerSecond: number;
  readonly [figure: string]: unknown;
}

export async function run(): Promise<object> {
  return { wide: await ramp(WIDE, wide), narrow: await ramp(NARROW, narrow) };
}

async function ramp(rates: readonly number[], shape: (rate: number) => Shape): Promise<object> {
  const tried: Trial[] = [];
  let best: number | undefined;
  for (const rate of rates) {
    const trial = await measure(rate, shape(rate), TRIAL_S);
    tried.push(trial);
    if (!trial.holds) break;
    best = rate;
  }
  return { tried, sustained: best === undefined ? null : await measure(best, shape(best), FINAL_S) };
}

/** Runs one rate for so many seconds on a new store. */
export async function measure(rate: number, shape: Shape, seconds: number): Promise<Trial> {
  const clock = createClock();
  const store = await openBenchStore({ settings: { track_wal_io_timing: 'on' } });
  // Deadlines of seconds make drills a thousand times as frequent as deadlines of hours, and each drill's absence would be
  // proven by two looks of its own by event time. This backend can't be asked so; `bench looks` counts them.
  const sink = createSink({
    now: clock.now,
    ingestTime: true,
    eventTime: false,
    recordIds: true,
    keepsMs: 60_000,
    heldMs: 10_000,
  });
  const config = configOf({ pipelines: pipelinesOf(shape) }, sink.registry);
  const running = await openBenchEngine({
    sql: store.sql,
    clock,
    config: { ...config, retention: { ...config.retention, canariesMs: 10_000 } },
    registry: sink.registry,
  });
  const load = loadNow();
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1_000;
  let ticking = true;
  const ticks = (async () => {
    for (let n = 1; ticking; n++) {
      await running.tick(1_000);
      await clock.sleep(Math.max(0, n * 1_000 - (performance.now() - started)));
    }
  })();
  try {
    await clock.sleep(STEADY_S * 1_000);
    const from = { s: elapsed(), ...(await read(store.sql, store.pid, sink.counts.accepted)) };
    // Rows close in waves, a few looks apart: what is open is compared by its means over the first and the last third.
    const open: number[] = [from.open];
    while (elapsed() < seconds - SAMPLE_S) {
      await clock.sleep(SAMPLE_S * 1_000);
      open.push(await readBacklog(store.sql));
    }
    const third = Math.max(1, Math.floor(open.length / 3));
    const [before, after] = [mean(open.slice(0, third)), mean(open.slice(-third))];
    const to = { s: elapsed(), ...(await read(store.sql, store.pid, sink.counts.accepted)) };
    const s = to.s - from.s;
    const per = (key: 'folded' | 'accepted') => Math.round((to[key] - from[key]) / s);
    const canaries = Math.max(1, to.accepted - from.accepted);
    const micros = (cpu: number) => Number(((cpu * 1e6) / canaries).toFixed(1));
    const trial = {
      rate,
      seconds: Number(s.toFixed(1)),
      sentPerSecond: per('accepted'),
      accountedPerSecond: per('folded'),
      // Everything planned was sent, and what is open grew by no more than two seconds' worth.
      holds: per('accepted') > rate * 0.98 && after - before < rate * 2 && per('folded') > rate * 0.9,
      open: [Math.round(before), Math.round(after)],
      inbox: [from.inbox, to.inbox],
      coresUsed: {
        node: round((to.node - from.node) / s),
        postgres: round((to.postgres - from.postgres) / s),
      },
      cpuMicrosPerCanary: {
        node: micros(to.node - from.node),
        postgres: micros(to.postgres - from.postgres),
      },
      wal: {
        bytesPerCanary: Math.round((to.bytes - from.bytes) / canaries),
        syncsPerSecond: Math.round((to.syncs - from.syncs) / s),
        syncShareOfTime: round((to.syncSeconds - from.syncSeconds) / s),
      },
      failures: running.engine.instruments.counts.step_failures,
      loadBefore: load,
    };
    say(JSON.stringify(trial));
    return trial;
  } finally {
    ticking = false;
    await ticks;
    await running.close();
    await store.close();
  }
}

const round = (n: number): number => Number(n.toFixed(2));
const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** Canaries whose row has not been folded yet. */
async function readBacklog(sql: Sql): Promise<number> {
  const [row] = await sql<{ open: number }[]>`
    select coalesce(sum(cardinality(b.targets)), 0)::float8 as open
      from mark m join beat b using (pipeline, slot, part) where not m.folded`;
  return row?.open ?? 0;
}

const pipelinesOf = (shape: Shape): object =>
  Object.fromEntries(
    Array.from({ length: shape.pipelines }, (_, p) => [
      `p${p}`,
      {
        every: `${shape.everyMs}ms`,
        targets: Array.from({ length: shape.targets }, (_, t) => `target-${t}`),
        event: { format: 'ecs' },
        inject: { kind: 'sink', stream: `s${p}` },
        checkpoints: [
          {
            name: 'sink',
            observe: { kind: 'sink', stream: `s${p}` },
            on_time_within: `${ON_TIME_MS}ms`,
            lost_after: `${LOST_MS}ms`,
          },
        ],
      },
    ]),
  );

async function read(sql: Sql, pid: number, accepted: number) {
  const [row] = await sql<{ folded: number; inbox: number }[]>`
    select (select coalesce(sum(c.value::int8), 0)::float8 from rollup, jsonb_each_text(counts) as c
              where c.key not like 'drill%') as folded,
           (select count(*)::float8 from sighting) as inbox`;
  return {
    folded: row?.folded ?? 0,
    open: await readBacklog(sql),
    inbox: row?.inbox ?? 0,
    accepted,
    node: cpuOf(process.pid),
    postgres: treeCpuOf(pid),
    ...(await readWal(sql)),
  };
}
