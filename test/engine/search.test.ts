/** Searching for what misses: often while it is young, ever rarer, until the look-back ends; and no range is asked in vain. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newWatch } from '../../src/domain/watermark.ts';
import type { LiveCheckpoint } from '../../src/engine/live.ts';
import { searchRanges, searchSlots } from '../../src/engine/search.ts';
import { MINUTE, play, S, type Scene, T0 } from '../support/plan-play.ts';

const at = (lookS: number, onTimeS: number, lookBackS: number) =>
  ({
    rules: { way: 'query', chained: false, lookEveryMs: lookS * S },
    config: { onTimeWithinMs: onTimeS * S, lookBackMs: lookBackS * S },
  }) as unknown as LiveCheckpoint;

describe('a canary that misses', () => {
  test('is searched for with each look at first, then before its age has doubled, and never beyond the look-back', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 7, 20),
        fc.integer({ min: 10, max: 900 }),
        fc.integer({ min: 100, max: 3_000 }),
        fc.nat({ max: 5_000_000 }),
        (lookS, onTimeS, looks, off) => {
          const lookBackS = Math.max(looks * lookS, onTimeS);
          const wrong: string[] = [];
          const slotMs = T0 + off;
          let searchedMs: number | null = T0;
          let lastMs = 0;
          let n = 0;
          for (let nowMs = slotMs; nowMs < slotMs + 1.1 * lookBackS * S; nowMs += lookS * S) {
            const slots = searchSlots(at(lookS, onTimeS, lookBackS), { searchedMs }, nowMs);
            searchedMs = nowMs;
            const ageMs = nowMs - slotMs;
            const hits = slots.filter(s => s.from_ms <= slotMs && slotMs < s.to_ms).length;
            if (hits > 1) wrong.push(`${hits} times at ${ageMs}`);
            if (hits === 0) {
              const untilMs = Math.max(2 * lastMs, 10_000);
              if (ageMs < lookBackS * S && ageMs > untilMs) wrong.push(`not from ${lastMs} to ${ageMs}`);
              continue;
            }
            if (ageMs > lookBackS * S + 1) wrong.push(`too old: ${ageMs}`);
            lastMs = ageMs;
            n++;
          }
          expect(wrong).toEqual([]);
          const youngMs = Math.min(8 * lookS, onTimeS) * S;
          const doublings = Math.log2((lookBackS * S) / youngMs);
          expect(n).toBeLessThan(2 * Math.max(8, onTimeS / lookS) + 8 * (doublings + 2));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of a checkpoint with a chain isn’t: the chain finds it', () => {
    const chained = {
      ...at(10, 60, 600),
      rules: { way: 'query', chained: true },
    } as unknown as LiveCheckpoint;
    expect(searchSlots(chained, newWatch, T0)).toEqual([]);
  });
});

test('all that misses is reached, in sixteen ranges beside the first at most, apart from it and in order', () => {
  const spans = fc
    .uniqueArray(fc.integer({ min: 1, max: 600 }), { maxLength: 60 })
    .map(ages =>
      ages
        .sort((a, b) => b - a)
        .map(age => ({ first: T0 - age * MINUTE, last: T0 - age * MINUTE, sent: T0 - age * MINUTE + 900 })),
    );
  fc.assert(
    fc.property(spans, fc.constantFrom(0, -5_000), fc.constantFrom(0, 7_000), (missing, low, high) => {
      const sure = { by: 'event' as const, fromMs: T0 - MINUTE, toMs: T0 + MINUTE };
      const watch = { ...newWatch, skewLowMs: low, skewHighMs: high };
      const { first, searches } = searchRanges(missing, sure, {
        watch,
        floorMs: T0 - 400 * MINUTE,
        nearMs: 2 * MINUTE,
      });
      expect(searches.length).toBeLessThanOrEqual(16);
      for (const { first: slot, sent } of missing) {
        if (slot < T0 - 399 * MINUTE) continue;
        const holding = [first, ...searches].filter(r => r.fromMs <= slot + low && r.toMs > sent + high);
        expect(holding).toHaveLength(1);
      }
      for (const [i, r] of searches.entries()) {
        expect(r.fromMs).toBeGreaterThanOrEqual(T0 - 400 * MINUTE);
        expect(r.toMs).toBeGreaterThan(r.fromMs);
        expect(r.toMs).toBeLessThan(searches[i + 1]?.fromMs ?? first.fromMs);
      }
    }),
    { numRuns: 300 },
  );
});

test('by event time, what looks read follows what is new, not what is open', () => {
  const scene: Scene = {
    kind: 'event',
    onTimeS: 900,
    lostS: 14_400,
    lookS: 60,
    beatS: 60,
    keepsMin: 7 * 24 * 60,
    runMin: 600,
    deadUntilS: 0,
    dropsIn: 5,
    driftPpm: 0,
    failsIn: 1e9,
  };
  const { rounds, wrong } = play(scene);
  const of = (hour: number) => {
    const those = rounds.filter(r => Math.floor((r.atMs - T0) / (60 * MINUTE)) === hour);
    const asked = those.flatMap(({ atMs, ranges }) => ranges.map(r => Math.min(r.toMs, atMs) - r.fromMs));
    return { rows: asked.reduce((a, b) => a + Math.max(0, b), 0) / (60 * MINUTE), queries: asked.length };
  };
  expect(wrong[0]).toBeUndefined();
  // Of these, proofs read twelve: each thirty minutes and more, for wrong clocks.
  expect(of(3).rows).toBeLessThan(12);
  expect(of(9).rows).toBeLessThan(20);
  expect(of(9).rows).toBeLessThan(1.2 * of(6).rows);
  expect(of(9).queries).toBeLessThan(300);
});
