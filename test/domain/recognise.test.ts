import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WrittenEvent } from '../../src/domain/event.ts';
import { createTemplate } from '../../src/domain/formats/index.ts';
import { recognise } from '../../src/domain/recognise.ts';
import {
  all,
  anyInput,
  ecs,
  input,
  jsonTemplate,
  ocsf,
  sshd,
  TOKEN,
  textTemplate,
  UUID,
} from './formats/input.ts';
import { headers, shuffled, wraps } from './records.ts';

const line = sshd.write(input);
const doc = ecs.write(input);
const found = { token: TOKEN, uuid: UUID };
const of = (text: string, event: WrittenEvent, at?: string) =>
  recognise({ text }, found, { event, ...(at === undefined ? {} : { at }) });
const j = JSON.stringify;

describe('a line that is the event', () => {
  test.each([
    ['itself', line.text],
    ['with trailing white space', `${line.text} \r\n`],
    ['RFC 3164', `<38>Mar  4 05:06:07 web-1 sshd[71]: ${line.text}`],
    ['RFC 3164 without host', `<38>Mar  4 05:06:07 sshd: ${line.text}`],
    ['RFC 3164 as a file', `Mar  4 05:06:07 web-1 sshd-session[71]: ${line.text}`],
    ['from logger(1), with the tag of its user', `Mar  4 05:06:07 web-1 root: ${line.text}`],
    ['rsyslog’s file format', `2026-03-04T05:06:07.123456+00:00 web-1 sshd[71]: ${line.text}`],
    [
      'rsyslog’s file format of an RFC 5424 message',
      `2026-03-04T05:06:07.123456+00:00 web-1 sshd ${line.text}`,
    ],
    ['the same with a PROCID', `2026-03-04T05:06:07.123456+00:00 web-1 sshd[71] ${line.text}`],
    ['the same in rsyslog’s traditional format', `Mar  4 05:06:07 web-1 sshd ${line.text}`],
    ['the same, relayed', `<38>Mar  4 05:06:09 relay Mar  4 05:06:07 web-1 sshd ${line.text}`],
    ['the same of a host named like a word of logs', `2026-03-04T05:06:07Z lines sshd ${line.text}`],
    [
      'the same of a host named like a level, with a PROCID',
      `2026-03-04T05:06:07Z info sshd[71] ${line.text}`,
    ],
    ['a host named like a word of logs', `2026-03-04T05:06:07.123456+00:00 log sshd[71]: ${line.text}`],
    ['RFC 5424', `<38>1 2026-03-04T05:06:07.123Z web-1 sshd 71 - - ${line.text}`],
    ['RFC 5424 with octet count', `291 <38>1 2026-03-04T05:06:07.123Z web-1 sshd 71 - - ${line.text}`],
    [
      'RFC 5424 with structured data and a byte order mark',
      `<38>1 2026-03-04T05:06:07Z web-1 sshd - ID47 [a@32473 x="]\\"y"][b c="d"] \uFEFF${line.text}`,
    ],
    ['relayed', `<38>Mar  4 05:06:09 relay Mar  4 05:06:07 web-1 sshd[71]: ${line.text}`],
    ['Kubernetes CRI', `2026-03-04T05:06:07.123456789Z stdout F ${line.text}`],
    ['fluentd’s file', `2026-03-04T05:06:07+00:00\tauth.sshd\t${j({ message: line.text })}`],
    [
      'Elastic agent',
      j({ '@timestamp': 'x', message: line.text, log: { file: { path: '/var/log/auth.log' } } }),
    ],
    [
      'Elastic, kept beside the parsed fields',
      j({ message: 'sign-in', event: { original: `x ${1}`, id: 1 }, log: line.text }),
    ],
    ['a dotted key', j({ 'event.original': line.text })],
    ['Docker', j({ log: `${line.text}\n`, stream: 'stdout', time: 'x' })],
    ['journald', j({ MESSAGE: line.text, PRIORITY: '6', SYSLOG_IDENTIFIER: 'sshd' })],
    ['Splunk', j({ preview: false, result: { _raw: `Mar  4 05:06:07 web-1 sshd[71]: ${line.text}` } })],
    ['OTLP', j({ timeUnixNano: '1', severityText: 'INFO', body: { stringValue: line.text } })],
    ['a search hit', j({ _index: 'auth', _id: '1', _source: { message: line.text, level: 'info' } })],
    ['Azure Syslog', j({ SyslogMessage: line.text, SeverityLevel: 'info', Computer: 'web-1' })],
    ['GELF, whose levels are syslog’s', j({ level: 6, short_message: line.text, host: 'web-1' })],
  ])('%s', (_, text) => {
    expect(of(text, line)).toBe('sighting');
  });
});

describe('a line that mentions the event', () => {
  test.each([
    ['logfmt error', `level=error msg="dropped: ${line.text}"`],
    ['logfmt error that quotes it whole', `level=error msg="${line.text}"`],
    ['a prefix', `dropped: ${line.text}`],
    ['a number before it', `503 ${line.text}`],
    ['a header, then a prefix', `Mar  4 05:06:07 web-1 vector[9]: could not send: ${line.text}`],
    ['a header whose tag is a level', `2026-03-04T05:06:07Z collector error: ${line.text}`],
    ['a header whose host and tag are a sentence', `2026-03-04T05:06:07Z dropping event: ${line.text}`],
    ['a level without a tag', `2026-03-04T05:06:07Z ERROR ${line.text}`],
    ['a fate before the tag', `2026-03-04T05:06:07Z dropped sshd[71]: ${line.text}`],
    ['a fate before a tag without a colon', `2026-03-04T05:06:07Z dropped sshd[71] ${line.text}`],
    ['a level before a tag without a colon', `2026-03-04T05:06:07Z DEBUG sshd ${line.text}`],
    ['a verb before a tag without a colon', `2026-03-04T05:06:07Z got sshd ${line.text}`],
    ['another tag without a colon', `2026-03-04T05:06:07Z web-1 rejected ${line.text}`],
    ['a tag without a colon and without a host', `sshd ${line.text}`],
    ['words after a tag without a colon', `2026-03-04T05:06:07Z web-1 sshd cannot send ${line.text}`],
    ['a suffix', `${line.text} (dropped: queue full)`],
    ['a part of a CRI line', `2026-03-04T05:06:07.1Z stdout P ${line.text}`],
    ['twice', `${line.text} ${line.text}`],
    ['cut before its end', line.text.slice(0, -3)],
    ['access log', `192.0.2.1 - - [04/Mar/2026:05:06:07 +0000] "GET /canaries/${TOKEN} HTTP/1.1" 200 12`],
    ['query log', `level=info component=querier query="{job=\\"auth\\"} |= \\"${TOKEN}\\"" duration=1s`],
    ['query log in JSON', j({ level: 'info', query: `{job="auth"} |= "${TOKEN}"` })],
    ['the token alone', TOKEN],
    ['the token as a JSON value', j({ token: TOKEN })],
    ['error field', j({ level: 'info', error: line.text })],
    ['error in an envelope', j({ level: 'error', message: line.text })],
    ['warning in an envelope', j({ severity: 'WARNING', msg: line.text })],
    ['fatal in an envelope', j({ lvl: 'fatal', log: line.text })],
    ['ECS log.level', j({ log: { level: 'error' }, message: line.text })],
    ['ECS log.level, flat', j({ 'log.level': 'warn', message: line.text })],
    ['pino’s 50', j({ level: 50, msg: line.text })],
    ['OTLP severity number', j({ severityNumber: 17, body: { stringValue: line.text } })],
    ['err beside it', j({ msg: line.text, err: 'queue full' })],
    ['error.message beside it', j({ message: line.text, 'error.message': 'queue full' })],
    ['reason beside it', j({ message: line.text, reason: 'rejected' })],
    ['exception beside it', j({ message: line.text, exception: { type: 'Timeout' } })],
    ['error in a search hit', j({ _id: '1', _source: { level: 'error', message: line.text } })],
    ['an unconventional place', j({ dropped_line: line.text })],
    ['a place under another', j({ error: { message: line.text } })],
    ['an envelope in an envelope', j({ message: j({ message: line.text }) })],
    ['text around it in an envelope', j({ message: `retrying ${line.text}` })],
    ['its fields without its line', j({ ...line.fields })],
  ])('%s', (_, text) => {
    expect(of(text, line)).toBe('echo');
  });
});

const renamed = {
  EventOriginalUid: TOKEN,
  ActorUsername: 'canary',
  SrcIpAddr: '192.0.2.10',
  SrcPortNumber: 50022,
  Dvc: 'web-1.example.com',
  HttpUserAgent: input.userAgent,
  Additional: { pipeline: 'ssh-to-loki', target: 'web-1', slot: '1772600767089' },
};

describe('JSON that is the event', () => {
  test.each([
    ['itself', doc.text],
    ['another attempt at it', ecs.write({ ...input, nowMs: input.nowMs + 90_000 }).text],
    ['after a header', `<38>1 2026-03-04T05:06:07Z web-1 coalmine - - - ${doc.text}`],
    ['as a message', j({ '@timestamp': 'x', message: doc.text })],
    [
      'as a message after a header',
      j({ level: 'info', message: `Mar  4 05:06:07 web-1 coalmine: ${doc.text}` }),
    ],
    ['as a search hit', j({ _index: 'auth', _source: doc.json, _score: 1 })],
    ['renamed by a normaliser', j(renamed)],
    ['renamed and upper-cased', j({ ...renamed, EventOriginalUid: TOKEN.toUpperCase() })],
    ['known by its UUID only', j({ ...renamed, EventOriginalUid: UUID.toUpperCase() })],
    [
      'at the root, with a note of the ingest pipeline',
      j({ ...doc.json, error: { message: 'geoip failed' } }),
    ],
    ['in a batch', j({ records: [ecs.write({ ...input, token: 'coalmine1other' }).json, doc.json] })],
  ])('%s', (_, text) => {
    expect(of(text, doc)).toBe('sighting');
  });
});

describe('JSON that mentions the event', () => {
  test.each([
    ['failed to send', j({ level: 'error', error: `failed to send ${doc.text}` })],
    ['the event as a string in error', j({ error: doc.text })],
    ['error in an envelope', j({ level: 'error', message: doc.text })],
    ['a dead letter', j({ error: { type: 'mapper_parsing_exception' }, document: doc.json })],
    ['an error line with the event as a field', j({ level: 'error', msg: 'dropping', event: doc.json })],
    ['a debug line with the event as a field', j({ level: 'debug', msg: 'sent an event', event: doc.json })],
    ['the name and little else', j({ id: TOKEN, user: 'canary', outcome: 'success', ip: '192.0.2.10' })],
    ['a query', j({ query: TOKEN, user: 'canary', took: 12 })],
    ['the fields in one text', j({ id: TOKEN, text: Object.values(doc.fields).join(' ') })],
    ['the name in a text', j({ ...renamed, EventOriginalUid: `see ${TOKEN}` })],
    ['text around JSON', `sending ${doc.text}`],
    ['two levels deep', j({ message: j({ message: doc.text }) })],
    [
      'a batch where the others’ fields aren’t its own',
      j([{ event: { id: TOKEN } }, { ...doc.json, event: { id: 'x' } }]),
    ],
    ['cut', doc.text.slice(0, -1)],
  ])('%s', (_, text) => {
    expect(of(text, doc)).toBe('echo');
  });

  test('an event of next to no fields must stand as it was sent', () => {
    const bare = createTemplate('{"id":"{{token}}"}').write(input);
    expect(of(bare.text, bare)).toBe('sighting');
    expect(of(j({ message: bare.text }), bare)).toBe('sighting');
    expect(of(j({ query: TOKEN }), bare)).toBe('echo');
    expect(of(j({ filter: { id: TOKEN } }), bare)).toBe('echo');
  });

  test('an event that is itself an error may be wrapped as one', () => {
    const own = createTemplate(
      '{"level":"error","id":"{{token}}","u":"{{user}}","ip":"{{source_ip}}"}',
    ).write(input);
    expect(of(j({ level: 'error', message: own.text }), own)).toBe('sighting');
    expect(of(j({ level: 'fatal', message: own.text }), own)).toBe('echo');
  });
});

describe('a declared place', () => {
  test.each([
    ['event.id', doc.text, 'sighting'],
    ['event.id', `<38>1 2026-03-04T05:06:07Z web-1 coalmine - - - ${doc.text}`, 'sighting'],
    ['event.id', j({ 'event.id': UUID.toUpperCase() }), 'sighting'],
    ['user.name', doc.text, 'echo'],
    ['event.id', j({ event: { id: `x ${TOKEN}` } }), 'echo'],
    ['records.*.id', j({ records: [{ id: 1 }, { id: TOKEN }] }), 'sighting'],
    ['records.1.id', j({ records: [{ id: 1 }, { id: TOKEN }] }), 'sighting'],
    ['records.0.id', j({ records: [{ id: 1 }, { id: TOKEN }] }), 'echo'],
    ['event', j({ event: doc.text }), 'sighting'],
    ['payload', j({ level: 'error', payload: doc.json }), 'sighting'],
    ['event.id', TOKEN, 'echo'],
    ['', j(TOKEN), 'echo'],
  ])('%s of %s: %s', (at, text, verdict) => {
    expect(of(text, doc, at)).toBe(verdict);
  });

  test('a text event there must be the event', () => {
    expect(of(j({ line: `Mar  4 05:06:07 web-1 sshd[1]: ${line.text}` }), line, 'line')).toBe('sighting');
    expect(of(j({ line: `dropped: ${line.text}` }), line, 'line')).toBe('echo');
    expect(of(j({ other: 1, message: line.text }), line, 'line')).toBe('echo');
  });

  test('texts that the adapter has placed count instead of the record', () => {
    const placed = (...texts: string[]) =>
      recognise({ text: doc.text, placed: texts }, found, { event: doc, at: 'a' });
    expect(placed('x', ` ${TOKEN}\n`)).toBe('sighting');
    expect(placed(doc.text)).toBe('sighting');
    expect(placed(`x ${TOKEN}`)).toBe('echo');
    expect(placed()).toBe('echo');
  });

  test('a provoked sign-in is proven by a place only', () => {
    const record = { text: j({ correlationId: UUID, user: 'canary' }) };
    expect(recognise(record, found, { at: 'correlationId' })).toBe('sighting');
    expect(recognise(record, found, {})).toBe('echo');
  });
});

describe('a provoked record whose declared place holds the name', () => {
  const at = 'userAgent';
  const provoked = (userAgent: string) => recognise({ text: j({ userAgent }) }, found, { at });

  test.each([
    `coalmine ${TOKEN}`,
    `coalmine/1.0 (${TOKEN.toUpperCase()})`,
    `coalmine ${UUID}`,
    `coalmine-${'x'} ${TOKEN} python/3`,
  ])('as a whole word is a sighting: %s', value => {
    expect(provoked(value)).toBe('sighting');
  });

  test.each([`x${TOKEN}`, `${TOKEN}x`, `a-${TOKEN}`, `${TOKEN}_a`, `é${TOKEN}`, `${UUID}-1`, 'coalmine'])(
    'as a part of a word is an echo: %s',
    value => {
      expect(provoked(value)).toBe('echo');
    },
  );

  test('elsewhere is an echo', () => {
    const text = j({ userAgent: 'x', query: `coalmine ${TOKEN}` });
    expect(recognise({ text }, found, { at })).toBe('echo');
    expect(recognise({ text, placed: [`coalmine ${TOKEN}`] }, found, { at })).toBe('sighting');
  });

  test('and of a written event must still be the whole value', () => {
    expect(of(j({ userAgent: `coalmine ${TOKEN}` }), doc, at)).toBe('echo');
  });
});

test('declared transformations count as the event', () => {
  const [first, ...rest] = Object.entries(line.fields).filter(([name]) => name !== 'token');
  const masked = line.text
    .replace('canary', 'x')
    .replace('192.0.2.10', 'x')
    .replace('50022', 'x')
    .replace('17726', 'x');
  expect([first, rest.length]).toEqual([['serial', '1772600767089'], 4]);
  expect(of(masked, line)).toBe('echo');
  const transforms = ['user', 'source_ip', 'source_port'].map(field => ({ kind: 'drop', field }) as const);
  expect(recognise({ text: masked }, found, { event: line, transforms })).toBe('sighting');
});

test('one altered field of a line is an altered sighting; one that grew is text around it', () => {
  expect(of(line.text.replace('192.0.2.10', '192.0.2.0'), line)).toBe('sighting');
  expect(of(line.text.replace('192.0.2.10', '192.0.2.10 [dropped]'), line)).toBe('echo');
});

test('the time of a template’s line may be any', () => {
  const event = textTemplate.write(input);
  expect(of(textTemplate.write({ ...input, nowMs: 1_800_000_000_000 }).text, event)).toBe('sighting');
  expect(of(event.text.replace('2026-03-04T05:06:07.500Z', 'error'), event)).toBe('echo');
  const ends = createTemplate('{{token}} {{user}} {{time}}.').write(input);
  expect(of(ends.text.replace('07.500Z', '08.5+01:00'), ends)).toBe('sighting');
  expect(of(`${ends.text} dropped.`, ends)).toBe('echo');
});

test('records past the bounds are echoes, soon', () => {
  const deep = `${'{"a":'.repeat(20)}${doc.text}${'}'.repeat(20)}`;
  expect(of(deep, doc)).toBe('echo');
  expect(of(j({ ...doc.json, pad: 'x'.repeat(2 ** 20) }), doc)).toBe('echo');
  expect(of(j([...Array(5000).fill(0), doc.json]), doc)).toBe('echo');
  expect(of(j({ ...doc.json, pad: 'x'.repeat(2 ** 20) }), doc, 'event.id')).toBe('echo');
  expect(of(line.text + ' '.repeat(2 ** 20), line)).toBe('echo');
  expect(of('[a="'.repeat(250_000), doc)).toBe('echo');
  // Strings that never close, with long numbers in them.
  expect(of(`{${'"1234567890123456\\'.repeat(50_000)}`, doc)).toBe('echo');
  expect(of(`<1>1 - - - - - ${'[a b="'.repeat(150_000)}`, doc)).toBe('echo');
});

describe.each(all)('any event of %s', (name, format) => {
  const check = (text: string, i: typeof input): string =>
    recognise({ text }, { token: i.token, uuid: i.uuid }, { event: format.write({ ...i, nowMs: 1 }) });

  test('is a sighting in any envelope, key order, and behind any header', () => {
    fc.assert(
      fc.property(
        anyInput,
        fc.constantFrom(...headers),
        fc.constantFrom(...wraps),
        fc.integer(),
        (i, header, wrap, seed) => {
          const event = format.write(i);
          const text = event.json ? j(shuffled(event.json, seed)) : event.text;
          expect(check(wrap(header(text, event.app)), i)).toBe('sighting');
        },
      ),
    );
  });

  test('is an echo with other words around it', () => {
    const words = fc.stringMatching(/^[a-z]{2,9}( [a-z=:"{}]{2,9}){0,3}$/);
    fc.assert(
      fc.property(anyInput, words, words, fc.constantFrom(...wraps), (i, before, after, wrap) => {
        const { text } = format.write(i);
        expect(check(wrap(`${before} ${text}`), i)).toBe('echo');
        expect(check(wrap(`${text} ${after}`), i)).toBe('echo');
        expect(check(wrap(`${before}: ${text}`), i)).toBe('echo');
        expect(check(wrap(`${before}="${text}"`), i)).toBe('echo');
      }),
    );
  });

  test('is no other canary', () => {
    fc.assert(
      fc.property(anyInput, anyInput, (i, other) => {
        expect(
          recognise({ text: format.write(i).text }, { token: other.token }, { event: format.write(other) }),
        ).toBe('echo');
      }),
    );
    expect(name).not.toBe('');
  });
});

test('JSON templates and OCSF in a normaliser’s shape', () => {
  for (const format of [ocsf, jsonTemplate]) {
    const event = format.write(input);
    const flat = Object.fromEntries(Object.values(event.fields).map((value, n) => [`f${n}`, value]));
    expect(of(j(flat), event)).toBe('sighting');
    expect(of(j({ f0: TOKEN, f1: 'x' }), event)).toBe('echo');
  }
});
