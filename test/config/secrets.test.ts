// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the config file are meant
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDiagnostics } from '../../src/config/format.ts';
import { isSecretPath } from '../../src/config/secrets.ts';
import { substitute } from '../../src/config/substitute.ts';
import { configOf, good, parse } from './parse.ts';

describe('substitution', () => {
  const files: Record<string, string> = { '/run/key': 'from a file\n', big: 'x'.repeat(65_537) };
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
    return text;
  };
  const around = { env: { A: 'a', EMPTY: '', REF: '${A}' }, readFile };

  test.each([
    ['${A}', 'a'],
    ['x${A}y${A}', 'xaya'],
    ['${EMPTY}', ''],
    ['${EMPTY:-d}', 'd'],
    ['${NONE:-}', ''],
    ['${NONE:-http://x:1/$y}', 'http://x:1/$y'],
    ['$${A}', '${A}'],
    ['$$${A}', '$${A}'],
    ['$A {A} 5$', '$A {A} 5$'],
    ['${REF}', '${A}'],
    ['${file:/run/key}', 'from a file'],
  ])('%s', (raw, text) => expect(substitute(raw, around)).toMatchObject({ text, problems: [] }));

  test.each([
    ['${NONE}', 'the environment variable NONE is not set'],
    ['${toString}', 'the environment variable toString is not set'],
    ['${}', 'expected ${NAME}, ${NAME:-default} or ${file:/path}, found "${}"'],
    ['${A', 'expected ${NAME}, ${NAME:-default} or ${file:/path}, found "${A"'],
    ['${file:/none}', 'the file /none cannot be read (ENOENT)'],
    ['${file:big}', 'the file big is longer than 65536 characters'],
  ])('%s is a mistake', (raw, message) => {
    expect(substitute(raw, around)).toMatchObject({ text: raw, problems: [{ message }] });
  });

  test('text without references stays as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter(s => !s.includes('${')),
        s => void expect(substitute(s, around)).toMatchObject({ text: s, changed: false, problems: [] }),
      ),
    );
  });

  test('only values are substituted, not keys and comments', () => {
    const text = good({ 4: '    every: ${E} # ${NOPE}', 5: '    targets: { t: {} }' });
    expect(configOf(text, { env: { E: '2s' } }).pipelines[0]?.schedule).toEqual({
      kind: 'every',
      everyMs: 2000,
    });
    expect(parse(good({ 3: '  ${E}:' }), { env: { E: 'ssh' } }).diagnostics[0]).toMatchObject({
      line: 3,
      path: 'pipelines["${E}"]',
    });
  });

  test('the type follows the schema: digits are a number where one is wanted, and text where text is', () => {
    const text = good({
      7: '    inject: { kind: syslog, address: "tcp://h:${PORT}", watch: "${N}", verify: "${NO:-false}" }',
      14: '        observe: { kind: loki, url: "http://l", query: "${N}", password: "${N}" }',
    });
    const pipeline = configOf(text, { env: { PORT: '514', N: '77' } }).pipelines[0];
    expect(pipeline?.inject.settings).toMatchObject({ address: 'tcp://h:514', watch: 77, verify: false });
    expect(pipeline?.checkpoints[1]?.observe.settings).toMatchObject({ query: '77', password: '77' });
  });

  test('digits that were written as text are not a number', () => {
    const text = good({ 7: '    inject: { kind: syslog, address: "tcp://h:1", watch: "77" }' });
    expect(parse(text).diagnostics[0]?.message).toBe('expected a number, found "77"');
  });
});

test.each([
  ['password', true],
  ['client_secret', true],
  ['api_key', true],
  ['bearer_token', true],
  ['Authorization', true],
  ['key_file', false],
  ['token_url', false],
  ['public_key_id', false],
  ['query', false],
])('%s holds a secret: %s', (name, secret) => expect(isSecretPath(['observe', name])).toBe(secret));

describe('no secret is told', () => {
  const secret = 'hunter2-hunter2';
  const cases: readonly (readonly [string, string])[] = [
    ['in a list', good({ 1: `signing_keys:\n  - ${secret.slice(0, 14)}` })],
    [
      'by its name, of the wrong type',
      good({ 14: `        observe: { kind: loki, url: x, password: { x: ${secret} } }` }),
    ],
    ['marked by the adapter', good({ 14: `        observe: { kind: loki, url: x, bearer: [${secret}] }` })],
    ['in headers', good({ 7: `    inject: { kind: http, url: x, headers: { X-Auth: ${secret}, b: 1 } }` })],
    [
      'in a URL',
      good({
        14: `        observe: { kind: loki, url: "ftp//u:${secret}@h://u:${secret}@h", query: 5 }`,
      }).replace(`ftp//u:${secret}@h:`, 'ftp:'),
    ],
    ['in the store’s URL', good({}, `store: postgres//u:${secret}@h`).replace('postgres//', 'mysql://')],
    [
      'in a message of the adapter’s own',
      good({ 14: `        observe: { kind: loki, url: "http://l", query: x, password: ${secret}bad }` }),
    ],
    [
      'from the environment, anywhere',
      good({
        4: '    every: ${S}',
        14: '        observe: { kind: loki, url: "${S}", query: x, password: "${S}bad" }',
      }),
    ],
    ['from a file', good({ 4: '    every: ${file:s}' })],
    [
      'as a default',
      good({ 14: `        observe: { kind: loki, url: x, query: x, password: "\${P:-${secret}bad}" }` }),
    ],
    ['in a notifier', good({}, `notify: { a: { url: "https://h/${secret}", kind: 5 } }`)],
    [
      'in a file that is not YAML',
      good({ 14: `        observe: { kind: loki, url: x, password: "${secret} }` }),
    ],
    ['on a line that is not YAML', good({ 14: `        password: ${secret}: x` })],
  ];
  test.each(cases)('%s', (_name, text) => {
    const { diagnostics } = parse(text, { env: { S: secret }, readFile: () => `${secret}\n` });
    expect(diagnostics.some(d => d.level === 'error')).toBe(true);
    expect(JSON.stringify(diagnostics)).not.toContain(secret.slice(0, 14));
    expect(formatDiagnostics(diagnostics)).not.toContain(secret.slice(0, 14));
  });
});
