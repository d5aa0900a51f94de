/** Faults at every stage of the lab: the engine's verdicts, canary by canary, against the lab's own account. */
import { afterEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { openWorld, tallyOf, verdictsOf, type World } from '../support/world.ts';

const config = (options: { pageSize?: number } = {}) => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  ssh:
    every: 2s
    targets:
      web-1: { url: "http://lab/lab/agents/web-1/logs" }
      web-2: { url: "http://lab/lab/agents/web-2/logs" }
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    send_within: 20m
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}', page_size: ${options.pageSize ?? 1000} }, on_time_within: 10s, lost_after: 30s, keeps: 7d, look_every: 2s, settle: 1s }
`;

const faults = async (world: World, patch: unknown) => void world.lab.faults.set(patch);

/** Names that the lab says are not in the store and never will be, among the canaries old enough to be judged. */
function trulyGone(world: World, olderThanMs: number): Set<string> {
  const { data } = world.lab.truth({ limit: 100_000 });
  const gone = data
    .filter(t => t.places.store?.state !== 'stored' && t.firstMs < olderThanMs)
    .map(t => t.token);
  return new Set(gone);
}

async function named(
  world: World,
  wanted: (v: string) => boolean,
  olderThanMs: number,
): Promise<Set<string>> {
  const rows = (await verdictsOf(world.sql, 'loki')).filter(
    v =>
      v.target !== 'drill' &&
      v.sending !== 'sending' &&
      wanted(v.verdict) &&
      Number(v.name.split('.')[1]) < olderThanMs,
  );
  const { keyring } = world.running.engine;
  return new Set(
    rows.map(r => {
      const [target, slot, index] = r.name.split('.').map(Number);
      return keyring.sign({ target: target!, slot: slot!, index: index! }).token;
    }),
  );
}

/** Every canary old enough is settled, and what is lost is what the lab says is gone: by name. */
async function expectTruth(world: World): Promise<void> {
  const judgedBefore = world.clock.now() - 45_000;
  expect(await named(world, v => v === 'lost', judgedBefore)).toEqual(trulyGone(world, judgedBefore));
  const open = await named(world, v => v === 'pending' || v === 'overdue', judgedBefore - 5_000);
  expect(open).toEqual(new Set());
}

describe('faults', () => {
  const db = useDatabase();
  let world: World | undefined;
  let seed = 0;
  const open = async (options: Parameters<typeof config>[0] & { cacheRecords?: number } = {}) => {
    seed++;
    world = await openWorld(db.options, config(options), { seed, ...options });
    await world.run(40_000);
    expect((await tallyOf(world.sql, 'loki')).on_time).toBeGreaterThan(20);
    return world;
  };
  afterEach(async () => {
    expect(world?.logs.filter(l => l.level === 'error')).toEqual([]);
    await world?.close();
    world = undefined;
  });

  test('20 % dropped on one agent: lost is exactly what was dropped', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-2': { drop: 0.2 } } });
    await w.run(120_000);
    await faults(w, { agents: { 'web-2': { drop: 0 } } });
    await w.run(60_000);
    expect(trulyGone(w, w.clock.now()).size).toBeGreaterThan(3);
    await expectTruth(w);
  });

  test('an agent stalled and restarted within its cache: none stays lost', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { stall: true } } });
    await w.run(100_000);
    expect((await tallyOf(w.sql, 'loki')).lost).toBeGreaterThan(10);
    w.lab.restart('web-1');
    await w.run(120_000);
    const tally = await tallyOf(w.sql, 'loki');
    expect(tally.lost).toBeUndefined();
    expect(tally.recovered).toBeGreaterThan(10);
    await expectTruth(w);
  });

  test('an agent stalled past its cache: exactly the overwritten ones stay lost', async () => {
    const w = await open({ cacheRecords: 20 });
    await faults(w, { agents: { 'web-1': { stall: true } } });
    await w.run(120_000);
    w.lab.restart('web-1');
    await w.run(150_000);
    expect(trulyGone(w, w.clock.now()).size).toBeGreaterThan(10);
    expect((await tallyOf(w.sql, 'loki')).recovered).toBeGreaterThan(0);
    await expectTruth(w);
  });

  for (const query of ['fail', 'throttle', 'truncate', 'empty', 'stale', 'hang'] as const) {
    test(`the query API answers ${query} for three minutes: blind or right, nothing lost, all settle after`, async () => {
      const w = await open();
      await faults(w, { store: { query, staleMs: 600_000 } });
      await w.run(180_000);
      expect((await tallyOf(w.sql, 'loki')).lost).toBeUndefined();
      await faults(w, { store: { query: 'ok' } });
      await w.run(150_000);
      const tally = await tallyOf(w.sql, 'loki');
      expect(tally.lost).toBeUndefined();
      expect(tally.overdue).toBeUndefined();
      await expectTruth(w);
    });
  }

  test('page size 1: no false verdict', async () => {
    const w = await open({ pageSize: 1 });
    await w.run(60_000);
    const tally = await tallyOf(w.sql, 'loki');
    expect(Object.keys(tally).filter(k => k !== 'on_time' && k !== 'pending')).toEqual([]);
  });

  test('duplicates and reordering change no verdict and are reported', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { duplicate: 0.5, reorder: 0.5 }, 'web-2': { duplicate: 1 } } });
    await w.run(90_000);
    await expectTruth(w);
    const tally = await tallyOf(w.sql, 'loki');
    expect(Object.keys(tally).filter(k => k !== 'on_time' && k !== 'pending')).toEqual([]);
    const [row] = await w.sql<
      { n: number }[]
    >`select sum(count)::int as n from finding where kind = 'duplicate'`;
    expect(row?.n).toBeGreaterThan(10);
  });

  for (const skewMs of [-600_000, 540_000]) {
    test(`an agent's clock ${skewMs / 60_000} minutes off: no false verdict`, async () => {
      const w = await open();
      await faults(w, { agents: { 'web-1': { skewMs } } });
      await w.run(150_000);
      const tally = await tallyOf(w.sql, 'loki');
      expect(tally.lost).toBeUndefined();
      await expectTruth(w);
    });
  }

  for (const stepMs of [4 * 3_600_000, -4 * 3_600_000]) {
    test(`our clock steps by ${stepMs / 3_600_000} h: no false verdict, and it is on record`, async () => {
      const w = await open();
      w.clock.step(stepMs);
      await w.run(150_000);
      const tally = await tallyOf(w.sql, 'loki');
      expect(tally.lost).toBeUndefined();
      expect(tally.overdue).toBeUndefined();
      const steps = await w.sql`select 1 from finding where kind = 'clock_step'`;
      expect(steps.length).toBe(1);
      const late = (await verdictsOf(w.sql, 'loki')).filter(
        v => v.verdict === 'pending' && v.target !== 'drill',
      );
      expect(late.length).toBeLessThan(15);
    });
  }

  test('arrival before the acknowledgement', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { ackDelayMs: 4_000 } } });
    await w.run(120_000);
    await expectTruth(w);
    const tally = await tallyOf(w.sql, 'loki');
    expect(Object.keys(tally).filter(k => k !== 'on_time' && k !== 'pending')).toEqual([]);
  });

  test('an acknowledgement that never comes: maybe sent, or sent again; never lost', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { ackLost: 0.5 } } });
    await w.run(120_000);
    expect((await tallyOf(w.sql, 'loki')).lost).toBeUndefined();
    await expectTruth(w);
  });

  test('echoes of dropped events count for nothing', async () => {
    const w = await open();
    await faults(w, { collector: { drop: 0.3, echo: true } });
    await w.run(120_000);
    await faults(w, { collector: { drop: 0, echo: false } });
    await w.run(60_000);
    expect(trulyGone(w, w.clock.now()).size).toBeGreaterThan(10);
    await expectTruth(w);
    const [row] = await w.sql<{ n: number }[]>`select sum(count)::int as n from finding where kind = 'echo'`;
    expect(row?.n).toBeGreaterThan(10);
  });

  test('a first hop that is down for ten minutes: sent late, judged from the last attempt', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { down: true } } });
    await w.run(600_000, 5_000);
    await faults(w, { agents: { 'web-1': { down: false } } });
    await w.run(90_000);
    const tally = await tallyOf(w.sql, 'loki');
    expect(tally.lost).toBeUndefined();
    expect(tally.late).toBeUndefined();
    await expectTruth(w);
  });

  test('altered fields arrive, and are reported as altered', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { alter: 1 } } });
    await w.run(90_000);
    await expectTruth(w);
    const [row] = await w.sql<
      { n: number }[]
    >`select sum(count)::int as n from finding where kind = 'altered'`;
    expect(row?.n).toBeGreaterThan(10);
  });

  test('a refusing first hop: refused, not lost', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { refuse: true } } });
    await w.run(90_000);
    const tally = await tallyOf(w.sql, 'loki');
    expect(tally.refused).toBeGreaterThan(30);
    expect(tally.lost).toBeUndefined();
  });
});
