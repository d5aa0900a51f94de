import { describe, expect, test } from 'vitest';
import type { PipelineConfig } from '../../src/config/config.ts';
import { generationOf, storedGeneration } from '../../src/config/generation.ts';
import { configOf, good } from './parse.ts';

const SECRET = 'hunter2-hunter2';
const observe = (password: string) =>
  `        observe: { kind: loki, url: "http://l", query: "{}", password: ${password} }`;
const pipeline = (changes: Readonly<Record<number, string>> = {}): PipelineConfig =>
  configOf(good({ 14: observe(SECRET), ...changes })).pipelines[0]!;
const generation = generationOf(pipeline());

/** The same value with its keys in the opposite order. */
const reversed = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  ) as T;
};

test('32 hex digits that do not depend on the order of keys', () => {
  expect(generation).toMatch(/^[0-9a-f]{32}$/);
  expect(generationOf(pipeline())).toBe(generation);
  expect(generationOf(reversed(pipeline()))).toBe(generation);
});

describe('another generation', () => {
  test.each([
    ['schedule', { 4: '    every: 11s' }],
    ['event', { 6: '    event: { format: sshd, user: other }' }],
    ['injector', { 7: '    inject: { kind: syslog, address: "tcp://127.0.0.1:515" }' }],
    ['name of a checkpoint', { 9: '      - name: archiv' }],
    ['deadline', { 16: '        lost_after: 11m' }],
    ['tree', { 13: '      - name: loki\n        after: source' }],
    ['secret', { 14: observe('hunter3-hunter3') }],
    ['objective', { 4: '    every: 10s\n    objective: { delivered: 99.5% }' }],
  ])('%s', (_name, changes) => expect(generationOf(pipeline(changes))).not.toBe(generation));
});

describe('the same generation', () => {
  test.each([
    ['targets', { 5: '    targets: [web-3]' }],
    ['volume', { 4: '    every: 10s\n    volume: 5 per hour' }],
    ['a default spelled out', { 4: '    every: 10s\n    sampling: uniform\n    send_within: 5s' }],
  ])('%s', (_name, changes) => expect(generationOf(pipeline(changes))).toBe(generation));
});

test('what is stored tells the deadlines and no settings', () => {
  const stored = JSON.parse(JSON.stringify(storedGeneration(pipeline())));
  expect(stored).toMatchObject({
    name: 'ssh',
    title: 'ssh',
    checkpoints: [
      { name: 'archive', kind: 'file', after: null, onTimeWithinMs: 5000, lostAfterMs: 60_000 },
      { name: 'loki', kind: 'loki', after: 'archive', lookBackMs: 604_800_000 },
    ],
  });
  expect(JSON.stringify(stored)).not.toMatch(/hunter2|settings|http:/);
});
