import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { START_MS } from '../../src/sim/clock.ts';
import { createRunDatabase, type RunDatabase } from '../../src/sim/database.ts';
import { type Bench, openBench } from './bench.ts';

let database: RunDatabase;
let bench: Bench;
beforeAll(async () => {
  database = await createRunDatabase(inject('postgres').admin);
});
afterAll(() => database.drop());
const open = async (seed = 1) => {
  bench = await openBench(inject('postgres').admin, database, seed);
  await bench.raw`drop table if exists thing`;
  await bench.raw`create table thing (id int primary key, n int not null)`;
  await bench.raw`insert into thing values (1, 0), (2, 0)`;
  return bench;
};
const things = async () => (await bench.raw<{ n: number }[]>`select n from thing order by id`).map(r => r.n);
const outcomeOf = (work: Promise<unknown>) =>
  work.then(
    value => ({ value }),
    error => ({ code: (error as { code?: string }).code }),
  );
afterEach(() => bench.close());

describe('locks', () => {
  test.each([1, 2, 3, 4])('of two transactions on one row, one waits for the other: %i', async seed => {
    const { sessions } = await open(seed);
    const add = async (name: string, n: number) => {
      const { sql } = bench.visitor(name);
      await sql.begin(async tx => {
        const [row] = await tx<{ n: number }[]>`select n from thing where id = 1 for update`;
        await tx`select 1`;
        await tx`update thing set n = ${(row?.n ?? 0) + n} where id = 1`;
      });
    };
    const both = Promise.all([add('a', 1), add('b', 10)]);
    await bench.drain();
    await both;
    expect(await things()).toEqual([11, 0]);
    expect(sessions.lockWaits).toBe(1);
  });

  test('a circle of locks ends with an error of one, and the other commits', async () => {
    await open();
    const cross = (name: string, first: number, second: number) =>
      outcomeOf(
        bench.visitor(name).sql.begin(async tx => {
          await tx`update thing set n = n + 1 where id = ${first}`;
          await tx`select 1`;
          await tx`update thing set n = n + 1 where id = ${second}`;
          return 'done';
        }),
      );
    const both = Promise.all([cross('a', 1, 2), cross('b', 2, 1)]);
    await bench.drain();
    const outcomes = await both;
    const done = outcomes.filter(o => 'value' in o).length;
    expect(outcomes.map(o => ('value' in o ? o.value : o.code))).toContain('done');
    expect(await things()).toEqual([done, done]);
  });

  test('one that waits for a replica that sleeps is cancelled by its statement time-out, in virtual time', async () => {
    await open();
    const [a, b] = [bench.visitor('a'), bench.visitor('b')];
    void a.sql.begin(async tx => {
      await tx`update thing set n = 1 where id = 1`;
      a.door.actor.frozenUntilMs = 1_000_000;
      await tx`select 1`;
    });
    await bench.drain(100);
    const waiting = outcomeOf(b.sql`update thing set n = 2 where id = 1`);
    await bench.drain(59_000);
    expect(bench.sessions.lockWaits).toBe(1);
    await bench.drain(2_000);
    expect(await waiting).toEqual({ code: '57014' });
  });
});

test('kill in the midst of a transaction leaves nothing of it, and frees who waited', async () => {
  await open();
  const [a, b] = [bench.visitor('a'), bench.visitor('b')];
  let heard = false;
  void a.sql
    .begin(async tx => {
      await tx`update thing set n = 5 where id = 1`;
      a.door.actor.frozenUntilMs = 1_000;
      await tx`select 1`;
    })
    .finally(() => {
      heard = true;
    });
  await bench.drain(200);
  const waiting = b.sql`update thing set n = n + 1 where id = 1`.then(() => 'done');
  await bench.drain(200);
  await a.door.die();
  await bench.drain(2_000);
  expect(await waiting).toBe('done');
  expect(await things()).toEqual([1, 0]);
  expect(heard).toBe(false);
});

test("the database's clock is virtual", async () => {
  const { databaseClock, scheduler } = await open();
  const { sql } = bench.visitor('a');
  const read = async () => {
    const now = sql<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::int8 as ms`;
    const rows = now.then(r => r[0]?.ms);
    await bench.drain(1_000);
    return rows;
  };
  const first = Number(await read());
  expect(first).toBeGreaterThanOrEqual(START_MS);
  expect(first).toBeLessThanOrEqual(START_MS + scheduler.nowMs);
  databaseClock.step(-60_000);
  const second = Number(await read());
  expect(second).toBeGreaterThanOrEqual(START_MS + 1_000 - 60_000);
  expect(second).toBeLessThanOrEqual(START_MS + scheduler.nowMs - 60_000);
});

describe('faults of statements', () => {
  test('fail: it never reached the server', async () => {
    await open();
    const { sql, faults } = bench.visitor('a');
    faults.set('fail', 1);
    const work = outcomeOf(Promise.resolve(sql`update thing set n = 1`));
    await bench.drain();
    expect(await work).toEqual({ code: 'CONNECTION_CLOSED' });
    expect(await things()).toEqual([0, 0]);
  });

  test('unknown: it ran, and nobody heard; also a commit', async () => {
    await open();
    const { sql, faults } = bench.visitor('a');
    faults.set('unknown', 1);
    const single = outcomeOf(Promise.resolve(sql`update thing set n = 1 where id = 1`));
    await bench.drain();
    expect(await single).toEqual({ code: 'CONNECTION_CLOSED' });
    faults.reset();
    const commit = outcomeOf(
      sql.begin(async tx => {
        await tx`update thing set n = 1 where id = 2`;
        faults.set('unknown', 1);
      }),
    );
    await bench.drain();
    expect(await commit).toEqual({ code: 'CONNECTION_CLOSED' });
    expect(await things()).toEqual([1, 1]);
  });

  test('fail within a transaction: nothing of it is left, and its other statements fail too', async () => {
    await open();
    const { sql, faults } = bench.visitor('a');
    const work = outcomeOf(
      sql.begin(async tx => {
        await tx`update thing set n = 1 where id = 1`;
        faults.set('fail', 1);
        await tx`update thing set n = 1 where id = 2`.catch(() => faults.reset());
        await tx`update thing set n = 2 where id = 2`;
      }),
    );
    await bench.drain();
    expect(await work).toEqual({ code: 'CONNECTION_CLOSED' });
    expect(await things()).toEqual([0, 0]);
  });

  test.each([
    ['die_before', 0],
    ['die_after', 1],
  ] as const)('%s: its caller never hears', async (fault, n) => {
    await open();
    const { sql, faults, door } = bench.visitor('a');
    faults.set(fault, 1);
    let heard = false;
    const hear = () => {
      heard = true;
    };
    sql`update thing set n = 1`.then(hear, hear);
    await bench.drain();
    expect(heard).toBe(false);
    expect(door.actor.alive).toBe(false);
    expect(await things()).toEqual([n, n]);
  });

  test('a store that is down fails everybody, and rolls back what was open', async () => {
    const { gate } = await open();
    const [a, b] = [bench.visitor('a'), bench.visitor('b')];
    const work = outcomeOf(
      a.sql.begin(async tx => {
        await tx`update thing set n = 1`;
        await gate.setUp(false);
        await tx`select 1`;
      }),
    );
    await bench.drain();
    expect(await work).toEqual({ code: 'CONNECTION_CLOSED' });
    const other = outcomeOf(Promise.resolve(b.sql`select 1`));
    await bench.drain();
    expect(await other).toEqual({ code: 'ECONNREFUSED' });
    await gate.setUp(true);
    const again = b.sql`select n from thing`.then(rows => rows.length);
    await bench.drain();
    expect(await again).toBe(2);
    expect(await things()).toEqual([0, 0]);
  });
});

test('an error that the work swallowed ends its transaction all the same, as the driver has it', async () => {
  await open();
  const { sql } = bench.visitor('a');
  const work = outcomeOf(
    sql.begin(async tx => {
      await tx`update thing set n = 1`;
      await tx`select 1 / 0`.catch(() => {});
    }),
  );
  await bench.drain();
  expect(await work).toEqual({ code: '22012' });
  expect(await things()).toEqual([0, 0]);
});
