/** The configuration in the store: numbers stay, ids survive renames, the newest generation is the one that counts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitIntent } from '../../src/store/emit.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import {
  identify,
  newEpoch,
  readGeneration,
  readPlans,
  readRetiredOpen,
  registerPipeline,
  retireOthers,
} from '../../src/store/register.ts';
import { useDatabase } from '../support/database.ts';
import { beatOf, register, specOf, stepTo, T0 } from '../support/registered.ts';

const database = useDatabase();
let sql: Sql;
beforeAll(() => {
  sql = openStore({ ...database.options, max: 12 });
});
afterAll(() => sql.end());

const plan = async (number: number) => (await readPlans(sql)).find(p => p.number === number);

describe('identity', () => {
  test('is given once, also to ten at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, i) => identify(sql, { storeId: `s${i}`, seed: `seed${i}`, nowMs: T0 })),
    );
    expect(new Set(all.map(i => JSON.stringify(i))).size).toBe(1);
    expect(all[0]?.epochs).toEqual([1]);
    expect(await newEpoch(sql)).toEqual([1, 2]);
    expect((await identify(sql, { storeId: 'other', seed: 'other', nowMs: T0 })).epochs).toEqual([1, 2]);
  });
});

describe('registering', () => {
  test('ten at once agree on every number', async () => {
    const spec = specOf({
      targets: ['a', 'b', 'c'],
      checkpoints: [
        { id: 'x', name: 'x' },
        { id: 'y', name: 'y' },
      ],
    });
    const all = await Promise.all(Array.from({ length: 10 }, () => registerPipeline(sql, spec, T0)));
    const said = all.map(r =>
      JSON.stringify([r.number, r.generation, [...r.targets].sort(), [...r.checkpoints].sort()]),
    );
    expect(new Set(said).size).toBe(1);
    expect(all[0]?.targets.size).toBe(4);
  });

  test('a renamed checkpoint keeps its number by id; a removed one is retired, and comes back as itself', async () => {
    const spec = specOf({
      checkpoints: [
        { id: 'x', name: 'x' },
        { id: 'y', name: 'y' },
      ],
    });
    const first = await registerPipeline(sql, spec, T0);
    const renamed = { ...spec, generationHash: `${spec.id} 2`, checkpoints: [{ id: 'y', name: 'new name' }] };
    const second = await registerPipeline(sql, renamed, T0);
    expect(second.checkpoints).toEqual(new Map([['y', first.checkpoints.get('y')]]));
    const rows = await sql`
      select id, name, retired from checkpoint where pipeline = ${first.number} order by id`;
    expect(rows.map(r => [r.id, r.name, r.retired])).toEqual([
      ['x', 'x', true],
      ['y', 'new name', false],
    ]);
    const back = await registerPipeline(sql, spec, T0);
    expect(back.checkpoints).toEqual(first.checkpoints);
    expect(back.generation).toBe(first.generation);
    expect((await plan(first.number))?.generation).toBe(first.generation);
  });

  test('targets keep their numbers through coming and going', async () => {
    const spec = specOf({ targets: ['a', 'b'] });
    const first = await registerPipeline(sql, spec, T0);
    await registerPipeline(sql, { ...spec, targets: ['b', 'c'] }, T0 + 1);
    const states = async () =>
      Object.fromEntries(
        (await sql`select name, state from target where pipeline = ${first.number}`).map(r => [
          r.name,
          r.state,
        ]),
      );
    expect(await states()).toEqual({ a: 'quiet', b: 'active', c: 'active', '': 'drill' });
    const again = await registerPipeline(sql, { ...spec, targets: ['a', 'b'] }, T0 + 2);
    expect(again.targets.get('a')).toBe(first.targets.get('a'));
    expect(await states()).toEqual({ a: 'active', b: 'active', c: 'quiet', '': 'drill' });
  });

  test('a generation keeps what it pinned', async () => {
    const spec = specOf({ generationSpec: { checkpoints: [{ id: 'one', lostAfterMs: 5 }] } });
    const first = await registerPipeline(sql, spec, T0);
    const other = { ...spec, generationHash: `${spec.id} other`, generationSpec: { checkpoints: [] } };
    const second = await registerPipeline(sql, other, T0);
    expect(second.generation).toBeGreaterThan(first.generation);
    expect(await readGeneration(sql, first.number, first.generation)).toEqual(spec.generationSpec);
  });
});

describe('leaving the configuration', () => {
  test('what was due while a pipeline was out of it was never scheduled', async () => {
    const spec = specOf();
    const first = await registerPipeline(sql, spec, T0);
    await sql`update pipeline set retired = true where number = ${first.number}`;
    const back = await registerPipeline(sql, spec, T0 + 30 * 86_400_000);
    expect(back.plannedToMs).toBe(T0 + 30 * 86_400_000);
    const after = await registerPipeline(sql, spec, T0 + 31 * 86_400_000);
    expect(after.plannedToMs, 'a restart is ours: what was due meanwhile is unsent').toBe(back.plannedToMs);
  });

  test('a plan of a clock that was set back while nobody ran is taken back, under new names', async () => {
    const spec = specOf();
    const first = await registerPipeline(sql, spec, T0 + 4 * 3_600_000);
    const back = await registerPipeline(sql, spec, T0);
    expect([back.plannedToMs, back.round]).toEqual([T0, first.round + 1]);
    const again = await registerPipeline(sql, spec, T0 - 5_000);
    expect([again.plannedToMs, again.round]).toEqual([T0, back.round]);
  });

  test('retired checkpoints with open canaries are named, with the drill, until they are closed', async () => {
    const p = await register(sql);
    await commitIntent(sql, [stepTo(p, T0)], [beatOf(p, T0)]);
    expect((await readRetiredOpen(sql)).filter(r => r.pipeline === p.number)).toEqual([]);
    const others = (await readPlans(sql)).map(o => o.number).filter(n => n !== p.number);
    const ids = await sql`select id from pipeline where number in ${sql(others)}`;
    await retireOthers(
      sql,
      ids.map(r => r.id as string),
    );
    const open = async () => (await readRetiredOpen(sql)).filter(r => r.pipeline === p.number);
    expect(await open()).toEqual([
      { pipeline: p.number, checkpoint: 1, id: 'one', drill: p.targets.get('') },
    ]);
    await sql`update mark set next_due_ms = null where pipeline = ${p.number}`;
    expect(await open()).toEqual([]);
  });
});
