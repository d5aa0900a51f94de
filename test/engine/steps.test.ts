/** Steps of the clock: looks under way, slots lived twice, a store that is down meanwhile, a clock set right while we were down. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stepOf } from '../../src/engine/steps.ts';
import { useDatabase } from '../support/database.ts';
import { accountsOf, Small, searched, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
beforeEach(() => {
  w = new Small(db.options);
});
afterEach(() => w.close());

const HOUR = 3_600_000;
const wOf = async () => {
  const [row] = await w.sql<{ w: number | null }[]>`select (watermark->>'wMs')::int8 as w from checkpoint`;
  return row?.w ?? null;
};

test('a step is what the wall saw pass beyond what the monotonic clock did', () => {
  expect(stepOf({ wallMs: 1_000, monoMs: 5 }, { wallMs: 4_000, monoMs: 3_005 })).toBe(0);
  expect(stepOf({ wallMs: 1_000, monoMs: 5 }, { wallMs: 500, monoMs: 105 })).toBe(-600);
});

describe('backwards', () => {
  test('a look that was under way can’t bring the old time’s watermark back', async () => {
    await w.start(small());
    await w.run(10_000);
    let answer = () => {};
    const asked = new Promise<'ok'>(done => {
      answer = () => done('ok');
    });
    w.sink.search = () => asked;
    await w.run(1_500);
    w.clock.step(-4 * HOUR);
    // No other look may hide what the one under way does.
    w.sink.search = async () => 'fail';
    await w.run(1_000);
    answer();
    await w.run(2_000);
    expect(await wOf()).toBeNull();
    expect(w.logs.filter(l => l.event === 'lease.lost').length).toBe(1);
    w.sink.search = async () => 'ok';
    await w.run(12_000);
    expect(await wOf()).toBeLessThanOrEqual(w.clock.now());
    expect(await wOf()).toBeGreaterThan(w.clock.now() - 5_000);
    expect(await w.tally()).not.toHaveProperty('lost');
    expect(w.errors()).toEqual([]);
  });

  test('slots that come again are lived again: canaries go out all the time, under names of their own', async () => {
    await w.start(small());
    await w.run(20_000);
    const before = w.sink.taken.length;
    w.clock.step(-15_000);
    await w.run(10_000);
    expect(w.sink.taken.length - before, 'two targets, one a second').toBeGreaterThan(14);
    await w.run(10_000);
    const tokens = w.sink.taken.map(t => t.token);
    expect(new Set(tokens).size).toBe(tokens.length);
    const [twice] = await w.sql<{ n: number }[]>`
      select count(*)::int as n from (select slot from beat group by slot having count(*) > 1) s`;
    expect(twice?.n).toBeGreaterThan(5);
    const tally = await w.tally();
    expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
    expect((await accountsOf(w.sql)).wrongRows).toBe(0);
  });

  test('a try that the old clock put off is not waited for', async () => {
    await w.start(small());
    await w.run(6_000);
    w.sink.search = async () => 'fail';
    await w.run(6_000);
    w.clock.step(-4 * HOUR);
    w.sink.search = async () => 'ok';
    await w.run(6_000);
    expect(await wOf()).toBeGreaterThan(w.clock.now() - 4_000);
  });

  test('the names’ round comes back to nought, and stays below the indexes that are asked for', async () => {
    const r = await w.start(small());
    await w.run(3_000);
    await w.sql`update pipeline set round = 8191`;
    r.running.engine.pipelines[0]!.round = 8_191;
    await w.run(3_000);
    w.clock.step(-HOUR);
    await w.run(6_000);
    const rows = await w.sql<{ index: number }[]>`select distinct index from beat order by 1`;
    expect(rows.map(x => x.index)).toEqual([0, 8_191]);
    expect(w.errors()).toEqual([]);
    expect((await w.tally()).on_time).toBeGreaterThan(6);
  });
});

describe('while the store is down', () => {
  for (const stepMs of [-4 * HOUR, 4 * HOUR]) {
    test(`a step by ${stepMs / HOUR} h is taken up when the store is back`, async () => {
      let isDown = false;
      const down = () => {
        if (isDown) throw new Error('the store is down');
      };
      await w.start(small(), { before: down });
      await w.run(8_000);
      isDown = true;
      await w.run(1_000);
      w.clock.step(stepMs);
      await w.run(2_000);
      expect(await w.findings()).not.toHaveProperty('clock_step');
      isDown = false;
      await w.run(12_000);
      expect((await w.findings()).clock_step).toBe(1);
      const tally = await w.tally();
      expect(tally).not.toHaveProperty('lost');
      expect(tally.on_time).toBeGreaterThan(12);
      expect(await wOf()).toBeLessThanOrEqual(w.clock.now());
      expect(await wOf()).toBeGreaterThan(w.clock.now() - 4_000);
    });
  }
});

test('a clock that is set back while nobody runs: sent and judged at once, and nothing is lost', async () => {
  const first = await w.start(small({ checkpoints: [searched('sink')] }));
  await w.run(10_000);
  await w.kill(first);
  w.clock.step(-4 * HOUR);
  await w.start(small({ checkpoints: [searched('sink')] }));
  const before = w.sink.taken.length;
  await w.run(10_000);
  expect(w.sink.taken.length - before).toBeGreaterThan(14);
  expect(await w.tally()).not.toHaveProperty('lost');
  expect(await wOf()).toBeLessThanOrEqual(w.clock.now());
});
