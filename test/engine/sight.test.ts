/** Who a token is: ours, forged, of another store, of another life of it, unknown; and what merely quotes one (laws 3 and 5). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeyring } from '../../src/domain/token.ts';
import { type Engine, inputOf, type LivePipeline } from '../../src/engine/live.ts';
import { sampleOf } from '../../src/engine/record.ts';
import { useDatabase } from '../support/database.ts';
import { Small, small } from '../support/small.ts';

const db = useDatabase();
const KEY = 'a-signing-key-for-tests-only';
let w: Small;
let engine: Engine;
let live: LivePipeline;
beforeEach(async () => {
  w = new Small(db.options);
  ({ engine } = (await w.start(small())).running);
  live = engine.pipelines[0]!;
  await w.run(5_000);
});
afterEach(() => w.close());

/** A whole event, as its sender would write it, under a token of these keys. */
const eventBy = (
  keys: { storeId?: string; epoch?: number; key?: string },
  slot: number,
  index = 77,
): string => {
  const name = { target: live.targets[0]!.number, slot, index };
  const input = inputOf(engine, live, name, slot);
  const other = createKeyring({
    signingKeys: [keys.key ?? KEY],
    storeId: keys.storeId ?? 'small-store',
    epochs: [keys.epoch ?? 1],
  });
  return live.source!.format.write({ ...input, ...other.sign(name) }).text;
};
const orphans = async () => (await w.sql`select slot, index from orphan`).map(r => ({ ...r }));
const expectNoVerdictMoved = async () => {
  const tally = await w.tally();
  expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
};

describe('a whole event', () => {
  test('by our key, of a name that nobody registered: an orphan, parked once, in no rate', async () => {
    const slot = w.clock.now() - 3_000;
    const text = eventBy({}, slot);
    w.sink.show(text);
    await w.run(2_000);
    w.sink.show(text);
    await w.run(3_000);
    expect(await orphans()).toEqual([{ slot, index: 77 }]);
    expect((await w.findings()).orphan).toBeGreaterThan(0);
    expect(await w.findings()).not.toHaveProperty('forged');
    await expectNoVerdictMoved();
  });

  for (const [who, keys] of [
    ['another store', { storeId: 'staging' }],
    ['another life of this store', { epoch: 2 }],
    ['another key', { key: 'some-other-signing-key' }],
  ] as const) {
    test(`by ${who}: forged, and never a sighting, even of a name that is open`, async () => {
      w.sink.fate = () => 'dropped';
      await w.run(1_500);
      w.sink.fate = () => 'kept';
      const [b] = await w.sql<{ slot: number }[]>`select max(slot) as slot from beat where kind = 'planned'`;
      w.sink.show(eventBy(keys, b!.slot, 0));
      await w.run(8_000);
      expect((await w.findings()).forged).toBeGreaterThan(0);
      expect(await orphans()).toEqual([]);
      expect((await w.tally()).lost).toBeGreaterThan(1);
    });
  }
});

describe('what quotes a canary', () => {
  test('is an echo: dropped events that an error line quotes stay lost', async () => {
    w.sink.fate = text => {
      w.sink.show(`level=error msg="could not parse" line=${JSON.stringify(text)}`);
      return 'dropped';
    };
    await w.run(2_000);
    w.sink.fate = () => 'kept';
    await w.run(8_000);
    expect((await w.tally()).lost).toBeGreaterThanOrEqual(3);
    expect((await w.findings()).echo).toBeGreaterThanOrEqual(3);
  });

  test('blinds nobody, whatever bytes are in it: NUL, half a surrogate pair at the end of the sample', async () => {
    const { token } = inputOf(
      engine,
      live,
      { target: live.targets[0]!.number, slot: w.clock.now(), index: 3 },
      0,
    );
    w.sink.show(`echo \u0000 ${token} \ud83d`);
    w.sink.show(`${'x'.repeat(298 - token.length)} ${token}😀😀`);
    const before = w.clock.now();
    await w.run(8_000);
    // Looks overlap: each of them counts once.
    expect((await w.findings()).echo).toBe(2);
    const [row] = await w.sql<{ w: number }[]>`select (watermark->>'wMs')::int8 as w from checkpoint`;
    expect(row?.w).toBeGreaterThan(before + 5_000);
    expect(w.errors()).toEqual([]);
    await expectNoVerdictMoved();
  });

  test('is kept as a sample without any whole token', () => {
    const { token } = inputOf(engine, live, { target: 1, slot: w.clock.now(), index: 3 }, 0);
    for (const text of [token, token.toUpperCase(), `${'y'.repeat(290)}${token}`, `${token}${token}`]) {
      const sample = sampleOf(`a ${text} b`);
      expect(sample).not.toMatch(/coalmine1[a-z2-7]{40}/i);
      expect(sample.length).toBeLessThanOrEqual(300);
    }
  });

  test('nothing that is written down or logged holds a whole token', async () => {
    w.sink.show(eventBy({ key: 'some-other-signing-key' }, w.clock.now()));
    w.sink.show(eventBy({}, w.clock.now()));
    w.sink.show(`quoted: ${eventBy({}, w.clock.now()).slice(-70)}`);
    await w.run(6_000);
    const kept = await w.sql`
      select (select json_agg(f)::text from finding f) || coalesce((select json_agg(o)::text from orphan o), '')
             || (select json_agg(b)::text from beat b) || (select json_agg(m)::text from mark m)
             || (select json_agg(c)::text from checkpoint c) as all`;
    expect(String(kept[0]?.all)).not.toMatch(/coalmine1[a-z2-7]{40}/i);
    expect(JSON.stringify(w.logs)).not.toMatch(/coalmine1[a-z2-7]{40}/i);
  });
});
