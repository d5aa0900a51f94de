import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';
import { signToken } from './sign.ts';

const KEY = '0123456789abcdef0123456789abcdef';
const ID = 'store-1';
const SLOT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const signing = { key: KEY, storeId: ID, epoch: 2, target: 7, slot: SLOT, index: 5 };
const ours = signToken(signing);
const forged = signToken({ ...signing, key: 'x'.repeat(32) });
const byKey = ['--key', KEY, '--store-id', ID, '--epochs', '1,2'];
const dir = useDirectory();
const scan = (args: readonly string[], input?: string | Buffer) =>
  coalmine(['scan', ...args], { cwd: dir, ...(input === undefined ? {} : { input }) });

describe.concurrent('finds and verdicts', () => {
  test('ours, in any wrapping, at its offset', async () => {
    const ended = await scan([...byKey, '-'], `x\n{"msg":"{\\"id\\":\\"${ours.toUpperCase()}\\"}"}`);
    expect(ended.code).toBe(0);
    expect(ended.out).toBe(`-:20  7.${SLOT}.5  2026-01-02T03:04:05.678Z  valid\n`);
    expect(ended.err).toContain('1 valid, 0 forged, 0 unverified');
  });

  test('a forged one is named with its file, and ends with 1', async () => {
    const good = put(dir, 'good.log', ours);
    const bad = put(dir, 'bad.log.gz', gzipSync(`a ${forged} b`));
    const ended = await scan([...byKey, good, bad]);
    expect(ended.out).toContain(`bad.log.gz:2  7.${SLOT}.5`);
    expect(ended.out).toMatch(/forged$/m);
    expect(ended.err).toContain(`1 valid, 1 forged (in ${bad})`);
    expect(ended.code).toBe(1);
  });

  test('the tokens of another store, another epoch and another key are forged here', async () => {
    const others = [{ storeId: 'store-2' }, { epoch: 3 }, { key: 'k'.repeat(16) }];
    const { out, code } = await scan(
      [...byKey, '-'],
      others.map(other => signToken({ ...signing, ...other })).join('\n'),
    );
    expect(out.match(/forged$/gm)).toHaveLength(3);
    expect(code).toBe(1);
  });

  test('without keys, finds are unverified: nobody can tell', async () => {
    const ended = await scan(['-'], ours);
    expect(ended.out).toMatch(/unverified$/m);
    expect(ended.code).toBe(3);
  });

  test('nothing found is good news', async () => {
    expect(await scan([...byKey, '-'], 'nothing here')).toMatchObject({ code: 0, out: '' });
  });

  test('a whole token is only printed when asked for', async () => {
    expect((await scan([...byKey, '-'], ours)).out).not.toContain(ours);
    expect((await scan([...byKey, '--json', '-'], ours)).out).not.toContain(ours);
    expect((await scan([...byKey, '--tokens', '-'], ours)).out).toContain(ours);
  });

  test('--json is one document a line, the summary last', async () => {
    const { out } = await scan([...byKey, '--json', '-'], `${ours} ${forged}`);
    const lines = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(lines[0]).toMatchObject({
      file: '-',
      offset: 0,
      verdict: 'valid',
      target: 7,
      index: 5,
      name: `7.${SLOT}.5`,
    });
    expect(lines[1]).toMatchObject({ offset: 50, verdict: 'forged' });
    expect(lines[2]).toMatchObject({ summary: true, valid: 1, forged: 1, bytes: 99, faults: [] });
  });
});

describe.concurrent('inputs', () => {
  test('a truncated gzip: what stands before is found, and it can’t be told', async () => {
    const packed = gzipSync(`${ours}\n${'padding that makes it longer '.repeat(50)}`, { level: 0 });
    const cut = put(dir, 'cut.gz', packed.subarray(0, packed.length - 20));
    const ended = await scan([...byKey, cut]);
    expect(ended.out).toContain('valid');
    expect(ended.err).toMatch(/ends in the middle/);
    expect(ended.code).toBe(3);
    expectNoStack(ended);
  });

  test.each([
    ['a directory', '.', /is a directory/],
    ['a file that isn’t there', 'nosuch.log', /there is no file/],
    ['a name through a file', 'good.log/x', /no directory/],
  ])('%s ends with 2', async (_, file, says) => {
    put(dir, 'good.log', ours);
    const ended = await scan([...byKey, file]);
    expect(ended.err).toMatch(says);
    expect(ended.code).toBe(2);
    expectNoStack(ended);
  });

  test('packed in a way that hides its text: refused, with what to do', async () => {
    const ended = await scan([...byKey, '-'], Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]));
    expect(ended.err).toContain('xz -dc');
    expect(ended.code).toBe(3);
  });

  test.each([
    [['--key', KEY], /--store-id/],
    [['--key', 'short', '--store-id', ID], /at least 16/],
    [['--key', KEY, '--store-id', ID, '--epochs', 'one'], /--epochs/],
  ])('%j is a mistake', async (args, says) => {
    const ended = await scan([...args, '-'], ours);
    expect(ended.err).toMatch(says);
    expect(ended.code).toBe(2);
    expectNoStack(ended);
  });

  test('a large stream passes through a small heap', async () => {
    const input = Buffer.alloc(96 * 1024 * 1024, 'some ordinary text of a log, again and again\n');
    input.write(` ${ours} `, input.length - 60);
    const ended = await coalmine(['scan', ...byKey, '-'], {
      cwd: dir,
      input,
      node: ['--max-old-space-size=24'],
    });
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining(`-:${input.length - 59}  `) });
  });
});
