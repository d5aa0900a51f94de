/** Sealing and verifying, from faults in the lab: what the ledger does itself verifies; what a hand does in its tables doesn't. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seal } from '../../src/engine/chain.ts';
import type { VerifyOptions } from '../../src/engine/verified.ts';
import { verifyChain } from '../../src/engine/verify-chain.ts';
import { dropLinks, readChainHead } from '../../src/store/chain.ts';
import { exportLedger } from '../../src/store/export.ts';
import { importLedger } from '../../src/store/import.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { faultConfig, faults } from '../support/faults.ts';
import { openWorld, type World, WorldClock } from '../support/world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const RETENTION = { canariesMs: 2 * DAY, exceptionsMs: 400 * DAY, rollupsMs: 1825 * DAY };
const db = useDatabase();
const other = useDatabase();
let w: World;
let sql: Sql;
/** The hour that the world begins in, two minutes before its end. */
let hourMs: number;
/** Holds the lock of whoever seals, so that the engine does so only when it is told to. */
let hand: Sql;

const hold = () => hand`select pg_advisory_lock(hashtext('coalmine seal'), 1)`;
/** Seals as so many replicas at once. Returns the links that each made. */
async function sealAs(replicas: number): Promise<number[]> {
  await hand`select pg_advisory_unlock(hashtext('coalmine seal'), 1)`;
  const links = await Promise.all(Array.from({ length: replicas }, () => seal(w.running.engine)));
  await hold();
  return links;
}
const sealed = async () => (await sealAs(1))[0];

async function run(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2_000) {
    await w.run(2_000, 2_000);
    await w.running.idle();
  }
}
const verify = (over: Partial<VerifyOptions> = {}, at: Sql = sql) =>
  verifyChain(at, { nowMs: w.clock.now(), retention: RETENTION, ...over });
const links = () =>
  sql<{ number: number; hour_ms: number; counts: Record<string, number>; hash: string }[]>`
    select number, hour_ms, counts, hash from chain order by number`;
const countsOf = async (): Promise<Record<string, number>> =>
  (await sql<{ counts: Record<string, number> }[]>`select counts from rollup where hour_ms = ${hourMs}`)[0]
    ?.counts ?? {};

beforeAll(async () => {
  const clock = new WorldClock();
  clock.step(58 * 60_000);
  hourMs = clock.now() - (clock.now() % HOUR);
  w = await openWorld(db.options, faultConfig(), { seed: 7, clock });
  sql = openStore({ ...db.options, max: 3 });
  hand = openStore({ ...db.options, max: 1 });
  await hold();
  await run(30_000);
  await faults(w, { agents: { 'web-1': { stall: true } } });
  await run(84_000);
}, 60_000);
afterAll(async () => {
  await hand.end({ timeout: 5 });
  await sql.end({ timeout: 5 });
  await w.close();
});

describe('sealing', () => {
  test('an hour that isn’t over, or has open rows, is left alone', async () => {
    expect(await sealed()).toBe(0);
    await run(16_000);
    expect(w.clock.now()).toBeGreaterThan(hourMs + HOUR);
    // Canaries of its last seconds are still out.
    expect(await sealed()).toBe(0);
    const verified = await verify();
    expect(verified).toMatchObject({ ok: true, chains: [{ head: null, links: 0, unsealed: 1 }] });
  });

  test('a whole hour gets one link, which says what its rollup says, and that verifies', async () => {
    await run(40_000);
    expect(await sealed()).toBe(1);
    expect(await sealed()).toBe(0);
    const [link] = await links();
    expect(link).toMatchObject({ number: 1, hour_ms: hourMs, counts: await countsOf() });
    expect(link?.counts.lost).toBeGreaterThan(20);
    expect(await readChainHead(sql, 1)).toBe(link?.hash);
    const verified = await verify();
    expect(verified.chains[0]?.broken).toEqual([]);
    expect(verified).toMatchObject({
      ok: true,
      chains: [
        { head: link?.hash, links: 1, revisions: 0, unsealed: 0, anchor: null, checked: { cut: false } },
      ],
    });
    expect(verified.chains[0]?.checked.hours).toBe(2);
    expect(verified.chains[0]?.checked.rows).toBeGreaterThan(60);
  });

  test('what comes back is sealed anew, and is explained', async () => {
    const [before] = await links();
    await faults(w, { agents: { 'web-1': { stall: false } } });
    w.lab.restart('web-1');
    await run(20_000);
    expect((await countsOf()).recovered).toBeGreaterThan(20);
    // Until then the newest link is behind, and that is explained too.
    expect(await verify()).toMatchObject({ ok: true, chains: [{ unsealed: 1 }] });
    // While another is at it, nobody waits.
    expect(await seal(w.running.engine)).toBe(0);
    // Three at once: one chain.
    expect((await sealAs(3)).toSorted()).toEqual([0, 0, 1]);
    expect(await links()).toMatchObject([before!, { number: 2, counts: await countsOf() }]);
    expect(await verify()).toMatchObject({ ok: true, chains: [{ links: 2, revisions: 1, unsealed: 0 }] });
  });

  test('a head from an old notice is found, and another is not', async () => {
    const [first] = await links();
    expect(await verify({ head: first!.hash.toUpperCase() })).toMatchObject({
      ok: true,
      head: { pipeline: 'ssh', number: 1 },
    });
    expect(await verify({ head: 'ab'.repeat(32) })).toMatchObject({ ok: false, head: null });
  });

  test('export and import carry it', async () => {
    const copy = openStore({ ...other.options, max: 2 });
    try {
      let text = '';
      await exportLedger(sql, w.clock.now(), async piece => {
        text += piece;
      });
      await importLedger(
        copy,
        (async function* () {
          yield text;
        })(),
        w.clock.now(),
      );
      const verified = await verify({ head: (await links())[0]!.hash }, copy);
      expect(verified).toMatchObject({ ok: true, chains: [{ links: 2 }], head: { number: 1 } });
    } finally {
      await copy.end({ timeout: 5 });
    }
  });
});

describe('an edited row', () => {
  const TABLES = ['rollup', 'chain', 'mark', 'beat'];

  /** Edits, looks, and puts everything back. */
  async function edited(edit: () => Promise<{ count: number }>): Promise<Awaited<ReturnType<typeof verify>>> {
    for (const t of TABLES) await sql.unsafe(`create table saved_${t} as table ${t}`);
    try {
      expect((await edit()).count).toBe(1);
      return await verify();
    } finally {
      for (const t of TABLES)
        await sql.unsafe(`truncate ${t}; insert into ${t} select * from saved_${t}; drop table saved_${t}`);
    }
  }
  const markOf = (bucket: string) =>
    sql`select slot from mark where slot < ${hourMs + HOUR} and counts ? ${bucket} order by slot limit 1`;

  test.each<[string, () => Promise<{ count: number }>, RegExp]>([
    [
      'losses made arrivals in the rollup',
      () =>
        sql`update rollup set counts = counts || '{"recovered": 0, "on_time": 999}' where hour_ms = ${hourMs}`,
      /its counts are not those that were sealed: on_time \d+ in link 2, 999 in the rollup/,
    ],
    [
      'the same, and left to be sealed anew',
      () =>
        sql`update rollup set counts = counts - 'lost' || '{"on_time": 999}', sealed = false where hour_ms = ${hourMs}`,
      /changed after link 2 as no evidence could/,
    ],
    [
      'delays of the rollup',
      () => sql`update rollup set delays = '{"zero": 9, "buckets": []}' where hour_ms = ${hourMs}`,
      /its delays are not those that were sealed/,
    ],
    [
      'counts that are no object',
      () => sql`update rollup set counts = '7' where hour_ms = ${hourMs}`,
      /in the rollup/,
    ],
    ['a rollup deleted', () => sql`delete from rollup where hour_ms = ${hourMs}`, /its rollup is gone/],
    [
      'counts of the first link',
      () => sql`update chain set counts = jsonb_set(counts, '{lost}', '1') where number = 1`,
      /link 1 is not what its hash was made from/,
    ],
    [
      'delays’ hash of the newest link',
      () => sql`update chain set delays_hash = ${'0'.repeat(64)} where number = 2`,
      /link 2 is not what its hash was made from/,
    ],
    [
      'when a link was sealed',
      () => sql`update chain set sealed_ms = sealed_ms - 1 where number = 2`,
      /link 2 is not what/,
    ],
    [
      'hash of a link',
      () => sql`update chain set hash = ${'0'.repeat(64)} where number = 1`,
      /link 1 is not what/,
    ],
    [
      'the first link deleted',
      () => sql`delete from chain where number = 1`,
      /links before number 2 are gone/,
    ],
    [
      'the newest link deleted',
      () => sql`delete from chain where number = 2`,
      /its counts are not those that were sealed/,
    ],
    [
      'verdicts of a mark',
      async () => {
        const [m] = await markOf('recovered');
        return sql`update mark set verdicts = array_replace(verdicts, 6::smallint, 2::smallint) where slot = ${m!.slot}`;
      },
      /doesn’t follow from its evidence: canary \d is on_time, and recovered by its evidence/,
    ],
    [
      'two canaries of a mark exchanged',
      async () => {
        const [m] = await markOf('recovered');
        return sql`update mark set verdicts = array[verdicts[2], verdicts[1]] || verdicts[3:] where slot = ${m!.slot}`;
      },
      /doesn’t follow from its evidence/,
    ],
    [
      'counts of a mark',
      async () => {
        const [m] = await markOf('recovered');
        return sql`update mark set counts = '{"on_time": 2}' where slot = ${m!.slot}`;
      },
      /its counts are \{"on_time":2\}, and by its verdicts/,
    ],
    [
      'flags of a mark',
      async () => {
        const [m] = await markOf('recovered');
        return sql`update mark set flags = array_fill(0::smallint, array[cardinality(flags)]) where slot = ${m!.slot}`;
      },
      /by its evidence/,
    ],
    [
      'a mark deleted',
      async () => {
        const [m] = await markOf('recovered');
        return sql`delete from mark where slot = ${m!.slot}`;
      },
      /its rollup is not what its canaries sum to: .*recovered/,
    ],
    [
      'a sending',
      async () => {
        const [m] = await markOf('recovered');
        return sql`update beat set sendings = array_replace(sendings, 0::smallint, 3::smallint) where slot = ${m!.slot}`;
      },
      /and unsent by its evidence/,
    ],
  ])('%s: is found, in its hour', async (_, edit, says) => {
    const { ok, chains } = await edited(edit);
    expect(ok).toBe(false);
    const broken = chains[0]!.broken;
    expect(broken.map(b => b.what).join('\n')).toMatch(says);
    expect(new Set(broken.map(b => b.hourMs))).toEqual(new Set([hourMs]));
    expect(broken[0]).toMatchObject({ pipeline: 'ssh', checkpoint: 'loki' });
    expect(await verify()).toMatchObject({ ok: true });
  });

  test('an edit that the engine itself seals is named at its link', async () => {
    for (const t of TABLES) await sql.unsafe(`create table saved_${t} as table ${t}`);
    await sql`update rollup set counts = counts - 'recovered' || '{"on_time": 999}', sealed = false where hour_ms = ${hourMs}`;
    expect(await sealed()).toBe(1);
    const { chains } = await verify();
    expect(chains[0]?.broken[0]?.what).toMatch(/link 3 revises link 2 as no evidence could/);
    for (const t of TABLES)
      await sql.unsafe(`truncate ${t}; insert into ${t} select * from saved_${t}; drop table saved_${t}`);
  });
});

describe('retention', () => {
  test('older hours are held against what was out of the ordinary in them', async () => {
    const at = { nowMs: w.clock.now() + 3 * DAY };
    const old = await verify(at);
    expect(old).toMatchObject({ ok: true, chains: [{ checked: { hours: 0, exceptionHours: 2 } }] });
    await sql`delete from mark where not exceptional and folded`;
    expect(await verify(at)).toMatchObject({ ok: true });
    const [m] = await sql`select slot from mark where counts ? 'recovered' limit 1`;
    await sql`delete from mark where slot = ${m!.slot}`;
    expect((await verify(at)).chains[0]?.broken[0]?.what).toMatch(
      /recovered \d+ in the rollup, \d+ by its canaries/,
    );
  });

  test('links go with their rollups; the oldest that is kept is the anchor', async () => {
    await sql`truncate mark`;
    // A year later, so far as the record goes.
    const hours = [1, 2, 3].map(n => hourMs + n * 300 * DAY);
    for (const h of hours) await sql`insert into rollup values (1, 1, ${h}, '{"on_time": 1}', null, false)`;
    w.clock.step(901 * DAY);
    await sql`update checkpoint set watermark = jsonb_set(watermark, '{wMs}', ${String(w.clock.now())}::text::jsonb)`;
    await sql`update pipeline set planned_to_ms = ${w.clock.now()}`;
    const all = { canariesMs: 1, exceptionsMs: 1, rollupsMs: 1825 * DAY };
    // The three, and the second hour of the world.
    expect(await sealed()).toBe(4);
    expect(await verify({ retention: all })).toMatchObject({
      ok: true,
      chains: [{ links: 6, anchor: null }],
    });
    const kept = { ...all, rollupsMs: 700 * DAY };
    const cutMs = w.clock.now() - kept.rollupsMs;
    await sql`delete from rollup where hour_ms < ${cutMs}`;
    await dropLinks(sql, cutMs);
    expect((await links()).map(l => l.number)).toEqual([3, 4, 5, 6]);
    const verified = await verify({ retention: kept });
    expect(verified.chains[0]?.broken).toEqual([]);
    expect(verified).toMatchObject({ ok: true, chains: [{ number: 6, links: 3, anchor: { number: 3 } }] });
    // Once more changes nothing; and a chain whose hours are all old keeps its newest.
    await dropLinks(sql, cutMs);
    expect(await links()).toHaveLength(4);
    await dropLinks(sql, w.clock.now() + DAY);
    expect((await links()).map(l => l.number)).toEqual([6]);
  });
});
