import { describe, expect, test } from 'vitest';
import { type Bench, bench, START_MS, tokenOf } from './bench.ts';

interface Received {
  readonly url: string;
  readonly authorization: string | null;
  readonly lines: readonly string[];
}

function fanOut(answer: () => number = () => 200): Bench & { readonly received: Received[] } {
  const received: Received[] = [];
  const b: Bench = bench({
    exportTo: { url: () => 'http://receiver.invalid/ingest/signins/hub', key: 'secret' },
    indexDelayMs: { signins: 3_000 },
    attemptsMax: 3,
    fetch: async (url, init) => {
      if (!String(url).startsWith('http://receiver.invalid/')) return b.lab.app.fetch(new Request(url, init));
      const status = answer();
      const { authorization } = init!.headers as Record<string, string>;
      if (status === 200)
        received.push({
          url: String(url),
          authorization: authorization ?? null,
          lines: String(init!.body).trimEnd().split('\n'),
        });
      return new Response(null, { status });
    },
  });
  return { ...b, received };
}

const event = (n: number) => JSON.stringify({ id: tokenOf(n), user: 'canary', big: '9007199254740993' });

describe('the intake fans out', () => {
  test('to a webhook in NDJSON with the key, and later to the log store', async () => {
    const b = fanOut();
    const response = await b.post('/lab/intake/signins', `${event(1)}\n${event(2)}\n`);
    expect(response.status).toBe(202);
    await b.run(1_000);
    expect(b.received).toEqual([
      {
        url: 'http://receiver.invalid/ingest/signins/hub',
        authorization: 'Bearer secret',
        lines: [event(1), event(2)],
      },
    ]);
    expect(await b.lokiLines('{job="signins"}')).toEqual([]);
    await b.run(3_000);
    expect(await b.lokiLines('{job="signins"}')).toEqual([event(1), event(2)]);
    expect(b.lab.truth({ agent: 'intake:signins' }).data[0]).toMatchObject({
      times: { receivedMs: START_MS, exportedMs: START_MS + 100, storedMs: START_MS + 3_100 },
      places: { store: { state: 'stored' }, export: { state: 'stored', copies: 1 } },
    });
  });

  test('an event of two to the 53rd and more keeps its digits', async () => {
    const b = fanOut();
    const raw = `{"id":"${tokenOf(1)}","n":9007199254740993}`;
    await b.post('/lab/intake/signins', raw, { headers: { 'content-type': 'application/json' } });
    await b.run(200);
    expect(b.received[0]!.lines).toEqual([raw]);
  });

  test('a branch that is down holds its records; a receiver that fails is tried three times, one that refuses once', async () => {
    const down = fanOut();
    down.lab.faults.set({ export: { down: true } });
    await down.post('/lab/intake/signins', event(1));
    await down.run(5_000);
    expect(down.received).toEqual([]);
    expect(await down.lokiLines('{job="signins"}')).toHaveLength(1);
    down.lab.faults.reset();
    await down.run(200);
    expect(down.received).toHaveLength(1);
    for (const [status, tries, why] of [
      [500, 3, 'gave up after 3 tries: answered 500'],
      [401, 1, 'answered 401'],
    ] as const) {
      let asked = 0;
      const b = fanOut(() => {
        asked++;
        return status;
      });
      await b.post('/lab/intake/signins', event(1));
      await b.run(10_000);
      expect(asked).toBe(tries);
      expect(b.lab.truth().data[0]!.places.export).toMatchObject({ state: 'dropped', where: 'export', why });
    }
  });

  test('drop, duplicate and delay on the export branch leave the other alone', async () => {
    const b = fanOut();
    b.lab.faults.set({ export: { drop: 1 } });
    await b.post('/lab/intake/signins', event(1));
    b.lab.faults.set({ export: { drop: 0, duplicate: 1, delayMs: 2_000 } });
    await b.post('/lab/intake/signins', event(2));
    await b.run(1_900);
    expect(b.received).toEqual([]);
    await b.run(2_000);
    expect(b.received.flatMap(({ lines }) => lines)).toEqual([event(2), event(2)]);
    expect(await b.lokiLines('{job="signins"}')).toHaveLength(2);
  });
});

describe('the search API', () => {
  interface Found {
    readonly hits: readonly {
      readonly id: string;
      readonly ingested_at: string;
      readonly event_time: string;
      readonly source: Record<string, unknown>;
    }[];
    readonly next: string | null;
  }
  const search = async (b: Bench, ask: Record<string, unknown>) =>
    (await (
      await b.post('/lab/search', { prefix: 'coalmine1', from: START_MS, to: START_MS + 60_000, ...ask })
    ).json()) as Found;

  test('pages through ties to the end, each hit once, with both times', async () => {
    const b = fanOut();
    await b.post('/lab/intake/signins', Array.from({ length: 7 }, (_, i) => event(i + 1)).join('\n'));
    await b.run(4_000);
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page: Found = await search(b, { page_size: 3, after });
      seen.push(...page.hits.map(({ source }) => String(source.id)));
      after = page.next;
    } while (after !== null);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].map(tokenOf));
    const [first] = (await search(b, { page_size: 1 })).hits;
    expect(first).toMatchObject({
      ingested_at: new Date(START_MS + 3_100).toISOString(),
      event_time: new Date(START_MS).toISOString(),
      source: { id: tokenOf(1), user: 'canary' },
    });
  });

  test('by ingest and by event are half open ranges on different times', async () => {
    const b = fanOut();
    await b.post('/lab/intake/signins', event(1));
    await b.run(4_000);
    const count = async (by: string, from: number, to: number) =>
      (await search(b, { by, from: START_MS + from, to: START_MS + to })).hits.length;
    expect(await count('event', 0, 1)).toBe(1);
    expect(await count('event', -10, 0)).toBe(0);
    expect(await count('ingest', 3_100, 3_101)).toBe(1);
    expect(await count('ingest', 0, 3_100)).toBe(0);
    const wanted = await b.post('/lab/search', { prefix: 'x', from: 'soon', to: 1 });
    expect(wanted.status).toBe(400);
  });
});

describe('the sign-in service', () => {
  test('authors the record itself, hands agents their turn, and says which id it gave', async () => {
    const b = bench();
    const body = { user: 'canary', source_ip: '192.0.2.7', user_agent: 'bot', correlation_id: tokenOf(1) };
    const first = (await (await b.post('/lab/signin', body)).json()) as { id: string; agent: string };
    const second = (await (
      await b.post('/lab/signin?agent=web-2', { ...body, correlation_id: tokenOf(2) })
    ).json()) as { agent: string };
    expect([first.agent, second.agent]).toEqual(['web-1', 'web-2']);
    await b.run(3_000);
    expect(b.archived.map(line => JSON.parse(line))).toContainEqual({
      time: '2024-09-02T23:00:00.000Z',
      event: 'signin',
      id: first.id,
      result: 'success',
      service: 'lab-signin',
      ...body,
    });
  });

  test('hands on a written event as it is', async () => {
    const b = bench();
    const raw = `{"event.id": "${tokenOf(1)}",  "user": {"name":"canary"}}`;
    await b.post('/lab/signin', raw, { headers: { 'content-type': 'application/json' } });
    await b.run(3_000);
    expect(b.archived).toEqual([raw]);
  });
});
