import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { Overview } from '../../../src/engine/overview.ts';
import { mountViews } from '../../../src/web/pages/index.tsx';
import { Problem } from '../../../src/web/problem.ts';
import { barsOf, checkpointOf, fixture, manyPipelines, NOW_MS } from './fixture.ts';
import { deskWith } from './incident-fixture.ts';

function appOf(view: Overview, asked: unknown[] = []): Hono {
  const app = new Hono();
  mountViews(app, {
    version: '1.2.3',
    readable: () => view.pipelines.map(p => p.name),
    read: async options => {
      asked.push(options);
      return { ...view, pipelines: view.pipelines.filter(p => options.only?.includes(p.name)) };
    },
    pipelines: view.pipelines,
    incidents: deskWith([]),
  });
  return app;
}

const htmlOf = async (view: Overview, path = '/'): Promise<string> =>
  (await appOf(view).request(path)).text();
const textOf = (html: string): string =>
  html
    .replace(/<(style|script|title)[^>]*>.*?<\/\1>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/[ \n]+/g, ' ');

describe('/', () => {
  test('says every state in words, worst first', async () => {
    const text = textOf(await htmlOf(fixture));
    const order = [
      '1 of 6 pipelines healthy',
      'Losing since 11:41, between archive and loki',
      'Our own emitter is silent: last beat 1 min 35 s ago',
      'Blind since 11:43, at sentinel',
      'Late since 11:33, between source and loki',
      'Not yet proven, at loki',
      'All deadlines met',
    ].map(words => [words, text.indexOf(words)] as const);
    for (const [words, at] of order) expect(at, words).toBeGreaterThan(0);
    expect(order.map(o => o[1])).toEqual(order.map(o => o[1]).toSorted((a, b) => a - b));
  });

  test('gives completeness in its three ways, with n, bound and coverage', async () => {
    const text = textOf(await htmlOf(fixture));
    // The binomial chance of at most 34 lost of 1,415 falls to 5% at a loss of 3.18…%.
    expect(text).toContain('97.60\u202f% at least 96.81\u202f% with 95\u202f% confidence 34 lost');
    expect(text).toMatch(/Of scheduled\s+97.60\u202f%/);
    expect(text).toMatch(/Worst case\s+65.83\u202f%/);
    expect(text).toContain('56.6\u202f%');
  });

  test('says of a single pipeline what it is', async () => {
    const only = { ...fixture, pipelines: [fixture.pipelines[0]!] };
    expect(textOf(await htmlOf(only))).toContain('The pipeline is losing');
    expect(textOf(await htmlOf({ ...fixture, pipelines: [] }))).toContain('No pipeline is configured');
  });

  test('never turns "not back by" into a number', async () => {
    expect(textOf(await htmlOf(fixture))).toContain('&gt; 15 min');
  });

  test('stays under a megabyte, however much there is to draw', async () => {
    const heavy = fixture.pipelines.find(p => p.name === 'mainframe')!;
    const c = heavy.checkpoints[0]!;
    const every = Object.fromEntries(Object.keys(c.counts).map(k => [k, 3]));
    const bars = [...barsOf(() => every, 0), ...barsOf(() => every, 0)];
    const worst = {
      ...fixture,
      pipelines: Array.from({ length: 30 }, (_, i) => ({
        ...heavy,
        name: `p${i}`,
        checkpoints: ['a', 'b', 'c'].map(name => ({ ...c, name, bars })),
      })),
    };
    for (const view of [worst, manyPipelines(30), manyPipelines(100)]) {
      const html = await htmlOf(view);
      expect(html.length).toBeLessThan(1_000_000);
      for (const p of view.pipelines) expect(html).toContain(`/pipelines/${p.name}"`);
    }
  });

  test('asks for the window that was chosen, and for no other', async () => {
    const asked: { windowMs: number }[] = [];
    const app = appOf(fixture, asked);
    await app.request('/');
    await app.request('/?window=7d');
    await app.request('/?window=9y');
    expect(asked.map(a => a.windowMs / 3_600_000)).toEqual([24, 168, 24]);
  });

  test('shows nothing of a pipeline that may not be read, and asks a browser for a key', async () => {
    const app = new Hono();
    mountViews(app, {
      version: '1',
      readable: request => {
        if (request.headers.has('authorization')) return ['okta'];
        throw new Problem('unauthorized', 'no key');
      },
      read: async o => ({ ...fixture, pipelines: fixture.pipelines.filter(p => o.only?.includes(p.name)) }),
      pipelines: fixture.pipelines,
      incidents: deskWith([]),
    });
    const refused = await app.request('/');
    expect([refused.status, refused.headers.get('www-authenticate')?.split(' ')[0]]).toEqual([401, 'Basic']);
    const headers = { authorization: 'Basic eDp5' };
    const html = await (await app.request('/', { headers })).text();
    expect(html).toContain('Okta');
    expect(html).not.toContain('Mainframe');
    expect((await app.request('/pipelines/mainframe', { headers })).status).toBe(404);
  });
});

describe('every page', () => {
  test('allows nothing inline and nothing from elsewhere', async () => {
    for (const path of ['/', '/pipelines/ssh-to-loki']) {
      const answer = await appOf(fixture).request(path);
      const html = await answer.text();
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(html).not.toMatch(/\sstyle=|<style|\son\w+=|javascript:/);
      expect(html.match(/<script[^>]*>[^<]/)).toBeNull();
      for (const [, url] of html.matchAll(/\s(?:src|href|action)="([^"]*)"/g)) expect(url).toMatch(/^[/#]/);
    }
  });

  test('escapes what came from outside', async () => {
    const evil = '<img src=x onerror=alert(1)>"\'';
    const first = fixture.pipelines[0]!;
    const view = { ...fixture, pipelines: [{ ...first, title: evil, stateReason: evil }] };
    for (const path of ['/', `/pipelines/${first.name}`, `/pipelines/${encodeURIComponent(evil)}`]) {
      const html = await htmlOf(view, path);
      expect(html).not.toContain('<img');
      expect(html).toContain('&lt;img src=x');
    }
    expect(await htmlOf(fixture, '/pipelines/ssh-to-loki')).not.toContain('<script>alert');
  });

  test('reloads by itself without JavaScript, unless that was turned off', async () => {
    expect(await htmlOf(fixture)).toMatch(/<noscript><meta http-equiv="refresh"/);
    const still = await htmlOf(fixture, '/?refresh=off');
    expect(still).not.toContain('http-equiv="refresh"');
    expect(still).not.toContain('<script');
  });

  test('keeps its assets for a year at addresses that name their content', async () => {
    const html = await htmlOf(fixture);
    const paths = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(m => m[1]!);
    expect(paths.length).toBe(3);
    for (const path of paths) {
      const answer = await appOf(fixture).request(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toContain('immutable');
    }
  });
});

describe('/pipelines/:name', () => {
  test('says everything that stands behind the numbers', async () => {
    const text = textOf(await htmlOf(fixture, '/pipelines/ssh-to-loki'));
    for (const words of [
      'Exceptions',
      '34 lost',
      'of 528 sent',
      '1 echo',
      '2 forged tokens',
      '9 something new',
      'web-2',
      '▼ 34',
      'Every verdict, summed',
      'whole',
      '6 h',
    ])
      expect(text).toContain(words);
    expect(textOf(await htmlOf(fixture, '/pipelines/entra-sign-ins'))).toContain('the server was down');
  });

  test('an unknown one is not found', async () => {
    const answer = await appOf(fixture).request('/pipelines/nope');
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('No such pipeline');
  });

  test('says when nothing was decided yet', async () => {
    const empty = {
      ...checkpointOf({ name: 'x', after: null, fate: 'unproven', state: 'not_yet_proven' }),
      bars: [],
      lastLook: null,
    };
    const view = {
      ...fixture,
      asOfMs: NOW_MS,
      pipelines: [{ ...fixture.pipelines[4]!, checkpoints: [empty], lastBeatMs: null }],
    };
    const text = textOf(await htmlOf(view, '/pipelines/badge-readers'));
    expect(text).toContain('nothing was sent yet');
    expect(text).toContain('none yet');
  });
});
