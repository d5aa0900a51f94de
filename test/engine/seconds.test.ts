/** What a second look has to find again stands where it is asked for: else what wasn't asked would count as vanished. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newWatch } from '../../src/domain/watermark.ts';
import type { Ask } from '../../src/engine/ask.ts';
import { seek } from '../../src/engine/seconds.ts';
import type { Sql } from '../../src/store/open.ts';
import { ALLOWANCE, liveOf, MINUTE, S, T0 } from '../support/plan-play.ts';

test('a proof is left to the first look only if that reaches what has to be found again too', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 1, max: 120 }),
      async (seenMin, reachMin) => {
        const span = { first: T0, last: T0, sent: T0 + 50 };
        const seenAt = T0 - seenMin * MINUTE;
        const before = { first: seenAt, last: seenAt, sent: seenAt };
        const sql = (() => Promise.resolve([{ before, after: null }])) as unknown as Sql;
        const checkpoint = liveOf({
          kind: 'event',
          keepsMin: 600,
          lookS: 10,
          onTimeS: 30,
          lostS: 600,
        } as never);
        const at = { lease: { pipeline: 1, checkpoint: 1 }, checkpoint } as unknown as Ask['at'];
        const nowMs = T0 + 30 * MINUTE;
        const first = { by: 'event' as const, fromMs: T0 - reachMin * MINUTE, toMs: nowMs + ALLOWANCE };
        const second = {
          span,
          range: { by: 'event' as const, fromMs: T0 - ALLOWANCE - 2 * S, toMs: T0 + ALLOWANCE + 3 * S },
        };
        const plan = reachMin > 15 ? { seconds: [], within: [second] } : { seconds: [second], within: [] };
        const { seconds, within } = await seek({ sql }, at, newWatch, { first, ...plan }, nowMs);
        expect(seconds.length + within.length).toBe(1);
        for (const s of within) {
          expect(first.fromMs).toBeLessThanOrEqual(seenAt);
          expect(first.fromMs).toBeLessThanOrEqual(s.range.fromMs);
        }
        for (const s of seconds)
          expect([s.range, s.apart].some(r => r && r.fromMs <= seenAt && seenAt < r.toMs)).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});
