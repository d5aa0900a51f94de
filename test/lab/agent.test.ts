import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bench, bench, lineOf, START_MS, tokenOf } from './bench.ts';

const numbersIn = (lines: readonly string[]) =>
  lines.map(line => Array.from({ length: 1000 }, (_, n) => n).find(n => line.includes(tokenOf(n))));

describe('the cache is a ring', () => {
  test('a stalled agent overwrites exactly the oldest; a restart ships exactly what is left, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 60 }),
        async (cacheRecords, n) => {
          const b = bench({ cacheRecords });
          b.lab.faults.set({ agents: { 'web-1': { stall: true } } });
          const sent = Array.from({ length: n }, (_, i) => i + 1);
          for (const i of sent) expect((await b.send('web-1', i)).status).toBe(200);
          await b.run(2_000);
          expect(b.archived).toEqual([]);
          const lost = sent.slice(0, Math.max(0, n - cacheRecords));
          const kept = sent.slice(lost.length);
          const state = (i: number) => b.lab.truth({ token: tokenOf(i) }).data[0]!.places.store!;
          for (const i of lost)
            expect(state(i)).toMatchObject({ state: 'overwritten', where: 'agent web-1' });
          for (const i of kept) expect(state(i)).toMatchObject({ state: 'in_flight', underWay: 1 });
          expect((await b.post('/lab/agents/web-1/restart', '')).status).toBe(200);
          await b.run(5_000);
          expect(numbersIn(b.archived)).toEqual(kept);
          expect(numbersIn(await b.lokiLines())).toEqual(kept);
          for (const i of lost) expect(state(i).state).toBe('overwritten');
        },
      ),
      { numRuns: 20 },
    );
  });

  test('a stalled agent looks healthy, keeps its heartbeat and acknowledges; its neighbour ships', async () => {
    const b = bench();
    b.lab.faults.set({ agents: { 'web-1': { stall: true } } });
    await b.run(30_000);
    await b.send('web-1', 1);
    await b.send('web-2', 2);
    await b.run(3_000);
    const health = await b.get('/lab/agents/web-1/healthz');
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ status: 'ok', heartbeatMs: START_MS + 33_000 });
    expect(numbersIn(await b.lokiLines())).toEqual([2]);
  });

  test('when the collector is away the cache fills and nothing is lost until it is full', async () => {
    const b = bench({ cacheRecords: 5 });
    b.lab.faults.set({ collector: { down: true } });
    await b.send('web-1', 1, 2, 3, 4, 5, 6, 7);
    await b.run(10_000);
    b.lab.faults.reset();
    await b.run(40_000);
    expect(numbersIn(b.archived)).toEqual([3, 4, 5, 6, 7]);
  });
});

test('a deadlock while a batch is under way: it arrived, nobody noted it, and the restart sends it again', async () => {
  const b: Bench = bench({
    fetch: async (url, init) => {
      const response = await b.lab.app.fetch(new Request(url, init));
      if (String(url).includes('/lab/collector/') && b.archived.length === 0)
        b.lab.faults.set({ agents: { 'web-1': { stall: true } } });
      return response;
    },
  });
  await b.send('web-1', 1, 2);
  await b.run(5_000);
  expect(numbersIn(b.archived)).toEqual([1, 2]);
  expect(b.lab.status().agents[0]!.cached).toBe(2);
  b.lab.restart('web-1');
  await b.run(5_000);
  expect(numbersIn(b.archived)).toEqual([1, 2, 1, 2]);
  expect(b.lab.truth().data[0]!.places.archive).toMatchObject({ copies: 2, underWay: 0 });
});

describe('answers', () => {
  test.each([
    ['down', 503],
    ['refuse', 403],
    ['throttle', 429],
  ])('%s → %i, and nothing is taken', async (fault, status) => {
    const b = bench();
    b.lab.faults.set({ agents: { 'web-1': { [fault]: true } } });
    const response = await b.send('web-1', 1);
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe(fault === 'throttle' ? '1' : null);
    b.lab.faults.reset();
    await b.run(3_000);
    expect(b.archived).toEqual([]);
    expect(b.lab.truth().data[0]!.places.archive).toMatchObject({ state: 'refused', refused: 1, opened: 0 });
  });

  test('a late acknowledgement comes after the arrival; a lost one is a 504 of what was taken', async () => {
    const b = bench();
    b.lab.faults.set({ agents: { 'web-1': { ackDelayMs: 5_000, ackLost: 1 } } });
    let status = 0;
    const answered = b.send('web-1', 1).then(response => {
      status = response.status;
    });
    while (b.clock.sleeping === 0) await Promise.resolve();
    await b.run(3_000);
    expect(numbersIn(await b.lokiLines())).toEqual([1]);
    expect(status).toBe(0);
    await b.run(2_000);
    await answered;
    expect(status).toBe(504);
  });

  test('an unknown agent is a 404 that names the known ones', async () => {
    const response = await bench().send('web-9', 1);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('web-1, web-2');
  });
});

describe('damage', () => {
  test('an altered line differs and keeps its token; a cut one is a beginning of the original', async () => {
    const b = bench();
    b.lab.faults.set({ agents: { 'web-1': { alter: 1 }, 'web-2': { truncate: 1 } } });
    const numbers = Array.from({ length: 40 }, (_, i) => i + 1);
    await b.send('web-1', ...numbers);
    await b.send('web-2', ...numbers.map(n => n + 100));
    await b.run(3_000);
    const [altered, cut] = [b.archived.slice(0, 40), b.archived.slice(40)];
    expect(numbersIn(altered)).toEqual(numbers);
    for (const n of numbers) {
      expect(altered[n - 1]).not.toBe(lineOf(n));
      expect(lineOf(n + 100).startsWith(cut[n - 1]!)).toBe(true);
      expect(cut[n - 1]!.length).toBeLessThan(lineOf(n + 100).length);
      const [truth] = b.lab.truth({ token: tokenOf(n + 100) }).data;
      // The token stands at the end of the line: any cut goes through it.
      expect(truth).toMatchObject({
        truncated: true,
        places: { store: { state: 'dropped', why: 'cut through its token' } },
      });
    }
    expect(b.lab.truth().counts).toMatchObject({ altered: 40, truncated: 40 });
  });

  test('a skewed agent stamps its records by its own clock', async () => {
    const b = bench();
    b.lab.faults.set({ agents: { 'web-1': { skewMs: -90_000 } } });
    await b.send('web-1', 1);
    await b.run(2_000);
    const range = { start: String((START_MS - 90_000) / 1000), end: String((START_MS - 89_999) / 1000) };
    expect(numbersIn(await b.lokiLines('{job="auth"}', range))).toEqual([1]);
  });

  test('reordered and delayed records are overtaken, none is lost', async () => {
    const b = bench();
    b.lab.faults.set({ agents: { 'web-1': { reorder: 0.5 } } });
    const numbers = Array.from({ length: 50 }, (_, i) => i + 1);
    await b.send('web-1', ...numbers);
    await b.run(10_000);
    expect(numbersIn(b.archived)).not.toEqual(numbers);
    expect(numbersIn(b.archived).sort((x, y) => x! - y!)).toEqual(numbers);
  });
});
