import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Change,
  type DetectorState,
  detectorRules,
  feed,
  newDetector,
} from '../../src/stats/detector.ts';
import { random } from '../support/ledger.ts';

const MINUTE = 60_000;

describe('property: the sparse detector says what stepping every sequence at every beat would', () => {
  const P1 = [
    [0.003, 0.01],
    [0.01, 0.2475],
    [0.05, 0.2475],
    [0.25, 0.2475],
    [0.999, 0.2475],
  ] as const;
  const P0 = 0.001;
  type Trial = number | 'skipped';

  /** One sequence, trial by trial, from the words of the design alone. */
  function sequence(target: number | null, batch: number, threshold: number) {
    let odds = P1.map(() => ({ m: 0, c: 0, since: 0, trials: [] as number[] }));
    let pending: { trial: Trial; slotMs: number }[] = [];
    let pass = 0;
    let touched = false;
    let alarm: { began: number; trials: number[]; rate: number; logE: number } | null = null;
    const mean = (onLoss: number, onArrival: number): number =>
      pending.reduce(
        (sum, { trial: t }) => sum + (t === 'skipped' ? 1 : t * onLoss + (1 - t) * onArrival),
        0,
      ) / batch;

    function close(slotMs: number): Change[] {
      const fed = pending.map(p => p.trial).filter(t => t !== 'skipped');
      const losses = fed.reduce((sum, t) => sum + t, 0);
      if (fed.length === 0) return [];
      if (alarm) {
        const q0 = Math.max(alarm.rate / 2, 2 * P0);
        alarm.logE = Math.max(0, alarm.logE + Math.log(mean(P0 / q0, (1 - P0) / (1 - q0))));
        alarm.trials.push(...fed);
        const all = alarm.trials.reduce((sum, t) => sum + t, 0);
        if (losses > 0) alarm.rate = all / alarm.trials.length;
        else if (alarm.logE >= Math.log(100)) {
          const { began, rate } = alarm;
          alarm = null;
          odds = P1.map(() => ({ m: 0, c: 0, since: 0, trials: [] }));
          return [{ target, what: 'closed', beganSlotMs: began, atSlotMs: slotMs, rate }];
        }
        return [];
      }
      const first = pending.find(p => p.trial !== 'skipped' && p.trial > 0);
      odds.forEach((o, i) => {
        const ratio = mean(P1[i]![0] / P0, (1 - P1[i]![0]) / (1 - P0));
        o.m = (1 + o.m) * ratio;
        if (o.c <= 1) Object.assign(o, { c: 1, since: first?.slotMs, trials: [] });
        o.c = Math.max(1, o.c) * ratio;
        o.trials.push(...fed);
      });
      const parts = odds.map((o, i) => o.m * P1[i]![1]);
      if (losses === 0 || parts.reduce((a, b) => a + b) < threshold) return [];
      const best = odds[parts.indexOf(Math.max(...parts))]!;
      const [began, trials] = best.c > 1 ? [best.since, best.trials] : [first!.slotMs, fed];
      const rate = trials.reduce((a, b) => a + b) / trials.length;
      alarm = { began, trials: [...trials], rate, logE: 0 };
      return [{ target, what: 'alarm', beganSlotMs: began, atSlotMs: slotMs, rate }];
    }

    return (given: Trial, slotMs: number): Change[] => {
      // Before its first loss a target's skips are taken as arrivals.
      const trial = given === 'skipped' && !touched ? 0 : given;
      if (trial !== 'skipped' && trial > 0) touched = true;
      if (pass > 0) {
        pass--;
        return [];
      }
      pending.push({ trial, slotMs });
      if (pending.length < batch) return [];
      const changes = close(slotMs);
      const kinds = pending.map(p => p.trial).filter(t => t !== 'skipped');
      const run = kinds.length - 1 - kinds.lastIndexOf(0);
      pass = (batch - (run % batch)) % batch;
      pending = [];
      return changes;
    };
  }

  const byTarget = (changes: readonly Change[]) =>
    changes.toSorted((a, b) => (a.target ?? 0) - (b.target ?? 0));

  test.each([1, 2, 3, 5])('in batches of %d', batch => {
    const seen = { alarm: 0, closed: 0 };
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 4 }),
        fc.constantFrom(300, 1e4, 1e6),
        (seed, targets, threshold) => {
          const rules = detectorRules({ objective: 0.999, deadlineMs: MINUTE, targets, batch, threshold });
          const next = random(seed);
          const numbers = Array.from({ length: targets }, (_, i) => i + 1);
          const dense = new Map([null, ...numbers].map(t => [t, sequence(t, batch, threshold)]));
          let state = newDetector(rules);
          let rate = 0;
          for (let i = 0; i < 700; i++) {
            if (i % 50 === 0) rate = [0, 0.002, 0.05, 0.3, 1][Math.floor(next() * 5)]!;
            const skipped = numbers.filter(() => next() < 0.1);
            const fed = numbers.filter(t => !skipped.includes(t));
            const losses = fed.filter(t => t !== 2 && next() < rate);
            const beat = { slotMs: i * MINUTE, n: fed.length, losses, skipped };
            const expected =
              fed.length === 0
                ? []
                : [...dense].flatMap(([t, take]) =>
                    take(
                      t === null
                        ? losses.length / fed.length
                        : skipped.includes(t)
                          ? 'skipped'
                          : losses.includes(t)
                            ? 1
                            : 0,
                      beat.slotMs,
                    ),
                  );
            const result = feed(JSON.parse(JSON.stringify(state)) as DetectorState, beat, rules);
            state = result.state;
            const found = byTarget(result.changes);
            if (found.length + expected.length === 0) continue;
            expect(found.map(c => ({ ...c, rate: 0 }))).toEqual(
              byTarget(expected).map(c => ({ ...c, rate: 0 })),
            );
            found.forEach((c, at) => {
              expect(c.rate).toBeCloseTo(byTarget(expected)[at]!.rate, 9);
              seen[c.what]++;
            });
          }
          expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        },
      ),
      { seed: 5, numRuns: 10 },
    );
    // The comparison was about something.
    expect(seen.alarm).toBeGreaterThan(30);
    expect(seen.closed).toBeGreaterThan(15);
  });
});
