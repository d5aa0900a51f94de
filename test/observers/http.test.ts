import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../src/contracts/context.ts';
import http from '../../src/observers/http.ts';
import { observerConformance, type Rig } from '../conformance/observer.ts';
import { faultyServer } from '../support/faulty-server.ts';
import { collect, create, lineOf, lookOf, PREFIX, realContext, T0 } from '../support/observing.ts';
import { type SearchModel, searchModel } from '../support/search-model.ts';

const RANGE = 'from={{from_ms}}&to={{to_ms}}&q={{prefix}}&size={{page_size}}';
const SHAPE = { records: 'result.hits', text: '_source.message', page_size: 250 };

/** One set of settings for each way to page; `url` still lacks the server. */
const WAYS = {
  cursor: { url: `/s?${RANGE}&cursor={{cursor}}`, paging: { kind: 'cursor', path: 'next' } },
  'cursor in a body': {
    url: '/s',
    method: 'POST',
    body: { from: '{{from_ms}}', to: '{{to_ms}}', size: '{{page_size}}', cursor: '{{cursor}}' },
    paging: { kind: 'cursor', path: 'next' },
  },
  offset: { url: `/s?${RANGE}&offset={{offset}}`, paging: { kind: 'offset' } },
  page: { url: `/s?${RANGE}&page={{page}}`, paging: { kind: 'offset' } },
  link: { url: `/s?${RANGE}`, paging: { kind: 'link' } },
};

const put =
  (model: SearchModel): Rig['put'] =>
  async records => {
    for (const [i, r] of records.entries())
      model.hits.push({ id: `id${i}`, atMs: T0 + r.atMs, message: r.text });
  };

for (const [way, settings] of Object.entries(WAYS)) {
  observerConformance({
    name: `http, ${way}`,
    definition: http,
    by: 'event',
    variant: way !== 'cursor',
    rig: async () => {
      const model = searchModel();
      const server = await faultyServer(model.handle);
      return {
        ...server,
        settings: { ...SHAPE, ...settings, url: server.url + settings.url },
        put: put(model),
      };
    },
  });
}

observerConformance({
  name: 'http, lines',
  definition: http,
  by: 'event',
  rig: async () => {
    const model = searchModel();
    const server = await faultyServer(request => {
      const { json } = model.handle(request) as { json: { result: { hits: object[] } } };
      const lines = json.result.hits.map(h => `${JSON.stringify(h)}\n`).join('');
      return { headers: { 'content-type': 'application/x-ndjson' }, json: lines, lines: true };
    });
    const url = `${server.url}/s?${RANGE}&offset={{offset}}`;
    const lines = { answer: 'ndjson', records: '', paging: { kind: 'offset' } };
    return { ...server, settings: { ...SHAPE, ...lines, url }, put: put(model) };
  },
});

const inProcess = (model: SearchModel): Context =>
  realContext({
    fetch: async (input, init) => {
      const request = new Request(input as string, init);
      const body = init?.body as string | undefined;
      const { headers, json } = model.handle({
        method: request.method,
        url: new URL(request.url),
        headers: {},
        body: body ?? '',
      });
      return new Response(JSON.stringify(json), { headers });
    },
  });

/** Answers in turn, the last one for ever; keeps what was asked. */
const answering = (...answers: unknown[]) => {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch = async (url: unknown, init?: RequestInit) => {
    asked.push({ url: String(url), init: init ?? {} });
    const json = answers.length > 1 ? answers.shift() : answers[0];
    return json instanceof Response ? json : new Response(JSON.stringify(json));
  };
  return { asked, ctx: realContext({ fetch: fetch as typeof globalThis.fetch }) };
};
const hit = (n: number) => ({ _id: `id${n}`, _source: { message: lineOf(n) } });
const BASE = { url: 'http://s.test/s', ...SHAPE };
const looked = async (settings: object, ...answers: unknown[]) =>
  collect(await create(http, { ...BASE, ...settings }, answering(...answers).ctx), lookOf());

test('whatever the ties, page sizes, server caps and empty pages: all is found, or it does not claim to be whole', async () => {
  const plan = fc.record({
    way: fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[])),
    times: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 60 }),
    page_size: fc.integer({ min: 1, max: 20 }),
    cap: fc.oneof(fc.integer({ min: 1, max: 25 }), fc.constant(Number.POSITIVE_INFINITY)),
    emptyEvery: fc.integer({ min: 0, max: 4 }).map(n => (n === 1 ? 0 : n)),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ way, times, page_size, cap, emptyEvery }) => {
      const byCursor = way.startsWith('cursor') || way === 'link';
      const model = Object.assign(searchModel(), { cap, emptyEvery: byCursor ? emptyEvery : 0 });
      await put(model)(times.map((atMs, i) => ({ text: lineOf(i), atMs })));
      const url = `http://s.test${WAYS[way].url}`;
      const found = await collect(
        await create(http, { ...SHAPE, ...WAYS[way], url, page_size }, inProcess(model)),
        lookOf(),
      );
      const placed = times.map((_, i) => lineOf(i)).sort();
      // Numbered pages of a server that numbers by its own cap are whole, too: the model skips by what it gives.
      if (found.end.end === 'exhausted') expect([...found.texts].sort()).toEqual(placed);
      if (way !== 'page') expect(found.end.end).toBe('exhausted');
    }),
    { numRuns: 100 },
  );
});

describe('without paging', () => {
  test('fewer than a page is whole, a full page is not', async () => {
    const settings = { page_size: 3 };
    expect((await looked(settings, { result: { hits: [hit(1), hit(2)] } })).end.end).toBe('exhausted');
    const full = await looked(settings, { result: { hits: [hit(1), hit(2), hit(3)] } });
    expect(full).toMatchObject({ end: { end: 'truncated' } });
    expect(full.texts).toHaveLength(3);
  });
});

describe('paging', () => {
  const cursor = { url: 'http://s.test/s?c={{cursor}}', paging: { kind: 'cursor', path: 'next' } };

  test.each([
    ['the same one', [{ next: 'a' }]],
    ['going in circles', [{ next: 'a' }, { next: 'b' }, { next: 'a' }]],
    ['a number that was rounded', [{ next: [2 ** 60, 'x'] }]],
    ['broken text', [{ next: '\ud800' }]],
    ['an endless text', [{ next: 'x'.repeat(70_000) }]],
  ])('a cursor: %s: a failed look', async (_, nexts) => {
    const answers = nexts.map((n, i) => ({ result: { hits: [hit(i)] }, ...n }));
    const found = await looked(cursor, ...answers);
    expect(found).toMatchObject({ end: { end: 'failed', reason: expect.stringContaining('cursor') } });
    expect(found.texts.length).toBeGreaterThan(0);
  });

  test.each([[undefined], [null], ['']])('a cursor that is %s ends it', async next => {
    expect((await looked(cursor, { result: { hits: [hit(1)] }, next })).end.end).toBe('exhausted');
  });

  test("a cursor goes back as it came: Elasticsearch's search_after", async () => {
    const settings = {
      method: 'POST',
      body: {
        size: '{{page_size}}',
        query: { range: { '@timestamp': { gte: '{{from_iso}}' } } },
        search_after: '{{cursor}}',
      },
      paging: { kind: 'cursor', path: 'result.hits.-1.sort' },
    };
    const page = [
      { ...hit(1), sort: [5, 'a'] },
      { ...hit(2), sort: [6, null] },
    ];
    const { asked, ctx } = answering({ result: { hits: page } }, { result: { hits: [] } });
    const found = await collect(await create(http, { ...BASE, ...settings }, ctx), lookOf());
    expect(found.end.end).toBe('exhausted');
    const query = { range: { '@timestamp': { gte: '2023-11-14T22:13:20.000Z' } } };
    expect(asked.map(a => JSON.parse(String(a.init.body)))).toEqual([
      { size: 250, query },
      { size: 250, query, search_after: [6, null] },
    ]);
    expect(new Headers(asked[0]!.init.headers).get('content-type')).toBe('application/json');
  });

  test('a Link to another origin is not followed: our credentials would go along', async () => {
    const body = JSON.stringify({ result: { hits: [hit(1)] } });
    const away = new Response(body, { headers: { link: '<http://evil.test/s>; rel="next"' } });
    expect((await looked({ paging: { kind: 'link' } }, away)).end.reason).toContain('elsewhere');
  });

  test('numbered pages with holes between them: a failed look', async () => {
    const settings = {
      url: 'http://s.test/s?p={{page}}',
      paging: { kind: 'offset', first_page: 1 },
      page_size: 2,
    };
    const { asked, ctx } = answering({ result: { hits: [hit(1)] } }, { result: { hits: [hit(2)] } });
    const found = await collect(await create(http, { ...BASE, ...settings }, ctx), lookOf());
    expect(found.end.end).toBe('failed');
    expect(asked.map(a => a.url)).toEqual(['http://s.test/s?p=1', 'http://s.test/s?p=2']);
  });
});

describe('an answer must vouch for itself', () => {
  const complete = [
    { path: 'timed_out', equals: false },
    { path: '_shards.failed', equals: 0 },
  ];
  test.each([
    ['as declared', { timed_out: false, _shards: { failed: 0 } }, 'exhausted'],
    ['timed out', { timed_out: true, _shards: { failed: 0 } }, 'failed'],
    ['a shard failed', { timed_out: false, _shards: { failed: 1 } }, 'failed'],
    ['says nothing', {}, 'failed'],
  ])('%s', async (_, says, end) => {
    expect((await looked({ complete }, { result: { hits: [] }, ...says })).end.end).toBe(end);
  });

  test.each([[{ result: { hits: {} } }], [{ result: null }], [{}], [[]], [null], ['x'], [{ error: 'x' }]])(
    '%j holds no array where records should be: failed',
    async json => expect((await looked({}, json)).end.end).toBe('failed'),
  );
});

describe('JSON lines', () => {
  const TYPE = 'application/stream+json';
  const lines = (text: string, type = TYPE) => new Response(text, { headers: { 'content-type': type } });
  const read = (response: Response, over: object = {}) =>
    looked({ answer: 'ndjson', records: '', ...over }, response);
  const two = `${JSON.stringify(hit(1))}\n${JSON.stringify(hit(2))}`;

  test.each([
    ['ended lines', `${two}\n`],
    ['a last line without an end', two],
    ['CRLF and blank lines', `${two.replace('\n', '\r\n\r\n')}\r\n`],
  ])('%s: a record each', async (_, text) => {
    const found = await read(lines(text));
    expect(found).toMatchObject({ texts: [lineOf(1), lineOf(2)], end: { end: 'exhausted' } });
  });

  test.each([['application/x-ndjson; charset=UTF-8'], ['application/jsonl'], [TYPE]])(
    'no line at all is nothing found, sent as %s',
    async type => expect((await read(lines('', type))).end.end).toBe('exhausted'),
  );

  test.each([
    ['an empty body of another type', '', 'application/json', /empty body/],
    ['an empty page', '', 'text/html', /empty body/],
    ['a line that is cut', two.slice(0, -3), TYPE, /not whole lines/],
    [
      'an error behind the lines',
      `${two}\n`.repeat(50).concat('Code: 241. Memory limit exceeded'),
      TYPE,
      /Memory limit/,
    ],
    ['a line that is no object', `${two}\n7\n`, TYPE, /not whole lines/],
    ['an error as a line', `${two}\n{"error":"out of memory"}\n`, TYPE, /out of memory/],
  ])('%s: a failed look without records', async (_, text, type, reason) => {
    const found = await read(lines(text, type));
    expect(found).toMatchObject({ texts: [], end: { end: 'failed' } });
    expect(found.end.reason).toMatch(reason);
  });

  test('it asks for them, unless headers ask for something else', async () => {
    const { asked, ctx } = answering(lines(''));
    const settings = { ...BASE, answer: 'ndjson', records: '' };
    await collect(await create(http, settings, ctx), lookOf());
    expect(new Headers(asked[0]!.init.headers).get('accept')).toBe('application/x-ndjson');
  });
});

describe('what a record holds', () => {
  const record = {
    _id: 'A1',
    _source: {
      message: lineOf(1),
      event: { ingested: '2023-11-14 22:13:25.5' },
      'event.id': 'tok',
      ids: [{ v: 'a' }, { v: 7 }],
    },
    t: '1700000001000000000',
  };
  test('text, place, id and times, where the settings say', async () => {
    const found = await looked(
      {
        record_id: '_id',
        at: '_source.event.id',
        event_time: { path: 't', unit: 'ns' },
        ingested_at: { path: '_source.event.ingested' },
      },
      { result: { hits: [record] } },
    );
    expect(found.records).toEqual([
      { text: lineOf(1), placed: ['tok'], recordId: 'A1', eventMs: T0 + 1000, ingestedMs: T0 + 5500 },
    ]);
  });
  test('the whole hit without `text`, or where the hit lacks it; several places; none', async () => {
    const hits = { result: { hits: [record] } };
    expect((await looked({ text: undefined }, hits)).texts).toEqual([JSON.stringify(record)]);
    expect((await looked({ text: 'nowhere' }, hits)).texts).toEqual([JSON.stringify(record)]);
    expect((await looked({ at: '_source.ids.v' }, hits)).records[0]!.placed).toEqual(['a', '7']);
    expect((await looked({ at: 'nowhere' }, hits)).records[0]!.placed).toEqual([]);
  });
  test('a record id that was rounded is none', async () => {
    const found = await looked({ record_id: 'n' }, { result: { hits: [{ n: 2 ** 60 }] } });
    expect(found.records[0]).not.toHaveProperty('recordId');
  });
});

describe('what it asks', () => {
  const url = 'http://s.test/s?f={{time_field}}&from={{from_s}}&to={{to_s}}&ns={{from_ns}}';
  test('by event or by ingest time, as the settings allow', async () => {
    const { asked, ctx } = answering({ result: { hits: [] } });
    const both = await create(http, { ...BASE, url, by: { event: '@timestamp', ingest: 'in&gested' } }, ctx);
    expect(both.ingestTime).toBe(true);
    const range = { fromMs: T0 + 1, toMs: T0 + 1001 };
    await collect(both, lookOf({ by: 'event', ...range }));
    await collect(both, lookOf({ by: 'ingest', ...range }));
    const rest = 'from=1700000000&to=1700000002&ns=1700000000001000000';
    expect(asked.map(a => a.url)).toEqual([
      `http://s.test/s?f=%40timestamp&${rest}`,
      `http://s.test/s?f=in%26gested&${rest}`,
    ]);
    const ingest = await create(http, { ...BASE, by: { ingest: true } }, ctx);
    expect((await collect(ingest, lookOf({ by: 'event' }))).end.end).toBe('failed');
    expect((await create(http, BASE, ctx)).ingestTime).toBe(false);
  });

  test('what fills a hole cannot leave it', async () => {
    const nasty = `a"b&c=d/../?#{{prefix}}\\'é\n`;
    const filled = async (settings: object) => {
      const { asked, ctx } = answering({ result: { hits: [] }, next: nasty }, { result: { hits: [] } });
      const paging = { kind: 'cursor', path: 'next' };
      await collect(await create(http, { ...BASE, ...settings, paging }, ctx), lookOf());
      return asked[1]!;
    };
    const inUrl = new URL((await filled({ url: 'http://s.test/a/{{cursor}}/b?x=1&c={{cursor}}' })).url);
    expect([decodeURIComponent(inUrl.pathname), inUrl.searchParams.get('c')]).toEqual([
      `/a/${nasty}/b`,
      nasty,
    ]);
    expect([...inUrl.searchParams.keys()]).toEqual(['x', 'c']);
    const post = async (body: unknown, type?: string) => {
      const headers = type ? { 'Content-Type': type } : {};
      return String((await filled({ method: 'POST', body, headers })).init.body);
    };
    expect(JSON.parse(await post({ a: 'x {{cursor}} y' }))).toEqual({ a: `x ${nasty} y` });
    expect(JSON.parse(await post('{"a":"{{cursor}}","n":{{from_ms}}}', 'application/json'))).toEqual({
      a: nasty,
      n: T0,
    });
    const form = await post('q={{prefix}}&c={{cursor}}', 'application/x-www-form-urlencoded');
    expect([...new URLSearchParams(form)]).toEqual([
      ['q', PREFIX],
      ['c', nasty],
    ]);
  });

  test.each([
    ['an unknown hole', { url: 'http://s.test/s?x={{token}}' }, /known hole/],
    ['no page size', { page_size: undefined }, /page_size/],
    ['a cursor that is put nowhere', { paging: { kind: 'cursor', path: 'x' } }, /\{\{cursor\}\}/],
    ['an offset that is put nowhere', { paging: { kind: 'offset' } }, /\{\{offset\}\}/],
    ['a body that is not sent', { body: {} }, /POST/],
    ['two times and one request', { by: { event: 'a', ingest: 'b' } }, /time_field/],
    ['a field without a name', { url: 'http://s.test/s?x={{time_field}}' }, /name of the field/],
  ])('%s is refused with what to do', async (_, over, words) => {
    await expect(create(http, { ...BASE, ...over })).rejects.toThrow(words);
  });

  test.each(['http://{{cursor}}/s', 'http://h{{page}}.test/s', 'ftp://x/s', 'http://a b/s', 's.test/s'])(
    '%s is no URL',
    url => {
      expect(http.schema.safeParse({ ...BASE, url }).success).toBe(false);
    },
  );
});
