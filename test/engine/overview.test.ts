import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Bucket } from '../../src/domain/verdict.ts';
import { newWatch } from '../../src/domain/watermark.ts';
import type { RunningEngine } from '../../src/engine/engine.ts';
import type { LivePipeline } from '../../src/engine/live.ts';
import { overview } from '../../src/engine/overview.ts';
import type { PipelineView } from '../../src/engine/view.ts';
import { windowOf } from '../../src/engine/window.ts';
import { sketchOf } from '../../src/stats/sketch.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import {
  alike,
  configOf,
  type Hop,
  type ModelBeat,
  openQuietEngine,
  pipelineConfig,
  random,
  standingClock,
  writeBeats,
  writeRollup,
  writeWatch,
} from '../support/ledger.ts';

const NOW = Date.UTC(2026, 0, 15, 12, 34, 56, 789);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const hourOf = (ms: number) => ms - (ms % HOUR);

const database = useDatabase();
const { ctx } = standingClock(NOW);
let sql: Sql;
let running: RunningEngine;
let p: LivePipeline;

beforeAll(async () => {
  sql = openStore({ ...database.options, max: 3 });
  running = await openQuietEngine(sql, ctx, configOf([pipelineConfig('ssh'), pipelineConfig('other')]));
  p = running.engine.pipelines[0]!;
});
afterAll(async () => {
  await running.close();
  await sql.end();
});
beforeEach(async () => {
  await sql`truncate beat, mark, rollup, finding`;
  await sql`update checkpoint set watermark = ${JSON.stringify(newWatch)}::text::jsonb`;
});

const keys = () => p.checkpoints.map(c => c.key);
const see = async (wMs = NOW - 5_000, over = {}) => {
  for (const at of keys()) await writeWatch(sql, at, { proven: true, wMs, ...over });
};
const read = async (windowMs = HOUR): Promise<PipelineView> =>
  (await overview(running.engine, { windowMs, only: ['ssh'] })).pipelines[0]!;
/** One beat a minute, the newest `agoMs` ago. */
const minutes = (n: number, agoMs: number, bucketOf: (i: number, minute: number) => Bucket): ModelBeat[] =>
  Array.from({ length: n }, (_, m) =>
    alike(p, Math.floor((NOW - agoMs) / MINUTE) * MINUTE - m * MINUTE, i => bucketOf(i, m)),
  );

describe('sums', () => {
  const FATES: readonly Hop[] = [
    { bucket: 'on_time', seenOff: 3_000 },
    { bucket: 'on_time', seenOff: 4_000 },
    { bucket: 'late', seenOff: 30_000 },
    { bucket: 'delivered', seenOff: 15_500 },
    { bucket: 'lost', seenOff: null },
    { bucket: 'recovered', seenOff: 700_000 },
    { bucket: 'missed_here', seenOff: null },
    { bucket: 'overdue', seenOff: null },
    { bucket: 'pending', seenOff: null },
    { bucket: 'unproven', seenOff: null },
    { bucket: 'unproven', seenOff: 3_000 },
  ];

  /** Three days of random fates: old rows live on in the rollups only, the newest are open. */
  async function randomLedger(seed: number) {
    const draw = random(seed);
    const pick = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)]!;
    const beats: ModelBeat[] = [];
    for (let slot = hourOf(NOW) - 72 * HOUR; slot <= NOW; slot += (2 + Math.floor(draw() * 9)) * MINUTE) {
      const kind = draw() < 0.15 ? pick(['emit', 'test'] as const) : 'planned';
      const targets = p.targets.map(t => t.number);
      if (kind === 'planned' && draw() < 0.1) targets.push(p.drill);
      beats.push({
        slot,
        part: kind === 'planned' ? 0 : 108_192,
        index: kind === 'planned' ? 0 : 8_192,
        kind,
        folded: slot < NOW - 3 * HOUR || draw() < 0.5,
        canaries: targets.map(target => {
          if (target === p.drill)
            return fixed(target, 'withheld', pick(['drill_lost', 'drill_open', 'drill_unproven']));
          if (draw() < 0.1) {
            const sending = pick(['refused', 'maybe_sent', 'unsent'] as const);
            return fixed(target, sending, sending);
          }
          return { target, sending: 'accepted', hops: new Map(keys().map(k => [k.checkpoint, pick(FATES)])) };
        }),
      });
    }
    const skipped = new Map<number, number>();
    for (let h = 0; h < 72; h++)
      if (draw() < 0.2) skipped.set(hourOf(NOW) - h * HOUR, 1 + Math.floor(draw() * 5));
    return { beats, skipped };
  }
  const fixed = (target: number, sending: string, bucket: Bucket) => ({
    target,
    sending,
    hops: new Map(keys().map(k => [k.checkpoint, { bucket, seenOff: null }])),
  });

  async function write({ beats, skipped }: Awaited<ReturnType<typeof randomLedger>>) {
    await writeBeats(
      sql,
      p.number,
      beats.filter(b => b.slot >= NOW - 48 * HOUR),
    );
    for (const { checkpoint } of keys()) {
      const hours = new Map<number, Record<string, number>>();
      const add = (at: number, bucket: string, n: number) => {
        const counts = hours.get(at) ?? {};
        hours.set(at, counts);
        counts[bucket] = (counts[bucket] ?? 0) + n;
      };
      for (const b of beats)
        if (b.folded && b.kind !== 'test')
          for (const c of b.canaries) add(hourOf(b.slot), c.hops.get(checkpoint)!.bucket, 1);
      for (const [at, n] of skipped) add(at, 'unsent', n);
      for (const [hourMs, counts] of hours)
        await writeRollup(sql, { pipeline: p.number, checkpoint, hourMs, counts });
    }
  }

  test.each([1, 2, 3])(
    'of any window are those of the model, and sum to what was scheduled (seed %i)',
    async seed => {
      const model = await randomLedger(seed);
      await write(model);
      await see();
      for (const windowMs of [10 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 24 * HOUR, 72 * HOUR]) {
        const o = await overview(running.engine, { windowMs, only: ['ssh'] });
        expect(o.fromMs).toBeLessThanOrEqual(NOW - windowMs);
        expect(o.toMs).toBeGreaterThan(NOW);
        for (const [i, c] of o.pipelines[0]!.checkpoints.entries()) {
          const expected: Record<string, number> = {};
          let scheduled = 0;
          for (const b of model.beats) {
            if (b.kind === 'test' || b.slot < o.fromMs || b.slot >= o.toMs) continue;
            for (const canary of b.canaries) {
              const { bucket } = canary.hops.get(keys()[i]!.checkpoint)!;
              expected[bucket] = (expected[bucket] ?? 0) + 1;
              if (canary.target !== p.drill) scheduled++;
            }
          }
          for (const [at, n] of model.skipped) {
            if (at < hourOf(o.fromMs) || at >= o.toMs) continue;
            expected.unsent = (expected.unsent ?? 0) + n;
            scheduled += n;
          }
          expect(c.counts).toEqual(expected);
          expect(c.scheduled).toBe(scheduled);
          const bars: Record<string, number> = {};
          for (const b of c.bars)
            for (const [bucket, n] of Object.entries(b.counts)) bars[bucket] = (bars[bucket] ?? 0) + n;
          expect(bars).toEqual(expected);
          expect(c.bars.length).toBeLessThanOrEqual(120);
          const e = (b: string) => expected[b] ?? 0;
          const arrived = e('on_time') + e('late') + e('delivered') + e('missed_here') + e('recovered');
          expect(c.completeness.worst).toMatchObject({
            delivered: arrived,
            n: scheduled - e('pending') - e('overdue'),
          });
          expect(c.completeness.accepted.n).toBe(arrived + e('lost'));
        }
      }
    },
  );

  test('leave out other pipelines', async () => {
    await writeBeats(
      sql,
      p.number,
      minutes(10, 0, () => 'on_time'),
    );
    const o = await overview(running.engine, { windowMs: HOUR });
    expect(o.pipelines.map(x => [x.name, x.checkpoints[0]!.scheduled])).toEqual([
      ['ssh', 20],
      ['other', 0],
    ]);
  });

  test('by target put the worst first, without drills and tests', async () => {
    const beats = minutes(10, MINUTE, (i, m) => (i === 1 && m < 3 ? 'lost' : 'on_time'));
    const own = alike(p, NOW - 90_000, () => 'lost', { kind: 'test', part: 108_192, index: 8_192 });
    await writeBeats(sql, p.number, [...beats, own]);
    const view = await read();
    expect(view.targetsView.map(t => t.name)).toEqual(['web-2', 'web-1']);
    expect(view.targetsView[0]!.checkpoints).toEqual([
      { name: 'archive', verdicts: { on_time: 7, lost: 3 }, lastSeenMs: beats[3]!.slot + 2_000 },
      { name: 'loki', verdicts: { on_time: 7, lost: 3 }, lastSeenMs: beats[3]!.slot + 2_000 },
    ]);
    expect(view.targets).toEqual({ n: 2, quiet: 0 });
  });
});

test('windows are whole bars, at most 120 of them, from one minute to 400 days', () => {
  const draw = random(7);
  for (let i = 0; i < 2_000; i++) {
    const windowMs = Math.round(MINUTE * (400 * 24 * 60) ** draw());
    const w = windowOf(windowMs, NOW + Math.floor(draw() * 1e9), 48 * HOUR);
    const bars = (w.toMs - w.fromMs) / w.barMs;
    expect(Number.isInteger(bars) && bars >= 1 && bars <= 120).toBe(true);
    expect(w.fromMs % w.barMs).toBe(0);
    expect(w.fine || w.barMs % HOUR === 0).toBe(true);
    expect(w.toMs - w.fromMs).toBeGreaterThanOrEqual(windowMs);
  }
  expect(() => windowOf(MINUTE - 1, NOW, 48 * HOUR)).toThrow(RangeError);
  // Single canaries kept too briefly to be summed.
  expect(windowOf(2 * HOUR, NOW, 3 * HOUR).fine).toBe(false);
});

describe('states', () => {
  const healthy = () => minutes(60, 0, (_, m) => (m === 0 ? 'pending' : 'on_time'));

  test('healthy: it sees, and what was decided is within the objective', async () => {
    await writeBeats(sql, p.number, healthy());
    await see();
    const view = await read();
    expect(view).toMatchObject({ state: 'healthy', superseded: false, every: 'every 1m' });
    expect(view.lastBeatMs).toBe(Math.floor(NOW / MINUTE) * MINUTE);
    expect(view.checkpoints[0]!.sight).toEqual({ state: 'sees', asOfMs: NOW - 5_000 });
    expect(view.checkpoints[0]!.coverage).toBe(1);
  });

  test('losing: more is lost than the objective allows', async () => {
    await writeBeats(
      sql,
      p.number,
      minutes(60, 0, (i, m) => (m < 12 ? 'pending' : m < 16 && i === 0 ? 'lost' : 'on_time')),
    );
    await see();
    const view = await read();
    expect(view.state).toBe('losing');
    expect(view.checkpoints[0]!.stateReason).toMatch(/^4 of \d+ canaries lost in 30 min/);
  });

  test('blind, whatever the counts say: neither losing nor healthy', async () => {
    for (const beats of [healthy(), minutes(60, 0, () => 'lost')]) {
      await sql`truncate beat, mark`;
      await writeBeats(sql, p.number, beats);
      await see(NOW - 20 * MINUTE);
      const view = await read();
      expect(view.state).toBe('blind');
      expect(view.stateReason).toContain('20 min');
      expect(view.checkpoints[0]!.coverage).toBeCloseTo(2 / 3, 1);
    }
  });

  test('not yet proven: no canary was ever seen', async () => {
    await writeBeats(
      sql,
      p.number,
      minutes(60, 0, () => 'pending'),
    );
    const view = await read();
    expect(view.state).toBe('not_yet_proven');
    expect(view.checkpoints[0]).toMatchObject({ coverage: 0, watermarkMs: null });
    expect(view.checkpoints[0]!.sentence).toContain('nothing can be said');
  });

  test('late: nothing lost, too much overdue', async () => {
    await writeBeats(
      sql,
      p.number,
      minutes(60, 0, (_, m) => (m === 0 ? 'pending' : m < 6 ? 'overdue' : 'on_time')),
    );
    await see();
    expect((await read()).state).toBe('late');
  });

  test('silent: ours, once three beats are missing', async () => {
    await writeBeats(
      sql,
      p.number,
      minutes(60, 2.5 * MINUTE, () => 'on_time'),
    );
    await see();
    expect((await read()).state).toBe('healthy');
    await sql`delete from beat where slot >= ${NOW - 3.5 * MINUTE}`;
    expect(await read()).toMatchObject({ state: 'silent' });
  });

  test('a proven loss is not hidden by blindness elsewhere', async () => {
    await writeBeats(
      sql,
      p.number,
      minutes(60, 0, (_, m) => (m < 12 ? 'pending' : 'lost')),
    );
    await see();
    await writeWatch(sql, keys()[1]!, { proven: true, wMs: NOW - HOUR });
    const view = await read();
    expect(view.checkpoints.map(c => c.state)).toEqual(['losing', 'blind']);
    expect(view.state).toBe('losing');
    expect(view.stateReason).toMatch(/^archive: /);
  });

  test('gaps take from the coverage', async () => {
    await writeBeats(sql, p.number, healthy());
    const gaps = [
      { fromMs: NOW - 30 * MINUTE, toMs: NOW - 15 * MINUTE, reason: 'a' },
      { fromMs: NOW - 20 * HOUR, toMs: NOW - 10 * HOUR, reason: 'old' },
    ];
    await see(NOW - 5_000, { gaps });
    const c = (await read()).checkpoints[0]!;
    expect(c.coverage).toBeCloseTo(0.75, 1);
    expect(c.gaps).toEqual([gaps[0]]);
  });
});

describe('delays', () => {
  test('count what is out: the median is beyond its age when most are waiting', async () => {
    await see(NOW);
    for (const { checkpoint } of keys())
      await writeRollup(sql, {
        pipeline: p.number,
        checkpoint,
        hourMs: hourOf(NOW),
        counts: {},
        delays: sketchOf([1_000, 1_000, 1_000]),
      });
    const before = (await read(15 * MINUTE)).checkpoints[0]!.delays;
    expect(before.n).toBe(3);
    expect(before.p50 as number).toBeGreaterThanOrEqual(1_000);
    expect(before.p50 as number).toBeLessThan(1_025);
    // Two beats of two targets, 100 s and 160 s old: four of seven are out.
    await writeBeats(
      sql,
      p.number,
      [0, 1].map(m => alike(p, NOW - 100_000 - m * MINUTE, () => 'overdue')),
    );
    const after = (await read(15 * MINUTE)).checkpoints[0]!.delays;
    expect(after.n).toBe(7);
    const { above } = after.p50 as { above: number };
    expect(above).toBeGreaterThan(155_000);
    expect(above).toBeLessThanOrEqual(160_000);
  });
});

describe('drills', () => {
  const drill = (agoMs: number, bucket: Bucket): ModelBeat => ({
    ...alike(p, NOW - agoMs, () => 'on_time'),
    canaries: [
      {
        target: p.drill,
        sending: 'withheld',
        hops: new Map(keys().map(k => [k.checkpoint, { bucket, seenOff: null }])),
      },
    ],
  });
  const state = async (...beats: ModelBeat[]) => {
    await sql`truncate beat, mark`;
    await writeBeats(sql, p.number, beats);
    return (await read()).drill;
  };

  test('say whether the alarm works', async () => {
    expect(await state()).toEqual({ state: 'none', lastMs: null });
    await see();
    expect(await state(drill(MINUTE, 'drill_open'))).toEqual({ state: 'open', lastMs: null });
    expect(await state(drill(MINUTE, 'drill_open'), drill(12 * MINUTE, 'drill_lost'))).toEqual({
      state: 'found lost',
      lastMs: NOW - 12 * MINUTE,
    });
    expect(await state(drill(14 * MINUTE, 'drill_open'), drill(20 * MINUTE, 'drill_lost'))).toEqual({
      state: 'not found',
      lastMs: NOW - 20 * MINUTE,
    });
    expect((await state(drill(14 * MINUTE, 'drill_unproven'))).state).toBe('unproven');
    expect((await state(drill(14 * MINUTE, 'drill_lost'), drill(30 * MINUTE, 'drill_seen'))).state).toBe(
      'seen',
    );
    await see(NOW - 30 * MINUTE);
    expect((await state(drill(14 * MINUTE, 'drill_open'))).state).toBe('unproven');
  });
});

test('findings are of the window, summed by kind, newest first', async () => {
  const add = (checkpoint: number, kind: string, atMs: number, count: number, sample: unknown) => sql`
    insert into finding (pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample)
    values (${p.number}, ${checkpoint}, ${kind}, ${hourOf(atMs)}, ${count}, ${atMs}, ${atMs},
            ${JSON.stringify(sample)}::text::jsonb)`;
  await add(1, 'echo', NOW - 50 * MINUTE, 2, 'older');
  await add(1, 'echo', NOW - 10 * MINUTE, 3, 'newer');
  await add(0, 'clock_step', NOW - 5 * MINUTE, 1, null);
  await add(1, 'forged', NOW - 5 * HOUR, 1, null);
  expect((await read()).findings).toEqual([
    {
      kind: 'clock_step',
      checkpoint: null,
      count: 1,
      firstMs: NOW - 5 * MINUTE,
      lastMs: NOW - 5 * MINUTE,
      sample: null,
    },
    {
      kind: 'echo',
      checkpoint: 'archive',
      count: 5,
      firstMs: NOW - 50 * MINUTE,
      lastMs: NOW - 10 * MINUTE,
      sample: 'newer',
    },
  ]);
});
