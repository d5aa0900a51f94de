import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bench, bench, type LokiAnswer, START_MS } from './bench.ts';

const BASE_NS = BigInt(START_MS) * 1_000_000n;

interface Row {
  readonly host: string;
  readonly ns: bigint;
  readonly line: string;
}

const push = (b: Bench, rows: readonly Row[], init?: RequestInit) =>
  b.post(
    '/loki/api/v1/push',
    {
      streams: rows.map(({ host, ns, line }) => ({
        stream: { job: 'auth', host },
        values: [[String(ns), line]],
      })),
    },
    init,
  );

async function ask(b: Bench, params: Record<string, string>): Promise<LokiAnswer['data']['result']> {
  const response = await b.get(`/loki/api/v1/query_range?${new URLSearchParams(params)}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const answer = JSON.parse(text) as LokiAnswer;
  expect(answer).toMatchObject({ status: 'success', data: { resultType: 'streams', stats: {} } });
  return answer.data.result;
}

const rows = fc
  .array(fc.record({ host: fc.constantFrom('a', 'b'), at: fc.integer({ min: 0, max: 7 }) }), {
    maxLength: 60,
  })
  .map(list => list.map(({ host, at }, i): Row => ({ host, ns: BASE_NS + BigInt(at), line: `line ${i}` })));

describe('query_range against a model of plain arrays', () => {
  test('range is half open, the limit cuts at the far end, values stand in the direction asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.record({
          start: fc.integer({ min: 0, max: 12 }),
          span: fc.integer({ min: 1, max: 12 }),
          limit: fc.integer({ min: 1, max: 12 }),
          direction: fc.constantFrom('forward', 'backward'),
        }),
        async (list, { start, span, limit, direction }) => {
          const b = bench();
          expect((await push(b, list)).status).toBe(204);
          const [startNs, endNs] = [BASE_NS + BigInt(start), BASE_NS + BigInt(start + span)];
          const sign = direction === 'forward' ? 1 : -1;
          const expected = list
            .map((row, i) => ({ ...row, i }))
            .filter(row => row.ns >= startNs && row.ns < endNs)
            .sort((x, y) => sign * (Number(x.ns - y.ns) || x.i - y.i))
            .slice(0, limit);
          const result = await ask(b, {
            query: '{job="auth"}',
            start: String(startNs),
            end: String(endNs),
            limit: String(limit),
            direction,
          });
          for (const host of ['a', 'b']) {
            const group = result.find(({ stream }) => stream.host === host);
            const wanted = expected.filter(row => row.host === host).map(row => [String(row.ns), row.line]);
            expect(group?.values ?? []).toEqual(wanted);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('paging by start = last time stamp finds everything, as long as a page is larger than any tie', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async list => {
        const b = bench();
        await push(b, list);
        const ties = new Map<bigint, number>();
        for (const { ns } of list) ties.set(ns, (ties.get(ns) ?? 0) + 1);
        const limit = Math.max(0, ...ties.values()) + 1;
        const seen = new Set<string>();
        let start = BASE_NS;
        for (;;) {
          const result = await ask(b, {
            query: '{job=~"au.*"}',
            start: String(start),
            end: String(BASE_NS + 100n),
            limit: String(limit),
            direction: 'forward',
          });
          const page = result.flatMap(({ values }) => values);
          const before = seen.size;
          for (const [ns, line] of page) {
            seen.add(line);
            if (BigInt(ns) > start) start = BigInt(ns);
          }
          if (seen.size === before) break;
        }
        expect(seen.size).toBe(list.length);
      }),
      { numRuns: 40 },
    );
  });
});

describe('query parameters', () => {
  const one = async () => {
    const b = bench();
    await push(b, [{ host: 'a', ns: BASE_NS, line: 'x' }]);
    b.clock.advance(1000);
    return b;
  };

  test.each([
    ['nanoseconds', String(BASE_NS)],
    ['seconds', String(START_MS / 1000)],
    ['fractional seconds', `${START_MS / 1000}.000`],
    ['RFC 3339', '2024-09-02T23:00:00Z'],
    ['RFC 3339 with an offset', '2024-09-03T01:00:00.000000000+02:00'],
  ])('start in %s includes the very instant, end excludes it', async (_, at) => {
    const b = await one();
    expect(await ask(b, { query: '{job="auth"}', start: at })).toHaveLength(1);
    expect(await ask(b, { query: '{job="auth"}', start: '1', end: at })).toHaveLength(0);
  });

  test('without a range: the last hour, newest first, at most 100', async () => {
    const b = bench();
    await push(
      b,
      Array.from({ length: 150 }, (_, i) => ({ host: 'a', ns: BASE_NS + BigInt(i), line: `${i}` })),
    );
    b.clock.advance(1);
    const [stream] = await ask(b, { query: '{job="auth"}' });
    expect(stream!.values.map(([, line]) => line)).toEqual(
      Array.from({ length: 100 }, (_, i) => String(149 - i)),
    );
    b.clock.advance(3_600_000);
    expect(await ask(b, { query: '{job="auth"}' })).toEqual([]);
  });

  test.each([
    [{ limit: '5001' }, 'max entries limit'],
    [{ limit: '0' }, 'positive'],
    [{ query: '{}' }, 'at least one matcher'],
    [{ query: '{job="auth"' }, 'expected , or }'],
    [{ query: 'auth' }, 'expected {'],
    [{ start: '9', end: '8' }, 'end timestamp must not be before'],
    [{ start: 'yesterday' }, 'cannot parse'],
    [{ direction: 'sideways' }, 'invalid direction'],
  ])('%j → 400 %s', async (params, words) => {
    const response = await bench().get(
      `/loki/api/v1/query_range?${new URLSearchParams({ query: '{job="auth"}', ...params })}`,
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(words);
  });
});

describe('selectors and line filters', () => {
  const lines = ['alpha coalmine1x', 'beta COALMINE1X', 'say "quoted" coalmine1x', 'nothing'];
  test.each([
    ['{job="auth"} |= "coalmine1"', [0, 2]],
    ['{job="auth"} |~ "(?i)coalmine1"', [0, 1, 2]],
    ['{job="auth"} |= "coalmine1" != "alpha"', [2]],
    ['{job="auth"} |= "\\"quoted\\""', [2]],
    ['{job="auth"} |= `"quoted"`', [2]],
    ['{job="auth"} !~ "[ae]l?pha|not"', [1, 2]],
    ['{host=~"a|b", job!="other"}', [0, 1, 2, 3]],
    ['{host=~"a"}', [0, 2]],
    ['{job=~"aut"}', []],
    ['{host!~"a"  ,  job="auth"}', [1, 3]],
  ])('%s', async (query, wanted) => {
    const b = bench();
    await push(
      b,
      lines.map((line, i) => ({ host: i % 2 === 0 ? 'a' : 'b', ns: BASE_NS + BigInt(i), line })),
    );
    const result = await ask(b, { query, start: '1', end: String(BASE_NS + 9n) });
    const found = result.flatMap(({ values }) => values.map(([, line]) => lines.indexOf(line)));
    expect(found.sort()).toEqual(wanted);
  });
});

describe('push', () => {
  test("tenants don't see each other", async () => {
    const b = bench();
    const headers = { 'x-scope-orgid': 'blue', 'content-type': 'application/json' };
    await push(b, [{ host: 'a', ns: BASE_NS, line: 'x' }], { headers });
    expect(await b.lokiLines()).toEqual([]);
    expect(await (await b.get('/loki/api/v1/labels')).json()).toEqual({ status: 'success', data: [] });
  });

  test('takes gzip; keeps one of identical entries; shows structured metadata as labels', async () => {
    const b = bench();
    const value = [String(BASE_NS), 'x', { trace: 't1' }];
    const body = gzipSync(JSON.stringify({ streams: [{ stream: { job: 'auth' }, values: [value, value] }] }));
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const response = await b.lab.app.fetch(
      new Request('http://lab.invalid/loki/api/v1/push', {
        method: 'POST',
        body: new Uint8Array(body),
        headers,
      }),
    );
    expect(response.status).toBe(204);
    b.clock.advance(1);
    expect(await ask(b, { query: '{job="auth"}' })).toEqual([
      { stream: { job: 'auth', trace: 't1' }, values: [[String(BASE_NS), 'x']] },
    ]);
  });

  test('refuses what is more than a week old or ten minutes ahead, and keeps the rest', async () => {
    const b = bench();
    const at = (ms: number, line: string): Row => ({
      host: 'a',
      ns: BASE_NS + BigInt(ms) * 1_000_000n,
      line,
    });
    const response = await push(b, [at(-7 * 86_400_000 - 1, 'old'), at(0, 'good'), at(600_001, 'new')]);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/too old[\s\S]*too new/);
    expect(await b.lokiLines()).toEqual(['good']);
  });

  test.each([
    ['{'],
    ['{"streams":[{"stream":{},"values":[]}]}'],
    ['{"streams":[{"stream":{"a":"b"},"values":[["now","x"]]}]}'],
  ])('%s → 400', async body => {
    expect((await bench().post('/loki/api/v1/push', body)).status).toBe(400);
  });

  test('is ready, and lists labels and their values', async () => {
    const b = bench();
    await push(b, [
      { host: 'a', ns: BASE_NS, line: 'x' },
      { host: 'b', ns: BASE_NS, line: 'x' },
    ]);
    expect((await b.get('/ready')).status).toBe(200);
    expect(await (await b.get('/loki/api/v1/labels')).json()).toEqual({
      status: 'success',
      data: ['host', 'job'],
    });
    expect(await (await b.get('/loki/api/v1/label/host/values')).json()).toEqual({
      status: 'success',
      data: ['a', 'b'],
    });
  });
});
