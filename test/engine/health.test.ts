/** A state's reason as somebody reads it: numbers with their thousands apart, and one canary is one. */
import { expect, test } from 'vitest';
import { checkpointState } from '../../src/engine/health.ts';
import type { Counts } from '../../src/engine/view.ts';

const NOW_MS = 1_725_278_400_000;
const OBJECTIVE = { onTime: 0.99, delivered: 0.999 };
const stateOf = (pastL: Counts, pastD: Counts) =>
  checkpointState({ state: 'sees', asOfMs: NOW_MS }, { spanMs: 1_800_000, pastL, pastD }, OBJECTIVE, NOW_MS);

test('one canary is one', () => {
  expect(stateOf({}, { on_time: 1 })).toEqual({
    state: 'healthy',
    stateReason: '1 of 1 canary on time in 30 min',
  });
  expect(stateOf({}, { on_time: 2 }).stateReason).toBe('2 of 2 canaries on time in 30 min');
});

test('thousands stand apart on both sides', () => {
  expect(stateOf({ on_time: 8_000, lost: 1_000, refused: 1_500 }, {})).toEqual({
    state: 'losing',
    stateReason:
      '2,500 of 10,500 canaries lost (1,500 refused by the first hop) in 30 min; the objective is 99.9% delivered',
  });
  expect(stateOf({}, { on_time: 8_000, late: 1_200 })).toEqual({
    state: 'late',
    stateReason: '1,200 of 9,200 canaries late or overdue in 30 min; the objective is 99% on time',
  });
  expect(stateOf({}, { on_time: 12_000 }).stateReason).toBe('12,000 of 12,000 canaries on time in 30 min');
  expect(stateOf({}, { unsent: 1_100 }).stateReason).toContain(': 1,100 were not sent');
});
