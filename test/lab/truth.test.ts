import { expect, test } from 'vitest';
import type { Truth } from '../../src/lab/truth.ts';
import { bench, START_MS, tokenOf } from './bench.ts';

const read = async (b: ReturnType<typeof bench>, query: string) =>
  (await (await b.get(`/lab/truth?${query}`)).json()) as Truth;

async function sent() {
  const b = bench();
  for (let n = 1; n <= 9; n++) {
    b.lab.faults.set({ agents: { 'web-1': { drop: n % 3 === 0 ? 1 : 0 } } });
    await b.send(n <= 6 ? 'web-1' : 'web-2', n);
    b.clock.advance(1_000);
  }
  await b.run(3_000);
  return b;
}

test('pages by cursor; counts are of all that match, not of the page', async () => {
  const b = await sent();
  const tokens: string[] = [];
  let cursor: number | null = 0;
  while (cursor !== null) {
    const page: Truth = await read(b, `limit=4&cursor=${cursor}`);
    expect(page.counts.canaries).toBe(9);
    expect(page.counts.places.store).toMatchObject({ stored: 7, dropped: 2 });
    tokens.push(...page.data.map(({ token }) => token));
    cursor = page.next;
  }
  expect(tokens).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(tokenOf));
});

test.each([
  ['agent=web-2', [7, 8, 9]],
  ['state=dropped', [3, 6]],
  ['state=dropped&place=archive&agent=web-2', []],
  [`since=${START_MS + 1000}&until=${START_MS + 3000}`, [2, 3]],
  [`since=${new Date(START_MS + 8000).toISOString()}`, [9]],
  [`token=${tokenOf(4).toUpperCase()}`, [4]],
])('filters by %s', async (query, wanted) => {
  const { data } = await read(await sent(), query);
  expect(data.map(({ token }) => token)).toEqual(wanted.map(tokenOf));
});

test.each(['state=gone', 'since=soon', 'limit=0', 'place=moon'])('%s → 400', async query => {
  expect((await bench().get(`/lab/truth?${query}`)).status).toBe(400);
});

test('a canary that was sent twice and duplicated on the way has all its copies', async () => {
  const b = bench();
  await b.send('web-1', 1);
  b.clock.advance(10);
  b.lab.faults.set({ agents: { 'web-2': { duplicate: 1 } } });
  await b.send('web-2', 1);
  await b.run(3_000);
  expect(await b.lokiLines()).toHaveLength(3);
  const [canary] = b.lab.truth().data;
  expect(canary).toMatchObject({
    via: ['web-1', 'web-2'],
    places: { archive: { copies: 3 }, store: { copies: 3 } },
  });
  expect(canary!.storedAllMs).toHaveLength(3);
});

test('forgets the oldest that is at rest, and says so', async () => {
  const b = bench({ canariesMax: 5 });
  b.lab.faults.set({ agents: { 'web-2': { stall: true } } });
  await b.send('web-2', 1);
  for (let n = 2; n <= 8; n++) {
    await b.send('web-1', n);
    await b.run(2_000);
  }
  const truth = b.lab.truth();
  expect(truth.complete).toBe(false);
  expect(truth.data.map(({ token }) => token)).toEqual([1, 5, 6, 7, 8].map(tokenOf));
  expect(truth.sinceMs).toBe(truth.data[1]!.firstMs - 2_000);
});

test('the status counts what is where', async () => {
  const b = bench();
  b.lab.faults.set({ agents: { 'web-1': { stall: true } } });
  await b.send('web-1', 1, 2);
  await b.send('web-2', 3);
  await b.run(3_000);
  const status = await (await b.get('/lab')).json();
  expect(status).toMatchObject({
    agents: [
      {
        name: 'web-1',
        healthy: true,
        cached: 2,
        oldestCachedMs: START_MS,
        received: { total: 2, perMinute: 2 },
      },
      { name: 'web-2', cached: 0, dispatched: { total: 1 } },
    ],
    collector: { queued: 0, archived: { total: 1 } },
    truth: { canaries: 3, complete: true },
    faults: { agents: { 'web-1': { stall: true } } },
  });
});
