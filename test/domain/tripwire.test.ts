/** Whose sign-in a record without a token is: lines as OpenSSH writes them, records as ECS has them, and pieces of our own. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventFormat } from '../../src/domain/event.ts';
import { recordOfProvoked, recordOfWritten } from '../../src/domain/exclusions.ts';
import { createTemplate, formats } from '../../src/domain/formats/index.ts';
import { type Bearing, bearingOf, type Shape, useIn } from '../../src/domain/tripwire.ts';

const identity = { user: 'canary', sourceIp: '192.0.2.10', userAgent: 'coalmine' };
const TOKEN = `coalmine1${'q'.repeat(40)}`;

const write = (format: EventFormat, n: number, over: Partial<typeof identity> = {}) =>
  format.write({
    ...identity,
    ...over,
    token: `${TOKEN.slice(0, -1)}${'abcdefgh'[n % 8]}`,
    uuid: `00000000-0000-8000-8000-00000000000${n % 10}`,
    slotMs: 1_700_000_000_000 + n,
    nowMs: 1_700_000_000_500 + n,
    target: `web-${n}`,
    host: `web-${n}`,
    sourcePort: 50_000 + n,
    pipeline: 'p',
  });
const shapeOf = (format: EventFormat, over: Partial<typeof identity> = {}): Shape => ({
  record: recordOfWritten({ pipeline: 'p', format, ...identity, ...over, syslog: false }),
  events: [write(format, 1, over), write(format, 2, over)],
});

const sshd = formats.get('sshd') as EventFormat;
const ecs = formats.get('ecs') as EventFormat;
const SSHD = shapeOf(sshd);

const KEY = 'RSA SHA256:AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg';
const lines: readonly [string, Bearing][] = [
  [`Accepted password for canary from 203.0.113.9 port 4022 ssh2`, { from: '203.0.113.9' }],
  [`Accepted publickey for canary from 203.0.113.9 port 4022 ssh2: ${KEY}`, { from: '203.0.113.9' }],
  [`Accepted publickey for canary from 192.0.2.10 port 4022 ssh2: ${KEY}`, { from: '192.0.2.10' }],
  [`Accepted password for canary from 2001:db8::7 port 4022 ssh2`, { from: '2001:db8::7' }],
  [`Failed password for canary from 203.0.113.9 port 4022 ssh2`, { from: '203.0.113.9' }],
  [`Failed password for invalid user canary from 203.0.113.9 port 4022 ssh2`, { from: '203.0.113.9' }],
  [`Invalid user canary from 203.0.113.9 port 4022`, { from: '203.0.113.9' }],
  // Somebody else.
  [`Accepted password for alice from 203.0.113.9 port 4022 ssh2`, 'other'],
  [`Accepted password for notcanary from 203.0.113.9 port 4022 ssh2`, 'other'],
  [`pam_unix(sshd:session): session opened for user canary(uid=1001) by (uid=0)`, 'other'],
  // What others say of a line.
  [
    `level=error msg="could not parse" line="Accepted password for canary from 203.0.113.9 port 4022 ssh2"`,
    'other',
  ],
  [`could not parse Accepted publickey for canary from 192.0.2.10 po`, 'other'],
  [`query="{job=\\"auth\\"} |= \\"canary from\\""`, 'other'],
];

describe('lines of sshd', () => {
  test.each(lines)('%s', (line, bearing) => {
    for (const text of [
      line,
      `Nov 23 10:00:00 web-1 sshd[4321]: ${line}`,
      `<38>1 2024-09-02T12:00:00Z web-1 sshd 4321 - - ${line}`,
    ])
      if (!line.startsWith('level') && !line.startsWith('could'))
        expect(bearingOf(text, SSHD)).toEqual(bearing);
    expect(bearingOf(line, SSHD)).toEqual(bearing);
    expect(bearingOf(JSON.stringify({ message: line, host: 'web-1' }), SSHD)).toEqual(bearing);
  });

  test('whole and with a token of somebody’s making, where no token is', () => {
    const line = write(sshd, 1).text.replace(/coalmine1\w+/, 'made-up');
    expect(bearingOf(line, SSHD)).toMatchObject({ from: '192.0.2.10' });
  });
});

const templated = createTemplate(
  '{{time}} login user={{user}} ip={{source_ip}} id={{token}} agent={{user_agent}}',
);
const all = [sshd, ecs, formats.get('ocsf') as EventFormat, templated];

test('no piece of a canary is a use, from its beginning, behind a header or in an envelope', () => {
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.nat(1_000), fc.nat(), fc.nat(2), (format, n, at, wrapped) => {
      const { text } = write(format, n);
      const piece = text.slice(0, at % (text.length + 1));
      const line = [piece, `Nov 23 10:00:00 web-1 sshd[4321]: ${piece}`, JSON.stringify({ message: piece })][
        wrapped
      ];
      const bearing = bearingOf(line as string, shapeOf(format));
      // Whoever asks has found no token: whole ones aren't asked of.
      if (!/coalmine1[a-z2-7]{40}/.test(piece)) expect(typeof bearing).toBe('string');
    }),
    { numRuns: 500 },
  );
});

describe('JSON', () => {
  const shape = shapeOf(ecs);
  const attacker = (over: object) => {
    const own = JSON.parse(write(ecs, 1).text) as Record<string, object>;
    return JSON.stringify({
      ...own,
      event: { ...own.event, id: 'f3a1' },
      user: { name: 'Canary' },
      user_agent: { original: 'curl/8' },
      source: { ip: '203.0.113.9' },
      ...over,
    });
  };
  test('a sign-in by that name from elsewhere is a use; without a source it is none; wrapped it is one', () => {
    expect(bearingOf(attacker({}), shape)).toEqual({ from: '203.0.113.9' });
    expect(bearingOf(`{"_source":${attacker({})}}`, shape)).toEqual({ from: '203.0.113.9' });
    expect(bearingOf(attacker({ source: {} }), shape)).toBe('other');
    expect(bearingOf(attacker({ user: { name: 'alice' } }), shape)).toBe('other');
    expect(bearingOf(attacker({ error: 'rejected' }), shape)).toBe('other');
  });
  test('ours, normalised to nothing that tells it, isn’t one', () => {
    const { user, source } = JSON.parse(write(ecs, 1).text) as Record<string, object>;
    expect(bearingOf(JSON.stringify({ user, source }), shape)).toBe('canary');
  });
});

test('what another pipeline or an older configuration sends under the same name isn’t a use', () => {
  const older = shapeOf(sshd, { sourceIp: '198.51.100.4' });
  const cut = write(sshd, 1, { sourceIp: '198.51.100.4' }).text.slice(0, 70);
  expect(useIn(cut, SSHD, () => [])).toEqual({ from: '198.51.100.4' });
  expect(useIn(cut, SSHD, () => [older])).toBeNull();
});

test('a provider’s own record: the identity alone in a value, and where from', () => {
  const record = (user: string | null) =>
    recordOfProvoked({
      pipeline: 'p',
      user,
      client: 'app-1',
      sourceIp: null,
      userAgent: '',
      tokenInAgent: false,
    });
  const text = JSON.stringify({
    actor: { id: 'Canary@example.com' },
    client: { ipAddress: '203.0.113.9', app: 'app-1' },
  });
  const by = (user: string | null, t = text) => bearingOf(t, { record: record(user), events: null });
  expect(by('canary@example.com')).toEqual({ from: '203.0.113.9' });
  expect(by(null)).toEqual({ from: '203.0.113.9' });
  expect(by('bob@example.com')).toBe('other');
  expect(by('canary@example.com', JSON.stringify({ text: 'mail to canary@example.com' }))).toBe('other');
});
