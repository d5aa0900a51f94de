import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLog, type LogOptions } from '../../src/runtimes/log.ts';

function collect(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  let nowMs = Date.UTC(2024, 8, 2);
  const log = createLog({
    format: 'json',
    level: 'debug',
    write: line => void lines.push(line),
    now: () => nowMs,
    ...options,
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { log, lines, pass };
}

test('JSON lines carry time, level, event and fields', () => {
  const { log, lines } = collect();
  log('warn', 'store.lost', { tries: 3, reason: new Error('gone') });
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  expect(line).toMatchObject({
    time: '2024-09-02T00:00:00.000Z',
    level: 'warn',
    event: 'store.lost',
    tries: 3,
  });
  expect(line.reason).toContain('gone');
});

test('below the level nothing is written', () => {
  const { log, lines } = collect({ level: 'warn' });
  log('info', 'a');
  log('debug', 'b');
  log('error', 'c');
  expect(lines).toHaveLength(1);
});

test('whatever is logged is one line of printable text, in both formats', () => {
  const anything = fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true }));
  fc.assert(
    fc.property(anything, fc.constantFrom('json' as const, 'text' as const), (fields, format) => {
      const { log, lines } = collect({ format });
      log('info', 'event', fields);
      expect(lines).toHaveLength(1);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      expect(lines[0]).not.toMatch(/[\x00-\x1f]/);
    }),
  );
});

test('a flood of lines that differ in numbers only is a few lines and a count', () => {
  const { log, lines, pass } = collect();
  for (let i = 0; i < 1_000; i++) log('warn', 'look.retry', { tries: i, reason: 'no route' });
  log('warn', 'look.retry', { tries: 0, reason: 'another one' });
  expect(lines).toHaveLength(6);
  pass(61_000);
  log('warn', 'look.retry', { tries: 1_000, reason: 'no route' });
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ suppressed: 995 });
  pass(-3_600_000);
  log('warn', 'look.retry', { tries: 1_001, reason: 'no route' });
  expect(lines).toHaveLength(8);
});

test('a whole token never gets into the log', () => {
  const token = `coalmine1${'a2b3c4d5'.repeat(5)}`;
  for (const format of ['json', 'text'] as const) {
    const { log, lines } = collect({ format });
    log('error', 'hop.failed', { body: `says ${token.toUpperCase()} and ${token}.` });
    expect(lines[0]!.toLowerCase()).not.toContain(token);
    expect(lines[0]).toContain('coalmine1');
  }
});
