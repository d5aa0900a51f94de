import { expect, test } from 'vitest';
import { meant, nearest } from '../../src/config/nearest.ts';

const KEYS = ['on_time_within', 'lost_after', 'look_every', 'every', 'keeps', 'at'];

test.each([
  ['lost_afetr', 'lost_after'],
  ['lostafter', 'lost_after'],
  ['on-time-within', 'on_time_within'],
  ['on_time_witin', 'on_time_within'],
  ['ontimewthin', 'on_time_within'],
  ['Every', 'every'],
  ['evrey', 'every'],
  ['kepes', 'keeps'],
  ['ta', 'at'],
  ['window', undefined],
  ['xyz', undefined],
  ['x'.repeat(10_000), undefined],
])('%s → %s', (word, near) => expect(nearest(word, KEYS)).toBe(near));

test('without a near one, all are told', () => {
  expect(meant('window', KEYS)).toBe(`known here: ${KEYS.join(', ')}`);
  expect(meant('window', [])).toBe('there are none');
  expect(meant('kepes', KEYS)).toBe('did you mean "keeps"?');
});
