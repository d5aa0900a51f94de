import { describe, expect, test } from 'vitest';
import type { Notice, Receipt } from '../../src/contracts/notifier.ts';
import statuspage from '../../src/notifiers/statuspage.ts';
import { nodeContext, noticeOf, notifierConformance, type Settings } from '../conformance/notifier.ts';
import { httpEnd, type Told } from '../injectors/http-end.ts';
import { channelEnd } from './http-end.ts';

const KEY = '89a229ce-1a8d-bcf9-7305-3b4d5c6e7f80';
const COMPONENT = 'cmp01';
const never = new AbortController().signal;

interface PageIncident {
  id: string;
  name: string;
  status: string;
  impact_override?: string;
  metadata: { coalmine?: { incident: string; notice: string } };
  components: { id: string; status: string }[];
  bodies: string[];
}
interface Write {
  name?: string;
  status?: string;
  body?: string;
  impact_override?: string;
  components?: Record<string, string>;
  metadata?: PageIncident['metadata'];
  deliver_notifications?: boolean;
}

/** A page as its API's reference describes it: enough of it for incidents and one component. */
const page = () => {
  const incidents: PageIncident[] = [];
  const component = { id: COMPONENT, status: 'operational' };
  const writes: Write[] = [];
  const write = (incident: PageIncident, given: Write) => {
    writes.push(given);
    const { components = {}, body, deliver_notifications: _, ...rest } = given;
    Object.assign(incident, rest);
    if (body !== undefined) incident.bodies.push(body);
    for (const [id, status] of Object.entries(components)) {
      expect(id).toBe(COMPONENT);
      expect(['operational', 'degraded_performance', 'partial_outage', 'major_outage']).toContain(status);
      component.status = status;
      if (!incident.components.includes(component)) incident.components.push(component);
    }
    return incident;
  };
  const answer = (told: Told): { status: number; body: unknown; incident?: PageIncident } => {
    expect(told.headers.authorization).toBe(`OAuth ${KEY}`);
    const path = told.path.replace('/v1/pages/page01', '').replace(/\?.*/, '');
    const given =
      told.body === '' ? {} : (JSON.parse(told.body) as { incident?: Write; component?: { status: string } });
    const [, what, id] = path.split('/');
    if (what === 'components') {
      if (id !== COMPONENT) return { status: 404, body: { error: 'not found' } };
      if (given.component) component.status = given.component.status;
      return { status: 200, body: component };
    }
    if (told.method === 'POST') {
      const fresh: PageIncident = {
        id: `inc${incidents.length}`,
        name: '',
        status: '',
        metadata: {},
        components: [],
        bodies: [],
      };
      incidents.unshift(fresh);
      return { status: 201, body: write(fresh, given.incident!), incident: fresh };
    }
    if (id === undefined) return { status: 200, body: incidents.slice(0, 100) };
    const incident = incidents.find(i => i.id === id);
    if (incident === undefined) return { status: 404, body: { error: 'not found' } };
    if (told.method === 'GET') return { status: 200, body: incident };
    return { status: 200, body: write(incident, given.incident!), incident };
  };
  return { incidents, component, writes, answer };
};

const settingsAt = (url: string): Settings => ({
  page_id: 'page01',
  api_key: KEY,
  components: { 'ssh-to-loki': COMPONENT },
  url: `${url}/v1`,
});

notifierConformance('statuspage', {
  definition: statuspage,
  secrets: [KEY],
  saysWhen: true,
  textMin: 9000,
  within: ({ raw }) => {
    const { incident } = JSON.parse(raw) as { incident: Write };
    expect(incident.name!.length).toBeLessThanOrEqual(255);
    expect(incident.body!.length).toBeLessThanOrEqual(25_000);
  },
  end: () => {
    const { incidents, answer } = page();
    return channelEnd({
      settings: url => ({ ...settingsAt(url), wording: 'full' }),
      no: { status: 401, body: '{"error":"Could not authenticate"}' },
      open: () => incidents.filter(i => i.status !== 'resolved').map(i => i.metadata.coalmine!.incident),
      take: told => {
        const { status, body, incident } = answer(told);
        const shown = incident === undefined ? '' : `${incident.name}\n${incident.bodies.at(-1)}`;
        const key = incident?.metadata.coalmine?.notice ?? '';
        const delivery = incident === undefined ? null : { key, shown, raw: told.body };
        return { status, body: JSON.stringify(body), delivery };
      },
    });
  },
});

describe('a page', () => {
  /** A page, and a way to notify it; `losing` notices are taken by the page, and the answer is lost. */
  const facing = async (settings: Settings = {}) => {
    const { incidents, component, writes, answer } = page();
    let losing = false;
    const end = await httpEnd((told, response) => {
      const { status, body } = answer(told);
      if (losing && told.method !== 'GET') return void response.destroy();
      response.writeHead(status).end(JSON.stringify(body));
    });
    const notifier = await statuspage.create(
      statuspage.schema.parse({ ...settingsAt(end.url), ...settings }),
      nodeContext,
    );
    const notify = async (notice: Notice, previous: Receipt | null = null, answerLost = false) => {
      losing = answerLost;
      return notifier.notify(notice, previous, never);
    };
    return { incidents, component, writes, notify, end, [Symbol.asyncDispose]: end.stop };
  };
  const over: Partial<Notice> = { event: 'resolved', endedMs: Date.UTC(2026, 2, 1, 15, 0) };

  test('an incident from beginning to end, and its component with it', async () => {
    await using at = await facing();
    const receipt = await at.notify(noticeOf('i1', 1));
    expect(at.incidents).toMatchObject([{ status: 'investigating', impact_override: 'critical' }]);
    expect(at.component.status).toBe('major_outage');
    await at.notify(noticeOf('i1', 2, { event: 'worsened' }), receipt);
    expect(at.incidents).toMatchObject([{ status: 'identified' }]);
    await at.notify(noticeOf('i1', 3, { event: 'reminder' }), receipt);
    expect(at.incidents).toMatchObject([{ status: 'identified' }]);
    await at.notify(noticeOf('i1', 4, over), receipt);
    expect(at.incidents).toMatchObject([{ status: 'resolved' }]);
    expect(at.incidents[0]!.bodies).toHaveLength(4);
    expect(at.component.status).toBe('operational');
  });

  test('the public hears nothing of what is inside', async () => {
    await using at = await facing();
    await at.notify(noticeOf('i1', 1));
    await at.notify(noticeOf('i1', 2, over));
    expect(at.incidents[0]).toMatchObject({
      name: 'SSH sign-ins → Loki: events are late or missing',
      bodies: [
        'SSH sign-ins → Loki: events are late or missing. We are looking into it. It began at 2026-03-01 14:05 UTC.',
        'SSH sign-ins → Loki: events are late or missing. This has ended. It began at 2026-03-01 14:05 UTC and ended at 2026-03-01 15:00 UTC.',
      ],
    });
    expect(JSON.stringify(at.writes)).not.toMatch(/archive|web-1|4 of 10/);
  });

  test('a lost answer, then a lost receipt: told once all the same', async () => {
    await using at = await facing();
    await expect(at.notify(noticeOf('i1', 1), null, true)).rejects.toThrow();
    await at.notify(noticeOf('i1', 1));
    await expect(at.notify(noticeOf('i1', 2, { event: 'worsened' }), null, true)).rejects.toThrow();
    await at.notify(noticeOf('i1', 2, { event: 'worsened' }));
    await expect(at.notify(noticeOf('i1', 3, over), null, true)).rejects.toThrow();
    await at.notify(noticeOf('i1', 3, over));
    expect(at.incidents.map(i => i.bodies.length)).toEqual([3]);
    expect(at.incidents[0]!.status).toBe('resolved');
  });

  test('an incident that the page never had is made anew, once', async () => {
    await using at = await facing();
    await at.notify(noticeOf('i1', 2, { event: 'reminder' }));
    await at.notify(noticeOf('i1', 3, { event: 'reminder' }));
    expect(at.incidents.map(i => [i.status, i.bodies.length])).toEqual([['investigating', 2]]);
  });

  test('a resolution of what is gone makes nothing, and sets the component right', async () => {
    await using at = await facing();
    const receipt = await at.notify(noticeOf('i1', 1));
    at.incidents.splice(0);
    await at.notify(noticeOf('i1', 2, over), receipt);
    expect(at.incidents).toEqual([]);
    expect(at.component.status).toBe('operational');
  });

  test('what people have resolved stays so, unless it becomes worse', async () => {
    await using at = await facing();
    const receipt = await at.notify(noticeOf('i1', 1));
    at.incidents[0]!.status = 'resolved';
    await at.notify(noticeOf('i1', 2, { event: 'reminder' }), receipt);
    expect(at.incidents.map(i => i.bodies.length)).toEqual([1]);
    await at.notify(noticeOf('i1', 3, { event: 'worsened' }), receipt);
    expect(at.incidents.map(i => i.status)).toEqual(['identified', 'resolved']);
    await at.notify(noticeOf('i1', 4, over), receipt);
    expect(at.incidents.map(i => i.status)).toEqual(['resolved', 'resolved']);
  });

  test('two incidents of one component: it stays as bad as the worse, and is well after the last', async () => {
    await using at = await facing();
    const first = await at.notify(noticeOf('i1', 1));
    const second = await at.notify(noticeOf('i2', 1, { severity: 'warning' }));
    expect(at.component.status).toBe('major_outage');
    await at.notify(noticeOf('i1', 2, over), first);
    expect(at.component.status).not.toBe('operational');
    await at.notify(noticeOf('i2', 2, { ...over, severity: 'warning' }), second);
    expect(at.component.status).toBe('operational');
  });

  test('our own troubles say nothing of the pipeline', async () => {
    const ours: Partial<Notice> = { kind: 'blind', concerns: 'ours', severity: 'error' };
    await using quiet = await facing();
    const receipt = await quiet.notify(noticeOf('i1', 1, ours));
    expect(quiet.component.status).toBe('operational');
    expect(quiet.incidents).toMatchObject([{ impact_override: 'none', components: [] }]);
    expect(quiet.incidents[0]!.name).toMatch(/monitoring is impaired/);
    quiet.component.status = 'partial_outage';
    await quiet.notify(noticeOf('i1', 2, { ...ours, ...over }), receipt);
    expect(quiet.component.status).toBe('partial_outage');
    await using told = await facing({ degrade_for_ours: true });
    await told.notify(noticeOf('i1', 1, { ...ours, severity: 'critical' }));
    expect(told.component.status).toBe('degraded_performance');
  });

  test('what began and ended unseen is one resolved incident that wakes nobody', async () => {
    await using at = await facing();
    await at.notify(noticeOf('i1', 1, { ...over, event: 'summary' }));
    await at.notify(noticeOf('i1', 1, { ...over, event: 'summary' }));
    expect(at.incidents).toMatchObject([{ status: 'resolved', components: [] }]);
    expect(at.writes).toMatchObject([{ deliver_notifications: false }]);
    expect(at.component.status).toBe('operational');
  });

  test('a test changes nothing that the public sees, and finds a wrong component', async () => {
    await using at = await facing();
    await at.notify(noticeOf('t1', 1, { event: 'test' }));
    expect(at.writes).toEqual([]);
    await using wrong = await facing({ components: { 'ssh-to-loki': 'other' } });
    await expect(wrong.notify(noticeOf('t1', 1, { event: 'test' }))).rejects.toThrow(
      /check page_id and components/,
    );
  });

  test('420 is its word for too many requests', async () => {
    const end = await httpEnd((_, response) => void response.writeHead(420).end());
    const notifier = await statuspage.create(statuspage.schema.parse(settingsAt(end.url)), nodeContext);
    await expect(notifier.notify(noticeOf('i1', 1), null, never)).rejects.toMatchObject({ name: 'Retry' });
    await end.stop();
  });

  test('an answer that is none: Retry, not a second incident', async () => {
    const end = await httpEnd((_, response) => void response.writeHead(200).end('<html>welcome'));
    const notifier = await statuspage.create(statuspage.schema.parse(settingsAt(end.url)), nodeContext);
    await expect(notifier.notify(noticeOf('i1', 1), null, never)).rejects.toMatchObject({ name: 'Retry' });
    expect(end.told.map(t => t.method)).toEqual(['GET']);
    await end.stop();
  });
});
