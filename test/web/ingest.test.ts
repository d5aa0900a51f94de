import { gzipSync } from 'node:zlib';
import type { Hono } from 'hono';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunningEngine } from '../../src/engine/engine.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { createApp } from '../../src/web/app.ts';
import { useDatabase } from '../support/database.ts';
import {
  checkpointConfig,
  configOf,
  openQuietEngine,
  pipelineConfig,
  standingClock,
} from '../support/ledger.ts';

const NOW = Date.UTC(2026, 0, 15, 12, 34, 56, 789);
const database = useDatabase();
const { ctx, hand } = standingClock(NOW);
const receive = (name: string, settings: object) =>
  checkpointConfig(name, { observe: { kind: 'receive', settings }, settleMs: 30_000 });
let sql: Sql;
let running: RunningEngine;
let app: Hono;

beforeAll(async () => {
  sql = openStore({ ...database.options, max: 4 });
  const ssh = pipelineConfig('ssh', {
    checkpoints: [
      receive('hook', { body_bytes_max: 20_000 }),
      receive('small', { body_bytes_max: 1_024, key: 'own-key' }),
      checkpointConfig('loki'),
    ],
  });
  const oidc = pipelineConfig('oidc');
  const { event: _, ...provoked } = oidc;
  running = await openQuietEngine(sql, ctx, configOf([ssh, provoked]));
  app = createApp({ running, version: '1' });
});
afterAll(async () => {
  await running.close();
  await sql.end();
});
beforeEach(async () => {
  await sql`truncate sighting, beat, mark, finding`;
});

const URL = 'http://localhost/ingest/ssh/hook';
const post = async (
  body: BodyInit | null,
  headers: Record<string, string> = {},
  url = URL,
): Promise<Response> =>
  await app.request(url, { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
const emit = async (target = 'web-1'): Promise<string> =>
  await (await app.request(`http://localhost/emit/ssh/${target}`)).text();
const inbox = async () =>
  await sql<
    {
      kind: number;
      slot: number;
      target: number;
      index: number;
      seen_ms: number;
      seen_after_ms: number;
      detail: string;
    }[]
  >`
    select kind, slot, target, index, seen_ms, seen_after_ms, detail from sighting order by slot, index`;
/** Lets what is waiting on anything but the clock go on. */
const settle = () => new Promise(resolve => setTimeout(resolve, 5));

/** The answer, with the clock put on for as long as something sleeps. */
async function answered(response: Promise<Response>): Promise<Response> {
  let isDone = false;
  void response.finally(() => {
    isDone = true;
  });
  for (let i = 0; i < 200 && !isDone; i++) {
    await settle();
    if (!isDone) hand.advance(1_000);
  }
  return await response;
}

describe('evidence', () => {
  type Packed = [BodyInit, Record<string, string>?];
  const packings: [string, (line: string) => Packed][] = [
    ['as a line', l => [l]],
    ['under a syslog header', l => [`<38>1 2026-01-15T12:00:00Z web-1 sshd 9 - - ${l.trim()}`]],
    ['as NDJSON', l => [`{"message":"other"}\n${JSON.stringify({ message: l.trim() })}\n`]],
    [
      'pushed as by Loki',
      l => {
        const body = { streams: [{ stream: {}, values: [['1', l.trim()]] }] };
        return [JSON.stringify(body)];
      },
    ],
    [
      'in Splunk’s envelope',
      l => {
        const events = [
          { time: 1, event: 'x' },
          { time: 1, event: l.trim() },
        ];
        return [events.map(e => JSON.stringify(e)).join('')];
      },
    ],
    ['gzipped and said so', l => [gzipSync(l), { 'content-encoding': 'gzip' }]],
    ['gzipped without a word', l => [gzipSync(l)]],
    ['gzipped in two members', l => [Buffer.concat([gzipSync('x\n'), gzipSync(l)])]],
  ];
  test.each(packings)('%s is committed when it is answered', async (_, pack) => {
    const response = await post(...pack(await emit()));
    expect(response.status).toBe(204);
    const [beat] = await sql<{ slot: number; index: number }[]>`select slot, index from beat`;
    const target = running.engine.pipelines[0]!.targets[0]!.number;
    expect(await inbox()).toMatchObject([
      { kind: 0, slot: beat!.slot, index: beat!.index, target, seen_ms: hand.nowMs },
    ]);
  });

  test('of many in one body is that of each', async () => {
    const lines: string[] = [];
    for (let i = 0; i < 30; i++) {
      lines.push(await emit(i % 2 ? 'web-1' : 'web-2'));
      if (i % 3 === 0) hand.advance(1);
    }
    expect((await post(lines.join(''), {}, `${URL}/services/collector/raw`)).status).toBe(204);
    const rows = await inbox();
    const beats = await sql`select slot, index, targets[1] as target from beat order by 1, 2`;
    expect(rows.map(r => [r.slot, r.index, r.target])).toEqual(beats.map(b => [b.slot, b.index, b.target]));
    expect(rows).toHaveLength(30);
  });

  test('a mention of a token is an echo, not evidence', async () => {
    const token = /coalmine1\w{40}/.exec(await emit())![0];
    expect((await post(JSON.stringify({ level: 'error', msg: `could not parse ${token}` }))).status).toBe(
      204,
    );
    expect(await inbox()).toEqual([]);
    const findings = await sql<{ kind: string; sample: unknown }[]>`select kind, sample from finding`;
    expect(findings.map(f => f.kind)).toEqual(['echo']);
    expect(JSON.stringify(findings)).not.toContain(token);
  });

  test('a body that holds none leaves nothing', async () => {
    for (const body of ['', 'x'.repeat(19_000), '{"half": ']) expect((await post(body)).status).toBe(204);
    expect(await inbox()).toEqual([]);
  });
});

describe('what is turned away is a gap on record', () => {
  const GAP = 2;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      start: c => c.enqueue(new TextEncoder().encode('the beginning of ')),
    });
  const cases: [string, () => Promise<Response>, number][] = [
    ['too large, by its own word', () => post('x'.repeat(20_001)), 413],
    ['too large unpacked', () => post(gzipSync('x'.repeat(200_000))), 413],
    ['in an encoding we don’t know', () => post('x', { 'content-encoding': 'br' }), 415],
    ['broken off', () => post(gzipSync('x'.repeat(900)).subarray(0, 20)), 400],
    ['too slow', () => answered(post(endless())), 408],
  ];
  test.each(cases)('%s', async (_, send, status) => {
    const begunMs = hand.nowMs;
    const response = await send();
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const [gap, ...more] = await inbox();
    expect(more).toEqual([]);
    expect(gap).toMatchObject({ kind: GAP, seen_after_ms: begunMs, detail: expect.any(String) });
    expect(gap!.seen_ms).toBeLessThanOrEqual(hand.nowMs);
    if (status === 408) expect(gap!.seen_ms - begunMs).toBeGreaterThanOrEqual(30_000);
  });

  test('too large as a stream that doesn’t say so', async () => {
    const stream = new ReadableStream<Uint8Array>({ pull: c => c.enqueue(new Uint8Array(4_096)) });
    expect((await post(stream)).status).toBe(413);
    expect(await inbox()).toMatchObject([{ kind: GAP }]);
  });

  test('too many at once: the rest is told to come again, and their gaps are few', async () => {
    const crowded = createApp({ running, version: '1', limits: { inFlightMax: 2 } });
    const send = async (body: BodyInit) =>
      await crowded.request(URL, { method: 'POST', body, duplex: 'half' } as RequestInit);
    let finish = () => {};
    const slow = () =>
      send(
        new ReadableStream<Uint8Array>({
          start: c => {
            const before = finish;
            finish = () => {
              before();
              c.close();
            };
          },
        }),
      );
    const held = [slow(), slow()];
    await settle();
    const refused = await Promise.all(Array.from({ length: 40 }, () => send('x')));
    expect(new Set(refused.map(r => r.status))).toEqual(new Set([429]));
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    finish();
    expect((await Promise.all(held)).map(r => r.status)).toEqual([204, 204]);
    const gaps = await inbox();
    expect(gaps.length).toBeGreaterThan(0);
    expect(gaps.length).toBeLessThan(10);
    expect((await send('x')).status).toBe(204);
  });

  test('gaps that wait for one another’s commit become one that covers them all', async () => {
    const begunMs = hand.nowMs;
    const slow = post(endless());
    await settle();
    hand.advance(29_000);
    let open = () => {};
    const gate = new Promise<void>(resolve => {
      open = resolve;
    });
    let isLocked = () => {};
    const locked = new Promise<void>(resolve => {
      isLocked = resolve;
    });
    const lock = sql.begin(async tx => {
      await tx`lock table sighting in exclusive mode`;
      isLocked();
      await gate;
    });
    await locked;
    const large: Promise<Response>[] = [];
    for (let i = 0; i < 2; i++) {
      large.push(post('x'.repeat(20_001)));
      await settle();
    }
    hand.advance(1_100);
    for (let i = 0; i < 5; i++) await settle();
    open();
    await lock;
    expect((await Promise.all([slow, ...large])).map(r => r.status)).toEqual([408, 413, 413]);
    const gaps = await inbox();
    expect(gaps).toHaveLength(2);
    expect(Math.min(...gaps.map(g => g.seen_after_ms))).toBe(begunMs);
  });

  test('too much in memory at once', async () => {
    const tight = createApp({ running, version: '1', limits: { inFlightBytesMax: 1_000 } });
    const send = async (body: string) => await tight.request(URL, { method: 'POST', body });
    expect((await send('x'.repeat(1_001))).status).toBe(429);
    for (let i = 0; i < 5; i++) expect((await send('x'.repeat(900))).status).toBe(204);
  });

  test('a store that is gone: 503, and the gap is written when it is back', async () => {
    const line = await emit();
    let isGone = true;
    const broken = new Proxy(sql, {
      apply: (real, self, args) => {
        if (isGone) throw new Error('the store is gone');
        return Reflect.apply(real as unknown as (...a: unknown[]) => unknown, self, args);
      },
    });
    const engine = { ...running.engine, sql: broken };
    const cut = createApp({ running: { ...running, engine }, version: '1' });
    const begunMs = hand.nowMs;
    const response = await answered(Promise.resolve(cut.request(URL, { method: 'POST', body: line })));
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('gone');
    expect(await inbox()).toEqual([]);
    isGone = false;
    for (let i = 0; i < 60 && (await inbox()).length === 0; i++) {
      hand.advance(1_000);
      await settle();
    }
    expect(await inbox()).toMatchObject([{ kind: GAP, seen_after_ms: begunMs }]);
  });

  test('but not what has no business here', async () => {
    const keyed = createApp({
      running: {
        ...running,
        engine: {
          ...running.engine,
          config: {
            ...running.engine.config,
            access: {
              public: ['ssh'],
              publicIncidentDelayMs: 0,
              keys: [{ name: 'a', key: 'reads-only', scopes: ['read'] }],
            },
          },
        },
      },
      version: '1',
    });
    const send = async (url: string, key?: string) =>
      (
        await keyed.request(url, {
          method: 'POST',
          body: 'x',
          headers: key ? { authorization: `Bearer ${key}` } : {},
        })
      ).status;
    expect(await send(URL)).toBe(401);
    expect(await send(URL, 'reads-only')).toBe(403);
    expect(await send(URL, 'own-key')).toBe(401);
    expect(await send('http://localhost/ingest/ssh/small', 'own-key')).toBe(204);
    expect((await post('x', {}, 'http://localhost/ingest/ssh/loki')).status).toBe(404);
    expect((await post('x', {}, 'http://localhost/ingest/no/hook')).status).toBe(404);
    expect(await inbox()).toEqual([]);
  });
});

describe('the self-probe', () => {
  const probe = async (key: string, sentMs: string) =>
    await post(null, { authorization: `Bearer ${key}`, 'coalmine-probe': sentMs });

  test('with our own key is evidence that the way is open', async () => {
    expect((await probe(running.probeKey, String(hand.nowMs - 7))).status).toBe(204);
    expect(await inbox()).toMatchObject([{ kind: 4, seen_ms: hand.nowMs - 7 }]);
  });
  test('from anybody else, or without a time, is none', async () => {
    expect((await probe('a'.repeat(64), String(hand.nowMs))).status).toBe(401);
    expect((await probe(running.probeKey, 'now')).status).toBe(400);
    expect(await inbox()).toEqual([]);
  });
});

describe('/emit', () => {
  const sendings = async () =>
    (await sql<{ sendings: string | null }[]>`select sendings from beat`).map(r => r.sendings);

  test('is registered before it leaves, and accepted once it has been read', async () => {
    const response = await app.request('http://localhost/emit/ssh/web-1');
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await sendings()).toEqual([null]);
    const text = await response.text();
    expect(text).toMatch(/^[^\n]*coalmine1[a-z2-7]{40}[^\n]*\n$/);
    expect(await sendings()).toEqual(['{0}']);
  });

  test('one that nobody read to its end stays in doubt', async () => {
    const response = await app.request('http://localhost/emit/ssh/web-1');
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    await settle();
    expect(await sendings()).toEqual([null]);
  });

  test('refuses what it can’t write, and registers nothing then', async () => {
    const status = async (path: string, method = 'GET') =>
      (await app.request(`http://localhost/emit/${path}`, { method })).status;
    expect(await status('ssh/web-1', 'HEAD')).toBe(405);
    expect(await status('ssh/no')).toBe(404);
    expect(await status('no/web-1')).toBe(404);
    expect(await status('ssh/drill')).toBe(404);
    expect(await status('oidc/web-1')).toBe(409);
    expect(await sendings()).toEqual([]);
  });
});
