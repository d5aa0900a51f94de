import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bucket } from '../../src/domain/verdict.ts';
import type { RunningEngine } from '../../src/engine/engine.ts';
import type { LivePipeline } from '../../src/engine/live.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { createApp } from '../../src/web/app.ts';
import { useDatabase } from '../support/database.ts';
import {
  configOf,
  type Hop,
  type ModelBeat,
  openQuietEngine,
  pipelineConfig,
  random,
  standingClock,
  verdictOfHop,
  writeBeats,
  writeWatch,
} from '../support/ledger.ts';

const NOW = Date.UTC(2026, 0, 15, 12, 34, 56, 789);
const database = useDatabase();
const { ctx } = standingClock(NOW);
let sql: Sql;
let running: RunningEngine;
let app: Hono;
let p: LivePipeline;
let beats: ModelBeat[];

interface Row {
  name: string;
  checkpoint: string;
  target: string;
  verdict: string;
  bucket: string;
  slot_ms: number;
  seen_at: string | null;
  delay_ms: number | null;
}
interface Page {
  data: Row[];
  next: string | null;
}

beforeAll(async () => {
  sql = openStore({ ...database.options, max: 4 });
  running = await openQuietEngine(sql, ctx, configOf([pipelineConfig('ssh'), pipelineConfig('empty')]));
  app = createApp({ running, version: '1.2.3' });
  p = running.engine.pipelines[0]!;
  beats = randomBeats(11);
  await writeBeats(sql, p.number, beats);
  for (const c of p.checkpoints) await writeWatch(sql, c.key, { proven: true, wMs: NOW - 1_000 });
});
afterAll(async () => {
  await running.close();
  await sql.end();
});

/** Slots with several rows, drills, and every fate. */
function randomBeats(seed: number): ModelBeat[] {
  const draw = random(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)]!;
  const fates: Hop[] = [
    ...['on_time', 'late', 'delivered', 'recovered', 'unproven'].map(b => ({
      bucket: b as Bucket,
      seenOff: 4_000,
    })),
    ...['lost', 'overdue', 'pending', 'unproven', 'missed_here'].map(b => ({
      bucket: b as Bucket,
      seenOff: null,
    })),
  ];
  const out: ModelBeat[] = [];
  for (let slot = NOW - 20 * 3_600_000; slot < NOW; slot += 1 + Math.floor(draw() * 1_200_000)) {
    for (let part = 0; part < 3; part++) {
      if (draw() < 0.5) continue;
      const targets = p.targets.map(t => t.number);
      if (draw() < 0.2) targets.push(p.drill);
      out.push({
        slot,
        part: part === 2 ? 108_192 : part,
        index: part === 2 ? 8_192 : part,
        kind: part === 2 ? pick(['emit', 'test'] as const) : 'planned',
        folded: draw() < 0.5,
        canaries: targets.map(target => ({
          target,
          sending: target === p.drill ? 'withheld' : 'accepted',
          hops: new Map(
            p.checkpoints.map(c => [
              c.key.checkpoint,
              target === p.drill
                ? { bucket: pick(['drill_lost', 'drill_open'] as const), seenOff: null }
                : pick(fates),
            ]),
          ),
        })),
      });
    }
  }
  return out;
}

const get = async (path: string): Promise<Response> => await app.request(`http://localhost${path}`);

async function allPages(query: Record<string, string | string[]>): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const params = new URLSearchParams();
    for (const [k, v] of Object.entries(query)) for (const one of [v].flat()) params.append(k, one);
    if (cursor) params.set('cursor', cursor);
    const response = await get(`/api/v1/canaries?${params}`);
    expect(response.status).toBe(200);
    const page = (await response.json()) as Page;
    expect(page.data.length).toBeLessThanOrEqual(Number(query.limit));
    rows.push(...page.data);
    cursor = page.next;
  } while (cursor !== null);
  return rows;
}

/** The same from the model: newest first; then part, place in the row, checkpoint. */
function expected(f: {
  verdicts?: string[];
  target?: string;
  checkpoint?: string;
  drill?: boolean;
  from?: number;
  to?: number;
}) {
  const rows: { key: number[]; id: string }[] = [];
  for (const b of beats)
    for (const [i, canary] of b.canaries.entries())
      for (const c of p.checkpoints) {
        const hop = canary.hops.get(c.key.checkpoint)!;
        const isDrill = canary.target === p.drill;
        if (isDrill && !f.drill && f.target !== 'drill') continue;
        if (f.verdicts && !f.verdicts.includes(verdictOfHop(hop))) continue;
        if (f.target && f.target !== (isDrill ? 'drill' : p.targets[i]?.name)) continue;
        if (f.checkpoint && f.checkpoint !== c.config.name) continue;
        if (b.slot < (f.from ?? 0) || b.slot >= (f.to ?? NOW + 1)) continue;
        rows.push({
          key: [b.slot, b.part, i, c.key.checkpoint],
          id: `${canary.target}.${b.slot}.${b.index} ${c.config.name} ${verdictOfHop(hop)} ${hop.bucket}`,
        });
      }
  rows.sort((x, y) => {
    const at = x.key.findIndex((v, i) => v !== y.key[i]);
    return at < 0 ? 0 : y.key[at]! - x.key[at]!;
  });
  return rows.map(r => r.id);
}

const idOf = (r: Row) => `${r.name} ${r.checkpoint} ${r.verdict} ${r.bucket}`;

describe('/api/v1/canaries', () => {
  test('all pages together are the ledger, each canary once, in order', async () => {
    for (const limit of ['1', '7', '1000']) {
      const from = limit === '1' ? NOW - 3_600_000 : NOW - 24 * 3_600_000;
      const rows = await allPages({ pipeline: 'ssh', limit, from: String(from) });
      expect(rows.map(idOf)).toEqual(expected({ from }));
    }
    expect(expected({}).length).toBeGreaterThan(100);
  });

  test('filters are those of the model', async () => {
    const draw = random(3);
    const verdicts = ['lost', 'recovered', 'unproven', 'pending', 'on_time', 'overdue'];
    for (let i = 0; i < 20; i++) {
      const f = {
        ...(draw() < 0.6 ? { verdicts: verdicts.filter(() => draw() < 0.4) } : {}),
        ...(draw() < 0.4 ? { target: ['web-1', 'web-2', 'drill'][Math.floor(draw() * 3)]! } : {}),
        ...(draw() < 0.4 ? { checkpoint: draw() < 0.5 ? 'archive' : 'loki' } : {}),
        ...(draw() < 0.3 ? { drill: true } : {}),
        from: NOW - Math.floor(draw() * 24 * 3_600_000),
        to: NOW - Math.floor(draw() * 3_600_000),
      };
      if (f.verdicts?.length === 0) delete f.verdicts;
      const rows = await allPages({
        pipeline: 'ssh',
        limit: String(1 + Math.floor(draw() * 30)),
        ...(f.verdicts ? { verdict: f.verdicts } : {}),
        ...(f.target ? { target: f.target } : {}),
        ...(f.checkpoint ? { checkpoint: f.checkpoint } : {}),
        ...(f.drill ? { drill: 'true' } : {}),
        from: new Date(f.from).toISOString(),
        to: String(f.to),
      });
      expect(rows.map(idOf), JSON.stringify(f)).toEqual(expected(f));
    }
  });

  test('a row says when it was seen, and after what delay', async () => {
    const rows = await allPages({ pipeline: 'ssh', limit: '1000', verdict: 'late' });
    expect(rows.length).toBeGreaterThan(5);
    for (const r of rows) {
      expect(r).toMatchObject({ delay_ms: 4_000, copies: 1, integrity: 'intact', kind: expect.any(String) });
      expect(r.seen_at).toBe(new Date(r.slot_ms + 4_000).toISOString());
    }
  });

  test('what can’t be answered is a problem', async () => {
    const cases: [string, number][] = [
      ['/api/v1/canaries', 400],
      ['/api/v1/canaries?pipeline=no', 404],
      ['/api/v1/canaries?pipeline=ssh&checkpoint=no', 404],
      ['/api/v1/canaries?pipeline=ssh&target=no', 404],
      ['/api/v1/canaries?pipeline=ssh&verdict=gone', 400],
      ['/api/v1/canaries?pipeline=ssh&limit=1001', 400],
      ['/api/v1/canaries?pipeline=ssh&limit=0', 400],
      ['/api/v1/canaries?pipeline=ssh&cursor=WzFd', 400],
      ['/api/v1/canaries?pipeline=ssh&from=yesterday', 400],
      ['/api/v1/pipelines?window=1s', 400],
      ['/api/v1/pipelines/no', 404],
      ['/api/v1/canaries/zzz', 400],
      ['/api/v1/canaries/1.2.3', 404],
      ['/no/such/page', 404],
    ];
    for (const [path, status] of cases) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, status]);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      const body = (await response.json()) as Record<string, unknown>;
      expect(body).toMatchObject({ status, type: expect.stringMatching(/^urn:coalmine:problem:/) });
      expect(String(body.detail).length).toBeGreaterThan(10);
    }
  });
});

describe('/api/v1/canaries/:name', () => {
  const some = () => {
    const beat = beats.findLast(b => b.canaries[0]!.hops.get(1)!.bucket === 'recovered')!;
    return { target: beat.canaries[0]!.target, slot: beat.slot, index: beat.index };
  };

  test('tells one canary hop by hop, by its name, its token or its UUID, and never shows the token', async () => {
    const name = some();
    const { token, uuid } = running.engine.keyring.sign(name);
    const plain = `${name.target}.${name.slot}.${name.index}`;
    const bodies = [];
    for (const path of [plain, token, token.toUpperCase(), uuid, `-?token=${token}`]) {
      const response = await get(`/api/v1/canaries/${path}`);
      expect(response.status).toBe(200);
      bodies.push(await response.text());
    }
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).not.toContain(token.slice(9));
    const story = JSON.parse(bodies[0]!);
    expect(story).toMatchObject({
      known: true,
      name: plain,
      target: 'web-1',
      sending: 'accepted',
      attempts: 1,
    });
    expect(story.hops.map((h: Row) => h.checkpoint)).toEqual(['archive', 'loki']);
    expect(story.hops[0]).toMatchObject({
      verdict: 'recovered',
      on_time_by_ms: name.slot + 15_000,
      lost_from_ms: name.slot + 600_000,
      sight: { state: 'sees', as_of_ms: NOW - 1_000 },
    });
  });

  test('a forged token names nothing', async () => {
    const { token } = running.engine.keyring.sign(some());
    const forged = token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a');
    expect((await get(`/api/v1/canaries/${forged}`)).status).toBe(400);
  });

  test('an orphan says where it was seen', async () => {
    await sql`
      insert into orphan (pipeline, checkpoint, target, slot, index, seen_ms)
      values (${p.number}, 2, ${p.targets[0]!.number}, 1234567890123, 9, ${NOW})`;
    const response = await get(`/api/v1/canaries/${p.targets[0]!.number}.1234567890123.9`);
    expect(await response.json()).toMatchObject({
      known: false,
      hops: [],
      seen_as_orphan: [{ pipeline: 'ssh', checkpoint: 'loki', seen_ms: NOW }],
    });
  });
});

describe('/api/v1/pipelines', () => {
  test('lists them, and one in full agrees with the list', async () => {
    const list = (await (await get('/api/v1/pipelines?window=2h')).json()) as {
      data: Record<string, unknown>[];
    };
    expect(list.data.map(d => d.name)).toEqual(['ssh', 'empty']);
    const one = (await (await get('/api/v1/pipelines/ssh?window=2h')).json()) as Record<string, unknown>;
    expect(one).toMatchObject(list.data[0]!);
    const counts = (one.checkpoints as { counts: Record<string, number> }[])[0]!.counts;
    const inWindow = beats.filter(b => b.kind !== 'test' && b.slot >= (one.from_ms as number));
    expect(Object.values(counts).reduce((a, b) => a + b, 0)).toBe(inWindow.flatMap(b => b.canaries).length);
    expect((one.bars as unknown[]).length).toBeGreaterThan(100);
  });

  test('findings are a list', async () => {
    await sql`
      insert into finding (pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample)
      values (${p.number}, 1, 'echo', ${NOW - (NOW % 3_600_000)}, 4, ${NOW - 9}, ${NOW - 5}, '{"a": 1}')`;
    expect(await (await get('/api/v1/findings?pipeline=ssh')).json()).toEqual({
      data: [
        {
          pipeline: 'ssh',
          checkpoint: 'archive',
          kind: 'echo',
          count: 4,
          first_ms: NOW - 9,
          last_ms: NOW - 5,
          sample: { a: 1 },
        },
      ],
      next: null,
    });
    expect(((await (await get('/api/v1/findings?pipeline=empty')).json()) as Page).data).toEqual([]);
  });
});

test('the API describes itself as OpenAPI 3.1, every path of it and every reference', async () => {
  const text = await (await get('/api/v1/openapi.json')).text();
  const doc = JSON.parse(text);
  expect(doc).toMatchObject({ openapi: '3.1.0', info: { title: 'coalmine', version: '1.2.3' } });
  expect(Object.keys(doc.paths).sort()).toEqual([
    '/api/v1/canaries',
    '/api/v1/canaries/{name}',
    '/api/v1/findings',
    '/api/v1/incidents',
    '/api/v1/incidents/{id}',
    '/api/v1/incidents/{id}/ack',
    '/api/v1/incidents/{id}/notes',
    '/api/v1/pipelines',
    '/api/v1/pipelines/{name}',
    '/api/v1/pipelines/{name}/test',
  ]);
  for (const [, ref] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(doc.components.schemas).toHaveProperty(ref!);
  for (const path of Object.values(doc.paths) as Record<string, { responses: Record<string, unknown> }>[])
    expect(Object.keys((path.get ?? path.post)!.responses)).toEqual(
      expect.arrayContaining(['400', '401', '403']),
    );
});
