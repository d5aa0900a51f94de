import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { registry } from '../../src/registry.gen.ts';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const dir = useDirectory();
const inDir = (args: readonly string[], env: Record<string, string> = {}) =>
  coalmine(args, { cwd: dir, env });

describe('init', () => {
  test('writes what validates, once', async () => {
    const first = await inDir(['init']);
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('coalmine test hello') });
    expect(statSync(join(dir, 'coalmine.key')).mode & 0o777).toBe(0o600);
    const valid = await inDir(['validate', '--json']);
    expect(JSON.parse(valid.out)).toEqual({ valid: true, diagnostics: [] });
    expect(valid.code).toBe(0);
    const again = await inDir(['init']);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('--force') });
  });

  test('--force replaces the configuration and keeps the key', async () => {
    const key = readFileSync(join(dir, 'coalmine.key'), 'utf8');
    const config = readFileSync(join(dir, 'coalmine.yaml'), 'utf8');
    writeFileSync(join(dir, 'coalmine.yaml'), 'mine');
    const ended = await inDir(['init', '--force', '--json']);
    expect(JSON.parse(ended.out)).toEqual({
      config: 'coalmine.yaml',
      key_file: 'coalmine.key',
      key_kept: true,
    });
    expect(readFileSync(join(dir, 'coalmine.yaml'), 'utf8')).toBe(config);
    expect(readFileSync(join(dir, 'coalmine.key'), 'utf8')).toBe(key);
  });

  test('another name brings another key, and the configuration names it', async () => {
    await inDir(['init', '--config', 'two.yaml']);
    expect(readFileSync(join(dir, 'two.yaml'), 'utf8')).toContain('$' + '{file:two.key}');
    expect((await inDir(['validate', 'two.yaml'])).code).toBe(0);
  });

  test('a folder that isn’t there is told', async () => {
    const ended = await inDir(['init', '--config', 'no/such/coalmine.yaml']);
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('there is no file') });
    expectNoStack(ended);
  });
});

describe.concurrent('validate', () => {
  const bad = 'signing_keys: [topsecret]\npipelines:\n  ssh:\n    every: 10 seconds\n    wibble: 1\n';

  test('errors: each with its line, no secret, and 2', async () => {
    const ended = await inDir(['validate', put(dir, 'bad.yaml', bad)]);
    expect(ended.out).toMatch(/bad\.yaml:4:\d+ error pipelines\.ssh\.every/);
    expect(ended.out).toMatch(/bad\.yaml:5:\d+ error .*wibble/);
    expect(`${ended.out}${ended.err}`).not.toContain('topsecret');
    expect(ended.code).toBe(2);
  });

  test('--json: the same as data', async () => {
    const ended = await inDir(['validate', '--json', '-c', put(dir, 'bad.yaml', bad)]);
    const told = JSON.parse(ended.out);
    expect(told.valid).toBe(false);
    expect(told.diagnostics).toContainEqual(expect.objectContaining({ level: 'error', line: 4 }));
    expect(ended.code).toBe(2);
  });

  test('hints are told, and are no failure', async () => {
    const config = readFileSync(join(import.meta.dirname, '../../examples/minimal.yaml'));
    const ended = await inDir(['validate', put(dir, 'hint.yaml', config)]);
    expect(ended.out).toMatch(/hint[\s\S]*valid: 1 pipeline/);
    expect(ended.code).toBe(0);
  });

  test.each<[string, () => string, RegExp]>([
    ['no file', () => join(dir, 'nosuch.yaml'), /there is no .*--config/],
    ['a directory', () => dir, /is a directory/],
    ['a program', () => put(dir, 'program', readFileSync(process.execPath).subarray(0, 4096)), /UTF-8/],
    ['an empty file', () => put(dir, 'empty.yaml', ''), /a map with pipelines/],
    ['a list', () => put(dir, 'list.yaml', '- 1\n- 2\n'), /a map with pipelines/],
    ['broken YAML', () => put(dir, 'broken.yaml', 'pipelines: {'), /not YAML/],
  ])('%s ends with 2, in words', async (_, file, says) => {
    const ended = await inDir(['validate', file()]);
    expect(`${ended.out}${ended.err}`).toMatch(says);
    expect(ended.code).toBe(2);
    expectNoStack(ended);
  });

  test('no configuration here: what to do', async () => {
    const ended = await coalmine(['validate'], {
      cwd: put(dir, 'x', '').replace(/x$/, '') && import.meta.dirname,
    });
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('coalmine init') });
  });

  test('a file that may not be read', async () => {
    if (process.getuid?.() === 0) return;
    const file = put(dir, 'closed.yaml', 'a: 1');
    chmodSync(file, 0);
    expect(await inDir(['validate', file])).toMatchObject({
      code: 2,
      err: expect.stringContaining('may not be read'),
    });
  });
});

describe.concurrent('schema and adapters', () => {
  test('the schema that is shipped is the one that is printed', async () => {
    const { out, code } = await inDir(['schema']);
    expect(code).toBe(0);
    const shipped = readFileSync(join(import.meta.dirname, '../../schema/coalmine.schema.json'), 'utf8');
    expect(JSON.parse(out), 'run: node dist/cli/main.js schema > schema/coalmine.schema.json').toEqual(
      JSON.parse(shipped),
    );
  });

  test('every kind is listed, as text and as JSON', async () => {
    const kinds = [...registry.injectors.keys(), ...registry.observers.keys()];
    const [text, json] = await Promise.all([inDir(['adapters']), inDir(['adapters', '--json'])]);
    for (const kind of kinds) expect(text.out).toMatch(new RegExp(`^ {2}${kind} `, 'm'));
    expect(JSON.parse(json.out).map((a: { kind: string }) => a.kind)).toEqual(kinds);
  });

  test('one kind with its settings: those that must be given say so', async () => {
    const { out } = await inDir(['adapters', 'file']);
    expect(out).toMatch(/path +string +required/);
    expect(out).toMatch(/sync +boolean +default true/);
  });
});

describe('keys', () => {
  test('keys differ, have 256 bits, and files are never overwritten', async () => {
    const [a, b] = await Promise.all([inDir(['keys', 'generate']), inDir(['keys', 'generate'])]);
    expect(a.out).toMatch(/^[0-9a-f]{64}\n$/);
    expect(a.out).not.toBe(b.out);
    expect((await inDir(['keys', 'generate', '--out', 'k1'])).code).toBe(0);
    const key = readFileSync(join(dir, 'k1'), 'utf8');
    expect(statSync(join(dir, 'k1')).mode & 0o777).toBe(0o600);
    const again = await inDir(['keys', 'generate', '--out', 'k1']);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('exists already') });
    expect(readFileSync(join(dir, 'k1'), 'utf8')).toBe(key);
  });
});

describe.concurrent('a store that is closed', () => {
  const config = [
    'store: postgres://coalmine:hunter2hunter2@127.0.0.1:1/ledger',
    'listen: 127.0.0.1:1',
    'signing_keys: [0123456789abcdef0123456789abcdef]',
    'pipelines:',
    '  p:',
    '    every: 10s',
    '    event: { format: sshd }',
    '    inject: { kind: file, path: ./p.log }',
    '    checkpoints: [{ name: c, observe: { kind: file, path: ./p.log }, on_time_within: 5s, lost_after: 1m }]',
  ].join('\n');

  test.each([['status'], ['export'], ['migrate', '--check'], ['test', 'p'], ['doctor', '--no-reach']])(
    '%s can’t tell, says why, and keeps the password',
    async (...args) => {
      const ended = await inDir([...args, '-c', put(dir, 'closed-store.yaml', config)]);
      expect(`${ended.out}${ended.err}`).toContain('ECONNREFUSED');
      expect(`${ended.out}${ended.err}`).not.toContain('hunter2');
      expect(ended.code).toBe(3);
      expectNoStack(ended);
    },
  );

  test('a pipeline that isn’t there is a mistake before anything is opened', async () => {
    const ended = await inDir(['test', 'pp', '-c', put(dir, 'closed-store.yaml', config)]);
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('did you mean "p"') });
  });

  test('import of rubbish isn’t tried without a store', async () => {
    const file = put(dir, 'rubbish', 'x');
    expect((await inDir(['import', file, '-c', put(dir, 'closed-store.yaml', config)])).code).toBe(3);
  });
});
