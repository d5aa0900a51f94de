/** judge() against the table of DESIGN §3, row by row, over every combination of evidence; and what may follow what. */
import { describe, expect, test } from 'vitest';
import { SENDINGS, type Sending } from '../../src/domain/canary.ts';
import {
  arrived,
  bucketOf,
  type Evidence,
  isException,
  judge,
  VERDICTS,
  type Verdict,
} from '../../src/domain/verdict.ts';

const SENT = 1_000_000;
const D = 10_000;
const L = 60_000;
const deadlines = { onTimeWithinMs: D, lostAfterMs: L };

const points = [
  SENT - 5_000,
  SENT,
  SENT + D - 1,
  SENT + D,
  SENT + D + 1,
  SENT + L - 1,
  SENT + L,
  SENT + L + 1,
];
const seens: Evidence['seen'][] = [
  null,
  ...points.flatMap(atMs => [
    { afterMs: null, atMs },
    ...points.filter(after => after <= atMs).map(afterMs => ({ afterMs, atMs })),
  ]),
];
const flags = [false, true];

function* everything(): Generator<Evidence> {
  for (const sending of [null, ...SENDINGS] as (Sending | null)[])
    for (const seen of seens)
      for (const absentAtD of flags)
        for (const absentAtL of flags)
          for (const uncovered of flags)
            for (const seenDownstream of flags)
              yield { sending, sentMs: SENT, seen, absentAtD, absentAtL, uncovered, seenDownstream };
}

/** The table's rows, each on its own: the first that holds is the verdict. What was lost stays on record, so it comes first. */
const table: readonly [Verdict, (e: Evidence) => boolean][] = [
  ['pending', e => e.sending === null],
  ['refused', e => e.sending === 'refused'],
  ['maybe_sent', e => e.sending === 'maybe_sent'],
  ['unsent', e => e.sending === 'unsent'],
  ['recovered', e => e.seen !== null && (e.absentAtL || notUntil(e, SENT + L))],
  ['on_time', e => e.seen !== null && e.seen.atMs - SENT <= D],
  ['late', e => e.seen !== null && (e.absentAtD || notUntil(e, SENT + D))],
  ['delivered', e => e.seen !== null],
  ['missed_here', e => e.seenDownstream && (e.absentAtL || e.uncovered)],
  ['lost', e => e.absentAtL],
  ['unproven', e => e.uncovered],
  ['overdue', e => e.absentAtD],
  ['pending', () => true],
];
const notUntil = (e: Evidence, ms: number): boolean =>
  e.seen !== null && e.seen.afterMs !== null && ms <= e.seen.afterMs;

describe('judge', () => {
  test('is the table', () => {
    const met = new Set<Verdict>();
    for (const e of everything()) {
      const wanted = table.find(([, holds]) => holds(e))?.[0];
      expect(judge(e, deadlines), JSON.stringify(e)).toBe(wanted);
      met.add(judge(e, deadlines));
    }
    expect([...met].sort()).toEqual([...VERDICTS].sort());
  });

  test('reads nothing but its arguments, and leaves them alone', () => {
    for (const e of everything()) {
      const frozen = Object.freeze({ ...e, seen: e.seen && Object.freeze(e.seen) });
      expect(judge(frozen, Object.freeze(deadlines))).toBe(judge(e, deadlines));
    }
  });

  test('more evidence never takes back what was known', () => {
    for (const e of everything()) {
      const before = judge(e, deadlines);
      for (const more of moreThan(e)) {
        const after = judge(more, deadlines);
        const step = `${before} → ${after}`;
        if (before !== 'pending') expect(after, step).not.toBe('pending');
        if (arrived(before)) expect(arrived(after), step).toBe(true);
        if (before === 'lost') expect(['lost', 'recovered', 'missed_here'], step).toContain(after);
        if (before === 'recovered') expect(after, step).toBe('recovered');
        if (before === 'missed_here') expect(after === 'missed_here' || arrived(after), step).toBe(true);
        if (['refused', 'maybe_sent', 'unsent'].includes(before)) expect(after, step).toBe(before);
      }
    }
  });
});

function* moreThan(e: Evidence): Generator<Evidence> {
  for (const flag of ['absentAtD', 'absentAtL', 'uncovered', 'seenDownstream'] as const)
    if (!e[flag]) yield { ...e, [flag]: true };
  if (e.seen === null) for (const seen of seens) if (seen) yield { ...e, seen };
  if (e.sending === null) for (const sending of SENDINGS) yield { ...e, sending };
}

/** The denominators: what one rate or another is a share of. */
const membership = (bucket: string): string =>
  ['on_time', 'late', 'delivered', 'recovered', 'lost', 'missed_here'].includes(bucket) ? 'covered' : bucket;

describe('buckets', () => {
  test('membership never depends on having been seen, here or further down (law 10)', () => {
    for (const e of everything()) {
      // Settling decides on one of the two, once.
      if (e.sending === 'withheld' || e.absentAtL === e.uncovered) continue;
      const unseen = { ...e, seen: null, seenDownstream: false };
      const bucket = (x: Evidence) => membership(bucketOf(x, judge(x, deadlines)));
      expect(bucket(e), JSON.stringify(e)).toBe(bucket(unseen));
    }
  });

  test('drills are in buckets of their own; one that is seen anywhere is the alarm', () => {
    for (const e of everything()) {
      const bucket = bucketOf(e, judge(e, deadlines));
      expect(bucket.startsWith('drill_')).toBe(e.sending === 'withheld');
      if (e.sending !== 'withheld') continue;
      const seen = e.seen !== null || e.seenDownstream;
      expect(bucket === 'drill_seen').toBe(seen);
      expect(bucket === 'drill_lost').toBe(!seen && e.absentAtL);
    }
  });

  test('an exception is what a person would want to see', () => {
    for (const e of everything()) {
      const verdict = judge(e, deadlines);
      if (e.sending === 'withheld') continue;
      expect(isException(e, verdict)).toBe(!['pending', 'on_time', 'delivered'].includes(verdict));
    }
  });
});
