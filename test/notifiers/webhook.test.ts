import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { Permanent, Retry } from '../../src/contracts/notifier.ts';
import webhook, { signatureOf } from '../../src/notifiers/webhook.ts';
import { nodeContext, noticeOf, notifierConformance, type Settings } from '../conformance/notifier.ts';
import { httpEnd, say, type Told } from '../injectors/http-end.ts';
import { channelEnd } from './http-end.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const PATH = '/hooks/9f8e7d6c5b4a';
const never = new AbortController().signal;

notifierConformance('webhook', {
  definition: webhook,
  secrets: [SECRET, PATH, '9f8e7d6c5b4a', 'header-secret'],
  saysWhen: true,
  textMin: 9000,
  within: ({ raw }) => expect(raw.length).toBeLessThan(1_000_000),
  end: () =>
    channelEnd({
      settings: url => ({ url: `${url}${PATH}`, secret: SECRET, headers: { 'x-key': 'header-secret' } }),
      no: { status: 400, body: 'what?' },
      take: told => {
        const { data } = JSON.parse(told.body) as {
          data: { title: string; text: string; facts: { label: string; value: string }[] };
        };
        const facts = data.facts.map(f => `${f.label} ${f.value}`).join('\n');
        const shown = `${data.title}\n${data.text}\n${facts}`;
        const delivery = { key: String(told.headers['webhook-id']), shown, raw: told.body };
        return { status: 204, body: '', delivery };
      },
    }),
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});
const facing = async (answer: Parameters<typeof httpEnd>[0], settings: Settings = {}) => {
  const end = await httpEnd(answer);
  cleanups.push(end.stop);
  const notifier = await webhook.create(webhook.schema.parse({ url: end.url, ...settings }), nodeContext);
  return { end, notifier };
};

/** A receiver's check, written from the specification alone. */
const isGenuine = (told: Told, secret: string): boolean => {
  const { headers } = told;
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${told.body}`;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(signed).digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${expected}`);
};

describe('signatures', () => {
  test('the reference vector of Standard Webhooks', () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      body: '{"test": 2432232314}',
    };
    expect(signatureOf([SECRET], message)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('a receiver can check it, with either secret while they are being changed', async () => {
    const { end, notifier } = await facing(say(200), { secret: [SECRET, OTHER] });
    await notifier.notify(noticeOf('i1', 1), null, never);
    const [told] = end.told;
    expect(isGenuine(told!, SECRET)).toBe(true);
    expect(isGenuine(told!, OTHER)).toBe(true);
    expect(isGenuine({ ...told!, body: `${told!.body} ` }, SECRET)).toBe(false);
    const sentAt = Number(told!.headers['webhook-timestamp']) * 1000;
    expect(Math.abs(sentAt - Date.now())).toBeLessThan(5000);
  });

  test('without a secret it is unsigned, and has its id and time all the same', async () => {
    const { end, notifier } = await facing(say(200));
    await notifier.notify(noticeOf('i1', 1), null, never);
    expect(end.told[0]?.headers).not.toHaveProperty('webhook-signature');
    expect(end.told[0]?.headers['webhook-id']).toBe('i1-1');
  });

  test.each(['hello', 'whsec_c2hvcnQ=', `whsec_${Buffer.alloc(65).toString('base64')}`, ''])(
    '%s is no secret',
    secret => {
      expect(webhook.schema.safeParse({ url: 'http://x', secret }).success).toBe(false);
    },
  );
});

test('the body is the notice, in the shape that is documented', async () => {
  const { end, notifier } = await facing(say(200));
  await notifier.notify(noticeOf('i1', 1), null, never);
  await notifier.notify(noticeOf('i1', 2, { event: 'test' }), null, never);
  const [first, second] = end.told.map(t => JSON.parse(t.body));
  expect(first).toEqual({
    type: 'coalmine.incident.opened',
    timestamp: '2026-03-01T14:21:00.000Z',
    data: {
      id: 'i1-1',
      incident: 'i1',
      event: 'opened',
      sequence: 1,
      kind: 'loss',
      concerns: 'loss',
      severity: 'critical',
      pipeline: { name: 'ssh-to-loki', title: 'SSH sign-ins → Loki' },
      checkpoint: 'loki',
      title: '4 of 10 canaries are missing at loki (i1)',
      text: "Since 14:05 UTC canaries of incident i1 don't come back.\nThey were last seen at archive.",
      facts: [
        { label: 'Lost', value: '4 of 10' },
        { label: 'Targets', value: 'web-1, web-2' },
      ],
      url: 'https://canary.example.com/incidents/i1',
      began_ms: 1_772_373_900_000,
      detected_ms: 1_772_374_800_000,
      ended_ms: null,
      at_ms: 1_772_374_860_000,
      chain_head: 'c0ffee',
      details: { id: 7, loss: { rate: { share: 0.4 } } },
    },
  });
  expect(second.type).toBe('coalmine.test');
});

describe('what a status means', () => {
  test.each([
    [200, undefined],
    [202, undefined],
    [204, undefined],
    [301, Permanent],
    [302, Retry],
    [303, Retry],
    [307, Retry],
    [308, Permanent],
    [400, Permanent],
    [401, Permanent],
    [404, Permanent],
    [408, Retry],
    [410, Permanent],
    [413, Permanent],
    [422, Permanent],
    [425, Retry],
    [429, Retry],
    [500, Retry],
    [502, Retry],
    [503, Retry],
    [504, Retry],
  ] as const)('%i', async (status, expected) => {
    const elsewhere = await httpEnd(say(200));
    cleanups.push(elsewhere.stop);
    const isRedirect = status >= 300 && status < 400;
    const headers: Record<string, string> = isRedirect ? { location: `${elsewhere.url}/secret-path` } : {};
    const { notifier } = await facing(say(status, '', headers));
    const error = await notifier.notify(noticeOf('i1', 1), null, never).then(
      () => undefined,
      e => e,
    );
    if (expected === undefined) expect(error).toBeUndefined();
    else expect(error).toBeInstanceOf(expected);
    expect(elsewhere.told).toEqual([]);
    if (isRedirect) {
      expect(error.message).toContain(new URL(elsewhere.url).host);
      expect(error.message).not.toContain('secret-path');
    }
  });

  test('Retry-After as a date, and never longer than a day', async () => {
    const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000).toUTCString();
    const wait = async (value: string) => {
      const { notifier } = await facing(say(503, '', { 'retry-after': value }));
      return notifier.notify(noticeOf('i1', 1), null, never).catch(e => e.afterMs as number);
    };
    expect(await wait(soon)).toBeGreaterThan(50_000);
    expect(await wait(soon)).toBeLessThanOrEqual(61_000);
    expect(await wait('99999999')).toBe(86_400_000);
    expect(await wait('soon')).toBe(null);
  });

  test('a yes whose body never ends is a yes', async () => {
    const { notifier } = await facing((_, response) => void response.writeHead(200).write('x'.repeat(100)), {
      timeout: '100ms',
    });
    await notifier.notify(noticeOf('i1', 1), null, never);
  });

  test('no more than 200 characters of an answer are told', async () => {
    const { notifier } = await facing(say(400, 'internal '.repeat(1000)));
    const error = await notifier.notify(noticeOf('i1', 1), null, never).catch(e => e);
    expect(error.message.length).toBeLessThan(300);
  });
});

test.each(['ftp://x/', 'file:///etc/passwd', 'http://user:password@x/', 'x'])('%s is no url', url => {
  expect(webhook.schema.safeParse({ url }).success).toBe(false);
});
