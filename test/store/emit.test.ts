/** The intent and its outcomes: whose a beat is, that it is whole or not there, and what becomes of an abandoned one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  commitIntent,
  commitOutcomes,
  commitSingle,
  readOwners,
  reapAbandoned,
  type SentBeat,
} from '../../src/store/emit.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { retireOthers } from '../../src/store/register.ts';
import { useDatabase } from '../support/database.ts';
import { beatOf, register, stepTo, T0 } from '../support/registered.ts';

const database = useDatabase();
let sql: Sql;
beforeAll(() => {
  sql = openStore({ ...database.options, max: 12 });
});
afterAll(() => sql.end());

const sent = (pipeline: number, slot: number, more: Partial<SentBeat> = {}): SentBeat => ({
  pipeline,
  slot,
  part: 0,
  owner: 'me',
  sendings: [0, 0],
  first_offs: [0, 0],
  last_offs: [5, 5],
  attempts: [1, 1],
  reasons: null,
  aliases: [],
  ...more,
});
const beatsOf = (pipeline: number) => sql<{ slot: number; owner: string; sendings: number[] | null }[]>`
  select slot, owner, to_json(sendings) as sendings from beat where pipeline = ${pipeline} order by slot, part`;

describe('the intent', () => {
  test('ten replicas plan the same beats at once: each beat has one owner, and every mark is there', async () => {
    const p = await register(sql, {
      checkpoints: [
        { id: 'x', name: 'x' },
        { id: 'y', name: 'y' },
      ],
    });
    const slots = [T0 + 1_000, T0 + 2_000, T0 + 3_000];
    const won = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        commitIntent(
          sql,
          [stepTo(p, T0 + 3_000)],
          slots.map(s => beatOf(p, s, { owner: `replica ${i}` })),
        ),
      ),
    );
    expect(won.map(w => w.length).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    const rows = await beatsOf(p.number);
    expect(rows.map(r => r.slot)).toEqual(slots);
    expect(new Set(rows.map(r => r.owner)).size).toBe(1);
    const [marks] = await sql<{ n: number }[]>`
      select count(*)::int as n from mark where pipeline = ${p.number}`;
    expect(marks?.n).toBe(6);
  });

  test('an older generation, and a pipeline that was taken out of the configuration, get nothing', async () => {
    const p = await register(sql);
    expect(await commitIntent(sql, [{ ...stepTo(p, T0 + 1), generation: 99 }], [beatOf(p, T0 + 1)])).toEqual(
      [],
    );
    await sql
      .begin(async tx => {
        await retireOthers(tx as unknown as Sql, []);
        const own = await commitIntent(tx as unknown as Sql, [stepTo(p, T0 + 1)], [beatOf(p, T0 + 1)]);
        expect(own).toEqual([]);
        throw new Error('undo');
      })
      .catch(error => expect(String(error)).toContain('undo'));
    expect(await beatsOf(p.number)).toEqual([]);
  });

  test('who lost the race records nothing as skipped; who won does, in the same statement', async () => {
    const p = await register(sql);
    const skipped = [{ pipeline: p.number, checkpoint: 1, hour_ms: T0, count: 7 }];
    await commitIntent(sql, [stepTo(p, T0 + 500)], [], skipped);
    await commitIntent(sql, [stepTo(p, T0 + 500)], [], skipped);
    const rows = await sql`select copies from sighting where pipeline = ${p.number}`;
    expect(rows.map(r => r.copies)).toEqual([7]);
  });

  test('owners can be read back when the outcome of the commit is unknown', async () => {
    const p = await register(sql);
    await commitIntent(sql, [stepTo(p, T0 + 2)], [beatOf(p, T0 + 1), beatOf(p, T0 + 2, { owner: 'other' })]);
    const keys = [T0 + 1, T0 + 2, T0 + 3].map(slot => ({ pipeline: p.number, slot, part: 0 }));
    const owners = await readOwners(sql, keys);
    expect(owners.map(o => [o.slot, o.owner])).toEqual([
      [T0 + 1, 'me'],
      [T0 + 2, 'other'],
    ]);
  });

  test('a single canary takes its name, or says that it is taken', async () => {
    const p = await register(sql);
    const row = beatOf(p, T0, { part: 108_192, index: 8_192, kind: 'emit', targets: [p.targets.get('a')!] });
    expect(await commitSingle(sql, row)).toBe(true);
    expect(await commitSingle(sql, row)).toBe(false);
    const [mark] = await sql`select counts from mark where pipeline = ${p.number}`;
    expect(mark?.counts).toEqual({ pending: 2 });
  });
});

describe('outcomes', () => {
  test('are ours only, and once', async () => {
    const p = await register(sql);
    await commitIntent(sql, [stepTo(p, T0)], [beatOf(p, T0)]);
    await commitOutcomes(sql, [sent(p.number, T0, { owner: 'somebody', sendings: [1, 1] })]);
    expect((await beatsOf(p.number))[0]?.sendings).toBeNull();
    await commitOutcomes(sql, [sent(p.number, T0, { sendings: [0, 2] })]);
    await commitOutcomes(sql, [sent(p.number, T0, { sendings: [3, 3] })]);
    expect((await beatsOf(p.number))[0]?.sendings).toEqual([0, 2]);
  });

  test('go in whatever the first hop answered: NUL, half a surrogate pair, anything', async () => {
    const p = await register(sql);
    await commitIntent(sql, [stepTo(p, T0)], [beatOf(p, T0)]);
    const aliases = [{ alias: 'a\u0000b', target: p.targets.get('a')!, index: 0 }];
    await commitOutcomes(sql, [sent(p.number, T0, { reasons: { '0': 'no\u0000 \ud83d \\u0000' }, aliases })]);
    const [row] = await sql<{ reasons: Record<string, string> }[]>`
      select reasons from beat where pipeline = ${p.number}`;
    expect(row?.reasons).toEqual({ '0': 'no\ufffd \ufffd \\u0000' });
  });
});

describe('the reaper', () => {
  const reap = (nowMs: number) => reapAbandoned(sql, { nowMs, leaseMs: 20_000 });
  test('takes what a gone sender left: maybe sent, and the drill withheld, of whatever pipeline', async () => {
    const p = await register(sql);
    const drill = p.targets.get('')!;
    const targets = [p.targets.get('a')!, drill];
    await commitIntent(sql, [stepTo(p, T0)], [beatOf(p, T0, { owner: 'gone', targets })]);
    await reap(T0 + 10_000);
    expect((await beatsOf(p.number))[0]?.sendings).toBeNull();
    await reap(T0 + 20_001);
    expect((await beatsOf(p.number))[0]?.sendings).toEqual([2, 4]);
    await commitOutcomes(sql, [sent(p.number, T0, { owner: 'gone' })]);
    expect((await beatsOf(p.number))[0]?.sendings).toEqual([2, 4]);
  });

  test('leaves a living sender its time, and takes over when that has passed', async () => {
    const p = await register(sql);
    await sql`insert into replica (self, seen_ms) values ('alive', (extract(epoch from clock_timestamp()) * 1000)::int8)`;
    await commitIntent(sql, [stepTo(p, T0)], [beatOf(p, T0, { owner: 'alive' })]);
    await reap(T0 + 180_000);
    expect((await beatsOf(p.number))[0]?.sendings).toBeNull();
    await reap(T0 + 180_001);
    expect((await beatsOf(p.number))[0]?.sendings).toEqual([2, 2]);
  });

  test('fits what it writes into int4, however old the beat', async () => {
    const p = await register(sql);
    const old = T0 - 90 * 86_400_000;
    await commitIntent(sql, [stepTo(p, T0)], [beatOf(p, old, { owner: 'gone' })]);
    await reap(T0);
    const [row] = await sql<
      { last: number }[]
    >`select last_offs[1] as last from beat where pipeline = ${p.number}`;
    expect(row?.last).toBe(2_000_000_000);
  });
});
