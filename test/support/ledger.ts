/**
 * An engine on a database with a clock that stands, adapters that do nothing, and a hand to write the ledger with:
 * rows are made from what a canary's bucket is meant to be, not by the code that judges.
 */
import { z } from 'zod';
import type { CheckpointConfig, Config, PipelineConfig } from '../../src/config/config.ts';
import type { Context } from '../../src/contracts/context.ts';
import { defineInjector, defineObserver } from '../../src/contracts/define.ts';
import type { Registry } from '../../src/contracts/registry.ts';
import type { Bucket } from '../../src/domain/verdict.ts';
import { newWatch, type Watch } from '../../src/domain/watermark.ts';
import { openEngine, type RunningEngine } from '../../src/engine/engine.ts';
import type { LivePipeline } from '../../src/engine/live.ts';
import receiveObserver from '../../src/observers/receive.ts';
import type { Sql } from '../../src/store/open.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const quiet = defineInjector({
  kind: 'quiet',
  summary: 'takes everything and sends nothing',
  schema: z.strictObject({}),
  runtimes: ['node', 'workerd'],
  traits: { events: 'written' },
  create: () => ({
    inject: async canaries => canaries.map(() => ({ result: 'accepted' as const })),
    close: async () => {},
  }),
});

const unseeing = defineObserver({
  kind: 'unseeing',
  summary: 'finds nothing',
  schema: z.strictObject({}),
  runtimes: ['node', 'workerd'],
  traits: { way: 'query', ingestTime: true, settleMs: 0, keepsMs: 7 * 24 * HOUR },
  create: () => ({
    // biome-ignore lint/correctness/useYield: it finds nothing
    async *observe() {
      return;
    },
    close: async () => {},
  }),
});

export const registry: Registry = {
  injectors: new Map([['quiet', quiet]]),
  observers: new Map([
    ['unseeing', unseeing],
    ['receive', receiveObserver],
  ]),
  notifiers: new Map(),
};

export const checkpointConfig = (name: string, over: Partial<CheckpointConfig> = {}): CheckpointConfig => ({
  name,
  id: name,
  after: null,
  observe: { kind: 'unseeing', settings: {} },
  onTimeWithinMs: 15_000,
  lostAfterMs: 10 * MINUTE,
  keepsMs: 7 * 24 * HOUR,
  settleMs: 0,
  lookEveryMs: 10_000,
  lookBackMs: 24 * HOUR,
  transforms: [],
  ...over,
});

export const pipelineConfig = (name: string, over: Partial<PipelineConfig> = {}): PipelineConfig => ({
  name,
  id: name,
  title: name,
  schedule: { kind: 'every', everyMs: MINUTE },
  sampling: 'fixed',
  targets: [{ name: 'web-1' }, { name: 'web-2' }],
  event: { format: 'sshd', user: 'canary', sourceIp: '192.0.2.7', userAgent: 'coalmine' },
  inject: { kind: 'quiet', settings: {} },
  sendWithinMs: 20_000,
  checkpoints: [checkpointConfig('archive'), checkpointConfig('loki', { after: 'archive' })],
  objective: { onTime: 0.99, delivered: 0.999, windowMs: 30 * 24 * HOUR },
  falseAlarmsPerYear: 1,
  notify: { loss: [], ours: [] },
  ...over,
});

export const configOf = (pipelines: readonly PipelineConfig[], over: Partial<Config> = {}): Config => ({
  store: { kind: 'embedded' },
  listen: { host: '127.0.0.1', port: 8090 },
  baseUrl: 'http://127.0.0.1:8090',
  signingKeys: ['a signing key for tests only'],
  pipelines,
  notify: {},
  maintenance: [],
  access: { public: [], publicIncidentDelayMs: 0, keys: [] },
  retention: { canariesMs: 48 * HOUR, exceptionsMs: 400 * 24 * HOUR, rollupsMs: 5 * 365 * 24 * HOUR },
  ...over,
});

/** A clock that stands where it is put; what sleeps wakes when it is put past its end. */
export interface StandingClock {
  nowMs: number;
  advance(ms: number): void;
}

export function standingClock(nowMs: number): { readonly hand: StandingClock; readonly ctx: Context } {
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  const hand: StandingClock = {
    nowMs,
    advance(ms) {
      hand.nowMs += ms;
      for (const s of [...sleepers]) if (s.untilMs <= hand.nowMs) s.wake();
    },
  };
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = {
        untilMs: hand.nowMs + ms,
        wake: () => {
          sleepers.delete(sleeper);
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  const ctx: Context = {
    clock: { now: () => hand.nowMs, mono: () => hand.nowMs, sleep },
    random: () => 0.5,
    fetch: () => Promise.reject(new Error('no network in this test')),
    log: () => {},
  };
  return { hand, ctx };
}

export const openQuietEngine = (sql: Sql, ctx: Context, config: Config): Promise<RunningEngine> =>
  openEngine({
    sql,
    ctx,
    config,
    registry,
    self: 'test',
    fresh: { storeId: 'store-of-a-test', seed: 'seed-of-a-test' },
  });

/** What is to stand in the ledger of one canary at one checkpoint. */
export interface Hop {
  readonly bucket: Bucket;
  /** When it was seen, milliseconds after the due time; null: not. */
  readonly seenOff: number | null;
}

export interface ModelCanary {
  readonly target: number;
  readonly sending: string | null;
  /** By checkpoint number. */
  readonly hops: ReadonlyMap<number, Hop>;
}

export interface ModelBeat {
  readonly slot: number;
  readonly part: number;
  readonly index: number;
  readonly kind: 'planned' | 'emit' | 'test';
  readonly folded: boolean;
  readonly canaries: readonly ModelCanary[];
}

/** Codes as the store has them, written down once more. */
export const VERDICT_CODES: Readonly<Record<string, number>> = {
  pending: 0,
  overdue: 1,
  on_time: 2,
  late: 3,
  delivered: 4,
  lost: 5,
  recovered: 6,
  missed_here: 7,
  refused: 8,
  maybe_sent: 9,
  unsent: 10,
  unproven: 11,
};
const SENDING_CODES: Readonly<Record<string, number>> = {
  accepted: 0,
  refused: 1,
  maybe_sent: 2,
  unsent: 3,
  withheld: 4,
};

/** The verdict that a bucket is counted from; an `unproven` that was seen has that of its time. */
export const verdictOfHop = ({ bucket, seenOff }: Hop): string => {
  if (bucket === 'unproven' && seenOff !== null) return 'on_time';
  if (bucket === 'drill_lost') return 'lost';
  if (bucket === 'drill_unproven') return 'unproven';
  if (bucket === 'drill_open') return 'pending';
  if (bucket === 'drill_seen') return 'on_time';
  return bucket;
};

const ORDINARY = ['pending', 'on_time', 'delivered', 'drill_open', 'drill_lost', 'drill_unproven'];

/** Writes beats and marks as they are, with counts by hand. */
export async function writeBeats(sql: Sql, pipeline: number, beats: readonly ModelBeat[]): Promise<void> {
  const rows = beats.map(b => ({
    pipeline,
    slot: b.slot,
    part: b.part,
    index: b.index,
    kind: b.kind,
    due_ms: b.slot,
    targets: b.canaries.map(c => c.target),
    sendings: b.canaries.some(c => c.sending === null)
      ? null
      : b.canaries.map(c => SENDING_CODES[c.sending ?? '']),
    offs: b.canaries.map(() => 0),
    attempts: b.canaries.map(c => (c.sending === 'withheld' || c.sending === 'unsent' ? 0 : 1)),
  }));
  const marks = beats.flatMap(b =>
    [...(b.canaries[0]?.hops.keys() ?? [])].map(checkpoint => {
      const hops = b.canaries.map(c => c.hops.get(checkpoint) as Hop);
      const counts: Record<string, number> = {};
      for (const h of hops) counts[h.bucket] = (counts[h.bucket] ?? 0) + 1;
      return {
        pipeline,
        checkpoint,
        slot: b.slot,
        part: b.part,
        next_due_ms: b.folded ? null : b.slot + 15_000,
        counts,
        folded: b.folded,
        exceptional: hops.some(
          h => !ORDINARY.includes(h.bucket) || (h.bucket === 'unproven' && h.seenOff !== null),
        ),
        verdicts: hops.map(h => VERDICT_CODES[verdictOfHop(h)]),
        seen_offs: hops.map(h => h.seenOff),
        seen_after_offs: hops.map(h => (h.seenOff === null ? null : h.seenOff - 1_000)),
        flags: hops.map(h => (h.bucket === 'unproven' || h.bucket === 'drill_unproven' ? 4 : 0)),
      };
    }),
  );
  await sql`
    insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets,
                      sendings, first_offs, last_offs, attempts)
    select pipeline, slot, part, index, kind, 1, due_ms, 'test', due_ms, due_ms + 140000, targets, sendings, offs, offs,
           attempts
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as r(pipeline int, slot int8, part int, index int, kind text, due_ms int8, targets int[], sendings smallint[],
             offs int[], attempts smallint[])`;
  await sql`
    insert into mark (pipeline, checkpoint, slot, part, next_due_ms, counts, folded, exceptional, verdicts, seen_offs,
                      seen_after_offs, flags)
    select pipeline, checkpoint, slot, part, next_due_ms, counts, folded, exceptional, verdicts, seen_offs,
           seen_after_offs, flags
      from json_to_recordset(${JSON.stringify(marks)}::text::json)
        as r(pipeline int, checkpoint int, slot int8, part int, next_due_ms int8, counts jsonb, folded boolean,
             exceptional boolean, verdicts smallint[], seen_offs int[], seen_after_offs int[], flags smallint[])`;
}

export async function writeRollup(
  sql: Sql,
  row: {
    pipeline: number;
    checkpoint: number;
    hourMs: number;
    counts: Record<string, number>;
    delays?: unknown;
  },
): Promise<void> {
  await sql`
    insert into rollup (pipeline, checkpoint, hour_ms, counts, delays)
    values (${row.pipeline}, ${row.checkpoint}, ${row.hourMs}, ${JSON.stringify(row.counts)}::text::jsonb,
            ${row.delays === undefined ? null : JSON.stringify(row.delays)}::text::jsonb)`;
}

/** A checkpoint that saw everything up to `wMs`. */
export async function writeWatch(
  sql: Sql,
  at: { readonly pipeline: number; readonly checkpoint: number },
  watch: Partial<Watch>,
): Promise<void> {
  await sql`
    update checkpoint set watermark = ${JSON.stringify({ ...newWatch, ...watch })}::text::jsonb
     where pipeline = ${at.pipeline} and number = ${at.checkpoint}`;
}

/** Canaries of one fate at every checkpoint, one a slot and target, folded or open alike. */
export const alike = (
  p: LivePipeline,
  slot: number,
  bucketOf: (i: number) => Bucket,
  over: Partial<ModelBeat> = {},
): ModelBeat => ({
  slot,
  part: 0,
  index: 0,
  kind: 'planned',
  folded: false,
  canaries: p.targets.map((t, i) => {
    const bucket = bucketOf(i);
    const seen = ['on_time', 'late', 'delivered', 'recovered'].includes(bucket);
    const sending = ['refused', 'maybe_sent', 'unsent'].includes(bucket) ? bucket : 'accepted';
    return {
      target: t.number,
      sending,
      hops: new Map(p.checkpoints.map(c => [c.key.checkpoint, { bucket, seenOff: seen ? 2_000 : null }])),
    };
  }),
  ...over,
});

/** A seeded generator (mulberry32). */
export function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
