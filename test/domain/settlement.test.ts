/** settleRow: evidence in any order, re-read any number of times, comes to the same account; and the account adds up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SENDINGS, type Sending } from '../../src/domain/canary.ts';
import {
  absence,
  FLAG,
  type NewEvidence,
  type Note,
  type Proof,
  type Settled,
  type SettlementRow,
  settleRow,
  verdictOf,
} from '../../src/domain/settlement.ts';
import { newWatch, type Watch } from '../../src/domain/watermark.ts';

const T0 = Date.UTC(2024, 8, 2);
const D = 10_000;
const L = 60_000;
const KEEPS = 3_600_000;
const DRILL = 99;
const options = { deadlines: { onTimeWithinMs: D, lostAfterMs: L }, drill: DRILL };

const rowOf = (sendings: readonly Sending[] | null, more: Partial<SettlementRow> = {}): SettlementRow => {
  const n = sendings?.length ?? 2;
  const zeros = new Array<number>(n).fill(0);
  return {
    slot: T0,
    index: 0,
    due_ms: T0,
    restart_ms: null,
    targets: Array.from({ length: n }, (_, i) => (sendings?.[i] === 'withheld' ? DRILL : i + 1)),
    sendings: sendings?.map(s => SENDINGS.indexOf(s)) ?? null,
    first_offs: sendings && zeros,
    last_offs: sendings && zeros,
    attempts: sendings && zeros.map(() => 1),
    next_due_ms: T0 + D,
    counts: { pending: n },
    folded: false,
    verdicts: null,
    seen_offs: null,
    seen_after_offs: null,
    flags: null,
    records: null,
    notes: null,
    ...more,
  };
};

const proofOf = (wMs: number | null, more: Partial<Proof> = {}, watch: Partial<Watch> = {}): Proof => ({
  watch: { ...newWatch, proven: true, wMs, ...watch },
  nowMs: T0 + 30_000 + Math.max(0, (wMs ?? T0) - T0),
  keepsMs: KEEPS,
  way: 'follow',
  chained: true,
  secondLook: null,
  second: null,
  ...more,
});

const seenAt = (target: number, ms: number, more: Partial<NewEvidence> = {}): NewEvidence => ({
  kind: 'seen',
  target,
  seenMs: T0 + ms,
  seenAfterMs: null,
  record: null,
  copies: 1,
  integrity: 0,
  detail: null,
  ingestedMs: null,
  ...more,
});

/** What the store keeps of a settling, as the next one reads it. */
const kept = (row: SettlementRow, s: Settled): SettlementRow => ({
  ...row,
  next_due_ms: s.next_due_ms,
  counts: s.counts,
  folded: s.folded,
  verdicts: s.verdicts,
  seen_offs: s.seen_offs,
  seen_after_offs: s.seen_after_offs,
  flags: s.flags,
  records: s.records,
  notes: s.notes,
});

const account = (row: SettlementRow) => ({
  counts: row.counts,
  folded: row.folded,
  due: row.next_due_ms,
  verdicts: row.verdicts,
  seen: row.seen_offs,
  after: row.seen_after_offs,
  flags: row.flags,
  notes: row.notes,
});

const verdicts = (s: Settled) => s.verdicts.map(verdictOf);
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

const sendings = fc.array(fc.constantFrom(...SENDINGS), { minLength: 1, maxLength: 5 });
const evidenceFor = (n: number) =>
  fc
    .record({
      kind: fc.constantFrom('seen' as const, 'seen' as const, 'seen' as const, 'downstream' as const),
      target: fc.integer({ min: 1, max: n + 1 }).map(t => (t > n ? DRILL : t)),
      seen: fc.integer({ min: 0, max: 2 * L }),
      before: fc.option(fc.integer({ min: 0, max: L }), { nil: null }),
      record: fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }),
      copies: fc.integer({ min: 1, max: 3 }),
      integrity: fc.constantFrom(0, 0, 0, 1, 2),
      ingested: fc.option(fc.integer({ min: 0, max: L }), { nil: null }),
    })
    .map(
      (e): NewEvidence => ({
        kind: e.kind,
        target: e.target,
        seenMs: T0 + e.seen,
        seenAfterMs: e.before === null ? null : T0 + e.seen - e.before,
        record: e.record,
        copies: e.copies,
        integrity: e.integrity,
        detail: e.integrity === 0 ? null : [`field ${e.integrity}`],
        ingestedMs: e.ingested === null ? null : T0 + e.ingested,
      }),
    );
const scene = sendings.chain(s =>
  fc.record({
    sendings: fc.constant(s),
    evidence: fc.array(evidenceFor(s.length), { maxLength: 8 }),
    waters: fc.array(fc.integer({ min: -5_000, max: 3 * L }), { minLength: 1, maxLength: 6 }),
    shuffle: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
    gap: fc.option(fc.tuple(fc.integer({ min: -L, max: L }), fc.integer({ min: 1, max: L })), { nil: null }),
  }),
);
const gapsOf = (gap: readonly [number, number] | null | undefined) =>
  !gap ? [] : [{ fromMs: T0 + gap[0], toMs: T0 + gap[0] + gap[1], reason: 'test' }];

describe('evidence', () => {
  test('its order in the inbox does not matter', () => {
    fc.assert(
      fc.property(scene, ({ sendings: s, evidence, waters, shuffle, gap }) => {
        const proof = proofOf(T0 + waters[0]!, {}, { gaps: gapsOf(gap) });
        const others = evidence
          .map(e => [shuffle.next().value as number, e] as const)
          .sort((a, b) => a[0] - b[0])
          .map(([, e]) => e);
        const one = settleRow(rowOf(s), evidence, proof, options);
        const other = settleRow(rowOf(s), others, proof, options);
        expect(account(kept(rowOf(s), other))).toEqual(account(kept(rowOf(s), one)));
        expect(other.remarks).toEqual(one.remarks);
        expect(other.delta).toEqual(one.delta);
      }),
      { numRuns: 400 },
    );
  });

  test('the same re-read, applied again and again, changes nothing', () => {
    fc.assert(
      fc.property(scene, ({ sendings: s, evidence, waters, gap }) => {
        const proof = proofOf(T0 + waters[0]!, {}, { gaps: gapsOf(gap) });
        const once = kept(rowOf(s), settleRow(rowOf(s), evidence, proof, options));
        const again = settleRow(once, evidence, proof, options);
        expect(account(kept(once, again))).toEqual(account(once));
        expect(again.delta).toEqual({});
        expect(again.delaysMs).toEqual([]);
        expect(again.remarks).toEqual({});
      }),
      { numRuns: 400 },
    );
  });

  test('what is seen earlier takes the place of what was seen later, with its own interval', () => {
    const late = seenAt(1, 90_000, { seenAfterMs: T0 + 80_000 });
    const early = seenAt(1, 5_000, { seenAfterMs: T0 + 3_000 });
    const first = settleRow(rowOf(['accepted']), [late], proofOf(T0), options);
    const then = settleRow(kept(rowOf(['accepted']), first), [early], proofOf(T0), options);
    expect(verdicts(then)).toEqual(['on_time']);
    expect([then.seen_offs, then.seen_after_offs]).toEqual([[5_000], [3_000]]);
  });

  test('of a target that is not in the row it says nothing', () => {
    const s = settleRow(rowOf(['accepted']), [seenAt(7, 10)], proofOf(T0), options);
    expect(verdicts(s)).toEqual(['pending']);
    expect(s.arrived).toEqual([]);
  });
});

describe('copies', () => {
  const copiesOf = (looks: readonly NewEvidence[][], attempts = 1) => {
    let row = rowOf(['accepted'], { attempts: [attempts] });
    let duplicates = 0;
    for (const look of looks) {
      const s = settleRow(row, look, proofOf(T0), options);
      row = kept(row, s);
      duplicates += s.remarks.duplicate ?? 0;
    }
    return { copies: (row.notes?.[0] as Note | undefined)?.copies ?? 1, duplicates };
  };
  const a = seenAt(1, 100, { record: 11 });
  const b = seenAt(1, 100, { record: 22 });
  const c = seenAt(1, 2_000, { record: 33 });

  test('are distinct record ids, however often they are read', () => {
    expect(copiesOf([[a], [a], [a]])).toEqual({ copies: 1, duplicates: 0 });
    expect(copiesOf([[a, b], [a, b], [b, a], [b]])).toEqual({ copies: 2, duplicates: 1 });
    expect(copiesOf([[a], [b], [c], [a, b, c]])).toEqual({ copies: 3, duplicates: 2 });
  });

  test('are the most in one look where records have no id', () => {
    const times = (copies: number) => seenAt(1, 100, { copies });
    expect(copiesOf([[times(1)], [times(3)], [times(2)], [times(3)]])).toEqual({ copies: 3, duplicates: 2 });
  });

  test('that our own extra attempts explain are no duplicates', () => {
    expect(copiesOf([[a, b]], 2).duplicates).toBe(0);
    expect(copiesOf([[a], [b, c]], 2).duplicates).toBe(1);
  });

  test('are bounded', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => seenAt(1, 100, { record: i }));
    const s = settleRow(rowOf(['accepted']), many, proofOf(T0), options);
    expect(JSON.stringify(s.notes).length).toBeLessThan(2_000);
  });
});

describe('the account', () => {
  test('sums to the targets, telescopes into the rollup, and goes in once', () => {
    fc.assert(
      fc.property(scene, fc.boolean(), ({ sendings: s, evidence, waters, gap }, sentLater) => {
        let row = sentLater ? { ...rowOf(s), sendings: null } : rowOf(s);
        const rollup: Record<string, number> = {};
        let w = Number.NEGATIVE_INFINITY;
        const parts = waters.length;
        for (const [k, water] of waters.entries()) {
          if (k > 0) row = { ...row, sendings: rowOf(s).sendings };
          w = Math.max(w, T0 + water);
          const own = evidence.filter((_, i) => i % parts === k);
          const settled = settleRow(row, own, proofOf(w, {}, { gaps: gapsOf(gap) }), options);
          row = kept(row, settled);
          for (const [bucket, n] of Object.entries(settled.delta)) rollup[bucket] = (rollup[bucket] ?? 0) + n;
          expect(sum(row.counts)).toBe(s.length);
          expect(Object.values(row.counts).every(n => n > 0)).toBe(true);
          const inRollup = Object.fromEntries(Object.entries(rollup).filter(([, n]) => n !== 0));
          expect(inRollup).toEqual(row.folded ? row.counts : {});
          expect(
            row.next_due_ms === null || row.next_due_ms > w || settled.waits || row.sendings === null,
          ).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a closed row, judged again at any later time, says the same (law 4)', () => {
    fc.assert(
      fc.property(
        scene,
        fc.array(fc.tuple(fc.integer({ min: -L, max: 4 * L }), fc.integer({ min: 1, max: L })), {
          maxLength: 3,
        }),
        ({ sendings: s, evidence, gap }, laterGaps) => {
          const proof = proofOf(T0 + 3 * L, {}, { gaps: gapsOf(gap) });
          const closed = kept(rowOf(s), settleRow(rowOf(s), evidence, proof, options));
          expect(closed.next_due_ms).toBeNull();
          const gaps = [...gapsOf(gap), ...laterGaps.flatMap(g => gapsOf(g))];
          for (const w of [T0 - L, T0, T0 + 2 * KEEPS, null]) {
            for (const nowMs of [T0 + 3 * L, T0 + 3 * KEEPS]) {
              const again = settleRow(closed, [], { ...proofOf(w, {}, { gaps }), nowMs }, options);
              expect(account(kept(closed, again))).toEqual(account(closed));
              expect(again.delta).toEqual({});
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('lost, then back: recovered, in the hour of its emission, and the loss stays on record', () => {
    const row = rowOf(['accepted', 'accepted']);
    const gone = settleRow(row, [seenAt(1, 500)], proofOf(T0 + L), options);
    expect(verdicts(gone)).toEqual(['on_time', 'lost']);
    expect(gone.delta).toEqual({ on_time: 1, lost: 1 });
    const back = settleRow(kept(row, gone), [seenAt(2, 2 * L)], proofOf(T0 + 2 * L), options);
    expect(verdicts(back)).toEqual(['on_time', 'recovered']);
    expect(back.delta).toEqual({ lost: -1, recovered: 1 });
    expect(back.notes?.[1]).toMatchObject({ lostMs: T0 + L } satisfies Note);
    expect(back.delaysMs).toEqual([2 * L]);
  });
});

/** Canaries of one fate but for having been seen, through the same looks: the same membership (law 10). */
describe('membership', () => {
  const classOf = (counts: Readonly<Record<string, number>>): string => {
    const bucket = Object.keys(counts)[0] ?? '';
    if (['on_time', 'late', 'delivered', 'recovered', 'lost', 'missed_here'].includes(bucket))
      return 'covered';
    return bucket;
  };
  const fates: readonly (readonly NewEvidence[])[] = [
    [],
    [seenAt(1, 500, { seenAfterMs: T0 + 100 })],
    [seenAt(1, 30_000)],
    [{ ...seenAt(1, 0), kind: 'downstream' }],
  ];
  const step = fc.record({
    after: fc.integer({ min: 1_000, max: KEEPS }),
    moves: fc.boolean(),
    gap: fc.option(fc.tuple(fc.integer({ min: -L, max: 2 * L }), fc.integer({ min: 1, max: L })), {
      nil: null,
    }),
    proves: fc.boolean(),
  });

  test('is fixed by coverage: gaps, keeps, watermarks that stand still', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('follow' as const, 'receive' as const, 'query' as const),
        fc.boolean(),
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 3 }),
        (way, provenAtFirst, steps, arrivesAt) => {
          const classes = fates.map(fate => {
            let row = rowOf(['accepted']);
            let watch: Watch = { ...newWatch, proven: provenAtFirst };
            let nowMs = T0;
            for (const [k, s] of [
              ...steps,
              { after: 2 * KEEPS, moves: false, gap: null, proves: false },
            ].entries()) {
              nowMs += s.after;
              watch = {
                ...watch,
                proven: watch.proven || s.proves,
                wMs: s.moves && (watch.proven || s.proves) ? nowMs - 1_000 : watch.wMs,
                coveredFromMs: T0 - KEEPS,
                gaps: [...watch.gaps, ...gapsOf(s.gap)],
              };
              const proof: Proof = {
                watch,
                nowMs,
                keepsMs: KEEPS,
                way,
                chained: way !== 'query',
                secondLook: null,
                second: null,
              };
              const own = k === arrivesAt ? fate : [];
              const due =
                row.next_due_ms !== null &&
                row.next_due_ms <= Math.max(watch.proven ? (watch.wMs ?? 0) : 0, nowMs - KEEPS);
              if (due || own.length > 0) row = kept(row, settleRow(row, own, proof, options));
            }
            expect(row.next_due_ms, 'everything closes in the end').toBeNull();
            return classOf(row.counts);
          });
          expect(new Set(classes).size, classes.join(' ')).toBe(1);
        },
      ),
      {
        numRuns: 600,
        // Blind until D, but not L, has left what the backend keeps; then the watermark moves.
        examples: [
          [
            'follow',
            false,
            [
              { after: 2_755_507, moves: false, gap: null, proves: false },
              { after: 854_493, moves: false, gap: null, proves: false },
              { after: 1_000, moves: true, gap: null, proves: true },
            ],
            0,
          ],
        ],
      },
    );
  });
});

describe('absence', () => {
  const canary = { slotMs: T0, sentMs: T0 };
  test('is never proven where nothing was ever seen, and given up when the backend has forgotten', () => {
    const proof = { ...proofOf(null), watch: { ...newWatch, wMs: null } };
    expect(absence(canary, T0 + L, proof)).toBe('not_yet');
    // Given up when its deadline has left what the backend keeps, and not a moment before: D or L, seen or not.
    expect(absence(canary, T0 + L, { ...proof, nowMs: T0 + L + KEEPS - 1 })).toBe('not_yet');
    expect(absence(canary, T0 + L, { ...proof, nowMs: T0 + L + KEEPS })).toBe('never');
    const early = settleRow(rowOf(['accepted']), [], { ...proof, nowMs: T0 + D + KEEPS }, options);
    expect(verdicts(early)).toEqual(['pending']);
    expect(early.next_due_ms, 'not looked at in vain until then').toBe(T0 + L);
    // A query that sees again can prove nothing of a canary whose record may have been dropped.
    const late = { ...proofOf(T0 + KEEPS), way: 'query' as const, nowMs: T0 + KEEPS + 1 };
    expect(absence(canary, T0 + L, late)).toBe('never');
    const s = settleRow(rowOf(['accepted']), [], { ...proof, nowMs: T0 + L + KEEPS }, options);
    expect(verdicts(s)).toEqual(['unproven']);
    expect(s.next_due_ms).toBeNull();
  });

  test('a gap is a gap at either end of [e, e + L], and not beside it', () => {
    const at = (fromMs: number, toMs: number) =>
      absence(canary, T0 + L, proofOf(T0 + 2 * L, {}, { gaps: [{ fromMs, toMs, reason: '' }] }));
    expect(at(T0 - 10, T0)).toBe('proven');
    expect(at(T0 - 10, T0 + 1)).toBe('never');
    expect(at(T0 + L, T0 + L + 1)).toBe('never');
    expect(at(T0 + L + 1, T0 + L + 2)).toBe('proven');
  });

  test('deadlines run from a restart', () => {
    const row = rowOf(['accepted'], { restart_ms: T0 + 5 * L });
    expect(verdicts(settleRow(row, [], proofOf(T0 + 2 * L), options))).toEqual(['pending']);
    expect(verdicts(settleRow(row, [], proofOf(T0 + 5 * L + D), options))).toEqual(['overdue']);
    expect(verdicts(settleRow(row, [], proofOf(T0 + 6 * L), options))).toEqual(['lost']);
  });

  test('what was not judged has no deadline', () => {
    const s = settleRow(rowOf(['refused', 'maybe_sent', 'unsent']), [], proofOf(T0), options);
    expect(verdicts(s)).toEqual(['refused', 'maybe_sent', 'unsent']);
    expect(s.next_due_ms).toBeNull();
    expect(s.delta).toEqual({ refused: 1, maybe_sent: 1, unsent: 1 });
  });

  test('a drill is one from its intent on: in no rate before its outcome is committed either', () => {
    const s = settleRow(rowOf(null, { targets: [1, DRILL] }), [], proofOf(T0 + D), options);
    expect(s.counts).toEqual({ pending: 1, drill_open: 1 });
  });

  test('a drill that is found lost leaves no note; one that is seen is the alarm', () => {
    const row = rowOf(['withheld', 'accepted']);
    const s = settleRow(row, [], proofOf(T0 + L), options);
    expect(s.counts).toEqual({ drill_lost: 1, lost: 1 });
    expect(Object.keys(s.notes ?? {})).toEqual(['1']);
    const seen = settleRow(row, [seenAt(DRILL, 10)], proofOf(T0 + L), options);
    expect(seen.counts).toEqual({ drill_seen: 1, lost: 1 });
    expect(seen.remarks.drill_seen).toBe(1);
    expect(seen.exceptional).toBe(true);
    expect(seen.flags[0]! & FLAG.downstream).toBe(0);
  });

  test('offsets stay within int4, whatever the clocks said', () => {
    for (const ms of [-1e15, 1e15]) {
      const s = settleRow(
        rowOf(['accepted']),
        [seenAt(1, ms, { seenAfterMs: T0 + ms })],
        proofOf(T0),
        options,
      );
      for (const off of [...s.seen_offs, ...s.seen_after_offs])
        expect(Math.abs(off ?? 0)).toBeLessThan(2 ** 31);
    }
  });
});
