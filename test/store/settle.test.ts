/** One settling is one transaction under one lease. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seenAt, tellUpstream, verdictsAt } from '../../src/store/branches.ts';
import { commitIntent } from '../../src/store/emit.ts';
import { type Lease, LeaseLostError } from '../../src/store/lease.ts';
import { underLease, underLeases } from '../../src/store/lock.ts';
import { openStore, type Sql, type Tx } from '../../src/store/open.ts';
import { loadRollups, parkOrphans, saveRollups } from '../../src/store/rollup.ts';
import { loadMarks, saveMarks, takeInboxes } from '../../src/store/settle.ts';
import { commitReceived, type InboxRow } from '../../src/store/sight.ts';
import { useDatabase } from '../support/database.ts';
import { beatOf, leaseOf, register, seenRow, stepTo, T0 } from '../support/registered.ts';

const database = useDatabase();
let sql: Sql;
beforeAll(() => {
  sql = openStore({ ...database.options, max: 6 });
});
afterAll(() => sql.end());

const takeInbox = async (tx: Tx, lease: Lease, limit: number) =>
  (await takeInboxes(tx, [lease], limit)).of(lease);

test('what fails in the middle gives the inbox back', async () => {
  const p = await register(sql);
  const lease = await leaseOf(sql, p);
  await commitReceived(sql, lease, [seenRow(T0, 1), seenRow(T0, 2)]);
  const failing = underLease(sql, lease, async tx => {
    expect((await takeInbox(tx, lease, 10)).length).toBe(2);
    throw new Error('bug');
  });
  await expect(failing).rejects.toThrow('bug');
  expect((await underLease(sql, lease, tx => takeInbox(tx, lease, 10))).length).toBe(2);
  expect(await underLease(sql, lease, tx => takeInbox(tx, lease, 10))).toEqual([]);
});

test('a fence that is over gets nothing; two judges of one checkpoint wait for each other', async () => {
  const p = await register(sql);
  const old = await leaseOf(sql, p);
  const lease = await leaseOf(sql, p);
  await expect(underLease(sql, old, async () => 1)).rejects.toThrow(LeaseLostError);
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 4 }, () =>
      underLease(sql, lease, async tx => {
        most = Math.max(most, ++inside);
        await tx`select pg_sleep(0.005)`;
        inside--;
      }),
    ),
  );
  expect(most).toBe(1);
});

test('the inbox is taken in bounded bites, each row once, as it was put in', async () => {
  const p = await register(sql);
  const lease = await leaseOf(sql, p);
  const rows = Array.from(
    { length: 25 },
    (_, i): InboxRow =>
      seenRow(T0 + i, i, {
        seen_after_ms: i % 2 ? null : T0,
        record: 5 - i,
        detail: { i },
        ingested_ms: T0 - i,
      }),
  );
  await commitReceived(sql, lease, rows);
  const taken: InboxRow[] = [];
  for (;;) {
    const bite = await underLease(sql, lease, tx => takeInbox(tx, lease, 10));
    if (bite.length === 0) break;
    expect(bite.length).toBeLessThanOrEqual(10);
    taken.push(...bite);
  }
  expect(taken.sort((a, b) => a.slot - b.slot)).toEqual(rows);
});

test('marks are loaded by slot or by due time, and come back as they were saved', async () => {
  const p = await register(sql);
  const lease = await leaseOf(sql, p);
  const beats = [0, 1, 2, 3].map(i => beatOf(p, T0 + i * 1_000));
  await commitIntent(sql, [stepTo(p, T0 + 9_000)], beats);
  const load = (slots: number[], dueUntilMs: number, dueLimit = 9) =>
    underLease(sql, lease, async tx => {
      const { pipeline, checkpoint } = lease;
      const wanted = { pipeline, checkpoint, slots, due_until_ms: dueUntilMs };
      return (await loadMarks(tx, [wanted], dueLimit)).of(lease);
    });
  const slots = async (...args: Parameters<typeof load>) =>
    (await load(...args)).map(r => r.slot - T0).sort();
  expect(await slots([T0 + 3_000], 0)).toEqual([3_000]);
  expect(await slots([T0 + 3_000], T0 + 11_000)).toEqual([0, 1_000, 3_000]);
  expect(await slots([], T0 + 60_000, 2)).toEqual([0, 1_000]);
  const update = {
    pipeline: p.number,
    checkpoint: 1,
    slot: T0,
    part: 0,
    next_due_ms: null,
    counts: { on_time: 1, lost: 1 },
    folded: true,
    exceptional: true,
    verdicts: [2, 5],
    seen_offs: [7, null],
    seen_after_offs: [null, null],
    flags: [0, 3],
    records: [-2_147_483_648, null],
    notes: { '1': { lostMs: T0 } },
  };
  await underLease(sql, lease, tx => saveMarks(tx, [update]));
  const { pipeline: _, checkpoint: __, ...kept } = update;
  expect((await load([T0], 0))[0]).toMatchObject(kept);
  const asked = { n: 3, pipeline: p.number, checkpoint: 1, slot: T0, part: 0 };
  const unknown = { ...asked, slot: T0 + 1_000 };
  await underLease(sql, lease, async tx => {
    expect(await seenAt(tx, [unknown, asked])).toEqual([{ ...asked, values: [7, null] }]);
    expect(await verdictsAt(tx, [unknown, asked])).toEqual([{ ...asked, values: [2, 5] }]);
  });
});

test('rollups are replaced by the hour, orphans are parked once, the upstream is told in its inbox', async () => {
  const p = await register(sql, {
    checkpoints: [
      { id: 'up', name: 'up' },
      { id: 'down', name: 'down' },
    ],
  });
  const lease = await leaseOf(sql, p, 2);
  const key = { pipeline: p.number, checkpoint: 2 };
  const at = (counts: Record<string, number>) => ({ ...key, hour_ms: T0, counts, delays: null });
  await underLease(sql, lease, async tx => {
    await saveRollups(tx, [at({ on_time: 1 })]);
    await saveRollups(tx, [at({ on_time: 2, lost: 1 })]);
    expect(
      await loadRollups(tx, [
        { ...key, hour_ms: T0 },
        { ...key, hour_ms: T0 + 3_600_000 },
      ]),
    ).toEqual([at({ on_time: 2, lost: 1 })]);
    const orphan = { ...key, target: 1, slot: T0, index: 3, seen_ms: T0 };
    await parkOrphans(tx, [orphan]);
    await parkOrphans(tx, [{ ...orphan, seen_ms: T0 + 5 }]);
    await tellUpstream(tx, [{ pipeline: p.number, checkpoint: 1, slot: T0, target: 1, index: 0 }]);
  });
  const orphans = await sql`select seen_ms from orphan where pipeline = ${p.number}`;
  expect(orphans.map(r => r.seen_ms)).toEqual([T0]);
  const inbox = await sql`select checkpoint, kind from sighting where pipeline = ${p.number}`;
  expect(inbox.map(r => ({ ...r }))).toEqual([{ checkpoint: 1, kind: 1 }]);
});

test('several checkpoints settle in one transaction: each has its own inbox and rows, one that was lost is left out', async () => {
  const one = await register(sql);
  const two = await register(sql);
  const three = await register(sql);
  const a = await leaseOf(sql, one);
  const b = await leaseOf(sql, two);
  const old = await leaseOf(sql, three);
  await leaseOf(sql, three);
  for (const [p, n] of [
    [one, 3],
    [two, 12],
    [three, 1],
  ] as const) {
    await commitIntent(sql, [stepTo(p, T0 + 9_000)], [beatOf(p, T0 + n * 100)]);
    await commitReceived(
      sql,
      { pipeline: p.number, checkpoint: 1 },
      Array.from({ length: n }, (_, i) => seenRow(T0 + n * 100, i)),
    );
  }
  await underLeases(sql, [b, old, a], async (tx, locked) => {
    expect(locked.map(l => l.lease)).toEqual([b, a]);
    const inboxes = await takeInboxes(tx, [b, a], 10);
    expect([a, b, old].map(l => inboxes.of(l).length)).toEqual([3, 10, 0]);
    const wanted = [
      { pipeline: one.number, checkpoint: 1, slots: [T0 + 300], due_until_ms: null },
      { pipeline: two.number, checkpoint: 1, slots: [], due_until_ms: T0 + 60_000 },
    ];
    const marks = await loadMarks(tx, wanted, 5);
    expect([a, b].map(l => marks.of(l).map(r => r.slot))).toEqual([[T0 + 300], [T0 + 1_200]]);
  });
});
