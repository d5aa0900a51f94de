/** Clocks that are wrong, answers that don't come, sendings that take ten minutes: no false verdict. */
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { expectTruth, faults, faultWorlds } from '../support/faults.ts';
import { tallyOf, verdictsOf } from '../support/world.ts';

describe('time', () => {
  const open = faultWorlds(useDatabase());

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

  test('an acknowledgement that never comes: maybe sent, or sent again; never lost', async () => {
    const w = await open();
    await faults(w, { agents: { 'web-1': { ackLost: 0.5 } } });
    await w.run(120_000);
    expect((await tallyOf(w.sql, 'loki')).lost).toBeUndefined();
    await expectTruth(w);
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
});
