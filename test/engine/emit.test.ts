/** Planning: every beat is recorded as planned or as skipped, whatever the store does meanwhile (laws 1 and 6). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planBeats } from '../../src/engine/emit.ts';
import { useDatabase } from '../support/database.ts';
import { accountsOf, Small, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
beforeEach(() => {
  w = new Small(db.options);
});
afterEach(() => w.close());

const sumOf = (tally: Record<string, number>) => Object.values(tally).reduce((a, b) => a + b, 0);
const rolledUp = async (bucket: string): Promise<number> => {
  const [row] = await w.sql<
    { n: number | null }[]
  >`select sum((counts->>${bucket})::int)::int as n from rollup`;
  return row?.n ?? 0;
};

test('the store is down for three minutes while canaries fly: ours, never the path’s loss', async () => {
  let isDown = false;
  const hook = () => {
    if (isDown) throw new Error('the store is down');
  };
  await w.start(small(), { before: hook });
  await w.run(10_000);
  isDown = true;
  await w.run(180_000, 2_000);
  const sentMeanwhile = w.sink.taken.length;
  isDown = false;
  await w.run(20_000);
  const tally = await w.tally();
  expect(
    Object.keys(tally).filter(
      k => !['on_time', 'delivered', 'late', 'pending', 'unsent', 'maybe_sent'].includes(k),
    ),
  ).toEqual([]);
  const skipped = (await rolledUp('unsent')) - (tally.unsent ?? 0);
  const scheduled = 2 * 210;
  expect(
    Math.abs(sumOf(tally) + skipped - scheduled),
    'all that was due is accounted for',
  ).toBeLessThanOrEqual(4);
  expect(skipped).toBeGreaterThan(2 * 170);
  expect(w.sink.taken.length, 'no heap after it').toBeLessThan(sentMeanwhile + 2 * 26);
  expect((await accountsOf(w.sql)).wrongRows).toBe(0);
});

test('a process that was down for an hour catches up: what is too late is skipped and counted, in the hour of its slot', async () => {
  const first = await w.start(small({ every: '10s' }));
  await w.run(30_000, 1_000);
  await w.stop(first);
  const before = w.sink.taken.length;
  w.clock.advance(3_600_000);
  await w.start(small({ every: '10s' }));
  await w.run(30_000, 1_000);
  expect(w.sink.taken.length - before).toBeLessThanOrEqual(2 * 4);
  expect(Math.abs((await rolledUp('unsent')) - 2 * 360)).toBeLessThanOrEqual(4);
  const hours = await w.sql`select hour_ms from rollup where counts ? 'unsent' order by 1`;
  expect(hours.length).toBe(2);
});

describe('a commit whose outcome is unknown', () => {
  for (const after of [false, true]) {
    test(`${after ? 'after' : 'before'} it went in: the owner is read back, and each beat is sent once`, async () => {
      let left = 3;
      const hook = (text: string) => {
        if (text.includes('insert into beat') && left-- > 0) throw new Error('the connection was lost');
      };
      await w.start(small(), after ? { after: hook } : { before: hook });
      await w.run(12_000);
      const tokens = w.sink.taken.map(t => t.token);
      expect(tokens.length).toBeGreaterThan(18);
      expect(new Set(tokens).size).toBe(tokens.length);
      expect(
        Object.keys(await w.tally()).filter(k => !['on_time', 'pending', 'delivered', 'unsent'].includes(k)),
      ).toEqual([]);
    });
  }
});

test('a second asking for the same span plans nothing twice', async () => {
  const { running } = await w.start(small());
  const nowMs = w.clock.now();
  const own = await planBeats(running.engine, nowMs, nowMs + 5_000);
  expect(own.length).toBe(5);
  expect(await planBeats(running.engine, nowMs, nowMs + 5_000)).toEqual([]);
  const dues = own.map(o => o.row.due_ms);
  expect(dues).toEqual([...dues].sort((a, b) => a - b));
  for (const o of own) expect(o.row.marks.length).toBe(1);
});

test('parts of at most a thousand hold every target, and the drill', async () => {
  const targets = Array.from({ length: 2_345 }, (_, i) => `t${i}`);
  const { running } = await w.start(small({ targets }));
  const nowMs = w.clock.now();
  const own = await planBeats(running.engine, nowMs, nowMs + 1_500);
  const slot = own[0]!.row.slot;
  const parts = own.filter(o => o.row.slot === slot);
  expect(parts.map(o => o.row.part)).toEqual([0, 1, 2]);
  const all = parts.flatMap(o => o.row.targets);
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter(t => t !== running.engine.pipelines[0]!.drill).length).toBe(2_345);
  for (const o of parts)
    expect(Object.values(o.row.marks[0]!.counts).reduce((a, b) => a + b, 0)).toBe(o.row.targets.length);
});
