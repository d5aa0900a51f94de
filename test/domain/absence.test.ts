/**
 * absence() of a query: held against every record that the canary could have left, one by one. What no look would have
 * shown must never count as absent, and what all were asked for must.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SENDINGS } from '../../src/domain/canary.ts';
import {
  absence,
  type Proof,
  type SettlementRow,
  settleRow,
  verdictOf,
} from '../../src/domain/settlement.ts';
import { newWatch, type Watch } from '../../src/domain/watermark.ts';

const T0 = Date.UTC(2024, 8, 2);
const MINUTE = 60_000;
const D = 10_000;
const L = 60_000;
const KEEPS = 60 * MINUTE;
/** As the README and architecture.md have them. */
const ALLOWANCE = 15 * MINUTE;
const SLACK = 2_000;
const options = { deadlines: { onTimeWithinMs: D, lostAfterMs: L }, drill: 99 };

interface Case {
  readonly kind: 'ingest' | 'both' | 'event';
  readonly sentOff: number;
  readonly at: number;
  readonly w: number | null;
  readonly from: number | null;
  readonly low: number;
  readonly high: number;
  readonly second: { readonly from: number; readonly to: number; readonly asOf: number } | null;
  readonly now: number;
}

const SECOND = { ingest: 'ingest', both: 'event', event: null } as const;

const proofOf = (c: Case, watch: Partial<Watch> = {}): Proof => ({
  watch: {
    ...newWatch,
    proven: true,
    wMs: c.w === null ? null : T0 + c.w,
    coveredFromMs: c.from === null ? null : T0 + c.from,
    skewLowMs: c.low,
    skewHighMs: c.high,
    ...watch,
  },
  nowMs: T0 + c.now,
  keepsMs: KEEPS,
  way: 'query',
  chained: c.kind !== 'event',
  secondLook: SECOND[c.kind],
  second: c.second && { fromMs: T0 + c.second.from, toMs: T0 + c.second.to, asOfMs: T0 + c.second.asOf },
});

/** Where the canary's record may stand: by event time, and by when the backend took it in. */
function placesOf(c: Case): { event: number; ingest: number }[] {
  const reach = c.kind === 'event' ? ALLOWANCE : SLACK;
  const events = [c.low - reach, 0, c.sentOff, c.sentOff + c.high + reach];
  const edges = [c.from, c.second?.from, c.second?.to].flatMap(v => (v == null ? [] : [v - 1, v]));
  const [least, most] = [Math.min(...events), Math.max(...events)];
  const latest = c.at + (c.kind === 'ingest' ? ALLOWANCE : 0);
  const ingests = [-ALLOWANCE, c.at, latest, ...edges].filter(i => i >= -ALLOWANCE && i <= latest);
  return [...events, ...edges]
    .filter(e => e >= least && e <= most)
    .flatMap(event => ingests.map(ingest => ({ event, ingest })));
}

type Place = ReturnType<typeof placesOf>[number];
const byFirst = (c: Case, ms: number) => c.w !== null && c.from !== null && c.w >= c.at && c.from <= ms;
const bySecond = ({ second, at }: Case, ms: number) =>
  second !== null && second.asOf >= at && second.from <= ms && ms < second.to;

/** Sets of looks that prove enough where each of the set would have shown the record wherever it stood (W2). */
const waysOf = (c: Case): ((p: Place) => boolean)[] => {
  if (c.kind === 'event') return [p => byFirst(c, p.event), p => bySecond(c, p.event)];
  return [p => byFirst(c, p.ingest) && bySecond(c, c.kind === 'ingest' ? p.ingest : p.event)];
};

const near = (...around: number[]) =>
  fc.constantFrom(...around).chain(a => fc.integer({ min: a - 2, max: a + 2 }));
const cases: fc.Arbitrary<Case> = fc
  .record({
    kind: fc.constantFrom('ingest' as const, 'both' as const, 'event' as const),
    sentOff: fc.constantFrom(0, 500, 20_000),
    isL: fc.boolean(),
    low: fc.constantFrom(0, -5_000, -ALLOWANCE),
    high: fc.constantFrom(0, 5_000, ALLOWANCE),
  })
  .chain(({ kind, sentOff, isL, low, high }) => {
    const at = sentOff + (isL ? L : D);
    const reach = kind === 'event' ? ALLOWANCE : SLACK;
    const from = near(low - reach, low - reach - ALLOWANCE, -SLACK, -ALLOWANCE, 0);
    return fc.record({
      kind: fc.constant(kind),
      sentOff: fc.constant(sentOff),
      at: fc.constant(at),
      low: fc.constant(low),
      high: fc.constant(high),
      w: fc.option(near(at, at + 30_000), { nil: null, freq: 10 }),
      from: fc.option(from, { nil: null, freq: 10 }),
      second: fc.option(
        fc.record({
          from,
          to: near(sentOff + high + reach, sentOff + reach + 1, at + ALLOWANCE, sentOff + 3 * ALLOWANCE),
          asOf: near(at, at + 10_000),
        }),
        { nil: null, freq: 4 },
      ),
      now: fc.constant(at + 40_000),
    });
  });

describe('a query', () => {
  test('has proven absence if, and only if, its looks would have shown the record wherever it stood', () => {
    const n = { proven: 0, open: 0 };
    fc.assert(
      fc.property(cases, c => {
        const told = absence({ slotMs: T0, sentMs: T0 + c.sentOff }, T0 + c.at, proofOf(c));
        const isWhole = waysOf(c).some(shown => placesOf(c).every(shown));
        const sees = c.w !== null && c.w >= c.at;
        expect(told === 'proven').toBe(sees && isWhole);
        n[told === 'proven' ? 'proven' : 'open']++;
      }),
      { numRuns: 5_000 },
    );
    expect(Math.min(n.proven, n.open)).toBeGreaterThan(500);
  });

  test('never has in a gap, of what is no longer kept, or before a canary was ever seen', () => {
    fc.assert(
      fc.property(cases, c => {
        const canary = { slotMs: T0, sentMs: T0 + c.sentOff };
        const gap = (fromOff: number, toOff: number) =>
          absence(
            canary,
            T0 + c.at,
            proofOf(c, { gaps: [{ fromMs: T0 + fromOff, toMs: T0 + toOff, reason: '' }] }),
          );
        expect(gap(c.at, c.at + 1)).not.toBe('proven');
        expect(gap(c.sentOff - 1, c.sentOff + 1)).not.toBe('proven');
        expect(absence(canary, T0 + c.at, proofOf(c, { proven: false }))).not.toBe('proven');
        expect(absence(canary, T0 + c.at, proofOf({ ...c, now: KEEPS + 1 }))).not.toBe('proven');
        expect(absence(canary, T0 + c.at, proofOf({ ...c, w: null, now: c.at + KEEPS }))).toBe('never');
        // A watermark of a clock that was set back says nothing.
        expect(absence(canary, T0 + c.at, proofOf({ ...c, now: (c.w ?? 0) - SLACK - 1 }))).not.toBe('proven');
      }),
      { numRuns: 500 },
    );
  });
});

const open: SettlementRow = {
  slot: T0,
  index: 0,
  due_ms: T0,
  restart_ms: null,
  targets: [1],
  sendings: [SENDINGS.indexOf('accepted')],
  first_offs: [0],
  last_offs: [0],
  attempts: [1],
  next_due_ms: T0 + D,
  counts: { pending: 1 },
  folded: false,
  verdicts: null,
  seen_offs: null,
  seen_after_offs: null,
  flags: null,
  records: null,
  notes: null,
};
const chain: Case = {
  kind: 'both',
  sentOff: 0,
  at: L,
  w: L + 1_000,
  from: -ALLOWANCE,
  low: 0,
  high: 0,
  second: null,
  now: L + 2_000,
};
const seen = {
  kind: 'seen' as const,
  target: 1,
  seenMs: T0 + 5_000,
  seenAfterMs: null,
  record: null,
  copies: 1,
  integrity: 0,
  detail: null,
  ingestedMs: null,
};

describe('looks of several rounds', () => {
  const parts = fc
    .uniqueArray(fc.integer({ min: -SLACK, max: SLACK }), { minLength: 1, maxLength: 4 })
    .map(cuts => {
      const edges = [-SLACK, ...cuts.sort((a, b) => a - b), SLACK + 1];
      return edges.slice(1).map((to, i) => ({ from: edges[i] ?? 0, to }));
    })
    .filter(p => p.every(({ from, to }) => from > -SLACK || to <= SLACK))
    .chain(p => fc.shuffledSubarray(p, { minLength: p.length }));

  test('each with a hole of its own prove nothing together, whatever their order; a whole one does', () => {
    fc.assert(
      fc.property(parts, rounds => {
        let row = open;
        let now = chain.now;
        const judged = (second: Case['second']) => {
          now += 1_000;
          const settled = settleRow(row, [], proofOf({ ...chain, w: now - 500, now, second }), options);
          row = { ...row, ...settled };
          return verdictOf(settled.verdicts[0]);
        };
        for (const { from, to } of rounds) {
          expect(judged({ from, to, asOf: now })).toBe('pending');
          expect(row.next_due_ms, 'it is still waited for').toBe(T0 + D);
        }
        expect(judged({ from: -SLACK, to: SLACK + 1, asOf: L - 1 }), 'of before L: only D').toBe('overdue');
        expect(judged({ from: -SLACK, to: SLACK + 1, asOf: L })).toBe('lost');
      }),
      { numRuns: 200 },
    );
  });

  test('a chain that begins later than the canary proves nothing of it, whatever the second look shows', () => {
    const second = { from: -ALLOWANCE, to: ALLOWANCE, asOf: L };
    const late = proofOf({ ...chain, from: -ALLOWANCE + 1, second });
    expect(absence({ slotMs: T0, sentMs: T0 }, T0 + L, late)).not.toBe('proven');
    expect(absence({ slotMs: T0, sentMs: T0 }, T0 + L, proofOf({ ...chain, second }))).toBe('proven');
  });

  // Fails: coverage() of what was seen doesn't ask where the chain began, absence() of what wasn't does.
  test('membership doesn’t depend on having been seen where the chain began too late (law 10)', () => {
    const bucketAt = (evidence: readonly (typeof seen)[]) => {
      const late = { ...chain, from: -ALLOWANCE + 1 };
      const first = settleRow(open, evidence, proofOf(late), options);
      const row = { ...open, ...first };
      const last = settleRow(row, [], proofOf({ ...late, w: L + KEEPS, now: L + KEEPS + 1 }), options);
      return Object.keys(last.counts)[0];
    };
    expect(bucketAt([])).toBe('unproven');
    expect(bucketAt([seen])).toBe('unproven');
  });
});
