import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { CLI, coalmine, expectNoStack, put, useDirectory } from './child.ts';
import { signToken } from './sign.ts';

const VERBS = [
  'demo',
  'init',
  'validate',
  'run',
  'test',
  'status',
  'simulate',
  'estimate',
  'exclusions',
  'doctor',
  'scan',
  'export',
  'import',
  'migrate',
  'schema',
  'adapters',
];
const dir = useDirectory();

describe.concurrent('usage', () => {
  test.each([
    [['vallidate'], /unknown command 'vallidate'[\s\S]*validate/],
    [['validate', '--conifg', 'x'], /unknown option '--conifg'[\s\S]*--config/],
    [['test'], /missing required argument 'pipeline'/],
    [['schema', 'surplus'], /too many arguments/],
    [['keys', 'gen'], /unknown command 'gen'/],
    [['help', 'vallidate'], /did you mean "validate"/],
    [['validate', '--config'], /argument missing/],
  ])('%j is told what was meant, and ends with 2', async (args, says) => {
    const ended = await coalmine(args, { cwd: dir });
    expect(ended.err).toMatch(says);
    expect(ended.code).toBe(2);
    expect(ended.out).toBe('');
    expectNoStack(ended);
  });

  test('with --json, a mistake is JSON too', async () => {
    const { code, out } = await coalmine(['adapters', 'lokki', '--json'], { cwd: dir });
    expect(JSON.parse(out).error).toMatchObject({
      exit: 2,
      message: expect.stringContaining('did you mean "loki"'),
    });
    expect(code).toBe(2);
  });

  test('nothing at all shows the verbs, and is no success', async () => {
    const ended = await coalmine([], { cwd: dir });
    expect(ended.code).toBe(2);
    for (const verb of VERBS) expect(ended.err).toContain(`\n  ${verb} `);
  });

  test('--version and --help are successes', async () => {
    expect(await coalmine(['--version'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect((await coalmine(['--help'])).code).toBe(0);
  });

  test('every verb’s help has an example and says what its exit codes mean', async () => {
    const helps = await Promise.all(VERBS.map(verb => coalmine([verb, '--help'])));
    for (const [i, { code, out }] of helps.entries()) {
      expect(code).toBe(0);
      expect(out).toContain(`coalmine ${VERBS[i]}`);
      expect(out).toMatch(/Example:\n {2}\$ .*coalmine/);
      expect(out).toMatch(/Exit codes:\n {2}0 {2}\S/);
      expect(out).toContain('--json');
    }
  });
});

describe.concurrent('output', () => {
  test('a reader that goes away ends it quietly', async () => {
    const signing = {
      key: 'k'.repeat(32),
      storeId: 's',
      epoch: 1,
      target: 1,
      slot: 1_700_000_000_000,
      index: 0,
    };
    const file = put(dir, 'many.log', `${signToken(signing)}\n`.repeat(100_000));
    const child = spawn(process.execPath, [CLI, 'scan', '--key', signing.key, '--store-id', 's', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', chunk => {
      err += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise(resolve => child.once('close', resolve));
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  test('no colours where nobody looks', async () => {
    const { out } = await coalmine(['adapters'], { env: { FORCE_COLOR: '1' } });
    expect(out).not.toContain('\u001b');
  });
});
