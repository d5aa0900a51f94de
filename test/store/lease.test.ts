/** Leases: one holder at a time, by the database's clock; whoever takes over fences the other off. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  acquireLeases,
  type Lease,
  readFilledInboxes,
  releaseLeases,
  type WantedCheckpoint,
} from '../../src/store/lease.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { type RegisteredPipeline, registerPipeline } from '../../src/store/register.ts';
import { commitReceived } from '../../src/store/sight.ts';
import { useDatabase } from '../support/database.ts';
import { register, seenRow, specOf, T0 } from '../support/registered.ts';

const database = useDatabase();
let sql: Sql;
let p: RegisteredPipeline;
let wanted: WantedCheckpoint[];
beforeAll(() => {
  sql = openStore({ ...database.options, max: 12 });
});
afterAll(() => sql.end());
beforeEach(async () => {
  const checkpoints = ['x', 'y', 'z'].map(id => ({ id, name: id }));
  p = await register(sql, { checkpoints });
  wanted = [1, 2, 3].map(checkpoint => ({ pipeline: p.number, checkpoint, generation: p.generation }));
});

const acquire = (self: string): Promise<Lease[]> => acquireLeases(sql, { self, leaseMs: 20_000, wanted });
const die = (self: string) => sql`update replica set seen_ms = seen_ms - 20001 where self = ${self}`;
const numbers = (leases: readonly Lease[]) => leases.map(l => l.checkpoint).sort();
const fences = (leases: readonly Lease[]) => new Map(leases.map(l => [l.checkpoint, l.fence]));

describe('leases', () => {
  test('of ten at once, no checkpoint has two living holders, and soon none has none', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `at once ${p.number} ${i}`);
    await Promise.all(names.map(acquire));
    const now = await Promise.all(names.map(acquire));
    expect(now.flatMap(numbers).sort()).toEqual([1, 2, 3]);
    const rows = await sql`select distinct holder from checkpoint where pipeline = ${p.number}`;
    for (const r of rows) expect(names).toContain(r.holder);
  });

  test('are kept by a heartbeat, with the same fence', async () => {
    const first = await acquire('a');
    expect(fences(await acquire('a'))).toEqual(fences(first));
    expect(await acquire('b')).toEqual([]);
  });

  test('move when the heartbeat grows old by the database’s clock, with a higher fence; the sleeper wakes with none', async () => {
    const old = fences(await acquire('sleeper'));
    await die('sleeper');
    const taken = await acquire('next');
    expect(numbers(taken)).toEqual([1, 2, 3]);
    for (const l of taken) expect(l.fence).toBeGreaterThan(old.get(l.checkpoint) ?? 0);
    expect(await acquire('sleeper')).toEqual([]);
  });

  test('are the sleeper’s still if nobody else wanted them meanwhile', async () => {
    const old = await acquire('alone');
    await die('alone');
    expect(fences(await acquire('alone'))).toEqual(fences(old));
  });

  test('given back at shutdown are there at once', async () => {
    await acquire('leaves');
    await releaseLeases(sql, 'leaves');
    expect(numbers(await acquire('comes'))).toEqual([1, 2, 3]);
  });

  test('are not for a replica on an older generation, whose fences end with the new one', async () => {
    const spec = specOf({ id: `moves ${p.number}` });
    const before = await registerPipeline(sql, spec, T0);
    const at = { pipeline: before.number, checkpoint: 1 };
    const want = (self: string, generation: number) =>
      acquireLeases(sql, { self, leaseMs: 20_000, wanted: [{ ...at, generation }] });
    const [held] = await want('old', before.generation);
    const after = await registerPipeline(sql, { ...spec, generationHash: 'newer' }, T0);
    expect(await want('old', before.generation)).toEqual([]);
    const [taken] = await want('new', after.generation);
    expect(taken?.fence).toBeGreaterThan(held?.fence ?? 0);
  });
});

test('an inbox with something in it is named, others are not', async () => {
  await commitReceived(sql, { pipeline: p.number, checkpoint: 2 }, [seenRow(T0, 1)]);
  expect(await readFilledInboxes(sql, [p.number])).toEqual([{ pipeline: p.number, checkpoint: 2 }]);
  expect(await readFilledInboxes(sql, [])).toEqual([]);
});
