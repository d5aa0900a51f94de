import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Permanent, type Receipt, Retry } from '../../src/contracts/notifier.ts';
import command from '../../src/notifiers/command.ts';
import {
  type Manner,
  nodeContext,
  noticeOf,
  notifierConformance,
  type Settings,
  until,
} from '../conformance/notifier.ts';

const SECRET = 'pa55"word of $HOME';
const never = new AbortController().signal;
const dirs: string[] = [];
const freshDir = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-command-'));
  dirs.push(dir);
  return dir;
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A shell script; `$DIR` is its folder. */
const script = (dir: string, text: string): string => {
  const path = join(dir, 'program');
  writeFileSync(path, `#!/bin/sh\nDIR='${dir}'\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
};

const MANNERS: Readonly<Record<Manner, string>> = {
  yes: 'mv "$DIR/tmp.$$" "$DIR/taken.$(ls "$DIR" | grep -c taken)"',
  busy: 'exit 75',
  later: 'exit 75',
  no: 'echo "check the channel" >&2; exit 78',
  hang: 'sleep 60',
  flood: 'yes "never ends" | head -c 20000000 >&2; exit 64',
  quote: 'cat "$DIR/tmp.$$" >&2; echo; echo "$TOP_SECRET" >&2; exit 75',
};

notifierConformance('command', {
  definition: command,
  secrets: [SECRET],
  saysWhen: false,
  nobody: Permanent,
  textMin: 9000,
  within: ({ raw }) => expect(raw.length).toBeLessThan(1_000_000),
  end: async () => {
    const dir = freshDir();
    const path = script(dir, 'echo >> "$DIR/asked"\ncat > "$DIR/tmp.$$"\n. "$DIR/manner"');
    const texts = (): string[] =>
      readdirSync(dir)
        .filter(name => name.startsWith('taken'))
        .sort((a, b) => Number(a.split('.')[1]) - Number(b.split('.')[1]))
        .map(name => readFileSync(join(dir, name), 'utf8'));
    return {
      settings: { command: [path, 'a b', '$HOME'], env: { TOP_SECRET: SECRET } },
      answer: manner => writeFileSync(join(dir, 'manner'), MANNERS[manner]),
      asked: () => (existsSync(join(dir, 'asked')) ? readFileSync(join(dir, 'asked')).length : 0),
      delivered: () =>
        texts().map(raw => {
          const { data } = JSON.parse(raw) as {
            data: { id: string; title: string; text: string; facts: { label: string; value: string }[] };
          };
          const facts = data.facts.map(f => `${f.label} ${f.value}`);
          return { key: data.id, shown: [data.title, data.text, ...facts].join('\n'), raw };
        }),
      stop: async () => rmSync(path),
      close: async () => {},
    };
  },
});

const made = (settings: Settings) => command.create(command.schema.parse(settings), nodeContext);
const running = async (text: string, settings: Settings = {}, previous: Receipt | null = null) => {
  const dir = freshDir();
  const notifier = await made({ command: [script(dir, text)], ...settings });
  const notify = () => notifier.notify(noticeOf('i1', 1, { title: 'a\n"b" $HOME `id`' }), previous, never);
  return { dir, notify };
};

describe('exit codes', () => {
  test.each([
    [1, Retry],
    [2, Retry],
    [64, Permanent],
    [65, Permanent],
    [67, Permanent],
    [68, Retry],
    [69, Retry],
    [70, Retry],
    [73, Retry],
    [74, Retry],
    [75, Retry],
    [76, Retry],
    [77, Permanent],
    [78, Permanent],
    [126, Permanent],
    [127, Permanent],
    [255, Retry],
  ] as const)('%i', async (code, expected) => {
    const { notify } = await running(`echo why >&2; exit ${code}`);
    const error = await notify().catch(e => e);
    expect(error).toBeInstanceOf(expected);
    expect(error.message).toMatch(new RegExp(`ended with exit code ${code}: why$`));
  });

  test('a signal: Retry', async () => {
    const { notify } = await running('kill -TERM $$');
    await expect(notify()).rejects.toThrow(/SIGTERM/);
    await expect(notify()).rejects.toBeInstanceOf(Retry);
  });

  test('a program that is not there, or is none: Permanent', async () => {
    const dir = freshDir();
    writeFileSync(join(dir, 'text'), 'hello');
    for (const path of [join(dir, 'none'), join(dir, 'text')]) {
      const failing = (await made({ command: [path] })).notify(noticeOf('i1', 1), null, never);
      await expect(failing).rejects.toBeInstanceOf(Permanent);
      await expect(failing).rejects.toThrow(/could not be run \((ENOENT|EACCES)\): check command/);
    }
  });
});

test('what it is told by its environment, of which ours is no part', async () => {
  process.env.COALMINE_TEST_SECRET = 'ours alone';
  const { dir, notify } = await running('env > "$DIR/env"; printf "%s\\n" "$@" > "$DIR/args"', {
    env: { MINE: 'yes' },
  });
  await notify();
  delete process.env.COALMINE_TEST_SECRET;
  const env = readFileSync(join(dir, 'env'), 'utf8').split('\n');
  expect(env).toEqual(
    expect.arrayContaining([
      'MINE=yes',
      'COALMINE_EVENT=opened',
      'COALMINE_NOTICE_ID=i1-1',
      'COALMINE_INCIDENT=i1',
      'COALMINE_KIND=loss',
      'COALMINE_SEVERITY=critical',
      'COALMINE_PIPELINE=ssh-to-loki',
      'COALMINE_CHECKPOINT=loki',
      'COALMINE_TITLE=a "b" $HOME `id`',
    ]),
  );
  expect(env.filter(line => line.includes('ours alone'))).toEqual([]);
});

test('what it says as a JSON object is the receipt, which comes with the next notice', async () => {
  const { notify } = await running('echo \'{"ticket":"T-17"}\'');
  expect(await notify()).toEqual({ ticket: 'T-17' });
  const next = await running('cat > "$DIR/in"; echo thanks', {}, { ticket: 'T-17' });
  expect(await next.notify()).toEqual({});
  expect(JSON.parse(readFileSync(join(next.dir, 'in'), 'utf8'))).toMatchObject({
    type: 'coalmine.incident.opened',
    previous: { ticket: 'T-17' },
    data: { id: 'i1-1' },
  });
});

test('what it has started dies with it when its time is over', async () => {
  const { dir, notify } = await running('sleep 60 & echo $! > "$DIR/child"; wait', { timeout: '150ms' });
  await expect(notify()).rejects.toThrow(/did not end within 150 ms/);
  const child = Number(readFileSync(join(dir, 'child'), 'utf8'));
  const isRunning = () => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${child}/status`, 'utf8'));
    } catch {
      return false;
    }
  };
  await until('the child is gone', () => !isRunning());
});

test('a program that reads nothing is no fault, nor one that leaves a child behind', async () => {
  const { notify } = await running('exec 0<&-; sleep 3 & exit 0');
  const begun = performance.now();
  await notify();
  expect(performance.now() - begun).toBeLessThan(2000);
});
