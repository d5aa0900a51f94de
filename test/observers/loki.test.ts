import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../src/contracts/context.ts';
import loki from '../../src/observers/loki.ts';
import { observerConformance } from '../conformance/observer.ts';
import { faultyServer } from '../support/faulty-server.ts';
import { type LokiModel, lokiModel } from '../support/loki-model.ts';
import { collect, create, lineOf, lookOf, realContext, T0 } from '../support/observing.ts';

const nsOf = (ms: number) => BigInt(T0 + ms) * 1_000_000n;
const QUERY = '{job="auth"}';

observerConformance({
  name: 'loki',
  definition: loki,
  by: 'event',
  rig: async () => {
    const model = lokiModel();
    const server = await faultyServer(model.handle);
    return {
      ...server,
      settings: { url: server.url, query: QUERY },
      put: async records => {
        for (const [i, r] of records.entries()) {
          model.entries.push({ ns: nsOf(r.atMs), line: r.text, stream: { job: 'auth', host: `h${i % 2}` } });
        }
      },
    };
  },
});

/** The model, answering without a socket. */
const inProcess = (model: LokiModel, seen: Request[] = []): Context =>
  realContext({
    fetch: async (input, init) => {
      const request = new Request(input as string, init);
      seen.push(request);
      const url = new URL(request.url);
      const { status = 200, json } = model.handle({ method: 'GET', url, headers: {}, body: '' });
      return new Response(JSON.stringify(json), { status });
    },
  });

const answering = (json: unknown): Context =>
  realContext({ fetch: async () => new Response(JSON.stringify(json)) });
const settings = { url: 'http://loki.test', query: QUERY };

describe('ties, page sizes and caps', () => {
  const check = async (plan: { counts: number[]; pageSize: number; cap: number }) => {
    const model = lokiModel();
    model.cap = plan.cap;
    let n = 0;
    for (const [t, count] of plan.counts.entries()) {
      for (let i = 0; i < count; i++, n++) {
        model.entries.push({
          ns: nsOf(t),
          line: lineOf(n),
          stream: { job: 'auth', host: `h${(n * 7) % 3}` },
        });
      }
    }
    const observer = await create(loki, { ...settings, page_size: plan.pageSize }, inProcess(model));
    const looked = await collect(observer, lookOf());
    return { looked, placed: model.entries.map(e => e.line).sort() };
  };

  test('finds the placed set or does not claim to be whole, whatever the ties, pages and caps', async () => {
    const counts = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 90, max: 220 })), {
      maxLength: 6,
    });
    const plan = fc.record({
      counts,
      pageSize: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 90, max: 1000 })),
      cap: fc.oneof(fc.integer({ min: 100, max: 230 }), fc.constant(Number.POSITIVE_INFINITY)),
    });
    await fc.assert(
      fc.asyncProperty(plan, async p => {
        const { looked, placed } = await check(p);
        expect(new Set(looked.texts).size).toBe(looked.texts.length);
        if (looked.end.end === 'exhausted') expect([...looked.texts].sort()).toEqual(placed);
        else expect(looked.end.end).toBe('truncated');
        // Nothing but a cap that its ties exceed may keep a look from being whole.
        if (Math.max(0, ...p.counts) < p.cap && p.cap === Number.POSITIVE_INFINITY && placed.length < 100) {
          expect(looked.end.end).toBe('exhausted');
        }
      }),
      { numRuns: 80 },
    );
  });

  test('page size 1 and 300 ties', async () => {
    const { looked, placed } = await check({
      counts: [1, 300, 1],
      pageSize: 1,
      cap: Number.POSITIVE_INFINITY,
    });
    expect(looked.end.end).toBe('exhausted');
    expect([...looked.texts].sort()).toEqual(placed);
  });

  test('more ties than the server ever gives at once: truncated, and what comes after is found all the same', async () => {
    const { looked } = await check({ counts: [1, 150, 2], pageSize: 1000, cap: 120 });
    expect(looked.end).toMatchObject({
      end: 'truncated',
      reason: expect.stringContaining('share the time stamp'),
    });
    expect(looked.texts).toContain(lineOf(152));
  });

  test('a lone page of one time stamp is whole once the server has shown larger pages', async () => {
    const model = lokiModel();
    for (let i = 0; i < 500; i++) {
      model.entries.push({ ns: nsOf(i < 250 ? -60_000 : 0), line: lineOf(i), stream: { job: 'auth' } });
    }
    const look = async () =>
      (await collect(await create(loki, settings, inProcess(model)), lookOf())).end.end;
    expect(await look()).toBe('exhausted');
    model.cap = 250;
    expect(await look()).toBe('truncated');
  });

  test('entries that only the stream tells apart are both found', async () => {
    const model = lokiModel();
    for (const host of ['a', 'b'])
      model.entries.push({ ns: nsOf(0), line: lineOf(1), stream: { job: 'auth', host } });
    const looked = await collect(
      await create(loki, { ...settings, page_size: 1 }, inProcess(model)),
      lookOf(),
    );
    expect(looked).toMatchObject({ texts: [lineOf(1), lineOf(1)], end: { end: 'exhausted' } });
  });
});

describe('what it asks', () => {
  test('prefix, tenant and credentials', async () => {
    const seen: Request[] = [];
    const model = lokiModel();
    await collect(
      await create(loki, { ...settings, tenant: 't1', bearer: 'b1' }, inProcess(model, seen)),
      lookOf(),
    );
    await collect(
      await create(
        loki,
        { ...settings, url: 'http://loki.test/', username: 'u', password: 'pä' },
        inProcess(model, seen),
      ),
      lookOf(),
    );
    await collect(await create(loki, { ...settings, line_filter: false }, inProcess(model, seen)), lookOf());
    expect(seen.map(r => new URL(r.url).searchParams.get('query'))).toEqual([
      '{job="auth"} |= "coalmine1"',
      '{job="auth"} |= "coalmine1"',
      '{job="auth"}',
    ]);
    expect(seen[0]!.headers.get('x-scope-orgid')).toBe('t1');
    expect(seen[0]!.headers.get('authorization')).toBe('Bearer b1');
    expect(seen[1]!.headers.get('authorization')).toBe('Basic dTpww6Q=');
    expect(seen[2]!.headers.has('authorization')).toBe(false);
  });

  test('credentials that contradict themselves are refused', async () => {
    await expect(create(loki, { ...settings, username: 'u' })).rejects.toThrow(/password/);
    await expect(create(loki, { ...settings, username: 'u', password: 'p', bearer: 'b' })).rejects.toThrow(
      /keep one/,
    );
  });
});

describe('what it takes for an answer', () => {
  const ts = (ms: number) => String(nsOf(ms));
  const good = (values: unknown[][], over = {}) => ({
    status: 'success',
    data: { resultType: 'streams', result: [{ stream: { job: 'auth' }, values }] },
    ...over,
  });
  const looked = async (json: unknown) => collect(await create(loki, settings, answering(json)), lookOf());

  test.each([
    ['an error in a 200', { status: 'error', error: 'overload' }],
    ['metrics', { status: 'success', data: { resultType: 'matrix', result: [] } }],
    ['no data', { status: 'success' }],
    ['a warning', good([], { warnings: ['some shards failed'] })],
    ['partial', good([], { partial: true })],
    ['time stamps that are numbers', good([[1, 'x']])],
    ['entries before the range', good([[ts(-1), lineOf(1)]])],
    ['entries after the range', good([[ts(86_400_000), lineOf(1)]])],
    [
      'newest first',
      good([
        [ts(2), lineOf(2)],
        [ts(1), lineOf(1)],
      ]),
    ],
    ['null', null],
    ['an array', []],
  ])('%s: a failed look', async (_, json) => {
    expect(await looked(json)).toMatchObject({ texts: [], end: { end: 'failed' } });
  });

  test('event time, and tokens that stand in structured metadata only', async () => {
    const found = await looked(
      good([
        [ts(5), lineOf(1), { id: 'x' }],
        [ts(6), 'login', { id: lineOf(2) }],
        [ts(7), 'noise'],
      ]),
    );
    expect(found.records[0]).toEqual({ text: lineOf(1), eventMs: T0 + 5 });
    expect(JSON.parse(found.records[1]!.text)).toEqual({ job: 'auth', id: lineOf(2), line: 'login' });
    expect(found.records[2]!.text).toBe('noise');
  });
});

test('the query to hunt by hand survives a shell', async () => {
  const observer = await loki.create(
    loki.schema.parse({ url: 'http://loki.example', query: `{app="o'neil"} |= "$HOME"` }),
    realContext(),
  );
  const hunt = observer.hunt?.({ fromMs: T0, toMs: T0 + 60_000 }) ?? '';
  const { stdout } = await promisify(execFile)('sh', ['-c', `logcli() { printf '%s\\n' "$@"; }; ${hunt}`]);
  expect(stdout.trim().split('\n')).toEqual([
    'query',
    `--from=${new Date(T0).toISOString()}`,
    `--to=${new Date(T0 + 60_000).toISOString()}`,
    '--limit=0',
    `{app="o'neil"} |= "$HOME"`,
  ]);
});
