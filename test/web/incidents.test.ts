/** `/api/v1/incidents`, its metrics and its pages over a real store: who sees what, and what people say. */
import type { Hono } from 'hono';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { RunningEngine } from '../../src/engine/engine.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { incidentDetail } from '../../src/web/api/incident-schemas.ts';
import { createApp } from '../../src/web/app.ts';
import { mountPages } from '../../src/web/pages/index.tsx';
import { draft } from '../support/alerting.ts';
import { useDatabase } from '../support/database.ts';
import {
  alike,
  configOf,
  openQuietEngine,
  pipelineConfig,
  standingClock,
  writeBeats,
} from '../support/ledger.ts';
import { lossFacts } from './pages/incident-fixture.ts';

const NOW = Date.UTC(2026, 0, 15, 12, 34, 56, 789);
const HOUR = 3_600_000;
const database = useDatabase();
const { ctx } = standingClock(NOW);
let sql: Sql;
let running: RunningEngine;

const key = (name: string, scopes: readonly string[]) =>
  ({ name, key: `the-key-of-${name}`, scopes }) as Config['access']['keys'][number];
const access: Config['access'] = {
  public: ['ssh'],
  publicIncidentDelayMs: 24 * HOUR,
  keys: [key('reader', ['read']), key('oncall', ['read', 'write']), key('bot', ['write'])],
};

beforeAll(async () => {
  sql = openStore({ ...database.options, max: 4 });
  const config = configOf([pipelineConfig('ssh', { title: 'SSH' }), pipelineConfig('vpn')]);
  running = await openQuietEngine(sql, ctx, config);
});
afterAll(async () => {
  await running.close();
  await sql.end();
});
beforeEach(async () => {
  await sql`truncate incident, incident_note, outbox restart identity`;
});

const appWith = (over?: Config['access']): Hono => {
  const { engine } = running;
  const webhook = { kind: 'webhook', settings: {} };
  const config = {
    ...engine.config,
    notify: { desk: webhook, idle: webhook },
    ...(over ? { access: over } : {}),
  };
  const shown = { ...running, engine: { ...engine, config } };
  return createApp({
    running: shown,
    version: '1',
    extra: a => mountPages(a, { running: shown, version: '1' }),
  });
};

interface Row {
  pipeline?: number;
  checkpoint?: number;
  kind?: string;
  beganMs?: number;
  detectedMs?: number;
  endedMs?: number | null;
}

async function put(row: Row = {}): Promise<number> {
  const p = running.engine.pipelines[row.pipeline ?? 0]!;
  const kind = row.kind ?? 'loss';
  const isLoss = kind === 'loss' || kind === 'refused';
  const beganMs = row.beganMs ?? NOW - HOUR;
  const facts = isLoss
    ? lossFacts
    : { reason: 'the store answers HTTP 500', count: 7, sample: 'a secret sample' };
  const [made] = await sql<{ number: number }[]>`
    insert into incident (pipeline, checkpoint, kind, began_ms, detected_ms, ended_ms, facts, state)
    values (${p.number}, ${row.checkpoint ?? p.checkpoints[1]!.key.checkpoint}, ${kind}, ${beganMs},
            ${row.detectedMs ?? beganMs + 60_000}, ${row.endedMs ?? null}, ${JSON.stringify(facts)}::text::jsonb, '{}')
    returning number`;
  return made!.number;
}

const get = async (app: Hono, path: string, bearer?: string) =>
  await app.request(`http://localhost${path}`, {
    headers: bearer === undefined ? {} : { authorization: `Bearer the-key-of-${bearer}` },
  });
const post = async (app: Hono, path: string, body: unknown, headers: Record<string, string> = {}) =>
  await app.request(`http://localhost${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const as = (name: string) => ({ authorization: `Bearer the-key-of-${name}` });
const idsOf = async (r: Response) => ((await r.json()) as { data: { id: number }[] }).data.map(i => i.id);

describe('the list', () => {
  test('pages through all, newest first, each once, whatever the filter', async () => {
    const all: (Row & { id: number })[] = [];
    for (let i = 0; i < 23; i++) {
      const row = {
        pipeline: i % 2,
        kind: ['loss', 'blind', 'skew'][i % 3]!,
        checkpoint: 100 + i,
        endedMs: i % 4 === 0 ? null : NOW - i * HOUR,
        beganMs: NOW - 100 * HOUR,
      };
      all.push({ ...row, id: await put(row) });
    }
    const app = appWith();
    const filters: [string, (r: Row) => boolean][] = [
      ['', () => true],
      ['state=open', r => r.endedMs === null],
      ['state=ended&pipeline=vpn', r => r.endedMs !== null && r.pipeline === 1],
      ['kind=blind&kind=skew', r => r.kind !== 'loss'],
      [`since=${NOW - 5 * HOUR}`, r => r.endedMs === null || r.endedMs! >= NOW - 5 * HOUR],
    ];
    for (const [query, fits] of filters) {
      const ids: number[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const more = cursor === '' ? '' : `&cursor=${cursor}`;
        const page = (await (await get(app, `/api/v1/incidents?limit=3&${query}${more}`)).json()) as {
          data: { id: number }[];
          next: string | null;
        };
        ids.push(...page.data.map(i => i.id));
        cursor = page.next;
      }
      expect(ids, query).toEqual(
        all
          .filter(fits)
          .map(r => r.id)
          .sort((a, b) => b - a),
      );
    }
  });

  test('what can’t be read is a problem', async () => {
    const app = appWith();
    for (const [query, status] of [
      ['kind=nope', 400],
      ['state=nope', 400],
      ['since=nope', 400],
      ['limit=0', 400],
      ['limit=201', 400],
      ['cursor=nope', 400],
      [`cursor=${Buffer.from('i99999999999').toString('base64url')}`, 400],
      ['pipeline=nope', 404],
    ] as const) {
      const r = await get(app, `/api/v1/incidents?${query}`);
      expect([query, r.status]).toEqual([query, status]);
      expect(r.headers.get('content-type')).toBe('application/problem+json');
    }
    for (const id of ['0', '99', '2147483648', 'x', '1e1'])
      expect([400, 404]).toContain((await get(app, `/api/v1/incidents/${id}`)).status);
  });
});

describe('one incident', () => {
  test('in words and numbers, with what became of its notices', async () => {
    const id = await put();
    const notice = (event: 'opened' | 'reminder') => ({
      ...draft(event, NOW),
      id: 'x',
      incident: 'x',
      sequence: 1,
    });
    for (const [notifier, state, attempts, error] of [
      ['desk', 'sent', 0, null],
      ['pager', 'failed', 3, 'HTTP 403'],
    ] as const)
      await sql`
        insert into outbox (incident, notifier, sequence, event, notice, created_ms, next_ms, attempts, state, done_ms, error)
        values (${id}, ${notifier}, 1, 'opened', ${JSON.stringify(notice('opened'))}::text::jsonb, ${NOW - 5_000},
                ${NOW}, ${attempts}, ${state}, ${NOW - 1_000}, ${error})`;
    const r = await get(appWith(), `/api/v1/incidents/${id}`);
    expect(r.status).toBe(200);
    const body = (await r.json()) as Record<string, unknown> & { loss: { counts: Record<string, number> } };
    expect(body).toMatchObject({
      id,
      kind: 'loss',
      concerns: 'loss',
      severity: 'critical',
      state: 'open',
      acknowledged: false,
      pipeline: { name: 'ssh', title: 'SSH' },
      checkpoint: 'loki',
      began_ms: NOW - HOUR,
      as_of_ms: NOW,
      seen: { checkpoint: 'loki', state: 'not_yet_proven', watermark_ms: null },
      notices: [
        {
          notifier: 'desk',
          event: 'opened',
          state: 'sent',
          error: null,
          done_ms: NOW - 1_000,
          next_ms: null,
        },
        { notifier: 'pager', state: 'failed', attempts: 3, error: 'HTTP 403' },
      ],
      notes: [],
    });
    expect(body.title).toBe(
      'SSH: canaries of web-1 have been lost between archive and loki since 2026-01-15 11:34 UTC',
    );
    expect(body.text).toContain('34 lost');
    // As the OpenAPI document describes it, and nothing besides.
    expect(incidentDetail.parse(body)).toEqual(body);
    const { scheduled, ...parts } = body.loss.counts;
    expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBe(scheduled);
  });
});

describe('a reader without a key', () => {
  test('sees incidents of public pipelines after the delay, and nothing internal', async () => {
    const old = await put({ kind: 'blind', beganMs: NOW - 30 * HOUR, detectedMs: NOW - 24 * HOUR });
    const oldLoss = await put({ beganMs: NOW - 30 * HOUR, detectedMs: NOW - 24 * HOUR });
    const fresh = await put({ kind: 'refused', checkpoint: 0, detectedMs: NOW - 24 * HOUR + 1 });
    const hidden = await put({ pipeline: 1, beganMs: NOW - 30 * HOUR });
    await sql`insert into incident_note (incident, at_ms, by, kind, text) values (${oldLoss}, 1, 'Kim', 'ack', 'a secret note')`;
    await sql`
      insert into outbox (incident, notifier, sequence, event, notice, created_ms, next_ms)
      values (${oldLoss}, 'secret-desk', 1, 'opened', '{}', 1, 1)`;
    const app = appWith(access);
    expect(await idsOf(await get(app, '/api/v1/incidents'))).toEqual([oldLoss, old]);
    expect(await idsOf(await get(app, '/api/v1/incidents', 'reader'))).toEqual([hidden, fresh, oldLoss, old]);
    for (const id of [fresh, hidden]) {
      expect((await get(app, `/api/v1/incidents/${id}`)).status).toBe(404);
      expect((await get(app, `/incidents/${id}`)).status).toBe(404);
    }
    for (const path of [
      '/api/v1/incidents',
      ...[old, oldLoss].flatMap(id => [`/api/v1/incidents/${id}`, `/incidents/${id}`]),
    ]) {
      const text = await (await get(app, path)).text();
      for (const secret of ['secret', 'Kim', lossFacts.hunt.query!.slice(0, 10)])
        expect(text).not.toContain(secret);
      expect(text).not.toMatch(/<form class="write/);
    }
    const internal = await (await get(app, `/api/v1/incidents/${oldLoss}`, 'reader')).text();
    for (const word of ['a secret note', 'secret-desk']) expect(internal).toContain(word);
    const listed = await (await get(app, '/incidents')).text();
    expect(listed).toContain(`/incidents/${old}"`);
    expect(listed).not.toContain(`/incidents/${fresh}"`);
    const home = await (await get(app, '/')).text();
    expect(home).toContain(`/incidents/${old}"`);
    expect(home).not.toContain(`/incidents/${fresh}"`);
  });
});

describe('what people say', () => {
  test('a note and an acknowledgement stand there, with the key’s name', async () => {
    const id = await put();
    const app = appWith(access);
    const noted = await post(
      app,
      `/api/v1/incidents/${id}/notes`,
      { text: ' it hangs ', by: 'Kim' },
      as('oncall'),
    );
    expect([noted.status, await noted.json()]).toEqual([
      201,
      { at_ms: NOW, by: 'Kim (key oncall)', kind: 'note', text: 'it hangs' },
    ]);
    expect((await post(app, `/api/v1/incidents/${id}/ack`, {}, as('bot'))).status).toBe(201);
    // Again by the same: nothing new.
    expect((await post(app, `/api/v1/incidents/${id}/ack`, {}, as('bot'))).status).toBe(201);
    const story = (await (await get(app, `/api/v1/incidents/${id}`, 'reader')).json()) as {
      notes: { by: string }[];
    };
    expect(story).toMatchObject({ acknowledged: true });
    expect(story.notes.map(n => n.by)).toEqual(['Kim (key oncall)', 'bot']);
  });

  test('nobody speaks as another key, and names and texts are bounded', async () => {
    const id = await put();
    const app = appWith(access);
    const by = async (given: string) =>
      (
        (await (
          await post(app, `/api/v1/incidents/${id}/notes`, { text: 'x', by: given }, as('oncall'))
        ).json()) as { by: string }
      ).by;
    expect(await by('bot')).toBe('bot (key oncall)');
    expect(await by('a\nb\tc')).toBe('a b c (key oncall)');
    expect((await by('x'.repeat(80))).length).toBe(80);
    expect((await by('x'.repeat(80))).endsWith('(key oncall)')).toBe(true);
    for (const body of [
      {},
      { text: '' },
      { text: '  ' },
      { text: 'x'.repeat(4_001) },
      { text: 'x', by: 'y'.repeat(81) },
      'no json',
    ])
      expect((await post(app, `/api/v1/incidents/${id}/notes`, body, as('oncall'))).status).toBe(400);
    const huge = await post(
      app,
      `/api/v1/incidents/${id}/notes`,
      { text: 'x', more: 'x'.repeat(40_000) },
      as('oncall'),
    );
    expect(huge.status).toBe(413);
  });

  test('at the bound of notes it says so', async () => {
    const id = await put();
    await sql`
      insert into incident_note (incident, at_ms, by, kind, text)
      select ${id}, n, 'x', 'note', 'x' from generate_series(1, 500) n`;
    const r = await post(appWith(), `/api/v1/incidents/${id}/notes`, { text: 'one more' });
    expect([r.status, await r.text()]).toEqual([400, expect.stringContaining('500 notes')]);
  });

  test('needs the scope write, and no foreign page', async () => {
    const id = await put();
    const app = appWith(access);
    for (const what of ['notes', 'ack']) {
      const path = `/api/v1/incidents/${id}/${what}`;
      expect((await post(app, path, { text: 'x' })).status).toBe(401);
      expect((await post(app, path, { text: 'x' }, as('reader'))).status).toBe(403);
      const evil = { origin: 'http://evil.example', host: 'localhost' };
      expect((await post(app, path, { text: 'x' }, { ...as('oncall'), ...evil })).status).toBe(403);
      // Where no key is needed, a page elsewhere could send a form.
      const simple = { ...evil, 'content-type': 'text/plain' };
      expect((await post(appWith(), path, '{}', simple)).status).toBeGreaterThanOrEqual(400);
      expect((await post(app, `/api/v1/incidents/999/${what}`, { text: 'x' }, as('oncall'))).status).toBe(
        404,
      );
    }
    expect(await sql`select 1 from incident_note`).toHaveLength(0);
  });

  test('the forms of the page write, for those who may', async () => {
    const id = await put();
    const app = appWith(access);
    const form = (path: string, body: string, headers: Record<string, string>) =>
      post(app, path, body, {
        'content-type': 'application/x-www-form-urlencoded',
        host: 'localhost',
        ...headers,
      });
    const here = { origin: 'http://localhost' };
    const basic = { authorization: `Basic ${Buffer.from('x:the-key-of-oncall').toString('base64')}` };
    expect((await form(`/incidents/${id}/ack`, 'by=', here)).status).toBe(401);
    expect((await form(`/incidents/${id}/ack`, 'by=', { ...here, ...as('reader') })).status).toBe(403);
    expect(
      (await form(`/incidents/${id}/ack`, 'by=', { ...basic, origin: 'http://evil.example' })).status,
    ).toBe(403);
    expect((await form(`/incidents/${id}/notes`, 'text=+', { ...here, ...basic })).status).toBe(400);
    const done = await form(`/incidents/${id}/ack`, 'by=Kim', { ...here, ...basic });
    expect([done.status, done.headers.get('location')]).toEqual([303, `/incidents/${id}`]);
    expect(
      (await form(`/incidents/${id}/notes`, 'text=a%0D%0Ab', { ...here, ...basic })).headers.get('location'),
    ).toBe(`/incidents/${id}#notes`);
    const page = await (await get(app, `/incidents/${id}`, 'oncall')).text();
    expect(page).toContain('Kim (key oncall)');
    expect(page).toContain('a\r\nb');
    expect(page).not.toContain('id="ack-form"');
    expect(await (await get(app, `/incidents/${id}`, 'reader')).text()).not.toContain('<form');
  });
});

test('the page draws what the ledger holds of the span', async () => {
  const p = running.engine.pipelines[0]!;
  const beats = Array.from({ length: 90 }, (_, m) =>
    alike(p, NOW - 5_000 - m * 60_000, i => (m < 60 && i === 0 ? 'lost' : 'on_time')),
  );
  await writeBeats(sql, p.number, beats);
  const id = await put();
  const html = await (await get(appWith(), `/incidents/${id}`)).text();
  const label = /<svg class="bars"[^>]*aria-label="([^"]*)"/.exec(html)?.[1] ?? '';
  const [, canaries, onTime, lost] = /: (\d+) canaries: (\d+) on time, (\d+) lost/.exec(label)!.map(Number);
  // A fifth before it, at least: 72 minutes, and a column at either end.
  expect(lost).toBe(60);
  expect(canaries).toBeGreaterThanOrEqual(2 * 72);
  expect(canaries).toBeLessThan(2 * 76);
  expect(onTime).toBe(canaries! - 60);
});

test('metrics: open incidents by kind, and how far the notifiers are', async () => {
  await put();
  await put({ checkpoint: 0 });
  await put({ kind: 'blind', pipeline: 1 });
  await put({ kind: 'skew', endedMs: NOW });
  const id = await put({ kind: 'refused' });
  for (const [notifier, sequence, state, doneMs] of [
    ['desk', 1, 'waiting', null],
    ['desk', 2, 'waiting', null],
    ['desk', 3, 'failed', NOW - HOUR],
    ['gone', 1, 'failed', NOW - 25 * HOUR],
    ['gone', 2, 'failed', NOW - 23 * HOUR],
    ['gone', 3, 'sent', NOW],
  ] as const)
    await sql`
      insert into outbox (incident, notifier, sequence, event, notice, created_ms, next_ms, state, done_ms)
      values (${id}, ${notifier}, ${sequence}, 'opened', '{}', 1, 1, ${state}, ${doneMs})`;
  const text = await (await get(appWith(), '/metrics')).text();
  const value = (sample: string) =>
    Number(
      text
        .split('\n')
        .find(l => l.startsWith(`${sample} `))
        ?.split(' ')[1],
    );
  expect(value('coalmine_incidents_open{pipeline="ssh",kind="loss"}')).toBe(2);
  expect(value('coalmine_incidents_open{pipeline="ssh",kind="skew"}')).toBe(0);
  expect(value('coalmine_incidents_open{pipeline="vpn",kind="blind"}')).toBe(1);
  expect(value('coalmine_notices_waiting{notifier="desk"}')).toBe(2);
  expect(value('coalmine_notices_failed{notifier="desk"}')).toBe(1);
  expect(value('coalmine_notices_waiting{notifier="idle"}')).toBe(0);
  expect(value('coalmine_notices_failed{notifier="gone"}')).toBe(1);
  const anonymous = await (await get(appWith(access), '/metrics')).text();
  expect(anonymous).not.toContain('coalmine_notices');
  expect(anonymous).toContain('coalmine_incidents_open{pipeline="ssh",kind="loss"} 0\n');
});
