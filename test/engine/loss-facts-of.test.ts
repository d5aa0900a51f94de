/** Which targets an incident is said to touch, and how many real events are missing: on counts whose cause is known. */
import { describe, expect, test } from 'vitest';
import { type LossRead, lossFactsOf, touchedBy } from '../../src/engine/loss-facts-of.ts';
import type { Alarm, Touched } from '../../src/store/incident.ts';

const objective = { onTime: 0.99, delivered: 0.999 };
const alarm = (target: number | null, more: Partial<Alarm> = {}): Alarm => ({
  checkpoint: 1,
  objective: 'delivered',
  target,
  beganMs: 0,
  closedMs: null,
  ...more,
});
const row = (target: number, missing: number, late: number, decided: number): Touched => ({
  target,
  missing,
  late,
  decided,
  after: decided,
  last_ms: 0,
});
const numbers = (rows: readonly Touched[]) => rows.map(r => r.target);

/** mulberry32. */
function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const binomial = (n: number, p: number, random: () => number): number => {
  let k = 0;
  for (let i = 0; i < n; i++) if (random() < p) k++;
  return k;
};

describe('the targets that an incident touches', () => {
  test('are those in alarm, where only targets are', () => {
    const rows = [row(1, 9, 0, 20), row(2, 3, 0, 20)];
    expect(numbers(touchedBy(rows, [alarm(2)], { targets: 9, objective }))).toEqual([2]);
  });

  test('with one partition of 32 down, are not those that are late now and then', () => {
    // github-2024-07: the whole is in alarm because of one; the others have one late canary in 2,000.
    const rows = [row(21, 220, 0, 220), ...[3, 9, 14, 30].map(t => row(t, 0, 1, 220))];
    const alarms = [alarm(null, { objective: 'on_time' }), alarm(21)];
    expect(numbers(touchedBy(rows, alarms, { targets: 32, objective }))).toEqual([21]);
  });

  test('of a loss spread over all are all that miss something, though some miss more than others', () => {
    const rows = Array.from({ length: 32 }, (_, t) => row(t, t % 5, 0, 60)).filter(r => r.missing > 0);
    expect(touchedBy(rows, [alarm(null)], { targets: 32, objective })).toEqual(rows);
  });

  test('beside what is at the objective, hardly ever hold a bystander; without background each that is down', () => {
    const random = seeded(7);
    let bystanders = 0;
    for (let run = 0; run < 400; run++) {
      const rows = [row(0, 150, 0, 150), row(1, 40, 0, 150)];
      for (let t = 2; t < 100; t++) {
        const missing = binomial(150, 0.001, random);
        if (missing > 0) rows.push(row(t, missing, 0, 150));
      }
      const touched = numbers(touchedBy(rows, [alarm(null), alarm(0)], { targets: 100, objective }));
      expect(touched.slice(0, 2)).toEqual([0, 1]);
      if (touched.length > 2) bystanders++;
    }
    // Each run errs with a chance of 0.002 at most: 0.8 expected, 5 or more with a chance of 0.001.
    expect(bystanders).toBeLessThan(5);
  });

  test('where nothing may be lost, are all that lost something', () => {
    const rows = [row(1, 5, 0, 50), row(2, 1, 0, 50)];
    const nothing = { onTime: 1, delivered: 1 };
    expect(touchedBy(rows, [alarm(null)], { targets: 4, objective: nothing })).toEqual(rows);
  });
});

const read: LossRead = {
  kind: 'loss',
  alarms: [alarm(null)],
  open: true,
  nowMs: 3_600_000,
  firstMs: 0,
  lastMs: 3_600_000,
  counts: { overdue: 4, on_time: 4 },
  touched: [row(1, 4, 0, 8)],
  hop: { after: null, name: 'siem', onTimeWithinMs: 1_000, lostAfterMs: 2_000, holdsMs: null },
  checkpoints: ['siem'],
  targets: 1,
  nameOf: String,
  volumePerHour: 1_000,
  query: null,
  objective,
  series: [],
  seriesEveryMs: 60_000,
};
test('real events that are missing are said from the first overdue canary on', () => {
  const { realEvents } = lossFactsOf(read);
  expect(realEvents?.n).toBe(500);
  // Wider than the exact interval of a sample that nobody chose, 4 of 8: 0.157 to 0.843.
  expect(realEvents?.low).toBeLessThan(157);
  expect(realEvents?.high).toBeGreaterThan(843);
});

/** That its interval holds is shown in test/stats/coverage.test.ts. */
describe('the rate of an incident', () => {
  const rateOf = (touched: readonly Touched[]) =>
    lossFactsOf({ ...read, touched, alarms: [alarm(null)] }).rate;

  test('leaves out the canaries that made it one', () => {
    expect(
      rateOf([
        { ...row(1, 4, 0, 20), after: 9 },
        { ...row(2, 2, 0, 20), after: 3 },
      ]),
    ).toMatchObject({
      share: 4 / 12,
      n: 12,
    });
  });

  test('isn’t known where nothing has come since: the share is of all, and says nothing', () => {
    const rate = rateOf([{ ...row(1, 1, 0, 4), after: 0 }]);
    expect(rate).toEqual({ share: 0.25, low: 0, high: 1, n: 0 });
  });
});
