/** A few pinned seeds of the simulator, short ones; `npm run sim -- --seeds N` is the long run. */
import { describe, expect, inject, test } from 'vitest';
import { planOf } from '../../src/sim/generate.ts';
import { checkerOf } from '../../src/sim/laws.ts';
import { runPlan } from '../../src/sim/run.ts';
import type { SimWorld } from '../../src/sim/world.ts';

const run = (seed: number, check = checkerOf()) =>
  runPlan(planOf(seed, { isBrief: true }), { store: inject('postgres').admin, check, checkEveryMs: 5_000 });

describe('pinned seeds', () => {
  for (const seed of [101, 103])
    test(`seed ${seed}: the laws hold`, async () => {
      const { violations, canaries } = await run(seed);
      expect(violations).toEqual([]);
      expect(canaries).toBeGreaterThan(10);
    });
});

/** Changes one thing in the store, asks what is wrong, and puts it back. */
async function tampered(world: SimWorld, change: string): Promise<readonly string[]> {
  return await world.sql
    .begin(async sql => {
      await sql.unsafe(change);
      const inside = Object.create(world, { sql: { value: sql } }) as SimWorld;
      throw new Found(await checkerOf()(inside, 'end'));
    })
    .catch((error: unknown) => {
      if (error instanceof Found) return error.texts;
      throw error;
    });
}

class Found extends Error {
  readonly texts: readonly string[];
  constructor(texts: readonly string[]) {
    super('found');
    this.texts = texts;
  }
}

const FALSE_WORDS = [
  [
    'fed once too often',
    `update detector set state = jsonb_set(state, '{beats}', '999') where state ? 'beats'`,
  ],
  ['lost, and it is there', `update mark set verdicts[1] = 5, flags[1] = 3 where verdicts[1] = 2`],
  ['arrived, and never was', `update mark set verdicts = array_replace(verdicts, 5::smallint, 2::smallint)`],
  ['unproven for no reason', `update mark set verdicts[1] = 11 where verdicts[1] = 2`],
  ['sent without intent', `delete from beat where slot = (select min(slot) from beat where sendings[1] = 0)`],
  [
    'one too many in a row',
    `update mark set counts = counts || '{"late": 1}' where slot = (select min(slot) from mark)`,
  ],
  ['one too many in a rollup', `update rollup set counts = counts || '{"late": 1}'`],
] as const;

test('seed 126: the laws hold, and whatever is falsified in the store is found', async () => {
  const check = checkerOf();
  const found: Record<string, readonly string[]> = {};
  const { violations } = await run(126, async (world, when) => {
    const texts = await check(world, when);
    if (when === 'end') for (const [name, change] of FALSE_WORDS) found[name] = await tampered(world, change);
    return texts;
  });
  expect(violations).toEqual([]);
  for (const [name] of FALSE_WORDS) expect.soft(found[name], name).not.toEqual([]);
});
