/** Evidence and cursor in one statement, under a fence; and whatever backends put into their records. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newWatch } from '../../src/domain/watermark.ts';
import { LeaseLostError } from '../../src/store/lease.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { commitReceived, commitSightings, commitTogether, readIdentities } from '../../src/store/sight.ts';
import { useDatabase } from '../support/database.ts';
import { leaseOf, register, seenRow, T0 } from '../support/registered.ts';

const database = useDatabase();
let sql: Sql;
beforeAll(() => {
  sql = openStore({ ...database.options, max: 4 });
});
afterAll(() => sql.end());

const stateOf = async (pipeline: number) => {
  const [row] = await sql<{ cursor: unknown; w: number | null; inbox: number; findings: number }[]>`
    select cursor, (watermark->>'wMs')::int8 as w,
           (select count(*)::int from sighting s where s.pipeline = c.pipeline)
             + (select count(*)::int from identity i where i.pipeline = c.pipeline) as inbox,
           (select coalesce(sum(count), 0)::int from finding f where f.pipeline = c.pipeline) as findings
      from checkpoint c where pipeline = ${pipeline} and number = 1`;
  return row;
};
const identity = (text: string) => ({
  identity: text,
  key: 7,
  seen_ms: T0,
  seen_after_ms: null,
  ingested_ms: null,
  record: null,
  copies: 1,
  look: T0,
});
const echo = { kind: 'echo', at_ms: T0, count: 1, sample: 'x' };

describe('a page', () => {
  test('goes in with its cursor, and the end with its watch', async () => {
    const p = await register(sql);
    const lease = await leaseOf(sql, p);
    const rows = [seenRow(T0, 1), seenRow(T0, 2)];
    await commitSightings(sql, lease, { rows, cursor: { offset: 7 }, findings: [echo] });
    expect(await stateOf(p.number)).toEqual({ cursor: { offset: 7 }, w: null, inbox: 2, findings: 1 });
    await commitSightings(sql, lease, { rows: [], watch: { ...newWatch, wMs: T0 } });
    expect(await stateOf(p.number)).toEqual({ cursor: { offset: 7 }, w: T0, inbox: 2, findings: 1 });
  });

  test('of a holder that was fenced off leaves nothing behind: no sighting, no cursor, no watch, no finding', async () => {
    const p = await register(sql);
    const old = await leaseOf(sql, p);
    await leaseOf(sql, p);
    const page = {
      rows: [seenRow(T0, 1)],
      cursor: { offset: 9 },
      watch: { ...newWatch, wMs: T0 },
      findings: [echo],
      identities: [identity('x')],
    };
    await expect(commitSightings(sql, old, page)).rejects.toThrow(LeaseLostError);
    expect(await stateOf(p.number)).toEqual({ cursor: null, w: null, inbox: 0, findings: 0 });
  });

  test('goes in whatever is in the records: NUL, half a surrogate pair', async () => {
    const p = await register(sql);
    const lease = await leaseOf(sql, p);
    const bad = 'cut\u0000 \ud83d';
    const rows = [seenRow(T0, 1, { detail: [{ field: bad, found: bad }] })];
    await commitSightings(sql, lease, {
      rows,
      cursor: { [bad]: bad },
      findings: [{ ...echo, sample: { record: bad } }],
    });
    await commitReceived(sql, lease, rows, [{ ...echo, sample: bad }]);
    expect(await stateOf(p.number)).toMatchObject({ inbox: 2, findings: 2 });
    expect((await readIdentities(sql, lease, [bad])).aliases).toEqual([]);
  });

  test('parks identities with its cursor; one that is read again changes nothing', async () => {
    const p = await register(sql);
    const lease = await leaseOf(sql, p);
    await commitSightings(sql, lease, { rows: [], identities: [identity('x'), identity('y')] });
    await commitSightings(sql, lease, { rows: [], identities: [{ ...identity('x'), seen_ms: T0 + 9 }] });
    await commitReceived(sql, lease, [], [], [{ ...identity('x'), key: 8 }]);
    const rows = await sql<{ identity: string; key: number; seen_ms: number }[]>`
      select identity, key, seen_ms from identity where pipeline = ${p.number} order by 1, 2`;
    expect(rows.map(r => [r.identity, r.key, r.seen_ms])).toEqual([
      ['x', 7, T0],
      ['x', 8, T0],
      ['y', 7, T0],
    ]);
    expect(await readIdentities(sql, lease, ['x', 'z'])).toEqual({ aliases: [], sending: false, others: 1 });
    expect(await readIdentities(sql, lease, [])).toEqual({ aliases: [], sending: false, others: 0 });
  });

  test('counts findings by kind and hour', async () => {
    const p = await register(sql);
    const lease = await leaseOf(sql, p);
    const at = (ms: number, count: number) => ({ ...echo, at_ms: T0 + ms, count });
    await commitSightings(sql, lease, { rows: [], findings: [at(0, 2), at(10, 3), at(3_600_000, 1)] });
    await commitSightings(sql, lease, { rows: [], findings: [at(20, 4)] });
    const rows = await sql`
      select hour_ms, count::int as count, first_ms, last_ms from finding where pipeline = ${p.number} order by 1`;
    expect(rows.map(r => ({ ...r }))).toEqual([
      { hour_ms: T0, count: 9, first_ms: T0, last_ms: T0 + 20 },
      { hour_ms: T0 + 3_600_000, count: 1, first_ms: T0 + 3_600_000, last_ms: T0 + 3_600_000 },
    ]);
  });
});

test('ends of several looks go in together; one whose lease is over takes nothing with it and leaves nothing', async () => {
  const places = [await register(sql), await register(sql), await register(sql)];
  const [one, two, three] = places.map(p => p.number) as [number, number, number];
  const leases = await Promise.all(places.map(p => leaseOf(sql, p)));
  await leaseOf(sql, places[1]!);
  const pages = leases.map((lease, i) => ({
    lease,
    evidence: {
      rows: [seenRow(T0, i)],
      findings: [echo],
      identities: [identity(`x${i}`)],
      ...(i === 0 ? { watch: { ...newWatch, wMs: T0 } } : { cursor: { offset: i } }),
    },
  }));
  expect(await commitTogether(sql, pages)).toEqual([true, false, true]);
  expect(await stateOf(one)).toEqual({ cursor: null, w: T0, inbox: 2, findings: 1 });
  expect(await stateOf(two)).toEqual({ cursor: null, w: null, inbox: 0, findings: 0 });
  expect(await stateOf(three)).toEqual({ cursor: { offset: 2 }, w: null, inbox: 2, findings: 1 });
});
