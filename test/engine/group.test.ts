/** What is grouped is done once, whole, and each gets its own end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createGroup } from '../../src/engine/group.ts';

const SIZE_MAX = 10;

/** A group over numbers: `spoils` makes a batch fail that holds it, `fails` is its own failure. */
function groupOf(options: { spoils?: number; fails?: number; gather?: () => Promise<void> } = {}) {
  const batches: number[][] = [];
  const alone: number[] = [];
  const failures: unknown[] = [];
  const group = createGroup<number, string>({
    async together(items) {
      batches.push([...items]);
      await Promise.resolve();
      if (items.includes(options.spoils ?? -1)) throw new Error('spoilt');
      return items.map(n =>
        n === options.fails
          ? { status: 'rejected', reason: new Error(`no ${n}`) }
          : { status: 'fulfilled', value: `${n}` },
      );
    },
    async alone(n) {
      alone.push(n);
      if (n === options.spoils || n === options.fails) throw new Error(`no ${n}`);
      return `${n}`;
    },
    onFailure: error => failures.push(error),
    gather: options.gather ?? (async () => {}),
    sizeOf: n => n % 7,
    max: SIZE_MAX,
  });
  return { group, batches, alone, failures };
}

test('each item is done exactly once and ends as itself, in batches that keep their bound, whatever spoils one', async () => {
  const items = fc.uniqueArray(fc.nat(200), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(items, fc.nat(200), fc.nat(200), async (all, spoils, fails) => {
      const { group, batches, alone, failures } = groupOf({ spoils, fails });
      const ends = await Promise.allSettled(
        all.map(async (n, i) => {
          for (let turns = 0; turns < i % 5; turns++) await Promise.resolve();
          return await group.add(n);
        }),
      );
      for (const [i, n] of all.entries()) {
        const isFailure = n === spoils || n === fails;
        expect(ends[i]).toMatchObject(
          isFailure ? { status: 'rejected' } : { status: 'fulfilled', value: `${n}` },
        );
      }
      const done = [...batches.filter(b => !b.includes(spoils)).flat(), ...alone];
      expect(done.sort((a, b) => a - b)).toEqual(all.toSorted((a, b) => a - b));
      expect(failures.length).toBe(batches.filter(b => b.includes(spoils)).length);
      for (const b of batches) {
        expect(b.reduce((sum, n) => sum + (n % 7), 0)).toBeLessThanOrEqual(SIZE_MAX);
      }
    }),
    { numRuns: 200 },
  );
});

/** All that waits for nothing outside has run. */
const settled = () => new Promise<void>(done => setImmediate(done));

test('a batch gathers what comes meanwhile; a full one does not wait', async () => {
  let open = () => {};
  let gathered = 0;
  const gather = () => {
    gathered++;
    return new Promise<void>(done => {
      open = done;
    });
  };
  const { group, batches, alone } = groupOf({ gather });
  const ends = [group.add(1), group.add(2)];
  expect(batches).toEqual([]);
  ends.push(group.add(3));
  open();
  await Promise.all(ends);
  expect(batches).toEqual([[1, 2, 3]]);
  const full = [4, 5, 6, 12].map(n => group.add(n));
  open();
  await full[2];
  expect([batches.slice(1), alone]).toEqual([[[4, 5], [6]], []]);
  await settled();
  expect(gathered).toBe(3);
  open();
  expect(await full[3]).toBe('12');
});

test('what spoils a batch is tried alone, for as long as that takes, and holds up no other', async () => {
  let give = () => {};
  const isBad = (n: number) => n === 1;
  const group = createGroup<number, string>({
    together: async items => {
      if (items.some(isBad)) throw new Error('spoilt');
      return items.map(n => ({ status: 'fulfilled', value: `${n}` }));
    },
    alone: async n => {
      if (isBad(n)) await new Promise<void>(done => (give = done));
      return `${n} alone`;
    },
    onFailure: () => {},
    gather: async () => {},
    sizeOf: () => 1,
    max: SIZE_MAX,
  });
  const bad = group.add(1);
  const beside = group.add(2);
  expect(await beside).toBe('2 alone');
  expect(await Promise.all([group.add(3), group.add(4)])).toEqual(['3', '4']);
  give();
  expect(await bad).toBe('1 alone');
});
