/** An inbox that holds more than one settling takes: nothing may be called absent while its sighting lies there. */
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { faultWorlds } from '../support/faults.ts';
import { tallyOf, verdictsOf } from '../support/world.ts';

describe('inbox', () => {
  const open = faultWorlds(useDatabase());

  test('20,000 re-reads before the sightings of what is due: none is called absent', async () => {
    const w = await open();
    w.lab.faults.set({ store: { dropPush: 1 } });
    const fromMs = w.clock.now();
    await w.run(6_000);
    // Nothing of the engine is under way while the inbox is filled, and both fillings are one commit.
    await w.running.idle();
    const all = await verdictsOf(w.sql, 'loki');
    const [seen] = all.filter(v => v.verdict === 'on_time');
    const waiting = all.filter(
      v => v.verdict === 'pending' && v.target !== 'drill' && Number(v.name.split('.')[1]) >= fromMs,
    );
    expect(waiting.length).toBeGreaterThan(2);
    const row = (name: string, n: number) => {
      const [target, slot, index] = name.split('.').map(Number);
      return { target, slot, index, seen_ms: w.clock.now(), look: n };
    };
    const rows = Array.from({ length: 20_000 }, (_, i) => row(seen!.name, i));
    const sightings = waiting.map((v, i) => row(v.name, i));
    await w.sql.begin(async tx => {
      for (const batch of [rows, sightings])
        await tx`
        insert into sighting (pipeline, checkpoint, slot, target, index, seen_ms, copies, look)
        select 1, 1, slot, target, index, seen_ms, 1, look
          from json_to_recordset(${JSON.stringify(batch)}::text::json)
            as r(slot int8, target int, index int, seen_ms int8, look int8)`;
    });
    w.clock.advance(120_000);
    await w.run(20_000);
    const now = new Map((await verdictsOf(w.sql, 'loki')).map(v => [v.name, v.verdict]));
    expect(new Set(waiting.map(v => now.get(v.name)))).toEqual(new Set(['on_time']));
    expect((await tallyOf(w.sql, 'loki')).recovered).toBeUndefined();
  });
});
