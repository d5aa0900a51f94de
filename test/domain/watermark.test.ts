/** How far a checkpoint has been seen. The one property that matters most stands first: what is called absent is absent. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { absence, type Proof } from '../../src/domain/settlement.ts';
import {
  type Anchor,
  addGap,
  advance,
  advanceReceive,
  type Gap,
  inGap,
  type LookFacts,
  type LookRange,
  newWatch,
  type Open,
  planLooks,
  SKEW_ALLOWANCE_MS,
  sightOf,
  staleAfterMs,
  voidBefore,
  type Watch,
  type WatchRules,
} from '../../src/domain/watermark.ts';

const T0 = Date.UTC(2024, 8, 2);

/** mulberry32: a scene is one seed, so that it replays and shrinks by its few parameters. */
function chance(seed: number): (max: number) => number {
  let a = seed >>> 0;
  return max => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * max);
  };
}

/** A record as a backend holds it, and when an answer of its freshest replica first shows it. */
interface Stored {
  readonly key: string;
  readonly slotMs: number;
  readonly sentMs: number;
  readonly eventMs: number;
  readonly ingestedMs: number;
  /** Infinity: dropped on the way. */
  readonly visibleMs: number;
}

interface Scene {
  readonly seed: number;
  readonly chained: boolean;
  readonly secondLook: WatchRules['secondLook'];
  readonly settleMs: number;
  readonly lookEveryMs: number;
  readonly keepsMs: number;
  /** How wrong the senders' clocks may be. */
  readonly skewMs: number;
  /** How wrong the backend's clock is against ours. */
  readonly backendSkewMs: number;
  /** By how much it is set back at some time. */
  readonly backendStepMs: number;
  /** Some records show up so long after the backend took them in. */
  readonly indexLagMs: number;
  /** One look in so many fails or is cut, having shown some of what there was. */
  readonly failsIn: number;
}

const D = 10_000;
const L = 60_000;

function store(scene: Scene): Stored[] {
  const pick = chance(scene.seed);
  const stepAt = pick(60);
  return Array.from({ length: 60 }, (_, i) => {
    const slotMs = T0 + i * 4_000 + pick(4_000);
    const sentMs = slotMs + (pick(8) === 0 ? pick(20_000) : pick(300));
    const fate = pick(10);
    const delayMs = fate < 5 ? pick(2_000) : fate < 8 ? pick(2 * L) : pick(6 * L);
    const arrivedMs = sentMs + delayMs;
    // A clock is wrong from some canary on, or for one alone.
    const skewMs = pick(4) === 0 || i > 40 ? pick(2 * scene.skewMs + 1) - scene.skewMs : 0;
    const visibleMs = arrivedMs + (pick(3) === 0 ? pick(scene.indexLagMs + 1) : 0);
    return {
      key: `${i}`,
      slotMs,
      sentMs,
      eventMs: sentMs + skewMs,
      ingestedMs: arrivedMs + scene.backendSkewMs - (i >= stepAt ? scene.backendStepMs : 0),
      visibleMs: fate === 9 ? Number.POSITIVE_INFINITY : visibleMs,
    };
  });
}

interface Told {
  /** Absence that was called proven although the record was there. */
  readonly wrong: string[];
  proven: number;
  vanished: number;
  unseenAfterAll: number;
}

/** The looks of one run over a backend that never lies but may be as stale as `settle` says. */
function play(scene: Scene): Told {
  const pick = chance(scene.seed + 1);
  const rules: WatchRules = { way: 'query', ...scene };
  const records = store(scene);
  const seen = new Map<string, number>();
  const told: Told = { wrong: [], proven: 0, vanished: 0, unseenAfterAll: 0 };
  let watch: Watch = newWatch;
  let nowMs = T0;
  while (nowMs < T0 + 60 * 4_000 + 8 * L) {
    nowMs += scene.lookEveryMs + pick(scene.lookEveryMs);
    if (pick(40) === 0) nowMs += pick(3 * L);
    const startedMs = nowMs;
    const open = openAt(records, seen, startedMs, scene.settleMs, pick(3) > 0);
    const ends = pick(scene.failsIn) === 0 ? (['failed', 'truncated'] as const)[pick(2)]! : 'exhausted';
    const found: Stored[] = [];
    let second: Proof['second'] = null;
    for (const [k, range] of planLooks(watch, open, rules, startedMs).entries()) {
      const askedMs = nowMs;
      const asOfMs = askedMs - pick(scene.settleMs + 1);
      const shown = records.filter(
        r => r.visibleMs <= asOfMs && isIn(r, range) && r.visibleMs + scene.keepsMs > askedMs,
      );
      const whole = ends === 'exhausted' || k > 0;
      found.push(...(whole ? shown : shown.slice(0, pick(shown.length + 1))));
      nowMs += pick(1_000);
      if (!whole) break;
      if (k > 0 && pick(scene.failsIn) > 0) second = { ...range, asOfMs: askedMs - scene.settleMs };
    }
    const first = planLooks(watch, open, rules, startedMs)[0]!;
    watch = advance(watch, factsOf(found, watch, { startedMs, endedMs: nowMs, end: ends, first }), rules);
    for (const r of found) if (!seen.has(r.key)) seen.set(r.key, nowMs);
    if (watch.vanished) told.vanished++;
    judge(records, seen, { watch, nowMs, way: 'query', ...scene, second }, told);
  }
  told.unseenAfterAll = records.filter(r => r.visibleMs < nowMs - 3 * L && !seen.has(r.key)).length;
  return told;
}

const isIn = (r: Stored, { by, fromMs, toMs }: LookRange): boolean => {
  const ms = by === 'ingest' ? r.ingestedMs : r.eventMs;
  return fromMs <= ms && ms < toMs;
};

/** What the ledger would ask for: registered canaries only, and the widest looks only now and then. */
function openAt(
  all: readonly Stored[],
  seen: ReadonlyMap<string, number>,
  nowMs: number,
  settleMs: number,
  wide: boolean,
): Open {
  const unseen = all.filter(r => r.slotMs <= nowMs && !seen.has(r.key));
  const due = unseen.filter(r => r.sentMs + D <= nowMs - settleMs);
  const pending = unseen.filter(r => r.sentMs + D > nowMs - settleMs);
  const first = (rs: readonly Stored[]) => (rs.length > 0 ? Math.min(...rs.map(r => r.slotMs)) : null);
  return {
    pendingFirstMs: first(pending),
    dueFirstMs: wide ? first(due) : null,
    dueLastMs: wide && due.length > 0 ? Math.max(...due.map(r => r.sentMs)) : null,
  };
}

function factsOf(
  found: readonly Stored[],
  watch: Watch,
  look: { startedMs: number; endedMs: number; end: LookFacts['end']; first: LookRange },
): LookFacts {
  const newest = [...found].sort((a, b) => b.ingestedMs - a.ingestedMs).slice(0, 3);
  const skews = found.map(r => r.eventMs - r.slotMs);
  return {
    ...look,
    reason: null,
    records: found.length,
    found: found.length,
    anchorFound: watch.anchors.some(a => found.some(r => r.key === a.key)),
    newest: newest.map(r => ({
      key: r.key,
      seenMs: look.endedMs,
      eventMs: r.eventMs,
      ingestedMs: r.ingestedMs,
    })),
    skewMs: skews.length > 0 ? { low: Math.min(...skews), high: Math.max(...skews) } : null,
    fromMs: look.first.fromMs,
    oldestMs: found.length > 0 ? Math.min(...found.map(r => r.slotMs)) : null,
    forgets: null,
    gap: null,
    retryAfterMs: null,
  };
}

function judge(
  records: readonly Stored[],
  seen: ReadonlyMap<string, number>,
  proof: Proof,
  told: Told,
): void {
  for (const r of records) {
    if (r.slotMs > proof.nowMs || seen.has(r.key)) continue;
    for (const atMs of [r.sentMs + D, r.sentMs + L]) {
      if (atMs > proof.nowMs || absence(r, atMs, proof) !== 'proven') continue;
      told.proven++;
      if (r.visibleMs <= atMs)
        told.wrong.push(`${r.key}: there since ${r.visibleMs - atMs} ms before, at ${atMs - T0}`);
    }
  }
}

const scenes = (chained: boolean, secondLook: Scene['secondLook'], more: Partial<Scene>) =>
  fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
    chained: fc.constant(chained),
    secondLook: fc.constant(secondLook),
    settleMs: fc.constantFrom(0, 500, 5_000, 30_000),
    lookEveryMs: fc.constantFrom(1_000, 4_000, 20_000),
    keepsMs: fc.constantFrom(2 * L, 300_000, 3_600_000),
    skewMs: fc.constant(more.skewMs ?? 0),
    backendSkewMs: fc.constantFrom(
      ...(more.backendSkewMs === undefined ? [0] : [0, -more.backendSkewMs, more.backendSkewMs]),
    ),
    backendStepMs: fc.integer({ min: 0, max: more.backendStepMs ?? 0 }),
    indexLagMs: fc.constant(more.indexLagMs ?? 0),
    failsIn: fc.constantFrom(3, 10, 1_000),
  });

function holds(chained: boolean, secondLook: Scene['secondLook'], more: Partial<Scene>, numRuns = 100): void {
  let proven = 0;
  fc.assert(
    fc.property(scenes(chained, secondLook, more), scene => {
      const told = play(scene);
      proven += told.proven;
      expect(told.wrong[0]).toBeUndefined();
      if (scene.keepsMs === 3_600_000) expect(told.vanished, 'nothing was deleted').toBe(0);
    }),
    { numRuns },
  );
  // A watermark that never moves would be right too.
  expect(proven).toBeGreaterThan(numRuns * 20);
}

describe('what is called absent was absent at that time', () => {
  test('by event time alone, whatever senders’ clocks say within the allowance, however late records appear', () => {
    holds(false, null, { skewMs: SKEW_ALLOWANCE_MS - 2_000, indexLagMs: 3 * L });
  });
  test('by ingest time alone, on a backend that shows what it took in within `settle`', () => {
    holds(true, 'ingest', { skewMs: 30 * 86_400_000 });
  });
  test('by ingest time alone, with a backend’s clock that is wrong', () => {
    holds(true, 'ingest', { backendSkewMs: 90_000 });
  });
  test('by ingest time alone, with a backend’s clock that is set back within the allowance', () => {
    holds(true, 'ingest', { backendStepMs: SKEW_ALLOWANCE_MS - 1_000 });
  });
  test('by ingest time with a second look, on a backend that indexes late under the old ingest time', () => {
    holds(true, 'event', { indexLagMs: 3 * L });
  });
  test('by ingest time with a second look, whatever senders’ clocks say', () => {
    holds(true, 'event', { skewMs: 20 * 3_600_000 });
  });
});

const rules: WatchRules = {
  way: 'query',
  chained: true,
  secondLook: null,
  settleMs: 1_000,
  keepsMs: 3_600_000,
  lookEveryMs: 5_000,
};
const anchor = (key: string, seenMs: number): Anchor => ({
  key,
  seenMs,
  eventMs: seenMs,
  ingestedMs: seenMs,
});
const facts = (startedMs: number, more: Partial<LookFacts> = {}): LookFacts => ({
  startedMs,
  endedMs: startedMs + 100,
  end: 'exhausted',
  reason: null,
  records: 1,
  found: 1,
  anchorFound: true,
  newest: [],
  skewMs: null,
  fromMs: startedMs - 10_000,
  gap: null,
  oldestMs: null,
  forgets: null,
  retryAfterMs: null,
  ...more,
});
const lastLook = { endedMs: T0, end: 'exhausted', reason: null, records: 1, found: 1 } as const;
const seeing: Watch = {
  ...newWatch,
  proven: true,
  wMs: T0,
  coveredFromMs: T0 - 60_000,
  anchors: [anchor('1', T0 - 5_000)],
  lastLook: { ...lastLook, startedMs: T0 + 1_000 },
};

describe('advance', () => {
  test('a look that fails or is cut moves nothing, whatever else it says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('failed' as const, 'truncated' as const),
        fc.constantFrom('query' as const, 'follow' as const, 'receive' as const),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 600_000 }),
        (end, way, chained, anchorFound, ms) => {
          const next = advance(seeing, facts(T0 + ms, { end, anchorFound }), { ...rules, way, chained });
          expect([next.wMs, next.coveredFromMs, next.vanished]).toEqual([T0, seeing.coveredFromMs, false]);
        },
      ),
    );
  });

  test('W never goes back while the clock goes on, and never beyond start − settle', () => {
    const looks = fc.array(fc.tuple(fc.integer({ min: -1_000, max: 60_000 }), fc.boolean()));
    fc.assert(
      fc.property(looks, steps => {
        let watch = seeing;
        let latestMs = T0 + rules.settleMs;
        for (const [ms, anchorFound] of steps) {
          const before = watch.wMs ?? 0;
          watch = advance(watch, facts(latestMs + ms, { anchorFound }), rules);
          latestMs = Math.max(latestMs, latestMs + ms);
          expect(watch.wMs).toBeGreaterThanOrEqual(before);
          expect(watch.wMs).toBeLessThanOrEqual(latestMs - rules.settleMs);
        }
      }),
    );
  });

  test('a checkpoint that never saw a canary is not yet proven, and has no W', () => {
    let watch = newWatch;
    for (let i = 0; i < 5; i++)
      watch = advance(watch, facts(T0 + i * 5_000, { found: 0, anchorFound: false }), rules);
    expect(watch).toMatchObject({ proven: false, wMs: null, vanished: false });
    expect(sightOf(watch, rules, T0 + 30_000).state).toBe('not_yet_proven');
  });

  test('seen canaries that are gone within `keeps`: vanished, until a look finds again what was seen', () => {
    const gone = advance(seeing, facts(T0 + 5_000, { found: 0, anchorFound: false }), rules);
    expect(gone).toMatchObject({ vanished: true, wMs: T0 });
    expect(sightOf(gone, rules, T0 + 5_500)).toMatchObject({ state: 'blind', sinceMs: T0 });
    const newest = [anchor('2', T0 + 9_000)];
    const other = advance(gone, facts(T0 + 10_000, { anchorFound: false, newest }), rules);
    expect(other).toMatchObject({ vanished: true, wMs: T0 });
    const again = advance(other, facts(T0 + 15_000), rules);
    expect(again).toMatchObject({ vanished: false, wMs: T0 + 14_000 });
  });

  test('what a stale replica may not show yet, or the backend no longer keeps, has not vanished', () => {
    const none = { found: 0, anchorFound: false };
    expect(advance(seeing, facts(T0 + 5_000, none), { ...rules, settleMs: 30_000 }).vanished).toBe(false);
    const tooOld = facts(T0 - 4_000 + rules.keepsMs, none);
    expect(advance(seeing, tooOld, rules)).toMatchObject({ vanished: false, wMs: T0, anchors: [] });
  });

  test('finding an anchor again does not make it younger: the backend forgets it all the same', () => {
    let watch = seeing;
    for (let ms = 0; ms < rules.keepsMs - 10_000; ms += 600_000)
      watch = advance(watch, facts(T0 + ms, { newest: [anchor('1', T0 + ms)] }), rules);
    const forgotten = facts(T0 + rules.keepsMs, { found: 0, anchorFound: false });
    expect(advance(watch, forgotten, rules).vanished).toBe(false);
  });

  test('failures back off, at most to a minute or the period; what the backend asks for is kept', () => {
    let watch = seeing;
    let last = 0;
    for (let i = 0; i < 40; i++) {
      const look = facts(T0 + i * 1_000, { end: 'failed' });
      watch = advance(watch, look, rules);
      const waitMs = watch.notBeforeMs - look.endedMs;
      expect(waitMs).toBeGreaterThanOrEqual(Math.min(last, 60_000));
      expect(waitMs).toBeLessThanOrEqual(60_000);
      last = waitMs;
    }
    const asked = advance(seeing, facts(T0, { end: 'failed', retryAfterMs: 7_000 }), rules);
    expect(asked.notBeforeMs).toBe(T0 + 100 + 7_000);
    expect(advance(watch, facts(T0 + 90_000), rules)).toMatchObject({ failures: 0, notBeforeMs: 0 });
  });
});

describe('a step of the clock', () => {
  test('voids W and coverage, and no try that the old clock put off stays put off', () => {
    const put = { ...seeing, failures: 3, notBeforeMs: T0 + 60_000, wideMs: T0 };
    const after = voidBefore(put, T0 - 4 * 3_600_000);
    expect(after).toMatchObject({
      wMs: null,
      coveredFromMs: null,
      wideMs: null,
      notBeforeMs: 0,
      proven: true,
    });
  });
});

describe('a clock that was set back while nobody ran', () => {
  const ahead = { ...seeing, wMs: T0 + 4 * 3_600_000 };
  test('a W ahead of it proves nothing, and the next look that sees begins a new one', () => {
    const proof: Proof = {
      watch: ahead,
      nowMs: T0 + 60_000,
      keepsMs: 3_600_000,
      way: 'follow',
      chained: true,
      secondLook: null,
      second: null,
    };
    expect(absence({ slotMs: T0, sentMs: T0 }, T0 + 30_000, proof)).toBe('not_yet');
    const next = advance(ahead, facts(T0 + 60_000), rules);
    expect(next).toMatchObject({ wMs: T0 + 59_000, coveredFromMs: T0 + 50_000 });
  });
});

describe('gaps', () => {
  const gap = fc
    .tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 50 }))
    .map(([from, length]): Gap => ({ fromMs: T0 + from, toMs: T0 + from + length, reason: 'test' }));

  test('never fewer milliseconds, in order, apart, and bounded', () => {
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 400 }), all => {
        const kept = all.reduce<readonly Gap[]>(addGap, []);
        expect(kept.length).toBeLessThanOrEqual(100);
        for (const [i, g] of kept.entries()) {
          expect(g.toMs).toBeGreaterThan(g.fromMs);
          if (i > 0) expect(g.fromMs).toBeGreaterThan(kept[i - 1]!.toMs);
        }
        for (const g of all)
          if (g.toMs > g.fromMs) expect(kept.some(k => k.fromMs <= g.fromMs && k.toMs >= g.toMs)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('a merged gap says every reason once, and stays bounded', () => {
    const at = (fromMs: number, reason: string): Gap => ({ fromMs, toMs: fromMs + 10, reason });
    const merged = [at(5, 'restarted'), at(12, 'no probe'), at(20, 'restarted')].reduce(addGap, [
      at(0, 'no probe'),
    ]);
    expect(merged).toEqual([{ fromMs: 0, toMs: 30, reason: 'no probe; restarted' }]);
    const many = Array.from({ length: 100 }, (_, i) => at(i, `reason ${i}`)).reduce(addGap, [] as Gap[]);
    expect(many).toHaveLength(1);
    expect(many[0]?.reason.length).toBeLessThanOrEqual(300);
  });

  test('inGap is overlap with a closed span', () => {
    const at = (from: number, to: number) => inGap([{ fromMs: 10, toMs: 20, reason: '' }], from, to);
    expect([at(0, 9), at(0, 10), at(19, 30), at(20, 30), at(12, 13)]).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
  });
});

describe('push', () => {
  const push: WatchRules = { ...rules, way: 'receive', settleMs: 30_000 };
  const canary = (sentMs: number) => ({ slotMs: sentMs, sentMs });
  const proofOf = (watch: Watch): Proof => ({
    watch: { ...watch, proven: true },
    nowMs: T0 + 600_000,
    keepsMs: push.keepsMs,
    way: 'receive',
    chained: true,
    secondLook: null,
    second: null,
  });

  test('before the first probe came through nobody knows what was turned away', () => {
    const watch = advanceReceive(newWatch, T0 + 300_000, push);
    expect(watch.wMs).toBe(T0 + 270_000);
    expect(absence(canary(T0), T0 + 60_000, proofOf(watch))).toBe('never');
    const next = advanceReceive(watch, T0 + 345_000, push);
    expect(absence(canary(T0 + 299_000), T0 + 310_000, proofOf(next))).toBe('never');
    expect(absence(canary(T0 + 300_000), T0 + 310_000, proofOf(next))).toBe('proven');
  });

  test('a hole between probes is a gap; regular probes leave none', () => {
    let watch = advanceReceive(newWatch, T0, push);
    const atFirst = watch.gaps;
    for (let ms = 5_000; ms <= 60_000; ms += 5_000) watch = advanceReceive(watch, T0 + ms, push);
    expect(watch.gaps).toEqual(atFirst);
    const after = advanceReceive(watch, T0 + 60_000 + staleAfterMs(push) + 1, push);
    expect(after.gaps.at(-1)).toMatchObject({
      fromMs: watch.wMs,
      // Up to the probe itself: what it says of is the way it took, not the time before.
      toMs: T0 + 60_000 + staleAfterMs(push) + 1,
    });
  });
});
