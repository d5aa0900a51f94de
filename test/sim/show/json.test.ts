/** The JSON: names that stay, both ways without loss, and nothing that differs from run to run. */
import { expect, test } from 'vitest';
import { resultOf, scenarioJson, scenarioSchema } from '../../../src/sim/show/json.ts';
import { delay, gradual, missed, quiet } from './results.ts';

test.each([gradual, delay, quiet, missed])('$name is what its schema says, and comes back whole', result => {
  const json = JSON.parse(JSON.stringify(scenarioJson(result)));
  expect(scenarioSchema.strict().parse(json)).toEqual(json);
  expect(resultOf(json)).toEqual({ ...result, tookMs: 0 });
});

test('how long it took is told only where it is asked for', () => {
  expect(scenarioJson(gradual)).not.toHaveProperty('took_ms');
  expect(scenarioJson(gradual, { withTime: true }).took_ms).toBe(41_000);
  expect(JSON.stringify(scenarioJson({ ...gradual, tookMs: 7 }))).toBe(JSON.stringify(scenarioJson(gradual)));
});

test('names and spelling', () => {
  const json = scenarioJson(gradual);
  expect(Object.keys(json)).toEqual([
    ...[
      'name',
      'title',
      'options',
      'facts',
      'assumptions',
      'start_ms',
      'end_ms',
      'onset_ms',
      'noticed_ms',
      'canaries',
    ],
    ...['targets', 'buckets', 'said', 'incidents', 'false_alarms', 'others'],
  ]);
  expect(json.options).toEqual({
    seed: 1,
    every_ms: 60_000,
    covered: 1,
    sampling: 'uniform',
    on_time_within_ms: 300_000,
    lost_after_ms: 7_200_000,
  });
  expect(json.others[2]).toMatchObject({
    name: 'volume drop',
    said_ms: gradual.onsetMs! + 7 * 86_400_000,
    false_alarms: 1,
  });
});
