/** Broken paths whose fault is known, with noise, over many seeds and pipelines of 1 to 1,000 targets: is it named? */
import { describe, expect, test } from 'vitest';
import { lossDistances, lossPeriods } from '../../src/domain/loss-runs.ts';
import { type Pattern, type PatternName, patternOf } from '../../src/domain/pattern.ts';
import { cut, type Path, type Random, type Setting, seeded, T0, world } from './pattern-world.ts';

/** More with COALMINE_TEST_SEEDS, which prints what was said; with 100 every bound below held. */
const SEEDS = Number(process.env.COALMINE_TEST_SEEDS ?? 3);
const SIZES = [1, 2, 3, 10, 100, 1000];
const CANARIES_MAX = 20_000;

type Scenario = (s: { targets: number; beats: number; random: Random }) => {
  path: Path;
  setting?: Partial<Setting>;
  /** Only those that an incident at this target count would list. */
  listed?: 'touched';
};

function run(scenario: Scenario, targets: number, seed: number, beats?: number): Pattern | null {
  const random = seeded(seed * 7919 + targets);
  const n = beats ?? Math.min(300, Math.floor((targets < 500 ? CANARIES_MAX / 2 : CANARIES_MAX) / targets));
  const { path, setting, listed } = scenario({ targets, beats: n, random });
  const everyMs = setting?.everyMs ?? 10_000;
  const s: Setting = {
    targets,
    beats: n,
    everyMs,
    dMs: 15_000,
    lMs: 120_000,
    lookEveryMs: 5_000,
    nowMs: T0 + n * everyMs + 600_000,
    open: false,
    noise: random() * 0.005,
    ...setting,
  };
  const { series, context } = world(s, path, random);
  const spanned = cut(series, s.open);
  const shown =
    listed === 'touched'
      ? spanned.filter(t => t.canaries.some(c => c.fate !== 'arrived' && c.fate !== 'unknown'))
      : spanned;
  return patternOf(shown, context);
}

/** Of all seeds and sizes, how many bear this name; and what else was said. */
function tried(scenario: Scenario, sizes = SIZES, beats?: number) {
  const said: Record<string, number> = {};
  for (const targets of sizes)
    for (let seed = 1; seed <= SEEDS; seed++) {
      const name = run(scenario, targets, seed, beats)?.name ?? 'none';
      said[name] = (said[name] ?? 0) + 1;
    }
  return said;
}

function expectNamed(said: Record<string, number>, name: PatternName | 'none', atLeast: number) {
  const all = Object.values(said).reduce((a, b) => a + b, 0);
  if (process.env.COALMINE_TEST_SEEDS) console.log(name, said);
  expect((said[name] ?? 0) / all, JSON.stringify(said)).toBeGreaterThanOrEqual(atLeast);
}

const pick = (random: Random, n: number, k: number): Set<number> => {
  const chosen = new Set<number>();
  while (chosen.size < Math.min(n, k)) chosen.add(Math.floor(random() * n));
  return chosen;
};

/** All that was sent in [from, to) goes out from `to` on, `perMs` a millisecond; an agent keeps the newest `holds`. */
const stalled = (o: { from: number; to: number; perMs: number; holds?: number; everyMs?: number }): Path => {
  const every = o.everyMs ?? 10_000;
  const holdsMs = (o.holds ?? Number.POSITIVE_INFINITY) * every;
  return ({ sentMs }) => {
    if (sentMs < o.from || sentMs >= o.to) return sentMs;
    if (sentMs < o.to - holdsMs) return null;
    const queue = (sentMs - Math.max(o.from, o.to - holdsMs)) / every;
    return o.to + queue / o.perMs;
  };
};

describe('the right name', () => {
  test('outage: of all, of one, of some; lasting or over', () => {
    const outage: Scenario = ({ targets, beats, random }) => {
      const hit = pick(random, targets, random() < 0.5 ? targets : 1 + Math.floor(random() * targets * 0.2));
      const from = Math.floor(beats * (0.1 + 0.3 * random()));
      const open = random() < 0.5;
      const to = open ? beats : from + Math.max(10, Math.floor(beats * 0.4 * random()));
      return {
        path: ({ target, beat, sentMs }) => (hit.has(target) && beat >= from && beat < to ? null : sentMs),
        setting: { open },
        ...(random() < 0.3 ? { listed: 'touched' as const } : {}),
      };
    };
    expectNamed(tried(outage), 'outage', 0.97);
  });

  test('random drop, from one in fifty to more than half', () => {
    const drop: Scenario = ({ random }) => {
      const p = 0.02 + 0.55 * random() ** 2;
      return { path: ({ sentMs }) => (random() < p ? null : sentMs), setting: { open: random() < 0.5 } };
    };
    expectNamed(tried(drop), 'random drop', 0.97);
  });

  test('stall then burst: one agent of several, restarted within what it caches', () => {
    const stall: Scenario = ({ targets, beats, random }) => {
      const hit = Math.floor(random() * targets);
      const from = Math.floor(beats * 0.2) * 10_000;
      const to = from + (12 + Math.floor(random() * 0.6 * (beats - 12) * 0.5)) * 10_000;
      const path = stalled({ from, to, perMs: 0.001 + random() * 0.05 });
      return { path: c => (c.target === hit ? path(c) : c.sentMs) };
    };
    expectNamed(tried(stall, SIZES, undefined), 'stall then burst', 0.97);
  });

  test('stall and overwrite: one agent or several, each from a moment of its own, beyond what they cache', () => {
    const stall: Scenario = ({ targets, beats, random }) => {
      const hit = [...pick(random, targets, 1 + Math.floor(random() * 4))];
      const paths = new Map(
        hit.map(target => {
          const from = Math.floor(beats * 0.3 * random()) * 10_000;
          const length = beats * 0.6;
          const holds = 8 + Math.floor(random() * (length - 13));
          return [
            target,
            stalled({ from, to: from + length * 10_000, perMs: 0.002 + random() * 0.05, holds }),
          ];
        }),
      );
      return { path: c => paths.get(c.target)?.(c) ?? (paths.has(c.target) ? null : c.sentMs) };
    };
    expectNamed(tried(stall, [1, 2, 3, 10, 100, 500]), 'stall and overwrite', 0.97);
  });

  test('periodic: every k-th canary, or all in a window of every hour', () => {
    const kth: Scenario = ({ targets, random }) => {
      const k = 3 + Math.floor(random() * 12);
      const phases = Array.from({ length: targets }, () => Math.floor(random() * k));
      const common = random() < 0.5;
      return { path: c => ((c.beat + (common ? 0 : phases[c.target]!)) % k === 0 ? null : c.sentMs) };
    };
    expectNamed(tried(kth, [1, 2, 3, 10, 50], 300), 'periodic', 0.97);
    const hourly: Scenario = ({ random }) => {
      const lengthMs = 90_000 + random() * 200_000;
      const atMs = random() * 3_000_000;
      return {
        path: c => ((c.sentMs - atMs + 3_600_000) % 3_600_000 < lengthMs ? null : c.sentMs),
        setting: { everyMs: 60_000 },
      };
    };
    expectNamed(tried(hourly, [1, 2, 10], 60 * 24), 'periodic', 0.97);
  });

  test('by target: some lose a steady share, the others none', () => {
    const uneven: Scenario = ({ targets, random }) => {
      const hit = pick(random, targets, 1 + Math.floor(random() * targets * 0.3));
      if (hit.size === targets) hit.delete(0);
      const p = 0.15 + 0.4 * random();
      return {
        path: c => (hit.has(c.target) && random() < p ? null : c.sentMs),
        ...(random() < 0.3 ? { listed: 'touched' as const } : {}),
      };
    };
    expectNamed(tried(uneven, [2, 3, 10, 100, 500]), 'by target', 0.97);
  });

  test('growing: agent after agent stops, or the lost share rises', () => {
    const agents: Scenario = ({ targets, beats, random }) => {
      const tau = beats * (0.5 + random());
      const stops = Array.from({ length: targets }, () => -tau * Math.log(1 - random()));
      return { path: c => (c.beat >= stops[c.target]! ? null : c.sentMs), setting: { open: true } };
    };
    expectNamed(tried(agents, [30, 100, 500, 1000]), 'growing', 0.95);
    const share: Scenario = ({ beats, random }) => {
      const most = 0.5 + 0.4 * random();
      return { path: c => (random() < (most * c.beat) / beats ? null : c.sentMs), setting: { open: true } };
    };
    expectNamed(tried(share, [1, 3], 3000), 'growing', 0.95);
    expectNamed(tried(share, [10, 50], 400), 'growing', 0.95);
  });

  test('whole beats that fall out at random are no random drop: their canaries share a fate', () => {
    const beatwise: Scenario = ({ beats, random }) => {
      const out = pick(random, beats, Math.floor(beats * 0.05));
      return { path: c => (out.has(c.beat) ? null : c.sentMs), setting: { noise: 0 } };
    };
    expectNamed(tried(beatwise, [10, 50]), 'none', 0.95);
  });

  test('a constant delay and random delays have none of these names', () => {
    const constant: Scenario = () => ({ path: c => c.sentMs + (c.beat > 20 ? 60_000 : 0) });
    expectNamed(tried(constant, [1, 3, 10, 50]), 'none', 0.99);
    const random: Scenario = ({ random }) => ({
      path: c => c.sentMs + (random() < 0.2 ? 20_000 + random() * 60_000 : 0),
    });
    expectNamed(tried(random, [1, 3, 10, 50]), 'none', 0.97);
  });
});

describe('what is said of lost and not lost', () => {
  const delayed: Scenario = ({ targets, beats, random }) => {
    const hit = pick(random, targets, 1 + Math.floor(random() * targets * 0.5));
    const from = Math.floor(beats * 0.2) * 10_000;
    const to = from + (12 + Math.floor(random() * 0.4 * (beats - 12))) * 10_000;
    const newestFirst = random() < 0.5;
    const perMs = 0.0005 + random() * 0.01;
    const path: Path = ({ sentMs }) => {
      if (sentMs < from || sentMs >= to) return sentMs;
      return to + (newestFirst ? to - sentMs : sentMs - from) / 10_000 / perMs;
    };
    // Asked at some moment of the stall, of the burst, or long after.
    const burstMs = (to - from) / 10_000 / perMs;
    const moments = [from + random() * (to - from), to + random() * burstMs, to + burstMs + 600_000];
    const nowMs = T0 + moments[Math.floor(random() * 3)]!;
    return { path: c => (hit.has(c.target) ? path(c) : c.sentMs), setting: { nowMs, noise: 0 } };
  };

  test('where everything comes back, nothing is called overwritten or dropped, whenever it is asked', () => {
    const said = tried(delayed, [1, 2, 3, 4, 5, 6, 8, 10, 20, 50]);
    expect(said).not.toHaveProperty('stall and overwrite');
    expect(said).not.toHaveProperty('random drop');
    expect(said['stall then burst']).toBeGreaterThan(0);
  });

  test('what is said of the oldest is what happened to them', () => {
    const every = 10_000;
    const scenario: Scenario = () => {
      const path = stalled({ from: 20 * every, to: 61 * every, perMs: 0.01, holds: 14 });
      return { path: c => (c.target === 1 ? path(c) : c.sentMs), setting: { noise: 0 } };
    };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { name, evidence } = run(scenario, 3, seed, 80)!;
      expect(name).toBe('stall and overwrite');
      // 41 were sent into the stall, 27 of them before what the cache held; the last one or two came in time.
      expect(evidence).toMatch(
        /^web-2 missed (39|40|41) canaries in a row from 2026-11-23 14:03:20 UTC; the newest (12|13|14) came back (at|within \d.* from) 2026-11-23 14:10:1\d UTC, the oldest 27 had not by 2026-11-23 14:23:20 UTC: what a full cache overwrites\.$/,
      );
    }
  });

  test('an outage says that nothing had come back, and who was spared', () => {
    const scenario: Scenario = () => ({
      path: c => (c.target === 1 && c.beat >= 20 ? null : c.sentMs),
      setting: { noise: 0, open: true },
    });
    expect(run(scenario, 3, 1, 50)).toEqual({
      name: 'outage',
      evidence:
        'web-2 missed everything, 30 canaries in a row, since 2026-11-23 14:03:20 UTC; none had come back by 2026-11-23 14:18:20 UTC; the other 2 targets had no such run.',
    });
  });
});

describe('too little to tell', () => {
  const scenario =
    (n: number): Scenario =>
    () => ({
      path: c => (c.beat >= 10 && c.beat < 10 + n ? null : c.sentMs),
      setting: { noise: 0 },
    });
  test('seven canaries have no pattern, eight after the first have', () => {
    expect(run(scenario(7), 1, 1, 40)).toBeNull();
    expect(run(scenario(9), 1, 1, 40)?.name).toBe('outage');
    expect(run(scenario(2), 100, 1, 40)?.name).toBe('outage');
  });
  test('nothing at all', () => {
    const context = { targets: 3, open: true, everyMs: 1000, onTimeWithinMs: 1000, nowMs: T0 };
    expect(patternOf([], context)).toBeNull();
    const canaries = Array.from({ length: 50 }, (_, i) => ({
      slotMs: T0 + i,
      sentMs: T0 + i,
      fate: 'unknown' as const,
      seenMs: null,
    }));
    expect(patternOf([{ target: 'a', canaries }], context)).toBeNull();
  });
});

describe('incidents that happened, as far as their figures go', () => {
  const at = (hours: number, minutes: number) => (hours * 60 + minutes) * 60_000;
  const named = (scenario: Scenario, targets: number, beats: number) => {
    const names = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) names.add(run(scenario, targets, seed, beats)?.name ?? 'none');
    return [...names];
  };
  /** A day, one beat a minute, from midnight. */
  const day =
    (path: Path, more: Partial<Setting> = {}): Scenario =>
    () => ({
      path,
      setting: {
        everyMs: 60_000,
        dMs: 300_000,
        lMs: 7_200_000,
        lookEveryMs: 30_000,
        nowMs: T0 + at(48, 0),
        ...more,
      },
    });

  test('September 2024: agents deadlock one after another; restarted, their caches keep the newest days', () => {
    const every = 900_000;
    const stop = (target: number) => -240 * 3_600_000 * Math.log(1 - (target + 0.5) / 100);
    const setting = { everyMs: every, dMs: 900_000, lMs: 21_600_000, lookEveryMs: 60_000 };
    const toDetection: Scenario = () => ({
      path: c => (c.sentMs >= stop(c.target) ? null : c.sentMs),
      setting: { ...setting, open: true, nowMs: T0 + 50 * 3_600_000 },
    });
    expect(named(toDetection, 100, 200)).toEqual(['growing']);
    const hours = 385;
    const restarted: Scenario = () => ({
      path: c => {
        const from = stop(c.target);
        if (from > hours * 3_600_000) return c.sentMs;
        return stalled({ from, to: hours * 3_600_000, perMs: 0.01, holds: 100, everyMs: 3_600_000 })(c);
      },
      setting: { ...setting, everyMs: 7_200_000, nowMs: T0 + 480 * 3_600_000 },
    });
    expect(named(restarted, 100, 200)).toEqual(['stall and overwrite']);
  });

  test('cloudflare-2024-11: 55% of all logs gone over 3.5 h', () => {
    const scenario: Scenario = ({ random }) => ({
      path: c => (c.sentMs > at(1, 0) && c.sentMs < at(4, 30) && random() < 0.55 ? null : c.sentMs),
      setting: { everyMs: 60_000 },
    });
    expect(named(scenario, 10, 360)).toEqual(['random drop']);
  });

  test('duo-2020-08: late at the source; skipped by cursors further down', () => {
    const [from, to] = [at(13, 35), at(19, 45)];
    expect(named(day(stalled({ from, to, perMs: 0.001, everyMs: 60_000 })), 1, 1440)).toEqual([
      'stall then burst',
    ]);
    expect(
      named(
        day(c => (c.sentMs >= from && c.sentMs < to ? null : c.sentMs)),
        1,
        1440,
      ),
    ).toEqual(['outage']);
  });

  test('duo-2023-06 and duo-2023-09: stalled for hours, then all came back', () => {
    const june = stalled({ from: at(18, 41), to: at(21, 48), perMs: 187 / at(0, 17), everyMs: 60_000 });
    const september = stalled({ from: at(13, 27), to: at(29, 1), perMs: 0.001, everyMs: 60_000 });
    expect(named(day(june), 3, 1440)).toEqual(['stall then burst']);
    expect(named(day(september), 3, 2000)).toEqual(['stall then burst']);
  });

  test('github-2024-07: one partition of sixteen, and a backlog longer than the fault', () => {
    const [from, to, end] = [at(15, 30), at(19, 10), at(24, 40)];
    const path: Path = c =>
      c.target !== 5 || c.sentMs < from || c.sentMs >= end
        ? c.sentMs
        : to + ((c.sentMs - from) * (end - to)) / (end - from);
    expect(named(day(path, { dMs: 60_000 }), 12, 1600)).toEqual(['stall then burst']);
  });

  test('honeycomb-eu-2025-12: a quarter of the partitions, for days', () => {
    const scenario: Scenario = () => ({
      path: c => (c.target % 4 === 0 && c.beat > 20 ? null : c.sentMs),
      setting: { everyMs: 600_000, open: true },
    });
    expect(named(scenario, 32, 500)).toEqual(['outage']);
  });

  test('okta-log-streaming: it stops, and nobody replays', () => {
    expect(
      named(
        day(c => (c.sentMs > at(9, 0) ? null : c.sentMs), { open: true }),
        1,
        1440,
      ),
    ).toEqual(['outage']);
  });
});

describe('RFC 3357', () => {
  // Lost are the 2nd, 5th, 7th, 9th and 10th of ten.
  const lost = [0, 1, 0, 0, 1, 0, 1, 0, 1, 1].map(Boolean);
  test('loss periods', () => {
    expect(lossPeriods(lost)).toEqual([
      { first: 1, length: 1 },
      { first: 4, length: 1 },
      { first: 6, length: 1 },
      { first: 8, length: 2 },
    ]);
    expect(lossPeriods([])).toEqual([]);
  });
  test('loss distances', () => {
    expect(lossDistances(lost)).toEqual([3, 2, 2, 1]);
    expect(lossDistances([false, true])).toEqual([]);
    // Sequence number 50 lost after 20: the distance is 30.
    expect(lossDistances(Array.from({ length: 60 }, (_, i) => i === 20 || i === 50))).toEqual([30]);
  });
});
