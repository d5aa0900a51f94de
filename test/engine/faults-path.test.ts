/** Faults on the way, from the agents to the store: what is lost is exactly what the lab dropped. */
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { expectTruth, faults, faultWorlds, trulyGone } from '../support/faults.ts';
import { tallyOf } from '../support/world.ts';

describe('path', () => {
  const open = faultWorlds(useDatabase());

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

  test('arrival before the acknowledgement', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { ackDelayMs: 4_000 } } });
    await w.run(120_000);
    await expectTruth(w);
    const tally = await tallyOf(w.sql, 'loki');
    expect(Object.keys(tally).filter(k => k !== 'on_time' && k !== 'pending')).toEqual([]);
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
