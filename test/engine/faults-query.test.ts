/** A log store that answers badly: blind or right, never wrong about loss. */
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { expectTruth, faultConfig, faults, faultWorlds } from '../support/faults.ts';
import { tallyOf } from '../support/world.ts';

describe('query', () => {
  const open = faultWorlds(useDatabase());

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

  test('page size 1 with 1,000 open canaries: no false verdict', async () => {
    const targets = Array.from({ length: 100 }, (_, i) => `t-${i}`).join(', ');
    const config = faultConfig({ pageSize: 1 })
      .replace(/targets:[\s\S]*?event:/, `targets: [${targets}]\n    event:`)
      .replace('on_time_within: 10s, lost_after: 30s', 'on_time_within: 30s, lost_after: 60s');
    const w = await open({ config });
    await faults(w, { store: { pushDelayMs: 20_000 } });
    await w.run(24_000);
    const [open_] = await w.sql<{ n: number }[]>`
      select sum((counts->>'pending')::int)::int as n from mark where next_due_ms is not null`;
    expect(open_?.n).toBeGreaterThan(1_000);
    await w.run(60_000);
    await expectTruth(w);
    const tally = await tallyOf(w.sql, 'loki');
    expect(Object.keys(tally).filter(k => k !== 'on_time' && k !== 'pending')).toEqual([]);
  });
});
