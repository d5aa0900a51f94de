/** Settling a beat by parts, with one for all that came in time, says of each canary what settling the whole beat says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SettlementRow } from '../../src/domain/settlement.ts';
import { settleRow } from '../../src/domain/settlement.ts';
import { VERDICTS } from '../../src/domain/verdict.ts';
import { newWatch } from '../../src/domain/watermark.ts';
import { type Row, settle } from '../../src/sim/scenario-ledger.ts';

const D = 100;
const L = 400;
const LATENCY = 20;
const DUE = 1_700_000_000_000;
const never = Number.POSITIVE_INFINITY;
const deadlines = { onTimeWithinMs: D, lostAfterMs: L };

/** The whole beat, settled look by look as the ledger's row would be. */
function whole(visible: readonly number[], looks: readonly number[]): string[] {
  const n = visible.length;
  let row: SettlementRow = {
    slot: DUE,
    index: 0,
    due_ms: DUE,
    restart_ms: null,
    targets: visible.map((_, i) => i + 1),
    sendings: visible.map(() => 0),
    first_offs: visible.map(() => 0),
    last_offs: visible.map(() => 0),
    attempts: visible.map(() => 1),
    next_due_ms: DUE + 1,
    counts: {},
    folded: false,
    verdicts: null,
    seen_offs: null,
    seen_after_offs: null,
    flags: null,
    records: null,
    notes: null,
  };
  const seen = new Set<number>();
  let beforeMs = DUE;
  let verdicts: number[] = new Array(n).fill(0);
  for (const wMs of looks) {
    const found = visible.flatMap((ms, i) => (ms <= wMs && !seen.has(i) ? [i] : []));
    for (const i of found) seen.add(i);
    const evidence = found.map(i => ({
      kind: 'seen' as const,
      target: i + 1,
      seenMs: visible[i]! <= DUE + D ? visible[i]! : wMs,
      seenAfterMs: visible[i]! <= DUE + D ? null : beforeMs,
      record: null,
      copies: 1,
      integrity: 0,
      detail: null,
      ingestedMs: null,
    }));
    const watch = { ...newWatch, wMs, proven: true, coveredFromMs: 0 };
    const proof = {
      watch,
      nowMs: wMs,
      keepsMs: 1e15,
      way: 'query',
      chained: true,
      secondLook: null,
      second: null,
    } as const;
    const result = settleRow(row, evidence, proof, { deadlines, drill: -1 });
    verdicts = result.verdicts;
    row = { ...row, ...result };
    beforeMs = wMs;
  }
  return verdicts.map(v => VERDICTS[v]!);
}

/** The same by parts. */
function byParts(visible: readonly number[], looks: readonly number[]): string[] {
  const off = visible.flatMap((ms, i) => (ms > DUE + D ? [i] : []));
  const row: Row = {
    slotMs: DUE,
    dueMs: DUE,
    ordinary: visible.length - off.length,
    targets: Int32Array.from(off, i => i + 1),
    agents: Int32Array.from(off),
    visibleMs: Float64Array.from(off, i => visible[i]!),
    verdicts: new Uint8Array(off.length),
    seenMs: new Float64Array(off.length).fill(Number.NaN),
    afterMs: new Float64Array(off.length).fill(Number.NaN),
    flags: new Uint8Array(off.length),
    ordinaryVerdict: 0,
    nextDueMs: DUE + 1,
  };
  const of = { deadlines, latencyMs: LATENCY, keepsMs: 1e15, lost: () => {} };
  let beforeMs = DUE;
  for (const wMs of looks) {
    const atDeadline = wMs === DUE + D || wMs === DUE + L;
    const back = [...row.visibleMs].flatMap((ms, k) => (ms > beforeMs && ms <= wMs ? [k] : []));
    if (back.length > 0) settle(row, back, { wMs, beforeMs, whole: false }, of);
    if (atDeadline)
      settle(
        row,
        row.targets.map((_, k) => k),
        { wMs, beforeMs, whole: true },
        of,
      );
    beforeMs = wMs;
  }
  const place = new Map(off.map((i, k) => [i, k]));
  return visible.map((_, i) => {
    const k = place.get(i);
    return VERDICTS[k === undefined ? row.ordinaryVerdict : row.verdicts[k]!]!;
  });
}

test('one by one and all at once, whatever comes when', () => {
  const arrivals = fc.oneof(
    fc.constant(DUE + LATENCY),
    fc.integer({ min: DUE + D + 1, max: DUE + 2 * L }),
    fc.constant(never),
  );
  const others = fc.uniqueArray(fc.integer({ min: DUE + 1, max: DUE + 3 * L }), { maxLength: 8 });
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(arrivals, { minLength: 1, maxLength: 8 }), others, (visible, more) => {
      const looks = [...new Set([...more, DUE + D, DUE + L])].sort((a, b) => a - b);
      const expected = whole(visible, looks);
      for (const verdict of expected) seen.add(verdict);
      expect(byParts(visible, looks)).toEqual(expected);
    }),
  );
  expect([...seen].sort()).toEqual(['late', 'lost', 'on_time', 'recovered']);
});
