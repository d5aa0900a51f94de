import { describe, expect, test } from 'vitest';
import { type Bench, bench, START_MS } from './bench.ts';

async function withTen(): Promise<Bench> {
  const b = bench({ dispatchEveryMs: 100 });
  for (let n = 1; n <= 10; n++) {
    await b.send('web-1', n);
    await b.run(1_000);
  }
  return b;
}

const query = (b: Bench) =>
  b.get(`/loki/api/v1/query_range?${new URLSearchParams({ query: '{job="auth"}', limit: '100' })}`);
const search = (b: Bench, extra = {}) =>
  b.post('/lab/search', {
    prefix: 'coalmine1',
    from: START_MS,
    to: START_MS + 60_000,
    by: 'ingest',
    page_size: 100,
    ...extra,
  });
const hits = async (b: Bench) => ((await (await search(b)).json()) as { hits: unknown[] }).hits.length;

describe.each([
  ['Loki', query],
  ['search', search],
])('%s', (_, ask) => {
  test('fail is a 500, throttle a 429 that says when', async () => {
    const b = await withTen();
    b.lab.faults.set({ store: { query: 'fail' } });
    expect((await ask(b)).status).toBe(500);
    b.lab.faults.set({ store: { query: 'throttle' } });
    const throttled = await ask(b);
    expect(throttled.status).toBe(429);
    expect(throttled.headers.get('retry-after')).toBe('5');
  });

  test('a slow query answers when its time has come, a hanging one not before the client leaves', async () => {
    const b = await withTen();
    b.lab.faults.set({ store: { queryDelayMs: 3_000 } });
    const slow = ask(b);
    while (b.clock.sleeping === 0) await Promise.resolve();
    b.clock.advance(3_000);
    expect((await slow).status).toBe(200);
    b.lab.faults.set({ store: { query: 'hang', queryDelayMs: 0 } });
    let answered = false;
    const hanging = ask(b).then(response => {
      answered = true;
      return response;
    });
    while (b.clock.sleeping === 0) await Promise.resolve();
    b.clock.advance(599_000);
    await Promise.resolve();
    expect(answered).toBe(false);
    b.clock.advance(1_000);
    expect((await hanging).status).toBe(504);
  });

  test("answers carry the store's clock", async () => {
    const b = await withTen();
    b.lab.faults.set({ store: { skewMs: 120_000 } });
    expect(Date.parse((await ask(b)).headers.get('date')!)).toBe(START_MS + 10_000 + 120_000);
  });
});

test('an abort ends a hanging query', async () => {
  const b = await withTen();
  b.lab.faults.set({ store: { query: 'hang' } });
  const leaving = new AbortController();
  const url = `http://lab.invalid/loki/api/v1/query_range?query=${encodeURIComponent('{job="auth"}')}`;
  const hanging = b.lab.app.fetch(new Request(url, { signal: leaving.signal }));
  while (b.clock.sleeping === 0) await Promise.resolve();
  leaving.abort();
  await hanging;
  expect(b.clock.sleeping).toBe(0);
});

test('truncate answers the first half, claims success, and says so only in the status', async () => {
  const b = await withTen();
  b.lab.faults.set({ store: { query: 'truncate' } });
  expect(await b.lokiLines()).toHaveLength(5);
  const found = (await (await search(b)).json()) as { hits: unknown[]; next: unknown };
  expect(found.hits).toHaveLength(5);
  expect(found.next).toBeNull();
  expect(b.lab.status().store.lastCut).toMatchObject({ kept: 5, of: 10 });
});

test('empty is a success without records', async () => {
  const b = await withTen();
  b.lab.faults.set({ store: { query: 'empty' } });
  expect(await b.lokiLines()).toEqual([]);
  expect(await hits(b)).toBe(0);
});

test('stale answers as of then', async () => {
  const b = await withTen();
  b.lab.faults.set({ store: { query: 'stale', staleMs: 4_500 } });
  expect(await b.lokiLines()).toHaveLength(6);
  expect(await hits(b)).toBe(6);
  b.clock.advance(4_500);
  expect(await b.lokiLines()).toHaveLength(10);
});

test('pageSize caps what is asked for', async () => {
  const b = await withTen();
  b.lab.faults.set({ store: { pageSize: 1 } });
  expect(await b.lokiLines()).toHaveLength(1);
  expect(await hits(b)).toBe(1);
});

test('index lag: accepted, in flight, then stored', async () => {
  const b = bench({ dispatchEveryMs: 100 });
  b.lab.faults.set({ store: { pushDelayMs: 5_000 } });
  await b.send('web-1', 1);
  await b.run(1_000);
  expect(await b.lokiLines()).toEqual([]);
  expect(b.lab.truth().counts.places.store).toMatchObject({ in_flight: 1, stored: 0 });
  await b.run(5_000);
  expect(await b.lokiLines()).toHaveLength(1);
  expect(b.lab.truth().data[0]!.times).toMatchObject({
    pushedMs: START_MS + 100,
    storedMs: START_MS + 5_100,
  });
});

test('what the store forgets is expired in the truth, the oldest first', async () => {
  const full = bench({ recordsMax: 4, dispatchEveryMs: 100 });
  for (let n = 1; n <= 6; n++) {
    await full.send('web-1', n);
    await full.run(100);
  }
  // The collector's own line for each batch takes a place too.
  const states = full.lab.truth().data.map(({ places }) => places.store!.state);
  expect(states).toEqual(['expired', 'expired', 'expired', 'expired', 'stored', 'stored']);
  expect(await full.lokiLines()).toHaveLength(2);
  const brief = bench({ retentionMs: 10_000, dispatchEveryMs: 100 });
  await brief.send('web-1', 1);
  await brief.run(9_000);
  expect(brief.lab.truth().data[0]!.places.store!.state).toBe('stored');
  await brief.run(2_000);
  expect(brief.lab.truth().data[0]!.places.store).toMatchObject({
    state: 'expired',
    copies: 0,
    why: 'past its retention',
  });
  expect(await brief.lokiLines()).toEqual([]);
});
