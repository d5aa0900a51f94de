import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MaintenanceWindow, meetsMaintenance } from '../../src/domain/maintenance.ts';

const HOUR = 3_600_000;
const at = Date.parse;

describe('a single window', () => {
  const window: MaintenanceWindow = { kind: 'once', fromMs: 1_000, toMs: 2_000 };
  test.each([
    [0, 999, false],
    [0, 1_000, true],
    [1_500, 1_600, true],
    [1_999, 5_000, true],
    [2_000, 5_000, false],
  ])('[%i, %i] meets [1000, 2000): %s', (from, to, meets) => {
    expect(meetsMaintenance([window], from, to)).toBe(meets);
  });
});

describe('a recurring window', () => {
  const sunday: MaintenanceWindow = { kind: 'recurring', cron: '0 0 2 * * 0', timezone: 'UTC', forMs: HOUR };

  test('begins on time, lasts as long as it says, and comes again', () => {
    for (const [from, to, meets] of [
      ['2026-11-22T01:59:59Z', '2026-11-22T01:59:59Z', false],
      ['2026-11-22T01:00:00Z', '2026-11-22T02:00:00Z', true],
      ['2026-11-22T02:59:59Z', '2026-11-22T02:59:59Z', true],
      ['2026-11-22T03:00:00Z', '2026-11-22T04:00:00Z', false],
      ['2026-11-23T02:10:00Z', '2026-11-23T02:20:00Z', false],
      ['2026-11-29T02:10:00Z', '2026-11-29T02:20:00Z', true],
    ] as const)
      expect(meetsMaintenance([sunday], at(from), at(to)), `${from} ${to}`).toBe(meets);
  });

  test('keeps the local hour across a change of clocks', () => {
    const berlin: MaintenanceWindow = { ...sunday, cron: '0 30 4 * * *', timezone: 'Europe/Berlin' };
    expect(meetsMaintenance([berlin], at('2026-10-24T02:40:00Z'), at('2026-10-24T02:41:00Z'))).toBe(true);
    expect(meetsMaintenance([berlin], at('2026-10-26T02:40:00Z'), at('2026-10-26T02:41:00Z'))).toBe(false);
    expect(meetsMaintenance([berlin], at('2026-10-26T03:40:00Z'), at('2026-10-26T03:41:00Z'))).toBe(true);
  });

  test('a daily window meets a span exactly when one of its days does', () => {
    const daily: MaintenanceWindow = {
      kind: 'recurring',
      cron: '0 0 2 * * *',
      timezone: 'UTC',
      forMs: 90 * 60_000,
    };
    const day = 24 * HOUR;
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 * day }),
        fc.integer({ min: 0, max: 2 * day }),
        (from, length) => {
          const fromMs = at('2026-01-01T00:00:00Z') + from - (from % 1_000);
          const toMs = fromMs + length - (length % 1_000);
          let meets = false;
          for (let d = Math.floor(fromMs / day) - 1; d <= Math.floor(toMs / day); d++) {
            const begins = d * day + 2 * HOUR;
            meets ||= begins <= toMs && begins + 90 * 60_000 > fromMs;
          }
          expect(meetsMaintenance([daily], fromMs, toMs)).toBe(meets);
        },
      ),
    );
  });
});
