import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { Faults } from '../../../src/lab/faults.ts';
import { mountViews } from '../../../src/web/pages/index.tsx';
import { labFaults } from '../../../src/web/pages/lab-faults.ts';
import type { LabPanel } from '../../../src/web/pages/lab-panel.tsx';
import { fixture } from './fixture.ts';
import { deskWith } from './incident-fixture.ts';

const AGENTS = ['web-1', 'web-2'];
const ORIGIN = 'http://127.0.0.1:8090';

function open() {
  const faults = new Faults(AGENTS);
  const restarted: string[] = [];
  const lab: LabPanel = {
    agents: AGENTS,
    faults: async () => faults.get(),
    put: async patch => void faults.set(patch),
    reset: async () => void faults.reset(),
    restart: async agent => void restarted.push(agent),
    truthCounts: async () => ({ dropped: 1234 }),
  };
  const app = new Hono();
  mountViews(app, {
    lab,
    version: '1',
    readable: () => ['okta'],
    read: async () => fixture,
    pipelines: fixture.pipelines,
    incidents: deskWith([]),
  });
  const post = (path: string, headers: Record<string, string> = { origin: ORIGIN }, body = '') =>
    app.request(`${ORIGIN}${path}`, {
      method: 'POST',
      body,
      headers: {
        host: '127.0.0.1:8090',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
        ...headers,
      },
    });
  return { app, faults, restarted, post };
}

describe('the lab’s panel', () => {
  test('every fault is one that the lab knows, shows as on, and is undone by its own repair', () => {
    for (const fault of labFaults(AGENTS, { onTimeWithinMs: 3_000, lostAfterMs: 15_000 })) {
      const faults = new Faults(AGENTS);
      const rest = faults.get();
      expect(fault.active(rest), fault.id).toBe(false);
      expect(fault.active(faults.set(fault.patch)), fault.id).toBe(true);
      expect(faults.set(fault.repair), fault.id).toEqual(rest);
      expect(fault.expect).toMatch(/[.]$/);
    }
  });

  test('a button turns a fault on, shows it as on, and turns it off', async () => {
    const { app, faults, post } = open();
    const answer = await post(
      '/lab-panel/faults/stall/on',
      { origin: ORIGIN },
      'back=%2Fpipelines%2Fokta%3Fwindow%3D1h',
    );
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/pipelines/okta?window=1h']);
    expect(faults.agent('web-1').stall).toBe(true);
    const html = await (await app.request('/')).text();
    expect(html).toContain('On now: Stall web-1.');
    expect(html).toContain('1,234');
    await post('/lab-panel/faults/stall/off');
    expect(faults.agent('web-1').stall).toBe(false);
    await post('/lab-panel/faults/drop/on');
    await post('/lab-panel/reset');
    expect(faults.agent('web-2').drop).toBe(0);
  });

  test('restarts the agents there are', async () => {
    const { restarted, post } = open();
    expect((await post('/lab-panel/restart/web-2')).status).toBe(303);
    expect((await post('/lab-panel/restart/web-9')).status).toBe(404);
    expect(restarted).toEqual(['web-2']);
  });

  test.each([
    ['another site', { origin: 'http://evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:9999' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['nobody who says who they are', {}],
    ['a sibling that the browser names', { origin: ORIGIN, 'sec-fetch-site': 'same-site' }],
  ])('refuses a post from %s', async (_who, headers) => {
    const { faults, post } = open();
    expect((await post('/lab-panel/faults/stall/on', headers as Record<string, string>)).status).toBe(403);
    expect(faults.agent('web-1').stall).toBe(false);
  });

  test.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/pipelines/../../x',
    'javascript:alert(1)',
  ])('never sends anybody to %s', async back => {
    const { post } = open();
    const answer = await post(
      '/lab-panel/reset',
      { origin: ORIGIN },
      new URLSearchParams({ back }).toString(),
    );
    expect(answer.headers.get('location')).toBe('/');
  });

  test('an unknown fault is not found, and a patch of one’s own can’t be sent', async () => {
    const { faults, post } = open();
    const before = faults.get();
    expect((await post('/lab-panel/faults/nope/on')).status).toBe(404);
    expect((await post('/lab-panel/faults/stall/explode')).status).toBe(404);
    expect(faults.get()).toEqual(before);
  });
});
