// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the config file are meant
import { describe, expect, test } from 'vitest';
import { badConfigs } from './bad-configs.ts';
import { good, parse, told } from './parse.ts';

test.each(badConfigs)('%s', (_name, text, ...expected) => {
  const parsed = parse(text);
  expect(told(parsed)).toEqual(expected);
  expect(parsed.config).toBeUndefined();
});

test('all at once, in the order of the file', () => {
  const text = good(
    {
      1: 'signing_keys: ["${KEY}"]',
      4: '    every: 5',
      11: '        on_time_within: 2m',
      14: '        observe: { kind: lokki }',
    },
    'retention: { rollups: long }\nacces: {}\n',
  );
  const { diagnostics } = parse(text);
  expect(diagnostics.map(d => [d.line, d.column, d.path, d.fix])).toEqual([
    [1, 16, 'signing_keys[0]', 'set KEY, or write ${KEY:-default}'],
    [4, 12, 'pipelines.ssh.every', undefined],
    [12, 21, 'pipelines.ssh.checkpoints[0].lost_after', 'raise lost_after, or lower on_time_within'],
    [14, 26, 'pipelines.ssh.checkpoints[1].observe.kind', 'did you mean "loki"?'],
    [17, 23, 'retention.rollups', undefined],
    [18, 1, 'acces', 'did you mean "access"?'],
  ]);
});

describe('where it runs', () => {
  test('node’s adapters and files are refused on workerd', () => {
    const text = good({ 5: '    targets: { file_sd: [x] }' });
    expect(parse(text).config).toBeDefined();
    expect(told(parse(text, { runtime: 'workerd' }))).toEqual([
      '1:1 store: expected the URL of a PostgreSQL, since workerd cannot start one, found nothing',
      '5:16 pipelines.ssh.targets.file_sd: workerd has no files',
      '7:21 pipelines.ssh.inject.kind: syslog does not run on workerd',
      `10:26 pipelines.ssh.checkpoints[0].observe.kind: file does not run on workerd`,
    ]);
  });
});

test('an objective that contradicts itself is warned of', () => {
  const text = good({ 4: '    every: 1s\n    objective: { on_time: 99.99% }' });
  expect(told(parse(text), 'warning')).toEqual([
    '5:27 pipelines.ssh.objective.on_time: on_time (99.99%) is above delivered (99.9%), yet what is on time is delivered',
  ]);
});

test('a flood of findings is cut, and says so', () => {
  const { diagnostics } = parse(good({}, Array.from({ length: 500 }, (_, i) => `k${i}: 1`).join('\n')));
  expect(diagnostics).toHaveLength(201);
  expect(diagnostics.at(-1)?.message).toBe('300 more findings are left out');
});
