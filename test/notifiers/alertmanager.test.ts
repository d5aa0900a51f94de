import { afterEach, describe, expect, test } from 'vitest';
import { type Notice, Permanent, Retry } from '../../src/contracts/notifier.ts';
import alertmanager from '../../src/notifiers/alertmanager.ts';
import { nodeContext, noticeOf, notifierConformance, type Settings } from '../conformance/notifier.ts';
import { type HttpEnd, httpEnd, say, type Told } from '../injectors/http-end.ts';
import { channelEnd } from './http-end.ts';

const never = new AbortController().signal;
const PASSWORD = 'pässword/with+signs';

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}
const alertsIn = (told: Told): Alert[] => JSON.parse(told.body) as Alert[];
const printOf = (alert: Alert): string => JSON.stringify(Object.entries(alert.labels).sort());

notifierConformance('alertmanager', {
  definition: alertmanager,
  secrets: [PASSWORD, Buffer.from(`coalmine:${PASSWORD}`).toString('base64')],
  saysWhen: true,
  textMin: 7000,
  within: ({ raw }) => {
    expect(Buffer.byteLength(raw)).toBeLessThan(500_000);
    for (const alert of JSON.parse(raw) as Alert[]) {
      expect(Object.keys(alert.labels).every(k => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(k))).toBe(true);
      expect(Object.values(alert.labels).every(v => v.length > 0)).toBe(true);
      expect(Date.parse(alert.startsAt)).toBeLessThanOrEqual(Date.parse(alert.endsAt));
    }
  },
  end: () => {
    const open = new Map<string, string>();
    return channelEnd({
      settings: url => ({ urls: [`${url}/am/`], basic: { username: 'coalmine', password: PASSWORD } }),
      no: { status: 400, body: '"bad labels"' },
      open: () => [...open.values()],
      take: told => {
        expect(told.path).toBe('/am/api/v2/alerts');
        const alerts = alertsIn(told);
        for (const alert of alerts) {
          if (Date.parse(alert.endsAt) > Date.now()) open.set(printOf(alert), alert.labels.incident!);
          else open.delete(printOf(alert));
        }
        const shown = alerts.flatMap(a => Object.values(a.annotations)).join('\n');
        const delivery = { key: alerts.map(printOf).join(), shown, raw: told.body };
        return { status: 200, body: '', delivery };
      },
    });
  },
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});
const endOf = async (answer: Parameters<typeof httpEnd>[0]): Promise<HttpEnd> => {
  const end = await httpEnd(answer);
  cleanups.push(() => end.stop().catch(() => {}));
  return end;
};
const NOW = Date.UTC(2026, 2, 1, 14, 21);
const notifierAt = (ends: readonly HttpEnd[], settings: Settings = {}) => {
  const ctx = { ...nodeContext, clock: { ...nodeContext.clock, now: () => NOW } };
  return alertmanager.create(alertmanager.schema.parse({ urls: ends.map(e => e.url), ...settings }), ctx);
};
const resolved: Partial<Notice> = { event: 'resolved', endedMs: NOW };

describe('alerts', () => {
  test('labels, and an end so far away that our death resolves nothing', async () => {
    const end = await endOf(say(200));
    const notifier = await notifierAt([end], { labels: { team: 'soc' } });
    await notifier.notify(noticeOf('i1', 1), null, never);
    await notifier.notify(noticeOf('i1', 2, resolved), null, never);
    const [opened, closed] = end.told.map(t => alertsIn(t)[0]!);
    expect(opened!.labels).toEqual({
      alertname: 'coalmine_loss',
      pipeline: 'ssh-to-loki',
      checkpoint: 'loki',
      severity: 'critical',
      concerns: 'loss',
      incident: 'i1',
      team: 'soc',
    });
    expect(Date.parse(opened!.endsAt) - NOW).toBe(7 * 86_400_000);
    expect(closed!.labels).toEqual(opened!.labels);
    expect(Date.parse(closed!.endsAt)).toBe(NOW);
    expect(alertmanager.traits.repeatEveryMs).toBe(60_000);
  });

  test('hold is how long an alert stays without us', async () => {
    const end = await endOf(say(200));
    await (await notifierAt([end], { hold: '3h' })).notify(noticeOf('i1', 1), null, never);
    expect(Date.parse(alertsIn(end.told[0]!)[0]!.endsAt) - NOW).toBe(3 * 3_600_000);
  });

  test('an alert that would get other labels leaves none behind', async () => {
    const end = await endOf(say(200));
    const notifier = await notifierAt([end]);
    const receipt = await notifier.notify(noticeOf('i1', 1, { severity: 'warning' }), null, never);
    await notifier.notify(
      noticeOf('i1', 2, { event: 'worsened' }),
      JSON.parse(JSON.stringify(receipt)),
      never,
    );
    const [old, fresh] = alertsIn(end.told[1]!);
    expect(old!.labels).toMatchObject({ incident: 'i1', severity: 'warning' });
    expect(Date.parse(old!.endsAt)).toBe(NOW);
    expect(fresh!.labels).toMatchObject({ incident: 'i1', severity: 'critical' });
    expect(Date.parse(fresh!.endsAt)).toBeGreaterThan(NOW);
  });

  test('no checkpoint, no label; and what only was wakes nobody as critical', async () => {
    const end = await endOf(say(200));
    await (await notifierAt([end])).notify(
      noticeOf('i1', 1, { checkpoint: null, event: 'summary', endedMs: NOW }),
      null,
      never,
    );
    const [alert] = alertsIn(end.told[0]!);
    expect(alert!.labels).not.toHaveProperty('checkpoint');
    expect(alert!.labels.severity).toBe('info');
    expect(Date.parse(alert!.endsAt) - NOW).toBe(300_000);
  });

  test.each(['alertname', 'incident', 'severity', '1st', 'with-dash'])('the label %s is a mistake', label => {
    const given = { urls: ['http://x'], labels: { [label]: 'x' } };
    expect(alertmanager.schema.safeParse(given).success).toBe(false);
  });

  test('two ways to authenticate are a mistake', () => {
    const both = { urls: ['http://x'], bearer_token: 'abcd', basic: { username: 'a', password: 'b' } };
    expect(() => alertmanager.create(alertmanager.schema.parse(both), nodeContext)).toThrow(
      /expected one of them/,
    );
  });

  test('the password reaches it as RFC 7617 says', async () => {
    const end = await endOf(say(200));
    await (await notifierAt([end], { basic: { username: 'coalmine', password: PASSWORD } })).notify(
      noticeOf('i1', 1),
      null,
      never,
    );
    const value = end.told[0]!.headers.authorization!.replace(/^Basic /, '');
    expect(Buffer.from(value, 'base64').toString()).toBe(`coalmine:${PASSWORD}`);
  });
});

describe('a cluster', () => {
  test('each gets it, and one that took it is enough while it lasts', async () => {
    const [good, bad] = [await endOf(say(200)), await endOf(say(503))];
    const notifier = await notifierAt([bad, good]);
    await notifier.notify(noticeOf('i1', 1), null, never);
    expect([good.told.length, bad.told.length]).toEqual([1, 1]);
  });

  test('one that missed the resolution would go on alerting: Retry', async () => {
    const [good, bad] = [await endOf(say(200)), await endOf(say(503))];
    const failing = (await notifierAt([good, bad])).notify(noticeOf('i1', 2, resolved), null, never);
    await expect(failing).rejects.toThrow(/resolved at 1 of 2 Alertmanagers.*503/);
    await expect(failing).rejects.toBeInstanceOf(Retry);
  });

  test('one that never will take it is no reason to go on', async () => {
    const [good, bad] = [await endOf(say(200)), await endOf(say(404))];
    await (await notifierAt([good, bad])).notify(noticeOf('i1', 2, resolved), null, never);
  });

  test('none took it: Retry as long as one may, Permanent if none ever will', async () => {
    const [no, busy, no2] = [
      await endOf(say(401)),
      await endOf(say(503, '', { 'retry-after': '9' })),
      await endOf(say(404)),
    ];
    const mixed = await (await notifierAt([no, busy])).notify(noticeOf('i1', 1), null, never).catch(e => e);
    expect(mixed).toBeInstanceOf(Retry);
    expect(mixed.afterMs).toBe(9000);
    await expect((await notifierAt([no, no2])).notify(noticeOf('i1', 1), null, never)).rejects.toBeInstanceOf(
      Permanent,
    );
  });
});
