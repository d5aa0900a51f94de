import { expect, test } from 'vitest';
import { bench, lineOf, tokenOf } from './bench.ts';

const put = (b: ReturnType<typeof bench>, body: unknown) => b.post('/lab/faults', body, { method: 'PUT' });

test('a part changes, the rest stays, DELETE puts all at rest', async () => {
  const b = bench();
  const rest = await (await b.get('/lab/faults')).json();
  await put(b, { agents: { 'web-1': { drop: 0.5 } } });
  const changed = (await (
    await put(b, { agents: { 'web-1': { stall: true } }, store: { query: 'empty' } })
  ).json()) as typeof rest;
  expect(changed).toMatchObject({
    agents: { 'web-1': { drop: 0.5, stall: true }, 'web-2': { drop: 0, stall: false } },
    store: { query: 'empty', pushDelayMs: 0 },
  });
  await b.post('/lab/faults', '', { method: 'DELETE', body: null });
  expect(await (await b.get('/lab/faults')).json()).toEqual(rest);
});

test.each([
  [{ agents: { 'web-1': { stal: true } } }, /unknown "stal"; known: drop, .*stall/],
  [{ agents: { 'web-9': { stall: true } } }, /unknown agent "web-9"; known: web-1, web-2/],
  [{ stores: {} }, /unknown "stores"; known: agents, collector, store, export/],
  [{ store: { query: 'maybe' } }, /store\.query/],
  [{ collector: { drop: 1.5 } }, /collector\.drop/],
  ['{', /expected JSON/],
])('%j → 400 %s, and nothing is applied', async (body, words) => {
  const b = bench();
  const before = b.lab.faults.get();
  const response = await put(b, body);
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(((await response.json()) as { detail: string }).detail).toMatch(words);
  expect(b.lab.faults.get()).toEqual(before);
});

test('chances also take true and false', async () => {
  const b = bench();
  b.lab.faults.set({ store: { dropPush: true } });
  expect(b.lab.faults.get().store.dropPush).toBe(1);
});

test('the collector drops, and echoes what it dropped into the stream of the events', async () => {
  const b = bench({ dispatchEveryMs: 100 });
  b.lab.faults.set({ collector: { drop: 1, echo: true } });
  await b.send('web-1', 1);
  await b.run(1_000);
  const [echo] = await b.lokiLines('{job="auth", host="web-1"}');
  expect(echo).toContain(JSON.stringify(lineOf(1)));
  expect(await b.lokiLines('{job="collector"}')).toContainEqual(expect.stringContaining('record dropped'));
  expect(b.archived).toEqual([]);
  expect(b.lab.truth().data[0]).toMatchObject({
    echoes: 1,
    places: { archive: { state: 'dropped', where: 'collector' }, store: { state: 'dropped', copies: 0 } },
  });
});

test('a stalled collector takes until its queue is full, then turns agents away; nothing is lost', async () => {
  const b = bench({ queueRecords: 4, batchRecords: 2, dispatchEveryMs: 100 });
  b.lab.faults.set({ collector: { stall: true } });
  await b.send('web-1', 1, 2, 3, 4, 5, 6);
  await b.run(2_000);
  expect(b.lab.status().collector.queued).toBe(4);
  expect(b.lab.status().agents[0]).toMatchObject({ cached: 2, lastError: 'answered 503' });
  b.lab.faults.reset();
  await b.run(30_000);
  expect(await b.lokiLines()).toHaveLength(6);
});

test("the store that fails pushes costs what the bounded retries can't save, after the archive has it", async () => {
  const b = bench({ attemptsMax: 3, dispatchEveryMs: 100 });
  b.lab.faults.set({ store: { pushFail: 1 } });
  await b.send('web-1', 1);
  await b.run(10_000);
  expect(b.archived).toEqual([lineOf(1)]);
  expect(b.lab.truth({ token: tokenOf(1) }).data[0]!.places).toMatchObject({
    archive: { state: 'stored' },
    store: { state: 'dropped', where: 'collector', why: 'gave up after 3 tries: answered 500' },
  });
});

test('a parser that wants JSON drops lines of text', async () => {
  const b = bench({ parseJson: true });
  await b.post('/lab/agents/web-1/logs', `${JSON.stringify({ id: tokenOf(1) })}\n${lineOf(2)}`);
  await b.run(3_000);
  expect(b.archived).toEqual([JSON.stringify({ id: tokenOf(1) })]);
  expect(b.lab.truth({ token: tokenOf(2) }).data[0]!.places.store).toMatchObject({
    state: 'dropped',
    why: 'not JSON',
  });
});

test("an archive that can't be written loses the line there and only there", async () => {
  const b = bench({
    archive: () => {
      throw new Error('disk full');
    },
  });
  await b.send('web-1', 1);
  await b.run(3_000);
  expect(b.lab.truth().data[0]!.places).toMatchObject({
    archive: { state: 'dropped', why: 'archive: disk full' },
    store: { state: 'stored' },
  });
});
