// Sends each notice as a mail, by SMTP. The mails of one incident are one thread: each refers to the first. A mail's
// Message-ID is made from the notice's id, so that one that was taken twice is known for the same.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { rootOf } from '../adapters/fault.ts';
import { secret } from '../adapters/settings.ts';
import { within } from '../adapters/within.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import { SettingsError } from '../contracts/definition.ts';
import { type Notice, type Notifier, Permanent, type Receipt, Retry } from '../contracts/notifier.ts';
import { notifierOf } from './lib/deliver.ts';
import { htmlOf, plainOf } from './lib/mail.ts';
import { headline } from './lib/notice.ts';
import { type Scrub, scrubber } from './lib/scrub.ts';
import { timeout } from './lib/settings.ts';

const PLAIN = String.raw`[^\s<>@,;"\p{Cc}]+@[^\s<>@,;"\p{Cc}]+`;
const address = z
  .string()
  .max(320)
  .regex(
    new RegExp(`^(${PLAIN}|[^\\p{Cc}<>@,;"]*<${PLAIN}>)$`, 'u'),
    'expected an address such as canary@example.com, or Coalmine <canary@example.com>',
  );

const schema = z.strictObject({
  host: z.string().min(1).max(255).describe('The SMTP server'),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Its port; 587 with starttls, 465 with tls, 25 with none'),
  tls: z
    .enum(['starttls', 'tls', 'none'])
    .default('starttls')
    .describe(
      '`starttls`: the connection must become TLS; `tls`: it is from the first byte; `none`: in the clear',
    ),
  username: z.string().min(1).max(1024).optional().describe('For servers that want to know who sends'),
  password: secret.optional().describe('With `username`'),
  from: address.describe('Who it is from: an address, or such as Coalmine <canary@example.com>'),
  to: z.array(address).min(1).max(50).describe('Who gets it'),
  ca_file: z
    .string()
    .max(4096)
    .optional()
    .describe('TLS: PEM file of the authorities to trust instead of the usual ones'),
  server_name: z
    .string()
    .max(255)
    .optional()
    .describe('TLS: the name the certificate must bear, unless that is host'),
  verify: z.boolean().default(true).describe('TLS: false takes any certificate; for a laboratory only'),
  timeout,
});
type Settings = z.output<typeof schema>;

const PORTS = { starttls: 587, tls: 465, none: 25 } as const;
const SUBJECT_MAX = 250;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

const load = async () => {
  try {
    return (await import('nodemailer')).createTransport;
  } catch {
    throw new SettingsError(
      'kind: email needs the package nodemailer, which is not installed: npm install nodemailer',
    );
  }
};

const check = (s: Settings): void => {
  if ((s.username === undefined) !== (s.password === undefined))
    throw new SettingsError('username and password go together: one of them is missing');
  if (s.password !== undefined && s.tls === 'none' && !LOOPBACK.test(s.host))
    throw new SettingsError('password would cross the network in the clear: set tls to starttls or tls');
};

const transportOf = async (s: Settings) => ({
  host: s.host,
  port: s.port ?? PORTS[s.tls],
  secure: s.tls === 'tls',
  requireTLS: s.tls === 'starttls',
  ignoreTLS: s.tls === 'none',
  tls: {
    rejectUnauthorized: s.verify,
    minVersion: 'TLSv1.2' as const,
    ...(s.server_name === undefined ? {} : { servername: s.server_name }),
    // Read each time, so that a renewed one is used.
    ...(s.ca_file === undefined ? {} : { ca: await readFile(s.ca_file) }),
  },
  // A server that hides AUTH must not get the mail without it.
  ...(s.username === undefined
    ? {}
    : { auth: { user: s.username, pass: s.password ?? '' }, forceAuth: true }),
  connectionTimeout: s.timeout,
  greetingTimeout: s.timeout,
  socketTimeout: s.timeout,
  socketCloseTimeout: 100,
  disableFileAccess: true,
  disableUrlAccess: true,
});

/** Ids for mails: the same for the same notice, and for the thread one that no mail bears. */
const idsOf = (notice: Notice, from: string) => {
  const domain = /@([^\s<>@]+?)>?$/.exec(from)?.[1] ?? 'localhost';
  const id = (what: string, of: string) =>
    `<coalmine.${what}.${createHash('sha256').update(of).digest('hex').slice(0, 32)}@${domain}>`;
  return { own: id('notice', notice.id), thread: id('incident', notice.incident) };
};

const mailOf = (notice: Notice, previous: Receipt | null, s: Settings) => {
  const { own, thread } = idsOf(notice, s.from);
  const first = typeof previous?.first === 'string' ? previous.first : undefined;
  const isUrgent = notice.severity === 'critical' && ['opened', 'worsened'].includes(notice.event);
  return {
    from: s.from,
    to: [...s.to],
    subject: `[coalmine] ${headline(notice, SUBJECT_MAX)}`,
    text: plainOf(notice),
    html: htmlOf(notice),
    date: new Date(notice.atMs),
    messageId: own,
    references: first === undefined ? [thread] : [thread, first],
    ...(first === undefined ? {} : { inReplyTo: first }),
    ...(isUrgent ? { priority: 'high' as const } : {}),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  };
};

const ADVICE: Readonly<Record<string, string>> = {
  EAUTH: 'check username and password',
  ENOAUTH: 'check username and password',
  EENVELOPE: 'check from and to',
  ETLS: 'the server offers no TLS that we trust: check tls, ca_file and server_name',
};

/** SMTP's own word decides: 5yz never, 4yz later. Without one nobody has refused anything. */
const meaningOf = (error: unknown, scrub: Scrub): Error => {
  const { responseCode, code } = (error ?? {}) as { responseCode?: unknown; code?: unknown };
  const isFinal = typeof responseCode === 'number' && responseCode >= 500;
  const advice =
    ADVICE[String(code)] ?? (isFinal ? 'check from and to, and what the server lets us send' : '');
  const words = `mail: ${scrub(rootOf(error).message)}${advice === '' ? '' : `; ${advice}`}`;
  return isFinal ? new Permanent(words) : new Retry(words);
};

const create = async (s: Settings, ctx: Context): Promise<Notifier> => {
  check(s);
  const createTransport = await load();
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { username = '', password } = s;
  // As AUTH PLAIN and AUTH LOGIN send it.
  const sent = password === undefined ? [] : [base64(`\0${username}\0${password}`), base64(password)];
  const scrub = scrubber([password, ...sent]);
  const sendOnce = async (notice: Notice, previous: Receipt | null, signal: AbortSignal) => {
    try {
      const transport = createTransport(await transportOf(s));
      return await transport.sendMail({ ...mailOf(notice, previous, s), signal });
    } catch (error) {
      throw meaningOf(error, scrub);
    }
  };
  return notifierOf(scrub, async (notice, previous, signal) => {
    const bound = { clock: ctx.clock, ms: s.timeout, signal };
    const ended = await within(bound, stop => sendOnce(notice, previous, stop));
    if (ended.how === 'timeout') throw new Retry(`mail: not taken within ${s.timeout} ms`);
    if (ended.how === 'aborted') throw new Retry('mail: stopped while it was being sent');
    const { own } = idsOf(notice, s.from);
    const refused = ended.value.rejected.length;
    if (refused > 0) ctx.log('warn', 'notify.email.refused', { recipients: refused, of: s.to.length });
    return { first: previous?.first ?? own };
  });
};

export default defineNotifier({
  kind: 'email',
  summary: 'Sends mails by SMTP',
  schema,
  runtimes: ['node'],
  traits: { repeatEveryMs: null },
  create,
});
