import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordsOf } from '../../src/web/records.ts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const tokenOf = (n: number): string =>
  `coalmine1${Array.from({ length: 40 }, (_, i) => BASE32[(n * 7 + i * 11 + ((n >> (i % 5)) & 3)) % 32]).join('')}`;
const [A, B, C] = [tokenOf(1), tokenOf(2), tokenOf(3)] as [string, string, string];
const line = (t: string) => `Jan 15 12:00:00 web-1 sshd[9]: Accepted publickey for canary ${t}`;
const bytes = (text: string) => new TextEncoder().encode(text);
const texts = (body: unknown, at?: string) =>
  recordsOf(bytes(typeof body === 'string' ? body : JSON.stringify(body)), at).map(r => r.text);

describe('each form that shippers send becomes one record a canary', () => {
  const event = (t: string) => ({ id: t, action: 'login' });
  const lines = [line(A), line(B)];
  const objects = [event(A), event(B)].map(e => JSON.stringify(e));
  const cases: [string, unknown, string[]][] = [
    ['lines', `${line(A)}\r\nnothing here\n${line(B)}\n`, lines],
    ['NDJSON', `${objects[0]}\n{"id":"other"}\n${objects[1]}\n`, objects],
    ['a JSON array', [event(A), { id: 'other' }, event(B)], objects],
    ['an array of lines', lines, lines],
    ['JSON in a row', `${objects[0]}${objects[1]}`, objects],
    [
      'JSON in a row over lines, with braces in strings',
      `${JSON.stringify({ ...event(A), say: 'a } " {' }, null, 2)}\n,\n${JSON.stringify(event(B), null, 2)}`,
      [JSON.stringify({ ...event(A), say: 'a } " {' }), objects[1]!],
    ],
    [
      'Loki',
      {
        streams: [
          {
            stream: { job: 'a' },
            values: [
              ['1760000000000000000', lines[0]],
              ['1', 'other'],
            ],
          },
          { stream: {}, values: [['2', lines[1]]] },
        ],
      },
      lines,
    ],
    [
      'OTLP',
      {
        resourceLogs: [
          { scopeLogs: [{ logRecords: lines.map(l => ({ timeUnixNano: '1', body: { stringValue: l } })) }] },
        ],
      },
      lines,
    ],
    ['Splunk HEC', lines.map(l => JSON.stringify({ time: 1, host: 'web-1', event: l })).join(''), lines],
    ['Splunk HEC with an object', { time: 1, event: event(A) }, [objects[0]!]],
    ['CloudTrail', { Records: [event(A), event(B)] }, objects],
    ['Azure diagnostics', { records: [event(A), event(B)] }, objects],
    [
      'CloudWatch Logs',
      { messageType: 'DATA_MESSAGE', logEvents: lines.map(message => ({ id: 'x', timestamp: 1, message })) },
      lines,
    ],
    ['an envelope nobody knows', { meta: 1, batch: { items: [event(A), event(B)] } }, objects],
    ['a batch in an array of envelopes', [{ Records: [event(A)] }, { Records: [event(B)] }], objects],
    ['JSON lines among others', `${line(A)}\n${objects[1]}`, [lines[0]!, objects[1]!]],
  ];
  test.each(cases)('%s', (_, body, expected) => {
    expect(texts(body)).toEqual(expected);
  });

  test('what the envelope tells of a record goes with it', () => {
    const loki = { streams: [{ values: [['1760000000123000000', line(A)]] }] };
    expect(recordsOf(bytes(JSON.stringify(loki)))).toEqual([{ text: line(A), eventMs: 1760000000123 }]);
    const watch = { logEvents: [{ id: 'e1', timestamp: 5, message: line(A) }] };
    expect(recordsOf(bytes(JSON.stringify(watch)))).toEqual([{ text: line(A), recordId: 'e1', eventMs: 5 }]);
  });

  test('UTF-16 with its mark', () => {
    for (const mark of [0xfffe, 0xfeff]) {
      const text = `\ufeff${line(A)}\r\n${line(B)}`;
      const out = new Uint8Array(2 * text.length);
      for (let i = 0; i < text.length; i++)
        new DataView(out.buffer).setUint16(2 * i, text.charCodeAt(i), mark === 0xfffe);
      expect(recordsOf(out).map(r => r.text)).toEqual(lines);
    }
  });
});

test('a body without a token makes no record, and isn’t parsed', () => {
  expect(recordsOf(bytes('{"not": json'))).toEqual([]);
  expect(recordsOf(new Uint8Array())).toEqual([]);
});

describe('a declared place', () => {
  const UUID = '018e0000-0000-8000-8000-000000000001';
  test('is taken out, and a UUID there is a name', () => {
    const body = JSON.stringify([{ props: { cid: UUID } }, { props: { cid: 'plain' } }]);
    expect(recordsOf(bytes(body), 'props.cid')).toEqual([
      { text: JSON.stringify({ props: { cid: UUID } }), placed: [UUID] },
    ]);
    expect(recordsOf(bytes(body))).toEqual([]);
  });
  test('is sought in the inner record first, then around it', () => {
    const hec = { time: 1, fields: { cid: A }, event: { msg: A } };
    expect(recordsOf(bytes(JSON.stringify(hec)), 'msg')[0]).toEqual({
      text: JSON.stringify(hec.event),
      placed: [A],
    });
    expect(recordsOf(bytes(JSON.stringify(hec)), 'fields.cid')[0]).toEqual({
      text: JSON.stringify(hec),
      placed: [A],
    });
  });
});

describe('no token is missed', () => {
  test('where an envelope keeps it aside, the text around it is the record', () => {
    const loki = { streams: [{ stream: { trace: C }, values: [['1', line(A)]] }] };
    const found = texts(loki);
    expect(found[0]).toBe(line(A));
    expect(found[1]).toBe(JSON.stringify(loki));
  });

  test('far into a large body the record is what is near it', () => {
    const body = `{"streams":[{"values":[]}],"pad":"${'x'.repeat(3_000_000)} ${A}"}`;
    const [only, ...more] = texts(body);
    expect(more).toEqual([]);
    expect(only!.length).toBeLessThan(300_000);
    expect(only).toContain(A);
  });

  const part = fc.oneof(
    fc.constantFrom(
      '\n',
      ' ',
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ',',
      ':',
      '{"event":',
      '"time":1',
      '{"streams":[',
      '\r\n',
      '{"Records":[',
    ),
    fc.integer({ min: 1, max: 6 }).map(n => ` ${tokenOf(n)} `),
    fc.integer({ min: 1, max: 6 }).map(n => JSON.stringify({ m: tokenOf(n) })),
    fc.string({ maxLength: 5 }),
  );
  test('in any soup of JSON and text', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), parts => {
        const body = parts.join('');
        // Standing alone: what the finder's own tests define; here only what nothing can be glued to.
        const sure = [1, 2, 3, 4, 5, 6]
          .map(tokenOf)
          .filter(t => body.includes(` ${t} `) || body.includes(`"${t}"`));
        const taken = texts(body).join('\n');
        for (const t of sure) expect(taken).toContain(t);
      }),
      { numRuns: 500 },
    );
  });

  const tree = fc.letrec(tie => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.integer({ min: 1, max: 9 }).map(n => line(tokenOf(n))),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(
        fc.constantFrom(
          'Records',
          'records',
          'event',
          'time',
          'streams',
          'logEvents',
          'resourceLogs',
          'a',
          'b',
        ),
        tie('node'),
        { maxKeys: 4 },
      ),
    ),
  })).node;
  test('in any value, however it imitates an envelope', () => {
    fc.assert(
      fc.property(tree, value => {
        const body = JSON.stringify(value);
        const taken = texts(body).join('\n');
        for (let n = 1; n <= 9; n++) if (body.includes(tokenOf(n))) expect(taken).toContain(tokenOf(n));
      }),
      { numRuns: 500 },
    );
  });
});

test('hostile JSON takes no more than linear time', () => {
  for (const body of [
    `{${'"\\"'.repeat(200_000)} ${A}`,
    `[${'['.repeat(200_000)} ${A}`,
    `${'{"a":'.repeat(100_000)}"${A}"`,
    `${'{"a":'.repeat(50_000)}"${A}"${'}'.repeat(50_000)}`,
    `${'['.repeat(50_000)}"${A}"${']'.repeat(50_000)}`,
  ]) {
    const begun = performance.now();
    expect(texts(body).join()).toContain(A);
    expect(performance.now() - begun).toBeLessThan(5_000);
  }
});

test('where a sender’s own identities may be a canary’s, records with anything in the declared place are records', () => {
  const body = [{ props: { cid: 'their own' } }, { props: { other: 'x' } }, { id: A }];
  const records = recordsOf(bytes(JSON.stringify(body)), 'props.*.cid', { foreign: true });
  expect(records.map(r => r.text)).toEqual([body[0], body[2]].map(r => JSON.stringify(r)));
  expect(recordsOf(bytes(JSON.stringify(body[0])), 'props.cid', { foreign: true })).toEqual([
    { text: JSON.stringify(body[0]), placed: ['their own'] },
  ]);
  expect(recordsOf(bytes(JSON.stringify(body[0])), 'props.cid')).toEqual([]);
});
