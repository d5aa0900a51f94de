import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { registry } from '../../../src/registry.workerd.gen.ts';
import { needsSeconds } from '../../../src/runtimes/worker/pace.ts';

const configOf = (pipeline: object, checkpoint: object = {}) => {
  const parsed = parseConfig(
    JSON.stringify({
      store: 'postgres://u@h/d',
      signing_keys: ['0123456789abcdef'],
      pipelines: {
        p: {
          send_within: '90s',
          event: { format: 'ocsf' },
          inject: { kind: 'http', url: 'http://127.0.0.1/' },
          checkpoints: [
            {
              name: 'c',
              observe: { kind: 'receive' },
              on_time_within: '3m',
              lost_after: '1h',
              ...checkpoint,
            },
          ],
          ...pipeline,
        },
      },
    }),
    { file: 'test.yaml', env: {}, registry, runtime: 'workerd' },
  );
  if (!parsed.config) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.config;
};

describe('what a tick a minute is enough for', () => {
  test.each([
    [{ every: '1m' }, {}],
    [{ cron: '30 */5 * * * *' }, {}],
    [
      { every: '1h', send_within: '5m' },
      { on_time_within: '10s', look_every: '1m' },
    ],
  ])('%j %j', (pipeline, checkpoint) => {
    expect(needsSeconds(configOf(pipeline, checkpoint))).toEqual([]);
  });

  test.each([
    ['every', { every: '59s' }, {}],
    ['every', { cron: '*/30 * * * * *' }, {}],
    ['every', { cron: '0,30 0 * * * *' }, {}],
    ['send_within', { every: '1m', send_within: '89s' }, {}],
    ['look_every', { every: '1m' }, { on_time_within: '90s' }],
    ['look_every', { every: '1m' }, { look_every: '59s' }],
  ])('not where %s is too short: %j %j', (setting, pipeline, checkpoint) => {
    const needs = needsSeconds(configOf(pipeline, checkpoint));
    expect(needs).toHaveLength(1);
    expect(needs[0]).toContain(setting);
    expect(needs[0]).toContain('pipelines.p');
  });
});

test('only adapters that say so run on workerd', () => {
  const all = [...registry.injectors.values(), ...registry.observers.values()];
  expect(all.every(d => d.runtimes.includes('workerd'))).toBe(true);
  expect([...registry.injectors.keys()]).toContain('http');
  expect([...registry.injectors.keys()]).not.toContain('file');
});
