import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { SettingsError } from '../../src/contracts/definition.ts';
import { Permanent, Retry } from '../../src/contracts/notifier.ts';
import email from '../../src/notifiers/email.ts';
import { nodeContext, noticeOf, notifierConformance, type Settings, until } from '../conformance/notifier.ts';
import { TEST_CERT } from '../injectors/tls-pair.ts';
import { type Mail, type MailEnd, mailEnd } from './mail-end.ts';

const PASSWORD = 'right horse';
const never = new AbortController().signal;
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'coalmine-email-'));
  writeFileSync(join(dir, 'ca.pem'), TEST_CERT);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const settingsAt = (port: number): Settings => ({
  host: '127.0.0.1',
  port,
  username: 'coalmine',
  password: PASSWORD,
  ca_file: join(dir, 'ca.pem'),
  from: 'Coalmine <canary@example.com>',
  to: ['security@example.com', 'Desk <desk@example.org>'],
});

const unescaped = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&');

/** What a person reads must be in both bodies alike, or it isn't there. */
const shownBy = (mail: Mail): string => {
  const flat = (text: string) => text.replace(/\s+/g, '');
  const plain = mail.part('text/plain');
  const html = flat(unescaped(mail.part('text/html')));
  const lines = plain.split(/\r?\n/).filter(line => line !== '-- ' && !line.includes('https://'));
  // A table has no colon between label and value.
  const isIn = (line: string) => html.includes(flat(line)) || html.includes(flat(line.replace(': ', '')));
  const missing = [...new Set(lines)].filter(line => !isIn(line));
  return missing.length === 0 ? plain : `in one body only: ${missing.join('\n')}`;
};

notifierConformance('email', {
  definition: email,
  secrets: [PASSWORD, Buffer.from(`\0coalmine\0${PASSWORD}`).toString('base64')],
  saysWhen: false,
  textMin: 9000,
  within: ({ raw }) => {
    expect(raw.length).toBeLessThan(1_000_000);
    expect(raw.slice(raw.indexOf('<!doctype'))).not.toContain('<script');
  },
  end: async () => {
    const end = await mailEnd();
    return {
      settings: settingsAt(end.port),
      answer: end.answer,
      asked: end.asked,
      delivered: () => end.mails.map(m => ({ key: m.header('message-id'), shown: shownBy(m), raw: m.raw })),
      stop: end.stop,
      close: end.stop,
    };
  },
});

const ends: MailEnd[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end.stop();
});
const facing = async (settings: Settings = {}, options = {}) => {
  const end = await mailEnd(options);
  ends.push(end);
  const given = Object.entries({ ...settingsAt(end.port), ...settings }).filter(([, v]) => v !== undefined);
  const notifier = await email.create(email.schema.parse(Object.fromEntries(given)), nodeContext);
  return { end, notifier };
};

describe('a mail', () => {
  test('by STARTTLS and with a password: who it is from and to, what it says of itself', async () => {
    const { end, notifier } = await facing();
    await notifier.notify(noticeOf('i1', 1), null, never);
    const [mail] = end.mails;
    expect(mail).toMatchObject({
      isSecure: true,
      user: 'coalmine',
      from: 'canary@example.com',
      to: ['security@example.com', 'desk@example.org'],
    });
    expect(mail!.header('Subject')).toBe('[coalmine] Critical: 4 of 10 canaries are missing at loki (i1)');
    expect(mail!.header('Auto-Submitted')).toBe('auto-generated');
    expect(mail!.header('Date')).toBe('Sun, 01 Mar 2026 14:21:00 +0000');
    expect(mail!.header('Message-ID')).toMatch(/^<[\w.]+@example\.com>$/);
    expect(mail!.header('X-Priority')).toMatch(/^1/);
    expect(mail!.part('text/plain')).toContain('https://canary.example.com/incidents/i1');
    expect(mail!.part('text/html')).toContain('<a href="https://canary.example.com/incidents/i1">');
  });

  test('the mails of an incident are one thread, those of two are two', async () => {
    const { end, notifier } = await facing();
    const first = await notifier.notify(noticeOf('i1', 1), null, never);
    const second = await notifier.notify(noticeOf('i1', 2, { event: 'worsened' }), first, never);
    await notifier.notify(noticeOf('i1', 3, { event: 'resolved', endedMs: 1 }), second, never);
    await notifier.notify(noticeOf('i1', 4, { event: 'reminder' }), null, never);
    await notifier.notify(noticeOf('i2', 1), null, never);
    const ids = end.mails.map(m => m.header('message-id'));
    const refs = end.mails.map(m => m.header('references').split(/\s+/));
    expect(new Set(ids).size).toBe(5);
    expect(end.mails.slice(0, 3).map(m => m.header('in-reply-to'))).toEqual(['', ids[0], ids[0]]);
    expect(refs[1]).toContain(ids[0]);
    expect(refs[2]).toContain(ids[0]);
    // Even where the receipt was lost, all of one incident refer to the same.
    const shared = (a: number, b: number) => refs[a]!.some(r => refs[b]!.includes(r));
    expect([shared(0, 1), shared(0, 2), shared(0, 3), shared(0, 4)]).toEqual([true, true, true, false]);
  });

  test('a title cannot add a header', async () => {
    const { end, notifier } = await facing();
    await notifier.notify(
      noticeOf('i1', 1, { title: 'a\r\nBcc: evil@example.net\r\n\r\nbody' }),
      null,
      never,
    );
    expect(end.mails[0]!.header('bcc')).toBe('');
    expect(end.mails[0]!.to).toHaveLength(2);
    expect(end.mails[0]!.header('subject')).toContain('Bcc: evil@example.net');
  });

  test('TLS from the first byte', async () => {
    const { end, notifier } = await facing({ tls: 'tls' }, { secure: true });
    await notifier.notify(noticeOf('i1', 1), null, never);
    expect(end.mails[0]).toMatchObject({ isSecure: true, user: 'coalmine' });
  });

  test('in the clear, where that is asked for', async () => {
    const plain = { tls: 'none', username: undefined, password: undefined };
    const { end, notifier } = await facing(plain, { authOptional: true, disabledCommands: ['STARTTLS'] });
    await notifier.notify(noticeOf('i1', 1), null, never);
    expect(end.mails[0]).toMatchObject({ isSecure: false, user: undefined });
  });
});

describe('no mail', () => {
  const failing = async (settings: Settings, options = {}) => {
    const { end, notifier } = await facing(settings, options);
    const error = await notifier.notify(noticeOf('i1', 1), null, never).catch(e => e);
    expect(end.mails).toEqual([]);
    expect(error.message).not.toContain('wröng horse');
    return error as Error;
  };

  test('a wrong password is Permanent, and is not told', async () => {
    const error = await failing({ password: 'wröng horse' });
    expect(error).toBeInstanceOf(Permanent);
    expect(error.message).toMatch(/535.*check username and password/);
  });

  test('a server that cannot check it now: Retry', async () => {
    expect(await failing({ username: 'later' })).toBeInstanceOf(Retry);
  });

  test('a server that offers no STARTTLS gets neither password nor mail', async () => {
    const error = await failing({}, { disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
    expect(error).toBeInstanceOf(Permanent);
    expect(error.message).toMatch(/STARTTLS.*check tls/);
  });

  test('a server that hides AUTH gets no mail without it', async () => {
    await failing({}, { authOptional: true, disabledCommands: ['AUTH'] });
  });

  test('a certificate that nobody vouches for is not taken', async () => {
    expect(await failing({ ca_file: undefined })).toBeInstanceOf(Retry);
  });

  test('a certificate for another name is not taken', async () => {
    expect(await failing({ server_name: 'mail.example.com' })).toBeInstanceOf(Retry);
  });

  test.each([
    [550, Permanent],
    [450, Retry],
  ] as const)('no recipient is taken: %i', async (code, expected) => {
    const error = await failing(
      {},
      {
        onRcptTo: (_: unknown, __: unknown, done: (e: Error) => void) =>
          done(Object.assign(new Error('no'), { responseCode: code })),
      },
    );
    expect(error).toBeInstanceOf(expected);
  });

  test('giving up lets the connection go', async () => {
    const { end, notifier } = await facing();
    end.answer('hang', []);
    const by = new AbortController();
    const failing = notifier.notify(noticeOf('i1', 1), null, by.signal).catch(e => e);
    await until('it has the mail', () => end.asked() > 0);
    expect(end.connections()).toBe(1);
    by.abort();
    expect(await failing).toBeInstanceOf(Retry);
    await until('the connection is gone', () => end.connections() === 0);
  });

  test('a server that says nothing at all', async () => {
    const silent = createServer(() => {});
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const error = await failing({ port, timeout: '100ms' });
    expect(error).toBeInstanceOf(Retry);
    silent.close();
  });
});

describe('settings', () => {
  const parsed = (more: Settings) => email.schema.safeParse({ ...settingsAt(25), ...more });
  const refused = async (more: Settings) =>
    expect(email.create(parsed(more).data, nodeContext)).rejects.toBeInstanceOf(SettingsError);

  test('a password does not cross the network in the clear', async () => {
    await refused({ host: 'mail.example.com', tls: 'none' });
    await email.create(parsed({ tls: 'none' }).data, nodeContext);
  });
  test('username and password go together', async () => {
    await refused({ password: undefined });
    await refused({ username: undefined });
  });
  test.each(['', 'nobody', 'a@b, c@d', 'a@b\r\nBcc: c@d', 'A <a@b', 'a@b>', '<a@b> c'])(
    '%j is no address',
    to => {
      expect(parsed({ to: [to] }).success).toBe(false);
    },
  );
  test.each(['a@b', 'a@[127.0.0.1]', 'A B <a@b.c>', 'Jörg <j@x.de>', 'a+b@c-d.e'])('%j is one', to => {
    expect(parsed({ to: [to] }).success).toBe(true);
  });

  test('without nodemailer it says what to install', async () => {
    vi.resetModules();
    vi.doMock('nodemailer', () => {
      throw new Error('Cannot find package');
    });
    const fresh = (await import('../../src/notifiers/email.ts')).default;
    const made = Promise.resolve(fresh.create(parsed({}).data, nodeContext));
    await expect(made).rejects.toThrow(/npm install nodemailer/);
    vi.doUnmock('nodemailer');
  });
});
