import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bar, Counts } from '../../../src/engine/overview.ts';
import { columnsOf, stretch, thinned, ticksOf, totalOf } from '../../../src/web/pages/charts/columns.ts';
import { lanesOf } from '../../../src/web/pages/charts/tree.ts';
import { exceptionsOf } from '../../../src/web/pages/exceptions.ts';
import { episode } from '../../../src/web/pages/state.ts';
import { checkpointOf, NOW_MS } from './fixture.ts';

const BUCKETS = [
  'on_time',
  'delivered',
  'late',
  'lost',
  'refused',
  'pending',
  'unproven',
  'recovered',
] as const;
const LOUD = ['late', 'lost', 'refused', 'unproven', 'recovered'];

const anyCounts = fc
  .dictionary(fc.constantFrom(...BUCKETS), fc.integer({ min: 0, max: 50_000 }))
  .map(c => c as Counts);
const anyBars = fc
  .array(anyCounts, { minLength: 1, maxLength: 120 })
  .map(all => all.map((counts, i): Bar => ({ fromMs: i * 1000, toMs: (i + 1) * 1000, counts })));

const barsWith = (bucket: string, at: readonly number[], n = 40): Bar[] =>
  Array.from({ length: n }, (_, i) => ({
    fromMs: i * 60_000,
    toMs: (i + 1) * 60_000,
    counts: at.includes(i) ? { on_time: 9, [bucket]: 1 } : { on_time: 10 },
  }));

describe('columns', () => {
  test('stand within the chart, do not overlap, and show every canary that is out of the ordinary', () => {
    fc.assert(
      fc.property(anyBars, bars => {
        for (const [i, column] of columnsOf(bars, 84).entries()) {
          expect(column.x).toBeGreaterThanOrEqual(0);
          expect(column.x + column.width).toBeLessThanOrEqual(100.02);
          const shown = column.segments.map(s => s.bucket);
          const present = BUCKETS.filter(b => (bars[i]?.counts[b] ?? 0) > 0);
          expect([...shown].sort()).toEqual([...present].sort());
          const heights = column.segments.reduce((sum, s) => sum + s.height, 0);
          expect(heights).toBeLessThanOrEqual(84 + column.segments.length);
          for (const [j, s] of column.segments.entries()) {
            expect(s.y).toBeGreaterThanOrEqual(0);
            if (LOUD.includes(s.bucket)) expect(s.height).toBeGreaterThanOrEqual(4);
            const below = column.segments[j - 1];
            if (below && s.y > 0) expect(s.y + s.height).toBe(below.y);
          }
        }
      }),
    );
  });

  test('one lost among 50,000 is as visible as a finger’s width allows', () => {
    const [column] = columnsOf([{ fromMs: 0, toMs: 1, counts: { on_time: 49_999, lost: 1 } }], 84);
    expect(column?.segments.map(s => [s.bucket, s.height])).toEqual([
      ['on_time', 80],
      ['lost', 4],
    ]);
  });

  test('joining neighbours loses no canary and no time', () => {
    fc.assert(
      fc.property(anyBars, fc.integer({ min: 1, max: 60 }), (bars, max) => {
        const thin = thinned(bars, max);
        expect(thin.length).toBeLessThanOrEqual(max);
        expect(thin[0]?.fromMs).toBe(bars[0]?.fromMs);
        expect(thin.at(-1)?.toMs).toBe(bars.at(-1)?.toMs);
        const sum = (all: readonly Bar[]) => all.reduce((t, b) => t + totalOf(b.counts), 0);
        expect(sum(thin)).toBe(sum(bars));
      }),
    );
  });

  test('a span outside the frame is not drawn; one that reaches beyond is cut', () => {
    const frame = { fromMs: 100, toMs: 200 };
    expect(stretch({ fromMs: 0, toMs: 100 }, frame)).toBeNull();
    expect(stretch({ fromMs: 50, toMs: 150 }, frame)).toEqual({ x: 0, width: 50 });
  });

  test('ticks are round times', () => {
    expect(ticksOf(NOW_MS - 3_600_000, NOW_MS, NOW_MS).map(t => t.label)).toEqual([
      '11:15',
      '11:30',
      '11:45',
    ]);
    expect(ticksOf(NOW_MS - 7 * 86_400_000, NOW_MS, NOW_MS).map(t => t.label)).toContain('31 Aug');
    // No two of a short span are called the same.
    for (const spanMs of [10_000, 76_000, 150_000, 400_000]) {
      const labels = ticksOf(NOW_MS - spanMs, NOW_MS, NOW_MS).map(t => t.label);
      expect(new Set(labels).size, String(spanMs)).toBe(labels.length);
    }
  });
});

describe('the tree', () => {
  const node = (name: string, after: string | null) => ({ name, after });

  test('a chain stays in one lane', () => {
    const rows = lanesOf([node('a', null), node('b', 'a'), node('c', 'b')]);
    expect(rows.map(r => [r.node.name, r.lane, r.goesOn])).toEqual([
      ['a', 0, true],
      ['b', 0, true],
      ['c', 0, false],
    ]);
  });

  test('a branch leaves to the right and the lane goes on beside it', () => {
    const rows = lanesOf([node('hub', null), node('lake', 'hub'), node('deep', 'lake'), node('siem', 'hub')]);
    expect(rows.map(r => [r.node.name, r.lane, r.from, [...r.passing]])).toEqual([
      ['hub', 0, 0, []],
      ['lake', 1, 0, [0]],
      ['deep', 1, 1, [0]],
      ['siem', 0, 0, []],
    ]);
  });

  test('every checkpoint of any tree is drawn once, after the one before it, never on a passing lane', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 12 }), picks => {
        const nodes = picks.map((p, i) => node(`c${i}`, p % (i + 1) === i ? null : `c${p % (i + 1)}`));
        const rows = lanesOf(nodes);
        const at = new Map(rows.map((r, i) => [r.node.name, i]));
        expect(at.size).toBe(nodes.length);
        for (const r of rows) {
          if (r.node.after) expect(at.get(r.node.after)).toBeLessThan(at.get(r.node.name) ?? -1);
          expect(r.passing).not.toContain(r.lane);
        }
      }),
    );
  });
});

describe('in words', () => {
  test('the newest trouble begins after a calm stretch, and is over when later canaries fared well', () => {
    const minutes = (bars: Bar[], ...buckets: Parameters<typeof episode>[1]) => {
      const e = episode(bars, buckets);
      return e && [e.fromMs / 60_000, e.toMs / 60_000, e.isFromStart, e.isOver];
    };
    expect(minutes(barsWith('lost', [3, 20, 21, 23, 39]), 'lost')).toEqual([39, 40, false, false]);
    expect(minutes(barsWith('lost', [3, 20, 22, 24, 26]), 'lost')).toEqual([20, 27, false, true]);
    expect(minutes(barsWith('lost', [0, 1, 2]), 'lost')).toEqual([0, 3, true, true]);
    expect(minutes(barsWith('late', [3]), 'lost')).toBeNull();
    const undecided = barsWith('lost', [20]).map((b, i) => (i > 20 ? { ...b, counts: { pending: 10 } } : b));
    expect(minutes(undecided, 'lost')).toEqual([20, 21, false, false]);
  });

  test('exceptions are spans with their sums, newest first', () => {
    const view = checkpointOf({ name: 'loki', after: null, fate: 'losing', state: 'losing' });
    const { spans, more } = exceptionsOf([view], 1);
    expect(more).toBe(1);
    expect(spans[0]?.sums).toEqual([
      ['lost', 34],
      ['overdue', 15],
      ['late', 17],
    ]);
    expect(spans[0]?.of).toBe(22 * 24);
  });
});
