/** A notifier that is broken: its notices go another way, once, and everybody sees that it is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Permanent } from '../../src/contracts/notifier.ts';
import { closeNotifiers, openNotifiers, routesFor } from '../../src/engine/notifiers.ts';
import { readFailing } from '../../src/store/read-notices.ts';
import { Bench, type Replica } from '../support/alerting.ts';
import { useDatabase } from '../support/database.ts';
import { configOf, pipelineConfig, registry, standingClock } from '../support/ledger.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const db = useDatabase();
let b: Bench;
beforeEach(async () => {
  b = new Bench(db.options);
  await b.empty();
});
afterEach(async () => {
  await b.close();
  for (const r of b.replicas) expect(r.errors).toEqual([]);
});

const logged = (r: Replica, event: string) => r.logs.filter(l => l.event === event);

describe('another route', () => {
  const routes = (loss: string[], ours: string[]) => ({
    pipelines: [pipelineConfig('ssh', { notify: { loss, ours } })],
  });
  const forbidden = () => {
    throw new Permanent('HTTP 403: the key is wrong');
  };

  test('those of the same concern first, then of the other, then anybody', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const live = new Map(
      names.map(n => [n, { notifier: {} as never, traits: { repeatEveryMs: null }, kind: '' }]),
    );
    const config = routes(['a', 'b', 'gone'], ['c']);
    const of = (concerns: 'loss' | 'ours', name = 'ssh') =>
      routesFor(config, live, { pipeline: { name, title: name }, concerns });
    expect(of('loss')).toEqual([['a', 'b'], ['c'], names]);
    expect(of('ours')).toEqual([['c'], ['a', 'b'], names]);
    expect(of('loss', 'another')).toEqual([[], [], names]);
  });

  test('gets what failed, what waits behind it, and what is still to come', async () => {
    const pager = b.channel('pager');
    const mail = b.channel('mail');
    b.channel('chat');
    pager.door = forbidden;
    const r = b.replica(routes(['pager'], ['mail']));
    const one = await b.incident();
    await b.tell(one, ['pager'], 'opened');
    await b.tell(one, ['pager'], 'worsened');
    await b.run(MINUTE);
    expect(b.got('mail')).toEqual(['opened#1', 'worsened#2']);
    expect(mail.arrivals[0]?.notice).toMatchObject({ id: 'store-3-1-mail-1', incident: 'store-1' });
    expect(mail.arrivals[0]?.notice.text).toBe(
      'The notifier "pager" could not be told of this (HTTP 403: the key is wrong): make sure that those who read there know.\nThe text of opened.',
    );
    expect(mail.arrivals[0]?.notice).not.toHaveProperty('insteadOf');
    await b.tell(one, ['pager'], 'reminder');
    pager.door = () => {};
    await b.tell(one, ['pager'], 'resolved');
    await b.run(MINUTE);
    expect(b.got('pager')).toEqual(['reminder#3', 'resolved#4']);
    expect(b.got('mail')).toEqual(['opened#1', 'worsened#2', 'reminder#3', 'resolved#4']);
    expect(b.got('chat')).toEqual([]);
    expect(logged(r, 'notice.given_up').map(l => l.fields.instead)).toEqual([['mail'], []]);
  });

  test('whoever hears of the incident anyway gets one word more, and never after the end', async () => {
    const pager = b.channel('pager');
    const chat = b.channel('chat');
    pager.door = forbidden;
    b.replica(routes(['pager', 'chat'], []));
    const one = await b.incident();
    await b.tell(one, ['pager', 'chat'], 'opened');
    await b.run(MINUTE);
    await b.tell(one, ['pager', 'chat'], 'resolved');
    await b.run(MINUTE);
    expect(b.got('chat')).toEqual(['opened#1', 'reminder#2', 'resolved#3']);
    expect(chat.arrivals[1]?.notice.text).toMatch(/^The notifier "pager" could not be told/);
    const two = await b.incident('blind');
    pager.door = () => {};
    await b.tell(two, ['pager', 'chat'], 'opened');
    await b.run(MINUTE);
    await b.tell(two, ['pager', 'chat'], 'resolved');
    pager.door = forbidden;
    await b.run(MINUTE);
    expect(b.got('chat', two)).toEqual(['opened#1', 'resolved#2', 'resolved#3']);
  });

  test('leaves out who is failing too, and goes no further when it fails', async () => {
    for (const name of ['a', 'b', 'c']) b.channel(name).door = forbidden;
    const r = b.replica(routes(['a', 'b'], ['c']));
    const one = await b.incident();
    await b.tell(one, ['b'], 'opened');
    await b.run(10 * SECOND);
    // b's went to a, and a's to nobody: a only stood in.
    expect(logged(r, 'notice.given_up').map(l => [l.fields.notifier, l.fields.instead])).toEqual([
      ['b', ['a']],
      ['a', []],
    ]);
    const two = await b.incident('blind');
    await b.tell(two, ['b'], 'opened');
    await b.run(10 * SECOND);
    expect(
      logged(r, 'notice.given_up')
        .map(l => [l.fields.notifier, l.fields.instead])
        .slice(2),
    ).toEqual([
      ['b', ['c']],
      ['c', []],
    ]);
    await b.run(10 * HOUR);
    expect(Object.values(await b.states())).toEqual(['failed', 'failed', 'failed', 'failed']);
  });

  test('is shown, until the channel works again or a day has passed', async () => {
    const pager = b.channel('pager');
    pager.door = forbidden;
    b.replica(routes(['pager'], []));
    const failedMs = b.clock.now();
    await b.tell(await b.incident(), ['pager'], 'opened');
    await b.run(SECOND);
    const failing = { notifier: 'pager', sinceMs: failedMs, notices: 1, error: 'HTTP 403: the key is wrong' };
    expect(await readFailing(b.sql, b.clock.now())).toEqual([failing]);
    expect(await readFailing(b.sql, failedMs + 24 * HOUR)).toEqual([]);
    pager.door = () => {};
    await b.tell(await b.incident('blind'), ['pager'], 'opened');
    await b.run(SECOND);
    expect(await readFailing(b.sql, b.clock.now())).toEqual([]);
  });

  test('also for a notifier that has left the configuration', async () => {
    b.channel('old');
    b.channel('new');
    const r = b.replica(routes(['new'], []), ['new']);
    await b.tell(await b.incident(), ['old'], 'opened');
    await b.run(9 * MINUTE, MINUTE);
    expect(b.got('new')).toEqual([]);
    await b.run(3 * MINUTE, MINUTE);
    expect(b.got('new')).toEqual(['opened#1']);
    expect(logged(r, 'notice.given_up')[0]?.fields.reason).toBe('no notifier "old" is configured any more');
  });
});

test('notifiers open with the settings they were given, and all close when one does not open', async () => {
  const closed: string[] = [];
  const definition = (kind: string, create: () => void) => ({
    kind,
    summary: '',
    schema: {} as never,
    runtimes: ['node'] as const,
    traits: { repeatEveryMs: kind === 'am' ? 60_000 : null },
    create: (settings: unknown) => {
      create();
      const notify = async () => ({ settings: settings as string });
      return { notify, close: async () => void closed.push(kind) };
    },
  });
  const fail = () => {
    throw new Error('no such host');
  };
  const notifiers = new Map(
    [definition('am', () => {}), definition('broken', fail)].map(d => [d.kind, d] as const),
  );
  const options = { registry: { ...registry, notifiers }, ctx: standingClock(0).ctx };
  const config = (...kinds: string[]) =>
    configOf([], {
      notify: Object.fromEntries(kinds.map(k => [`my-${k}`, { kind: k, settings: `s-${k}` }])),
    });
  const open = await openNotifiers({ ...options, config: config('am') });
  expect([...open].map(([name, n]) => [name, n.kind, n.traits.repeatEveryMs])).toEqual([
    ['my-am', 'am', 60_000],
  ]);
  expect(await open.get('my-am')?.notifier.notify({} as never, null, new AbortController().signal)).toEqual({
    settings: 's-am',
  });
  await closeNotifiers(open);
  expect(closed).toEqual(['am']);
  await expect(openNotifiers({ ...options, config: config('am', 'broken') })).rejects.toThrow('no such host');
  expect(closed).toEqual(['am', 'am']);
  await expect(openNotifiers({ ...options, config: config('gone') })).rejects.toThrow(
    'no notifier of kind gone',
  );
});
