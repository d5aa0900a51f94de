/**
 * What looking costs the backend: rows read for each canary, and queries an hour, with deadlines of hours. It must follow
 * what is new, not what is open. Six hours of a simulated clock over the real engine; the backend, in memory, counts.
 */
import { WorldClock } from '../test/support/world.ts';
import { configOf, openBenchEngine, say } from './lib/engine.ts';
import { createSink } from './lib/sink.ts';
import { openBenchStore } from './lib/store.ts';

const TARGETS = 8_000;
/** Each canary of the run stands for so many: rows and limits of queries count as often. */
const WEIGHT = 40;
const HOURS = 6;
const HOUR_MS = 3_600_000;
const STEP_MS = 15_000;

interface Variant {
  readonly ingestTime: boolean;
  /** One in so many is lost on the way; 0: none. */
  readonly losesOneIn: number;
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  ingestTime: { ingestTime: true, losesOneIn: 0 },
  ingestTimeLosing: { ingestTime: true, losesOneIn: 1_000 },
  eventTime: { ingestTime: false, losesOneIn: 0 },
  eventTimeLosing: { ingestTime: false, losesOneIn: 1_000 },
};

export async function run(names: readonly string[] = Object.keys(VARIANTS)): Promise<object> {
  const results: Record<string, object> = {};
  for (const name of names) results[name] = await measure(name, VARIANTS[name]!);
  return {
    targets: TARGETS,
    everyMinutes: 1,
    onTimeWithin: '15m',
    lostAfter: '4h',
    hours: HOURS,
    ...results,
  };
}

async function measure(name: string, variant: Variant): Promise<object> {
  const clock = new WorldClock();
  const store = await openBenchStore();
  let sent = 0;
  const sink = createSink({
    now: clock.now,
    ingestTime: variant.ingestTime,
    recordIds: true,
    weight: WEIGHT,
    // A prime number of targets would lose the same one over and over; this walks through all.
    loses: () => variant.losesOneIn > 0 && ++sent % variant.losesOneIn === 0,
    keepsMs: 7 * 24 * HOUR_MS,
  });
  const config = configOf({ pipelines: { p: PIPELINE } }, sink.registry);
  const running = await openBenchEngine({ sql: store.sql, clock, config, registry: sink.registry });
  const hours: object[] = [];
  try {
    for (let hour = 1; hour <= HOURS; hour++) {
      const before = { ...sink.counts };
      for (let ms = 0; ms < HOUR_MS; ms += STEP_MS) {
        clock.advance(STEP_MS);
        await running.tick(0);
        await running.idle();
      }
      const canaries = (sink.counts.accepted - before.accepted) * WEIGHT;
      const rows = sink.counts.rows - before.rows;
      hours.push({
        canaries,
        rowsPerCanary: Number((rows / canaries).toFixed(2)),
        queries: sink.counts.queries - before.queries,
        truncated: sink.counts.truncated - before.truncated,
      });
      say(`${name} hour ${hour}: ${JSON.stringify(hours.at(-1))}`);
    }
    const [counts] = await store.sql<{ counts: object }[]>`
      select json_object_agg(bucket, n) as counts from (
        select bucket, sum(n::int8) as n from mark, jsonb_each_text(counts) as c(bucket, n) group by bucket) x`;
    return { firstHour: hours[0], lastHour: hours.at(-1), verdicts: counts?.counts };
  } finally {
    await running.close();
    await store.close();
  }
}

const PIPELINE = {
  every: '1m',
  targets: Array.from({ length: TARGETS / WEIGHT }, (_, t) => `target-${t}`),
  event: { format: 'ecs' },
  inject: { kind: 'sink', stream: 's' },
  checkpoints: [
    {
      name: 'sink',
      observe: { kind: 'sink', stream: 's' },
      on_time_within: '15m',
      lost_after: '4h',
      keeps: '7d',
    },
  ],
};
