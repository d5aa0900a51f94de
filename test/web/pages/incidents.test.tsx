/** The incidents' pages: what they say, to whom, and what they leave out. */
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { Incident } from '../../../src/domain/incident.ts';
import { frameOf } from '../../../src/engine/incident-bars.ts';
import { headlineOf } from '../../../src/web/pages/incident-text.ts';
import { mountViews } from '../../../src/web/pages/index.tsx';
import { fixture, NOW_MS } from './fixture.ts';
import { blind, deskWith, ended, incidents, losing, overdue } from './incident-fixture.ts';

const ORIGIN = 'http://127.0.0.1:8090';

function open(all: readonly Incident[] = incidents) {
  const desk = deskWith(all);
  const app = new Hono();
  mountViews(app, {
    version: '1',
    readable: () => fixture.pipelines.map(p => p.name),
    read: async o => ({ ...fixture, pipelines: fixture.pipelines.filter(p => o.only?.includes(p.name)) }),
    pipelines: fixture.pipelines,
    incidents: desk,
  });
  const text = async (path: string) => textOf(await (await app.request(path)).text());
  const post = (path: string, body: string, headers: Record<string, string> = { origin: ORIGIN }) =>
    app.request(`${ORIGIN}${path}`, {
      method: 'POST',
      body,
      headers: { host: '127.0.0.1:8090', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  return { desk, app, text, post };
}

const textOf = (html: string): string =>
  html
    .replace(/<(style|script|title)[^>]*>.*?<\/\1>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/[ \n]+/g, ' ')
    .replace(/ ([,.;:])/g, '$1');

describe('/incidents/:id', () => {
  test('says first what, where and since when, then what to do, then how much', async () => {
    const text = await open().text('/incidents/7');
    const order = [
      'Open',
      'Canaries of web-1 have been lost between archive and loki',
      'Since 11:41:00, for 22 min 24 s now; found at 11:41:52. It ended and came back once.',
      'Counted from all that was visible at loki until 12:03:20, 4 s ago.',
      'First: Find what stopped web-1; it can stop again.',
      '5 h 38 min left until loss is permanent, at 17:41:00',
      'Nobody has taken it yet',
      'lost 34',
      '402',
      'After the first miss of each target touched 46.2% (61 of 132)',
      'between 37.5% and 55.1%. The objective is 99.9% delivered.',
      'About 51,200 real events',
      'Seen at archive, not at loki.',
      'Targets touched: 1 of 3',
      'Stall then burst',
      '2026-09-02T11:41:00Z/2026-09-02T12:03:19Z',
      'given up at 11:46:52 after 3 failed attempts: HTTP 403',
      'The dispatcher on web-1 hangs.',
    ].map(words => [words, text.indexOf(words)] as const);
    for (const [words, at] of order) expect(at, words).toBeGreaterThan(0);
    expect(order.map(o => o[1])).toEqual(order.map(o => o[1]).toSorted((a, b) => a - b));
  });

  test('says of a trouble of our own what it is not', async () => {
    const text = await open().text('/incidents/8');
    expect(text).toContain('We can’t see at sentinel');
    expect(text).toContain('Nothing newer can be said of sentinel: HTTP 500. Counts are of before.');
    expect(text).toContain('Not known to be the pipeline’s fault');
    expect(text).toContain('Sam (key oncall) took it at 11:47');
    expect(text).not.toContain('Acknowledge');
    expect(text).not.toContain('How much');
  });

  test('of one that is over it says what is left to do, and claims no time left', async () => {
    const text = await open().text('/incidents/3');
    expect(text).toContain('Ended');
    expect(text).toContain('Left to do: Search there again.');
    expect(text).not.toContain('until loss is permanent');
    expect(text).not.toContain('Counted from all');
    expect(text).not.toContain('Acknowledge');
  });

  test('once the hop can’t hold it any more it says so', async () => {
    const over = { ...losing, loss: { ...losing.loss!, firstMs: NOW_MS - 8 * 3_600_000, heldUntilMs: null } };
    expect(await open([over]).text('/incidents/7')).toContain(
      'Permanent by now: what ships to loki holds events for 6 h',
    );
  });

  test('escapes what came from outside', async () => {
    for (const i of incidents) {
      const html = await (await open().app.request(`/incidents/${i.id}`)).text();
      expect(html).not.toMatch(/<img|<b>now|<script>alert/);
      expect(html).not.toMatch(/\sstyle=|<style|\son\w+="|javascript:/);
    }
  });

  test('shows forms only to whom may write, and nothing internal to whom has no key', async () => {
    const { desk, app } = open();
    const html = async () => (await app.request('/incidents/7')).text();
    expect((await html()).match(/<form/g)).toHaveLength(2);
    desk.mayAct = false;
    expect(await html()).not.toContain('<form');
    expect(await html()).toContain('The dispatcher');
    desk.internal = false;
    expect(await html()).not.toMatch(/Who was told|Notes|The dispatcher|routing key/);
  });

  test('what isn’t there, or is no number, is not found', async () => {
    const { app } = open();
    for (const id of ['99', '0', '-1', '1e3', 'x', '99999999999', '%00'])
      expect([id, (await app.request(`/incidents/${id}`)).status]).toEqual([id, 404]);
  });
});

describe('the forms', () => {
  test('write and lead back', async () => {
    const { desk, post } = open();
    const noted = await post('/incidents/7/notes', 'text=+it+hangs%0D%0Anow+&by=Kim');
    expect([noted.status, noted.headers.get('location')]).toEqual([303, '/incidents/7#notes']);
    const taken = await post('/incidents/7/ack', 'by=Kim');
    expect([taken.status, taken.headers.get('location')]).toEqual([303, '/incidents/7']);
    expect(desk.said).toEqual([
      { id: 7, kind: 'note', text: 'it hangs\r\nnow', by: 'Kim' },
      { id: 7, kind: 'ack', text: '', by: 'Kim' },
    ]);
  });

  test.each([
    ['another site', { origin: 'http://evil.example' }],
    ['nobody who says who they are', {}],
    ['a sibling that the browser names', { origin: ORIGIN, 'sec-fetch-site': 'same-site' }],
  ])('refuse a post from %s', async (_who, headers) => {
    const { desk, post } = open();
    expect((await post('/incidents/7/ack', '', headers as Record<string, string>)).status).toBe(403);
    expect((await post('/incidents/7/notes', 'text=x', headers as Record<string, string>)).status).toBe(403);
    expect(desk.said).toEqual([]);
  });

  test('refuse what is empty, too long, too large or nowhere', async () => {
    const { desk, post } = open();
    expect((await post('/incidents/7/notes', 'text=+')).status).toBe(400);
    expect((await post('/incidents/7/notes', `text=${'x'.repeat(4_001)}`)).status).toBe(400);
    expect((await post('/incidents/7/notes', `text=${'x'.repeat(70_000)}`)).status).toBe(413);
    expect((await post('/incidents/x/notes', 'text=x')).status).toBe(404);
    expect((await post('/incidents/7/explode', 'text=x')).status).toBe(404);
    expect(desk.said).toEqual([]);
  });
});

describe('/incidents', () => {
  test('lists what is open before what ended, filtered as asked', async () => {
    const { text, app } = open();
    const all = await text('/incidents');
    expect(all).toContain('3 incidents open');
    expect(all.indexOf('have been overdue')).toBeLessThan(all.indexOf('were lost'));
    expect(all).toContain('34 lost, 15 overdue, 12 came back, 4 late of 402');
    const linked = async (query: string) =>
      [...(await (await app.request(`/incidents?${query}`)).text()).matchAll(/\/incidents\/(\d+)"/g)].map(m =>
        Number(m[1]),
      );
    expect(await linked('')).toEqual([9, 8, 7, 3]);
    expect(await linked('state=open')).toEqual([9, 8, 7]);
    expect(await linked('state=ended')).toEqual([3]);
    expect(await linked('kind=blind')).toEqual([8]);
    expect(await linked('pipeline=ssh-to-loki')).toEqual([7, 3]);
    expect(await linked('pipeline=nope&kind=nope&state=nope&before=nope')).toEqual([9, 8, 7, 3]);
  });

  test('leads on to older ones, keeping the filter', async () => {
    const many = Array.from({ length: 120 }, (_, i) => ({ ...ended, id: i + 1 }));
    const { app } = open(many);
    const seen: string[] = [];
    let path: string | undefined = '/incidents?pipeline=ssh-to-loki';
    while (path && seen.length < 200) {
      const html: string = await (await app.request(path)).text();
      seen.push(...[...html.matchAll(/"\/incidents\/(\d+)"/g)].map(m => m[1]!));
      path = /href="(\/incidents\?[^"]*before=\d+)">Older/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      if (path) expect(path).toContain('pipeline=ssh-to-loki');
    }
    expect(seen).toEqual(many.map(i => String(i.id)).reverse());
  });

  test('open ones stand on the pages of pipelines, each on its own', async () => {
    const { text } = open();
    expect(await text('/')).toContain('3 open incidents');
    const ssh = await text('/pipelines/ssh-to-loki');
    expect(ssh).toContain('1 open incident Canaries of web-1');
    expect(await text('/pipelines/okta')).not.toContain('open incident');
    const many = Array.from({ length: 7 }, (_, i) => ({ ...losing, id: i + 1 }));
    expect(await open(many).text('/')).toContain('More than 5 open incidents');
    // A critical one isn't hidden behind many newer troubles.
    const newer = Array.from({ length: 7 }, (_, i) => ({ ...blind, id: i + 10 }));
    expect(await open([...newer, losing]).text('/')).toContain('Canaries of web-1 have been lost');
  });
});

describe('words', () => {
  test('the headline is the title without pipeline and time, however the pipeline is called', () => {
    expect(headlineOf(losing)).toBe('Canaries of web-1 have been lost between archive and loki');
    expect(
      headlineOf({ ...losing, pipeline: { name: 'x', title: 'Logs: since 2024-01-01 00:00 UTC' } }),
    ).toBe(headlineOf(losing));
    expect(headlineOf(overdue)).toBe(
      'Canaries of all 240 targets have been overdue between sending and loki',
    );
    expect(headlineOf(blind)).toBe('We can’t see at sentinel');
    expect(headlineOf(ended)).toBe('Canaries of web-1 were lost between archive and loki');
    const back = { ...ended, loss: { ...ended.loss!, counts: { ...ended.loss!.counts, lost: 0 } } };
    expect(headlineOf(back)).toBe('Canaries of web-1 were held up between archive and loki; all came back');
  });
});

describe('the span that is drawn', () => {
  const at = { nowMs: NOW_MS, everyMs: 10_000, keptMs: 48 * 3_600_000 };
  test.each([
    [losing, at],
    [overdue, at],
    [ended, at],
    [{ beganMs: NOW_MS, endedMs: null }, at],
    [{ beganMs: NOW_MS - 300 * 86_400_000, endedMs: null }, at],
    [{ beganMs: NOW_MS - 90 * 86_400_000, endedMs: NOW_MS - 90 * 86_400_000 + 60_000 }, at],
    [
      { beganMs: NOW_MS - 86_400_000, endedMs: NOW_MS - 1 },
      { ...at, everyMs: 86_400_000 },
    ],
    [{ beganMs: 0, endedMs: 1 }, at],
  ])('holds the incident, in whole columns that aren’t too many (%#)', (incident, given) => {
    const f = frameOf(incident, given);
    expect((f.toMs - f.fromMs) / f.barMs).toBeLessThanOrEqual(91);
    expect(f.fromMs % f.barMs).toBe(0);
    expect((f.toMs - f.fromMs) % f.barMs).toBe(0);
    expect(f.fromMs).toBeLessThanOrEqual(incident.beganMs);
    expect(f.toMs).toBeGreaterThan(incident.endedMs ?? given.nowMs);
    // What lies ahead isn't drawn, but for the column that holds now.
    expect(f.toMs).toBeLessThanOrEqual(given.nowMs + f.barMs);
    if (f.fine) expect(f.fromMs).toBeGreaterThanOrEqual(given.nowMs - given.keptMs - f.barMs);
  });
});
