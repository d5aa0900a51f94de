// Sends written events as RFC 5424 syslog over UDP, TCP or TLS (RFC 5425). Syslog has no acknowledgement: what
// `accepted` can mean is said in lib/stream-sender.ts and lib/datagram-sender.ts.
import { z } from 'zod';
import { duration } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineInjector } from '../contracts/define.ts';
import { SettingsError } from '../contracts/definition.ts';
import type { Injector, Outcome, Outgoing } from '../contracts/injector.ts';
import { datagramSender } from './lib/datagram-sender.ts';
import { countOctets, encodeRecord, endWithLineFeed, FACILITIES, SEVERITIES } from './lib/rfc5424.ts';
import type { Sender } from './lib/sender.ts';
import { timeout } from './lib/settings.ts';
import { streamSender } from './lib/stream-sender.ts';

const schema = z.strictObject({
  address: z
    .string()
    .regex(
      /^(udp|tcp|tls):\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:@]+):\d{1,5}$/,
      'expected such as tcp://127.0.0.1:514',
    )
    .describe('udp://, tcp:// or tls://, host and port'),
  framing: z
    .enum(['octet-counting', 'lf'])
    .default('octet-counting')
    .describe('How records are told apart in a stream (RFC 6587); `lf` for receivers that only split lines'),
  facility: z.enum(FACILITIES).default('authpriv').describe('Syslog facility'),
  severity: z.enum(SEVERITIES).default('info').describe('Syslog severity'),
  structured_data: z
    .boolean()
    .default(false)
    .describe('Also put target and token into structured data; the token then stands twice in a record'),
  enterprise_number: z
    .int()
    .min(1)
    .default(32_473)
    .describe('Private enterprise number of that element; 32473 is for documentation, use your own'),
  bom: z.boolean().default(false).describe('Mark the message as UTF-8 by a byte order mark (RFC 5424 §6.4)'),
  datagram_bytes_max: z
    .int()
    .min(480)
    .max(65_507)
    .default(2048)
    .describe('Longest record that UDP may carry'),
  ca_file: z
    .string()
    .optional()
    .describe('TLS: PEM file of the authorities to trust instead of the usual ones'),
  cert_file: z.string().optional().describe('TLS: PEM file of our certificate'),
  key_file: z.string().optional().describe('TLS: PEM file of its key'),
  server_name: z
    .string()
    .optional()
    .describe('TLS: the name the certificate must bear, unless that of address'),
  verify: z.boolean().default(true).describe('TLS: false takes any certificate; for a laboratory only'),
  watch: duration
    .refine(ms => ms <= 10_000, 'expected at most 10s')
    .prefault('20ms')
    .describe('How long after sending a reset or refusal is waited for; at least the round trip'),
  timeout,
});
type Settings = z.output<typeof schema>;

const senderOf = (s: Settings, ctx: Context): Sender => {
  const url = new URL(s.address);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port);
  const bounds = { timeoutMs: s.timeout, watchMs: s.watch };
  if (url.protocol === 'udp:') {
    return datagramSender({ host, port, bytesMax: s.datagram_bytes_max }, bounds, ctx.clock);
  }
  if (url.protocol === 'tcp:') return streamSender({ host, port }, bounds, ctx.clock);
  const { server_name: serverName, ca_file: caFile, cert_file: certFile, key_file: keyFile, verify } = s;
  const given = Object.fromEntries(
    Object.entries({ serverName, caFile, certFile, keyFile }).filter(([, value]) => value !== undefined),
  );
  return streamSender({ host, port, tls: { ...given, verify } }, bounds, ctx.clock);
};

const recordOf = (canary: Outgoing, s: Settings): Buffer =>
  encodeRecord({
    priority: FACILITIES.indexOf(s.facility) * 8 + SEVERITIES.indexOf(s.severity),
    timeMs: canary.event?.timeMs ?? canary.slotMs,
    hostname: canary.target,
    app: canary.event?.app ?? 'coalmine',
    ...(s.structured_data
      ? {
          data: {
            id: `coalmine@${s.enterprise_number}`,
            params: { target: canary.target, token: canary.token },
          },
        }
      : {}),
    message: canary.event?.text ?? '',
    bom: s.bom,
  });

const create = (s: Settings, ctx: Context): Injector => {
  const port = Number(new URL(s.address).port);
  if (port < 1 || port > 65_535)
    throw new SettingsError(`address: expected a port from 1 to 65535, found ${s.address}`);
  if ((s.cert_file === undefined) !== (s.key_file === undefined)) {
    throw new SettingsError('cert_file and key_file: expected both or neither');
  }
  const sender = senderOf(s, ctx);
  const datagrams = s.address.startsWith('udp:');
  const splitsLines = !datagrams && s.framing === 'lf';
  const frame = datagrams ? (record: Buffer) => record : splitsLines ? endWithLineFeed : countOctets;
  const torn: Outcome = {
    result: 'unsent',
    reason: 'the event holds a line feed, which would make two records of it; use framing: octet-counting',
  };

  return {
    async inject(canaries, signal) {
      const records = canaries.map(c => recordOf(c, s));
      const whole = records.filter(r => !splitsLines || !r.includes(10));
      const outcomes = whole.length === 0 ? [] : await sender.send(whole.map(frame), signal);
      let next = 0;
      return records.map(r => (splitsLines && r.includes(10) ? torn : outcomes[next++]!));
    },
    close: () => sender.close(),
  };
};

export default defineInjector({
  kind: 'syslog',
  summary: 'Sends events as RFC 5424 syslog over UDP, TCP or TLS',
  schema,
  runtimes: ['node'],
  traits: { events: 'written' },
  create,
});
