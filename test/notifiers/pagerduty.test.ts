import { afterEach, describe, expect, test } from 'vitest';
import pagerduty from '../../src/notifiers/pagerduty.ts';
import { nodeContext, noticeOf, notifierConformance } from '../conformance/notifier.ts';
import { httpEnd, say, type Told } from '../injectors/http-end.ts';
import { channelEnd } from './http-end.ts';

const KEY = 'R0abcdefghij0123456789ABCDEFGHIJ';
const never = new AbortController().signal;

interface Event {
  readonly routing_key: string;
  readonly event_action?: 'trigger' | 'acknowledge' | 'resolve';
  readonly dedup_key?: string;
  readonly payload?: {
    readonly summary: string;
    readonly source: string;
    readonly severity?: string;
    readonly timestamp?: string;
    readonly custom_details?: Readonly<Record<string, string>>;
  };
}

/** PagerDuty's rules for events, and which alerts they leave open. */
const account = () => {
  const open = new Map<string, string>();
  const take = (told: Told) => {
    const event = JSON.parse(told.body) as Event;
    expect(event.routing_key).toBe(KEY);
    const { payload } = event;
    if (told.path === '/v2/enqueue') {
      expect(['trigger', 'resolve']).toContain(event.event_action);
      if (event.event_action === 'trigger') open.set(event.dedup_key!, payload!.severity!);
      else open.delete(event.dedup_key!);
    } else expect(told.path).toBe('/v2/change/enqueue');
    const details = Object.entries(payload?.custom_details ?? {}).map(([k, v]) => `${k} ${v}`);
    const shown = [payload?.summary, ...details].join('\n');
    const body = JSON.stringify({ status: 'success', dedup_key: event.dedup_key });
    return { status: 202, body, delivery: { key: event.dedup_key ?? '', shown, raw: told.body } };
  };
  return { take, open: () => [...open.keys()] };
};

notifierConformance('pagerduty', {
  definition: pagerduty,
  secrets: [KEY],
  saysWhen: true,
  textMin: 7000,
  within: ({ raw }) => {
    expect(Buffer.byteLength(raw)).toBeLessThan(512_000);
    const { dedup_key, payload } = JSON.parse(raw) as Event;
    expect(dedup_key!.length).toBeLessThanOrEqual(255);
    expect(payload!.summary.length).toBeLessThanOrEqual(1024);
    expect(payload!.source.length).toBeGreaterThan(0);
    expect(['critical', 'error', 'warning', 'info']).toContain(payload!.severity);
    expect(new Date(payload!.timestamp!).toISOString()).toBe(payload!.timestamp);
  },
  end: () => {
    const { take, open } = account();
    return channelEnd({
      settings: url => ({ routing_key: KEY, url: `${url}/v2/enqueue` }),
      no: { status: 400, body: '{"status":"invalid event","errors":["Invalid routing key"]}' },
      take,
      open,
    });
  },
});

describe('events', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });
  const facing = async () => {
    const end = await httpEnd(say(202, '{}'));
    cleanups.push(end.stop);
    const settings = pagerduty.schema.parse({ routing_key: KEY, url: `${end.url}/v2/enqueue` });
    const notifier = await pagerduty.create(settings, nodeContext);
    const told = () => end.told.map(t => ({ path: t.path, ...(JSON.parse(t.body) as Event) }));
    return { told, notifier };
  };

  test.each(['opened', 'worsened', 'reminder'] as const)('%s triggers', async event => {
    const { told, notifier } = await facing();
    await notifier.notify(noticeOf('i1', 1, { event }), null, never);
    expect(told()).toMatchObject([
      { event_action: 'trigger', dedup_key: 'i1', payload: { severity: 'critical' } },
    ]);
  });

  test('a summary wakes nobody: it is a change event', async () => {
    const { told, notifier } = await facing();
    await notifier.notify(
      noticeOf('i1', 1, { event: 'summary', endedMs: Date.UTC(2026, 2, 1, 15) }),
      null,
      never,
    );
    expect(told().map(t => t.path)).toEqual(['/v2/change/enqueue']);
    expect(told()[0]).not.toHaveProperty('event_action');
  });

  test('a test pages, and is resolved at once', async () => {
    const { told, notifier } = await facing();
    await notifier.notify(noticeOf('t1', 1, { event: 'test' }), null, never);
    expect(told().map(t => [t.event_action, t.dedup_key])).toEqual([
      ['trigger', 't1'],
      ['resolve', 't1'],
    ]);
  });

  test('an incident whose id is too long has a key that fits, the same each time and its own', async () => {
    const { told, notifier } = await facing();
    const long = 'i'.repeat(300);
    await notifier.notify(noticeOf(long, 1), null, never);
    await notifier.notify(noticeOf(long, 2, { event: 'resolved', endedMs: 1 }), null, never);
    await notifier.notify(noticeOf(`${long}2`, 1), null, never);
    const keys = told().map(t => t.dedup_key!);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[0]);
    for (const key of keys) expect(key.length).toBeLessThanOrEqual(255);
  });
});

test.each([{ routing_key: 'short' }, { routing_key: KEY, url: 'https://events.pagerduty.com/' }])(
  '%j is a mistake',
  settings => {
    expect(pagerduty.schema.safeParse(settings).success).toBe(false);
  },
);
