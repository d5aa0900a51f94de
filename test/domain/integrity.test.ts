import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { integrity, type Transform } from '../../src/domain/integrity.ts';
import { recognise } from '../../src/domain/recognise.ts';
import { all, anyInput, ecs, input, ocsf, sshd, TOKEN, textTemplate } from './formats/input.ts';
import { headers, shuffled, wraps } from './records.ts';

const j = JSON.stringify;
const sha = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
const doc = ecs.write(input);
const line = sshd.write(input);
const INTACT = { state: 'intact', fields: [] };

/** A deep copy of a JSON event with one path set, or removed where no value is given. */
function changed(value: object, path: string, to?: unknown): Record<string, unknown> {
  const copy = structuredClone(value) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() as string;
  const parent = keys.reduce((at, key) => at[key] as Record<string, unknown>, copy);
  if (to === undefined) delete parent[last];
  else parent[last] = to;
  return copy;
}
const judge = (record: unknown, transforms: Transform[] = [], event = doc) =>
  integrity({ text: typeof record === 'string' ? record : j(record) }, event, transforms);

describe('one field', () => {
  test('another value at its path is altered, with digests of both', () => {
    expect(judge(changed(doc.json ?? {}, 'user.name', 'someone'))).toEqual({
      state: 'altered',
      fields: [{ path: 'user.name', state: 'altered', expected: sha('canary'), found: sha('someone') }],
    });
  });

  test('its beginning is truncated', () => {
    expect(judge(changed(doc.json ?? {}, 'user_agent.original', 'coalmine/0.1')).fields).toEqual([
      {
        path: 'user_agent.original',
        state: 'truncated',
        expected: sha(input.userAgent),
        found: sha('coalmine/0.1'),
      },
    ]);
    expect(judge(changed(doc.json ?? {}, 'user_agent.original', 'coal')).state).toBe('altered');
  });

  test('without a trace is missing', () => {
    expect(judge(changed(doc.json ?? {}, 'source.port'))).toEqual({
      state: 'missing',
      fields: [{ path: 'source.port', state: 'missing', expected: sha('50022') }],
    });
  });

  test('elsewhere in a record of another shape is intact', () => {
    const { user, ...rest } = doc.json as { user: object };
    expect(judge({ ...rest, principal: 'canary' })).toEqual(INTACT);
    expect(judge(Object.fromEntries(Object.values(doc.fields).map((v, n) => [`c${n}`, v])))).toEqual(INTACT);
    expect(user).toEqual({ name: 'canary' });
  });

  test('a value elsewhere does not excuse another one at its path', () => {
    expect(judge({ ...changed(doc.json ?? {}, 'user.name', 'x'), copy: 'canary' }).state).toBe('altered');
  });

  test('a number written as text is the same value; flattened keys and single values of a list as well', () => {
    expect(judge(changed(doc.json ?? {}, 'source.port', '50022'))).toEqual(INTACT);
    expect(judge(changed(doc.json ?? {}, 'event.category', 'authentication'))).toEqual(INTACT);
    expect(judge(doc.fields)).toEqual(INTACT);
  });

  test('the gravest state is the whole’s', () => {
    const gone = changed(doc.json ?? {}, 'source.port');
    expect(judge(changed(gone, 'host.name', 'web-1.exa')).state).toBe('truncated');
    expect(judge(changed(changed(gone, 'host.name', 'web-1.exa'), 'user.name', 'x')).state).toBe('altered');
  });
});

describe('declared transformations are no exceptions', () => {
  test.each<[string, Record<string, unknown>, Transform]>([
    [
      'rename',
      { ...changed(doc.json ?? {}, 'user.name'), who: 'canary' },
      { kind: 'rename', field: 'user.name', to: 'who' },
    ],
    ['drop', changed(doc.json ?? {}, 'source.port'), { kind: 'drop', field: 'source.port' }],
    [
      'truncation',
      changed(doc.json ?? {}, 'user_agent.original', 'coalm'),
      { kind: 'truncate', field: 'user_agent.original', at: 5 },
    ],
  ])('%s', (_, record, transform) => {
    expect(judge(record).state === 'intact').toBe(transform.kind === 'rename');
    expect(judge(record, [transform])).toEqual(INTACT);
  });

  test('another value at the declared new name is altered', () => {
    const record = { ...changed(doc.json ?? {}, 'user.name'), who: 'x' };
    const { fields } = judge(record, [{ kind: 'rename', field: 'user.name', to: 'who' }]);
    expect(fields).toEqual([
      { path: 'user.name', state: 'altered', expected: sha('canary'), found: sha('x') },
    ]);
  });

  test('a cut in another place than declared is truncated', () => {
    const record = changed(doc.json ?? {}, 'user_agent.original', 'coalmine/0.1');
    const cut = (at: number): Transform => ({ kind: 'truncate', field: 'user_agent.original', at });
    expect(judge(record, [cut(20)]).state).toBe('truncated');
    expect(judge(record, [cut(12)])).toEqual(INTACT);
  });

  test('a cut is counted in characters, code points, or bytes with a character cut through', () => {
    const event = ecs.write({ ...input, userAgent: 'ab🐤🐤🐤🐤🐤🐤' });
    const seen = { ...event.json, user_agent: { original: 'ab🐤🐤' } };
    const cut = (at: number) =>
      judge(seen, [{ kind: 'truncate', field: 'user_agent.original', at }], event).state;
    expect([3, 4, 5, 6, 7, 9, 10, 11, 13, 14].map(cut).map(s => s === 'intact')).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('lines', () => {
  test('an altered field of a text event', () => {
    const { fields } = judge(
      `<38>Mar  4 05:06:07 web-1 sshd[7]: ${line.text.replace('192.0.2.10', '192.0.2.0')}`,
      [],
      line,
    );
    expect(fields).toEqual([
      { path: 'source_ip', state: 'altered', expected: sha('192.0.2.10'), found: sha('192.0.2.0') },
    ]);
  });

  test('the fields of a text event that a normaliser took apart', () => {
    const { token, ...rest } = line.fields;
    expect(judge({ ssh: { key_id: token }, ...rest, source_port: 50022 }, [], line)).toEqual(INTACT);
    expect(judge({ ssh: { key_id: token }, ...rest, user: 'x' }, [], line).fields).toHaveLength(1);
  });

  test('the time of the attempt is no field', () => {
    const event = textTemplate.write(input);
    expect(judge(textTemplate.write({ ...input, nowMs: 1e12 }).text, [], event)).toEqual(INTACT);
  });

  test('a record that isn’t the event misses everything', () => {
    expect(judge('something else', [], line).fields.map(f => f.state)).toEqual(Array(6).fill('missing'));
  });
});

test('in a batch, an event is judged by its own record', () => {
  const other = ecs.write({ ...input, token: 'coalmine1other', target: 'web-2' });
  const mine = changed(doc.json ?? {}, 'user.name');
  expect(judge({ records: [other.json, mine, other.json] }).fields.map(f => [f.path, f.state])).toEqual([
    ['user.name', 'missing'],
  ]);
});

test('no result ever holds a token', () => {
  const text = j({ x: 1, event: { id: TOKEN.slice(0, 20) } });
  expect(j(judge(text))).not.toContain('coalmine1');
});

describe('hard fields', () => {
  const hard = ecs.write({ ...input, hard: true });
  const set = (path: string, to?: unknown) =>
    judge(changed(hard.json ?? {}, `coalmine.hard.${path}`, to), [], hard);

  test.each([
    ['pad_64k', 'x'.repeat(65000), 'truncated'],
    ['emoji', '?? ??? ??', 'altered'],
    ['combining', 'e\u0301 n\u0303 a\u0308\u0323'.normalize('NFC'), 'altered'],
    ['integer', 9.007199254740994e16, 'altered'],
    ['integer', '9.007199254740994E15', 'altered'],
    ['nanoseconds', '2026-01-02T03:04:05.123456+05:30', 'altered'],
    ['nested.1.1', undefined, 'missing'],
    ['quoting', 'a "b" \'c\' \\ d e', 'altered'],
  ])('%s', (path, to, state) => {
    expect(set(path, to).fields.map(f => f.state)).toEqual([state]);
  });

  test('an integer beyond doubles is read exactly', () => {
    const exact = judge(hard.text.replace('9007199254740994', '9007199254740993'), [], hard);
    expect(exact.fields.map(f => [f.path, f.state])).toEqual([['coalmine.hard.integer', 'altered']]);
  });

  test('dropping them doesn’t lose the event', () => {
    const { coalmine, ...rest } = hard.json as { coalmine: object };
    expect(recognise({ text: j(rest) }, { token: TOKEN }, { event: hard })).toBe('sighting');
    // Two of them are the text "true", which stands elsewhere in the event.
    expect(judge(rest, [], hard).fields.length).toBe(Object.keys(hard.hardFields ?? {}).length - 2);
    expect(coalmine).toBeDefined();
  });
});

describe.each(all)('any event of %s', (_, format) => {
  test('is intact in any envelope, key order, and behind any header', () => {
    fc.assert(
      fc.property(
        anyInput,
        fc.constantFrom(...headers),
        fc.constantFrom(...wraps),
        fc.integer(),
        (i, header, wrap, seed) => {
          const event = format.write(i);
          const text = wrap(header(event.json ? j(shuffled(event.json, seed)) : event.text, event.app));
          expect(integrity({ text }, format.write({ ...i, nowMs: 1 }), [])).toEqual(INTACT);
        },
      ),
    );
  });

  test('with one field changed or gone is not intact, and that field is named', () => {
    const values = fc.oneof(fc.constant(undefined), fc.stringMatching(/^[a-z0-9]{1,12}$/));
    fc.assert(
      fc.property(anyInput, fc.nat(), values, fc.constantFrom(...wraps), (i, pick, to, wrap) => {
        const event = format.write(i);
        const paths = Object.keys(event.fields);
        const path = paths[pick % paths.length] as string;
        const value = event.fields[path] as string;
        // A value that stands anywhere else in the event too can't be told from one that moved there.
        const all = event.json ? scalarsOf(event.json) : Object.values(event.fields);
        fc.pre(value !== to && all.filter(v => v === value).length === 1);
        const pieces = event.parts?.map(p => {
          if (typeof p === 'string') return p;
          if ('volatile' in p) return '2026-03-04T05:06:07Z';
          return p.field === path ? (to ?? '') : event.fields[p.field];
        });
        const text = event.json ? j(changed(event.json, path, to)) : (pieces ?? []).join('');
        const result = integrity({ text: wrap(text) }, event, []);
        expect(result.state).not.toBe('intact');
        expect(result.fields.map(f => f.path)).toContain(path);
      }),
    );
  });
});

/** Every scalar of a JSON value, as text. */
function scalarsOf(json: unknown): string[] {
  const found: string[] = [];
  JSON.stringify(json, (_, v) => {
    if (v === null || typeof v !== 'object') found.push(String(v));
    return v;
  });
  return found;
}

test('OCSF survives a search hit with its own wrapper', () => {
  const event = ocsf.write(input);
  expect(integrity({ text: j({ _id: '1', _source: event.json }) }, event, [])).toEqual(INTACT);
});
