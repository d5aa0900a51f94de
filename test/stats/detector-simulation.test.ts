/** What the detector does with years of canaries. `naive` is what is wrong with the obvious ways; ours must not have it. */
import { describe, expect, test } from 'vitest';
import { SENDINGS } from '../../src/domain/canary.ts';
import { FLAG } from '../../src/domain/settlement.ts';
import { trialsOf } from '../../src/domain/trials.ts';
import {
  type DetectorRules,
  detectorRules,
  feed,
  newDetector,
  thresholdOf,
  trialsPerYearOf,
} from '../../src/stats/detector.ts';
import { random } from '../support/ledger.ts';

const MINUTE = 60_000;
const YEAR = 525_600;
const rulesOf = (over: Partial<Parameters<typeof detectorRules>[0]> = {}): DetectorRules =>
  detectorRules({ objective: 0.999, deadlineMs: MINUTE, targets: 1, threshold: YEAR, ...over });

/** Feeds beats in order; those of arrivals, while nothing is in alarm or under way, are counted without being fed. */
function pipeline(rules: DetectorRules) {
  let state = newDetector(rules);
  let alarms = 0;
  const beat = (losses: readonly number[]): void => {
    const fed = feed(state, { slotMs: state.beats * MINUTE, n: rules.targets, losses, skipped: [] }, rules);
    state = fed.state;
    alarms += fed.changes.filter(c => c.what === 'alarm').length;
  };
  const arrivals = (n: number): void => {
    for (let left = n; left > 0; left--) {
      if (Object.keys(state.alarms).length + Object.keys(state.open).length === 0) {
        state = { ...state, beats: state.beats + left };
        return;
      }
      beat([]);
    }
  };
  return { beat, arrivals, beats: () => state.beats, alarms: () => alarms };
}

/** How many beats without, before one that happens with probability p. */
const gap = (next: () => number, p: number): number => Math.floor(Math.log(1 - next()) / Math.log1p(-p));

/** So many arrivals, then so many losses. */
type Stretch = readonly [arrivals: number, losses: number];

/** Losses with probability p, each `together` at once, up to a number of trials, all in trials. */
function* stretches(
  next: () => number,
  p: number,
  { trials, together = 1 }: { readonly trials: number; readonly together?: number },
): Generator<Stretch> {
  for (let left = trials; ; ) {
    const quiet = gap(next, p) * together;
    left -= quiet + together;
    if (left < 0) return;
    yield [quiet, together];
  }
}

/** Alarms of an e-SR mixture of four rates at p0=.001, trial after trial, that starts anew at each. */
function naive(given: Iterable<Stretch>, threshold: number): number {
  const rates = [0.01, 0.05, 0.25, 0.999];
  let m = [0, 0, 0, 0];
  let alarms = 0;
  for (const [arrivals, losses] of given) {
    m = m.map((v, i) => {
      const r = (1 - rates[i]!) / 0.999;
      return r ** arrivals * v + (r * (1 - r ** arrivals)) / (1 - r);
    });
    for (let k = 0; k < losses; k++) {
      m = m.map((v, i) => ((1 + v) * rates[i]!) / 0.001);
      if (m.reduce((x, y) => x + y) / 4 < threshold) continue;
      alarms++;
      m = [0, 0, 0, 0];
    }
  }
  return alarms;
}

/** Around what an independent simulation counted in a year, ± 4 standard deviations of either. */
const about = (found: number, expected: number, causes = expected): void => {
  expect(Math.abs(found - expected)).toBeLessThan(8 * (expected / causes) * Math.sqrt(causes));
};

/** What the ledger makes of a canary that was seen after so long, between a deadline of a minute and one of an hour. */
function isLoss(objective: 'on_time' | 'delivered', seenMs: number): boolean {
  const row = {
    slot: 0,
    due_ms: 0,
    restart_ms: null,
    targets: [1],
    sendings: [SENDINGS.indexOf('accepted')],
    last_offs: [0],
    next_due_ms: null,
    seen_offs: [seenMs],
    seen_after_offs: [seenMs - 1],
    flags: [seenMs > MINUTE ? FLAG.absentAtD : 0],
  };
  const trials = trialsOf(row, objective, {
    watch: { wMs: 120 * MINUTE, gaps: [], proven: true },
    deadlines: { onTimeWithinMs: MINUTE, lostAfterMs: 60 * MINUTE },
    drill: 99,
    missingBefore: () => false,
    inMaintenance: () => false,
  });
  expect(trials?.targets).toEqual([1]);
  return trials?.losses.length === 1;
}

describe('merely late', () => {
  test('naive: overdue fed into a null about loss alarms 758 times a year', () => {
    about(naive(stretches(random(31), 0.01, { trials: YEAR }), YEAR), 758);
  });

  test('1% late at on_time 99%: no more than the budget, and never anything lost', () => {
    const years = 10;
    const alarms = (objective: 'on_time' | 'delivered', share: number): number => {
      const p = pipeline(rulesOf({ objective: share }));
      const [inTimeLost, lateLost] = [isLoss(objective, 1), isLoss(objective, 5 * MINUTE)];
      const take = (n: number, lost: boolean): void => {
        if (!lost) p.arrivals(n);
        else for (let i = 0; i < n; i++) p.beat([1]);
      };
      for (const [inTime, late] of stretches(random(31), 0.01, { trials: years * YEAR })) {
        take(inTime, inTimeLost);
        take(late, lateLost);
      }
      expect(p.beats()).toBeGreaterThan(0.99 * years * YEAR);
      return p.alarms();
    };
    expect(alarms('on_time', 0.99)).toBeLessThanOrEqual(years);
    expect(alarms('delivered', 0.999)).toBe(0);
  });
});

describe('losses that come together', () => {
  test.each([1, 0.5])(
    'batches of five at %d of what may be lost, wherever in our steps they begin',
    share => {
      const years = 150;
      const rules = rulesOf({ batch: 5, threshold: YEAR / 5 });
      const next = random(32);
      const p = pipeline(rules);
      while (p.beats() < years * YEAR) {
        p.arrivals(gap(next, 0.001 * share) * 5 + Math.floor(next() * 5));
        for (let i = 0; i < 5; i++) p.beat([1]);
      }
      expect(p.alarms()).toBeLessThanOrEqual((share === 1 ? 0.4 : 0.1) * years);
    },
  );

  test('naive: one by one, batches of five at half of it alarm 52 times a year', () => {
    about(naive(stretches(random(33), 0.0005, { trials: YEAR, together: 5 }), YEAR), 52);
  });

  test('naive: forty targets of a beat multiplied, at a tenth of it, alarm 680 times a year', () => {
    about(naive(stretches(random(34), 0.0001, { trials: 40 * YEAR, together: 40 }), YEAR), 680, 52);
  });

  test('forty targets of a beat, averaged: none in 20 years', () => {
    const threshold = thresholdOf({
      trialsPerYear: trialsPerYearOf({ beatsPerYear: YEAR, targets: 40, batch: 1 }),
      falseAlarmsPerYear: 1,
    });
    const all = Array.from({ length: 40 }, (_, i) => i + 1);
    const next = random(35);
    const p = pipeline(rulesOf({ targets: 40, threshold }));
    while (p.beats() < 20 * YEAR) {
      p.arrivals(gap(next, 0.0001));
      p.beat(all);
    }
    expect(p.alarms()).toBe(0);
  });
});

describe('catching up three hours at one a second, with loss exactly p0', () => {
  const trials = 10_800;

  test('naive: arrivals when seen, losses at the watermark, alarms nearly always', () => {
    let alarmed = 0;
    for (let run = 0; run < 500; run++) {
      const losses = [...stretches(random(run), 0.001, { trials })].length;
      if (naive([[trials - losses, losses]], YEAR) > 0) alarmed++;
    }
    expect(alarmed / 500).toBeGreaterThan(0.98);
  });

  test('in order: no more often than the bound, n ÷ A', () => {
    const runs = 2000;
    let alarmed = 0;
    for (let run = 0; run < runs; run++) {
      const p = pipeline(rulesOf());
      for (const [quiet] of stretches(random(run), 0.001, { trials })) {
        p.arrivals(quiet);
        p.beat([1]);
      }
      alarmed += p.alarms();
    }
    expect(alarmed / runs).toBeLessThanOrEqual(trials / YEAR / 2);
  });
});

test('one lost a day, at any time of it, alarms in no year of twenty', () => {
  const next = random(36);
  const p = pipeline(rulesOf());
  let last = 0;
  for (let day = 0; day < 20 * 365; day++) {
    const at = day * 1440 + Math.floor(next() * 1440);
    p.arrivals(at - last);
    p.beat([1]);
    last = at + 1;
  }
  expect(p.alarms()).toBe(0);
});

test('P(alarm within n) ≤ n ÷ A, from the first canary on', () => {
  const runs = 2000;
  for (const [n, threshold] of [
    [200, 2000],
    [2000, 20_000],
    [2000, 5000],
  ] as const) {
    let alarmed = 0;
    for (let run = 0; run < runs; run++) {
      const p = pipeline(rulesOf({ threshold }));
      for (const [quiet] of stretches(random(run * 7919 + n), 0.001, { trials: n })) {
        p.arrivals(quiet);
        p.beat([1]);
        if (p.alarms() > 0) break;
      }
      alarmed += p.alarms();
    }
    const bound = n / threshold;
    expect(alarmed / runs).toBeLessThan(bound + 3 * Math.sqrt((bound * (1 - bound)) / runs));
  }
});

/** The budget of a family, with all its sequences at just under what may be lost. `npm run bench -- detection` does more years. */
describe('false alarms', () => {
  test.each([
    [1, 1, 100],
    [3, 1, 40],
    [3, 5, 80],
    [40, 1, 4],
  ])('of %d targets in batches of %d stay within one a year', (targets, batch, years) => {
    const loss = 0.00099;
    const threshold = thresholdOf({
      trialsPerYear: trialsPerYearOf({ beatsPerYear: YEAR, targets, batch }),
      falseAlarmsPerYear: 1,
    });
    const next = random(40 + targets + batch);
    const p = pipeline(rulesOf({ targets, threshold, batch }));
    // Each target's shipper loses whole batches, at a phase of its own that drifts.
    const numbers = Array.from({ length: targets }, (_, i) => i + 1);
    const starts = numbers.map(() => gap(next, loss) * batch + Math.floor(next() * batch));
    for (let beat = 0; beat < years * YEAR; ) {
      const first = Math.min(...starts);
      p.arrivals(Math.max(0, first - beat));
      beat = Math.max(beat, first);
      p.beat(numbers.filter((_, i) => starts[i]! <= beat));
      beat++;
      starts.forEach((start, i) => {
        if (start + batch <= beat) starts[i] = beat + gap(next, loss) * batch + Math.floor(next() * batch);
      });
    }
    expect(p.alarms() / years).toBeLessThanOrEqual(1);
  });
});
