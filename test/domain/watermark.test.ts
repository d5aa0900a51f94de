/** How far a checkpoint has been seen. The one property that matters most stands first: what is called absent is absent. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { absence, type Proof } from '../../src/domain/settlement.ts';
import {
  type Anchor,
  addGap,
  advance,
  advanceReceive,
  inGap,
  type LookFacts,
  type LookRange,
  newWatch,
  type Open,
  planLooks,
  SKEW_ALLOWANCE_MS,
  SLACK_MS,
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
  readonly secondLook: boolean;
  readonly settleMs: number;
  readonly lookEveryMs: number;
  readonly keepsMs: number;
  /** How wrong the senders' clocks may be. */
  readonly skewMs: number;
  /** How wrong the backend's clock is against ours. */
  readonly backendSkewMs: number;
  /** Some records show up so long after the backend took them in. */
  readonly indexLagMs: number;
  /** One look in so many fails or is cut, having shown some of what there was. */
  readonly failsIn: number;
}

const D = 10_000;
const L = 60_000;

function store(scene: Scene): Stored[] {
  const pick = chance(scene.seed);
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
      ingestedMs: arrivedMs + scene.backendSkewMs,
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
      const shown = records.filter(r => r.visibleMs <= asOfMs && isIn(r, range));
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
    judge(records, seen, { watch, nowMs, keepsMs: scene.keepsMs, way: 'query', ...scene, second }, told);
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

const scenes = (chained: boolean, secondLook: boolean, more: Partial<Scene>) =>
  fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
    chained: fc.constant(chained),
    secondLook: fc.constant(secondLook),
    settleMs: fc.constantFrom(0, 500, 5_000, 30_000),
    lookEveryMs: fc.constantFrom(1_000, 4_000, 20_000),
    keepsMs: fc.constant(3_600_000),
    skewMs: fc.constant(more.skewMs ?? 0),
    backendSkewMs: fc.constantFrom(
      ...(more.backendSkewMs === undefined ? [0] : [0, -more.backendSkewMs, more.backendSkewMs]),
    ),
    indexLagMs: fc.constant(more.indexLagMs ?? 0),
    failsIn: fc.constantFrom(3, 10, 1_000),
  });

function holds(chained: boolean, secondLook: boolean, more: Partial<Scene>, numRuns = 150): void {
  let proven = 0;
  fc.assert(
    fc.property(scenes(chained, secondLook, more), scene => {
      const told = play(scene);
      proven += told.proven;
      expect(told.wrong[0]).toBeUndefined();
      expect(told.vanished, 'nothing was deleted').toBe(0);
    }),
    { numRuns },
  );
  // A watermark that never moves would be right too.
  expect(proven).toBeGreaterThan(numRuns * 20);
}

describe('what is called absent was absent at that time', () => {
  test('by event time alone, whatever senders’ clocks say within the allowance, however late records appear', () => {
    holds(false, false, { skewMs: SKEW_ALLOWANCE_MS - 2_000, indexLagMs: 3 * L });
  });
  test('by ingest time alone, on a backend that shows what it took in within `settle`', () => {
    holds(true, false, { skewMs: 30 * 86_400_000 });
  });
  test('by ingest time alone, with a backend’s clock that is wrong', () => {
    holds(true, false, { backendSkewMs: 90_000 });
  });
  test('by ingest time with a second look, on a backend that indexes late under the old ingest time', () => {
    holds(true, true, { indexLagMs: 3 * L });
  });
  test('by ingest time with a second look, whatever senders’ clocks say', () => {
    holds(true, true, { skewMs: 20 * 3_600_000 });
  });
});
