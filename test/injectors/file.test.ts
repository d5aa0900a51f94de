import { execFileSync } from 'node:child_process';
import { constants, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Injector } from '../../src/contracts/injector.ts';
import file from '../../src/injectors/file.ts';
import { injectorConformance, nodeContext, outgoing, type Settings } from '../conformance/injector.ts';

const never = new AbortController().signal;

/** How many descriptors of this process lead into `dir`. */
const openIn = (dir: string): number =>
  readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir);
    } catch {
      return false;
    }
  }).length;

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];

injectorConformance('file', {
  definition: file,
  async receiver() {
    const dir = await mkdtemp(join(tmpdir(), 'coalmine-file-'));
    const [folder, away] = [join(dir, 'log'), join(dir, 'away')];
    await mkdir(folder);
    const path = join(folder, 'auth.log');
    return {
      settings: { path },
      received: () => linesOf(path),
      open: () => openIn(dir),
      stop: () => rename(folder, away),
      restart: () => rename(away, folder),
      close: () => rm(dir, { recursive: true }),
    };
  },
  nobody: 'unsent',
  lineFeed: 'unsent',
  atOnceMax: 1,
});

describe('file', () => {
  let dir = '';
  let path = '';
  const made: Injector[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coalmine-file-'));
    path = join(dir, 'auth.log');
  });
  afterEach(async () => {
    for (const injector of made.splice(0)) await injector.close();
    await rm(dir, { recursive: true });
  });
  const make = async (settings: Settings = {}): Promise<Injector> => {
    const injector = await file.create(file.schema.parse({ path, ...settings }), nodeContext);
    made.push(injector);
    return injector;
  };
  const send = (injector: Injector, ...texts: string[]) =>
    injector.inject(
      texts.map((text, i) => outgoing(i, text)),
      never,
    );

  test('follows a rotation, and a truncation in place', async () => {
    const injector = await make();
    await send(injector, 'one');
    await rename(path, `${path}.1`);
    await send(injector, 'two');
    await truncate(path);
    await send(injector, 'three');
    expect(linesOf(`${path}.1`)).toEqual(['one']);
    expect(linesOf(path)).toEqual(['three']);
    await rename(path, `${path}.2`);
    await writeFile(path, 'by another\n');
    await send(injector, 'four');
    expect(linesOf(path)).toEqual(['by another', 'four']);
  });

  test('makes the file with the mode it is told', async () => {
    await send(await make({ mode: '600' }), 'one');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('appends beside other writers', async () => {
    const injector = await make();
    await send(injector, 'one');
    await appendFile(path, 'by another\n');
    await send(injector, 'two');
    expect(linesOf(path)).toEqual(['one', 'by another', 'two']);
  });

  test("ends another's cut line first", async () => {
    await writeFile(path, 'whole\ncut he');
    expect(await send(await make(), 'ours', 'too')).toMatchObject([
      { result: 'accepted' },
      { result: 'accepted' },
    ]);
    expect(linesOf(path)).toEqual(['whole', 'cut he', 'ours', 'too']);
  });

  test('a full disk refuses, and says so', async () => {
    const injector = await make({ path: '/dev/full' });
    const outcomes = await send(injector, 'one', 'two');
    expect(outcomes).toMatchObject([
      { result: 'refused', again: true, reason: expect.stringContaining('ENOSPC') },
      {},
    ]);
  });

  test('a folder, a missing folder, a forbidden file: our fault, with the remedy', async () => {
    expect(await send(await make({ path: dir }), 'x')).toMatchObject(
      [{ result: 'unsent', reason: /correct path/ }].map(o => ({
        ...o,
        reason: expect.stringMatching(o.reason),
      })),
    );
    expect(await send(await make({ path: join(dir, 'no', 'a.log') }), 'x')).toMatchObject([
      { result: 'unsent' },
    ]);
    await writeFile(path, '');
    await chmod(path, 0o000);
    const [outcome] = await send(await make(), 'x');
    // root may write anywhere
    expect(outcome?.result).toBe(process.getuid?.() === 0 ? 'accepted' : 'unsent');
  });

  describe('a pipe that takes only a part', () => {
    test('the lines before the cut stand, the cut one is in doubt, the rest are refused', async () => {
      execFileSync('mkfifo', [path]);
      const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const texts = Array.from({ length: 200 }, (_, i) => `${i} ${'x'.repeat(995 + (i % 7))}`);
      const injector = await make();
      const outcomes = await send(injector, ...texts);
      const taken = Buffer.alloc(1_048_576);
      const { bytesRead } = await reader.read(taken, 0, taken.length);
      const arrived = taken.subarray(0, bytesRead).toString().split('\n');
      const fragment = arrived.pop() ?? '';
      const whole = outcomes.filter(o => o.result === 'accepted').length;
      expect(arrived).toEqual(texts.slice(0, whole));
      expect(whole).toBeGreaterThan(10);
      expect(whole).toBeLessThan(200);
      const cut = fragment === '' ? 0 : 1;
      if (cut === 1) {
        expect(outcomes[whole]?.result).toBe('maybe_sent');
        expect(texts[whole]?.startsWith(fragment)).toBe(true);
      }
      expect(outcomes.slice(whole + cut).every(o => o.result === 'refused')).toBe(true);

      await send(injector, 'after');
      const { bytesRead: more } = await reader.read(taken, 0, taken.length);
      expect(taken.subarray(0, more).toString()).toBe(cut === 1 ? '\nafter\n' : 'after\n');
      await reader.close();
    });

    test('nobody reads it: refused at once, not a wait', async () => {
      execFileSync('mkfifo', [path]);
      expect(await send(await make(), 'x')).toMatchObject([{ result: 'refused', again: true }]);
    });
  });

  test('without sync the line is there all the same', async () => {
    await send(await make({ sync: false }), 'one');
    expect(await readFile(path, 'utf8')).toBe('one\n');
  });
});
