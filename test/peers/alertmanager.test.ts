/** A real Alertmanager takes our alerts, tells of them, keeps them while we are dead, and resolves what we resolve. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Notifier, Permanent } from '../../src/contracts/notifier.ts';
import alertmanager from '../../src/notifiers/alertmanager.ts';
import { nodeContext, noticeOf } from '../conformance/notifier.ts';
import { type HttpEnd, httpEnd, say } from '../injectors/http-end.ts';
import { ALERTMANAGER, type Alertmanager, startAlertmanager } from './support/alertmanager.ts';
import { describePeer } from './support/needs.ts';
import { pause, until } from './support/process.ts';

interface Told {
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved';
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly generatorURL: string;
  }[];
}

describePeer('a real Alertmanager', [ALERTMANAGER], () => {
  let receiver: HttpEnd;
  let peer: Alertmanager;
  let notifier: Notifier;
  const never = new AbortController().signal;
  const told = (incident: string): Told['alerts'] =>
    receiver.told
      .flatMap(t => (JSON.parse(t.body) as Told).alerts)
      .filter(a => a.labels.incident === incident);
  const isTold = (incident: string, status: string) => () => told(incident).some(a => a.status === status);
  const held = async (incident: string) =>
    (await peer.alerts()).find(alert => alert.labels.incident === incident);
  const resolved = { event: 'resolved' as const, endedMs: Date.now() };

  beforeAll(async () => {
    receiver = await httpEnd(say(200));
    peer = await startAlertmanager(receiver.url);
  });
  beforeEach(async () => {
    const settings = alertmanager.schema.parse({ urls: [peer.url], labels: { team: 'soc' } });
    notifier = await alertmanager.create(settings, nodeContext);
  });
  afterAll(async () => {
    await peer?.stop();
    await receiver?.stop();
  });

  test('it takes an alert and tells its receiver, who gets all that a person needs', async () => {
    await notifier.notify(noticeOf('i1', 1), null, never);
    await until('it fires', isTold('i1', 'firing'));
    expect(told('i1')[0]).toMatchObject({
      labels: { alertname: 'coalmine_loss', pipeline: 'ssh-to-loki', severity: 'critical', team: 'soc' },
      annotations: { summary: 'Critical: 4 of 10 canaries are missing at loki (i1)' },
      generatorURL: 'https://canary.example.com/incidents/i1',
    });
    expect(await held('i1')).toMatchObject({
      status: { state: 'active' },
      startsAt: '2026-03-01T14:05:00.000Z',
    });
  });

  test('our death resolves nothing, though its own resolve_timeout is a second', async () => {
    await notifier.notify(noticeOf('i2', 1), null, never);
    await notifier.close();
    await until('it fires', isTold('i2', 'firing'));
    await pause(2500);
    const alert = await held('i2');
    expect(alert?.status.state).toBe('active');
    expect(Date.parse(alert!.endsAt) - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    expect(isTold('i2', 'resolved')()).toBe(false);
  });

  test('it resolves what we resolve, and nothing else', async () => {
    const first = await notifier.notify(noticeOf('i3', 1), null, never);
    await notifier.notify(noticeOf('i4', 1), null, never);
    await until('both fire', () => isTold('i3', 'firing')() && isTold('i4', 'firing')());
    await notifier.notify(noticeOf('i3', 2, resolved), first, never);
    await until('it is resolved', isTold('i3', 'resolved'));
    expect(await held('i3')).toBeUndefined();
    expect(await held('i4')).toBeDefined();
    expect(isTold('i4', 'resolved')()).toBe(false);
  });

  test('posting it again and again is one alert, and is told once', async () => {
    let receipt = await notifier.notify(noticeOf('i5', 1), null, never);
    for (let i = 0; i < 5; i++) receipt = await notifier.notify(noticeOf('i5', 1), receipt, never);
    await until('it fires', isTold('i5', 'firing'));
    await pause(1200);
    expect(told('i5')).toHaveLength(1);
    expect((await peer.alerts()).filter(a => a.labels.incident === 'i5')).toHaveLength(1);
  });

  test('a change of severity leaves the old alert resolved', async () => {
    const receipt = await notifier.notify(noticeOf('i6', 1, { severity: 'warning' }), null, never);
    await until('it fires', isTold('i6', 'firing'));
    await notifier.notify(noticeOf('i6', 2, { event: 'worsened' }), receipt, never);
    await until('the new one fires', () => told('i6').some(a => a.labels.severity === 'critical'));
    await until('the old one is resolved', () =>
      told('i6').some(a => a.labels.severity === 'warning' && a.status === 'resolved'),
    );
    const open = (await peer.alerts()).filter(a => a.labels.incident === 'i6');
    expect(open.map(a => a.labels.severity)).toEqual(['critical']);
  });

  test('what began and ended unseen is told as info, and stays for minutes only', async () => {
    await notifier.notify(noticeOf('i7', 1, { event: 'summary', endedMs: Date.now() }), null, never);
    await until('it fires', isTold('i7', 'firing'));
    expect(told('i7')[0]?.labels.severity).toBe('info');
    const left = Date.parse((await held('i7'))!.endsAt) - Date.now();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(300_000);
  });

  test('one that restarted has forgotten, and knows again with the next repetition', async () => {
    const receipt = await notifier.notify(noticeOf('i8', 1), null, never);
    await peer.restart();
    expect(await held('i8')).toBeUndefined();
    await notifier.notify(noticeOf('i8', 1), receipt, never);
    expect(await held('i8')).toBeDefined();
  });

  test('what it does not take is Permanent, in its own words', async () => {
    const wrong = alertmanager.schema.parse({ urls: [`${peer.url}/nowhere`] });
    const failing = (await alertmanager.create(wrong, nodeContext)).notify(noticeOf('i9', 1), null, never);
    await expect(failing).rejects.toBeInstanceOf(Permanent);
    await expect(failing).rejects.toThrow(/HTTP 404/);
  });
});
