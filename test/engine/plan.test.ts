/**
 * What is asked of a checkpoint, over time: the plan against a backend that holds every record, so that what its looks
 * show is known record by record. Nothing is called lost that is there, and nothing that is lost goes unproven.
 */
import { appendFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { newWatch, type Watch } from '../../src/domain/watermark.ts';
import { planRound, questionOf } from '../../src/engine/plan.ts';
import type { DueSpan } from '../../src/store/look.ts';
import { useDatabase } from '../support/database.ts';
import { ALLOWANCE, liveOf, MINUTE, type Played, play, S, type Scene, T0 } from '../support/plan-play.ts';
import { Small, type SmallConfig, small } from '../support/small.ts';

/** The first, eight that prove, sixteen that search. */
const RANGES_MAX = 25;
const usual: Scene = {
  kind: 'both',
  onTimeS: 30,
  lostS: 600,
  lookS: 10,
  beatS: 10,
  keepsMin: 600,
  runMin: 60,
  deadUntilS: 0,
  dropsIn: 7,
  driftPpm: 0,
  failsIn: 1e9,
};
const kinds = ['ingest', 'both', 'event'] as const;
const dropped = (p: Played) => p.canaries.filter(x => x.visibleMs === Number.POSITIVE_INFINITY);
/** All that was dropped is lost in the end, within `lateMs` of its time; nothing else is; nothing odd is asked. */
function expectWhole(p: Played, lateMs: { readonly overdue: number; readonly lost: number }): void {
  expect(p.wrong[0]).toBeUndefined();
  expect(p.odd[0]).toBeUndefined();
  expect(p.ranges).toBeLessThanOrEqual(RANGES_MAX);
  expect(dropped(p).filter(x => x.verdict !== 'lost').length).toBe(0);
  expect(p.canaries.filter(x => !x.isSeen).length).toBe(dropped(p).length);
  expect(p.overdueLateMs).toBeLessThanOrEqual(lateMs.overdue);
  expect(p.lostLateMs).toBeLessThanOrEqual(lateMs.lost);
}
/** A look, what a replica may answer late, and how long proof may be put off. */
const lateOf = (c: Scene) => {
  const look = 2 * c.lookS * S + S;
  const far = (c.lostS * S) / 32;
  return { overdue: look + Math.max(c.kind === 'event' ? (c.onTimeS * S) / 8 : 0, far), lost: look + far };
};

describe('over time', () => {
  for (const kind of kinds) {
    test(`${kind}: what is dropped is proven lost soon after its time, whatever the rhythms`, () => {
      const scenes = fc.record({
        kind: fc.constant(kind),
        onTimeS: fc.constantFrom(5, 30, 60),
        lostS: fc.constantFrom(120, 600, 1_800),
        lookS: fc.constantFrom(5, 10, 20),
        beatS: fc.constantFrom(5, 17, 60),
        keepsMin: fc.constant(600),
        runMin: fc.constant(20),
        deadUntilS: fc.constant(0),
        dropsIn: fc.constantFrom(2, 3, 7, 40),
        driftPpm: fc.constant(0),
        failsIn: fc.constant(1e9),
      });
      // Looks rarer than D meet the fault of a chain's beginning, below.
      const usualRhythm = scenes.filter(c => c.lookS <= c.onTimeS);
      fc.assert(
        fc.property(usualRhythm, c => expectWhole(play(c), lateOf(c))),
        { numRuns: 8 },
      );
    });

    test(`${kind}: looks that fail now and then delay, and prove nothing false`, () => {
      for (const failsIn of [3, 7]) {
        const c = { ...usual, kind, failsIn };
        expectWhole(play(c), { overdue: 3 * MINUTE, lost: 3 * MINUTE });
      }
    });
  }
  test('looks that fail in the rhythm of the far ones put no proof off for ever', () => {
    for (const kind of kinds)
      expectWhole(play({ ...usual, kind, failsIn: 2 }), { overdue: 3 * MINUTE, lost: 3 * MINUTE });
  });

  const dead = { ...usual, deadUntilS: 40 * 60, lostS: 1_800, runMin: 80 };
  test('by event time: what was dropped before anything was ever seen is proven lost when looks begin to see', () =>
    expectWhole(play({ ...dead, kind: 'event' }), { overdue: 45 * MINUTE, lost: 45 * MINUTE }));

  for (const kind of ['ingest', 'both'] as const) {
    test(`${kind}: what was dropped before anything was ever seen is proven lost when looks begin to see`, () =>
      expectWhole(play({ ...dead, kind }), { overdue: 45 * MINUTE, lost: 45 * MINUTE }));
  }

  for (const kind of ['both', 'event'] as const) {
    test(`${kind}: a sender’s clock that drifts puts no proof off for ever`, () =>
      expectWhole(play({ ...usual, kind, driftPpm: 200, dropsIn: 40 }), {
        overdue: 3 * MINUTE,
        lost: 3 * MINUTE,
      }));
  }
});

describe('a backend’s clock that is set back', () => {
  const steps = fc.record({
    stepBackS: fc.integer({ min: 1, max: 14 * 60 }),
    stepAtS: fc.integer({ min: 0, max: 1_000 }),
  });
  test('ingest: nothing that was there is called missing, and what was dropped is told', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(5, 20, 60), (step, lookS) => {
        const p = play({ ...usual, kind: 'ingest', onTimeS: 60, lookS, ...step });
        expect(p.wrong[0]).toBeUndefined();
        expect(dropped(p).filter(x => x.verdict !== 'lost').length).toBe(0);
      }),
      { numRuns: 8 },
    );
  });
});

describe('a plan', () => {
  const nowMs = T0 + 24 * 60 * MINUTE;
  const spansWithin = (ageMs: number) =>
    fc
      .uniqueArray(fc.tuple(fc.integer({ min: 40_000, max: ageMs }), fc.integer({ min: 0, max: 60_000 })), {
        selector: ([age]) => Math.floor(age / 200_000),
        maxLength: 30,
      })
      .map(spans =>
        spans
          .map(([age, lasts]) => ({
            first: nowMs - age,
            last: nowMs - age + lasts,
            sent: nowMs - age + lasts + 50,
          }))
          .sort((a, b) => a.first - b.first)
          .filter((s, i, all) => s.sent < nowMs - 31_000 && s.first > (all[i - 1]?.sent ?? 0)),
      );
  const watches = fc.record({
    skewLowMs: fc.constantFrom(0, -5_000, -20 * MINUTE),
    skewHighMs: fc.constantFrom(0, 5_000, 20 * MINUTE),
    wMs: fc.constantFrom(null, nowMs - 11_000, nowMs - 60 * MINUTE),
  });
  const planOf = (
    kind: Scene['kind'],
    due: readonly DueSpan[],
    watch: Partial<Watch>,
    wideMs: number | null = null,
  ) => {
    const open = {
      pending_first: nowMs - 20_000,
      due,
      missing: [],
      next_due: null,
      next_deadline: null,
    };
    const lastLook = {
      startedMs: nowMs - 60_000,
      endedMs: 0,
      end: 'exhausted' as const,
      reason: null,
      records: 0,
      found: 0,
    };
    return planRound(
      liveOf({ ...usual, kind }),
      open,
      { ...newWatch, proven: true, lastLook, ...watch, wideMs },
      nowMs,
    );
  };

  test('reaches all that is due when its turn has come, in nine ranges at most, each for the beats it names', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('both' as const, 'event' as const),
        spansWithin(9 * 60 * MINUTE),
        watches,
        (kind, due, watch) => {
          const { first, seconds, wide } = planOf(kind, due, watch);
          const reach = kind === 'event' ? ALLOWANCE : 2_000;
          expect(1 + seconds.length).toBeLessThanOrEqual(9);
          expect(wide).toBe(due.some(s => nowMs - s.first > 61_000));
          for (const s of due) {
            const named = seconds.filter(o => o.span.first <= s.first && s.last <= o.span.last);
            const ranges = named.length > 0 ? named.map(o => o.range) : [first];
            expect(named.length).toBeLessThanOrEqual(1);
            for (const r of ranges) {
              expect(r.by).toBe('event');
              expect(r.fromMs).toBeLessThanOrEqual(s.first + watch.skewLowMs - reach);
              expect(r.toMs).toBeGreaterThan(s.sent + watch.skewHighMs + reach);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('goes far back no more often than each L/32, and for nothing that isn’t due', () => {
    const old = [{ first: nowMs - 20 * MINUTE, last: nowMs - 20 * MINUTE, sent: nowMs - 20 * MINUTE }];
    for (const kind of kinds) {
      const w = { wMs: nowMs - 11_000 };
      expect(planOf(kind, old, w, nowMs - 18_749)).toMatchObject({ seconds: [], wide: false });
      expect(planOf(kind, old, w, nowMs - 18_750).wide).toBe(true);
      expect(planOf(kind, [], w)).toMatchObject({ seconds: [], wide: false });
    }
  });

  const whatIsKept = (kind: Scene['kind']) =>
    fc.property(spansWithin(11 * 60 * MINUTE), watches, (due, watch) => {
      const { first, seconds } = planOf(kind, due, watch);
      const floorMs = nowMs - 600 * MINUTE - ALLOWANCE + watch.skewLowMs;
      for (const r of [first, ...seconds.map(s => s.range)]) {
        expect(r.fromMs).toBeGreaterThanOrEqual(floorMs);
        expect(r.fromMs).toBeLessThan(r.toMs);
      }
    });
  test('by ingest time asks for nothing that is no longer kept', () =>
    fc.assert(whatIsKept('ingest'), { numRuns: 300 }));
  for (const kind of ['both', 'event'] as const)
    test(`${kind}: asks for nothing that is no longer kept, nor backwards`, () =>
      fc.assert(whatIsKept(kind), { numRuns: 300 }));
  test('of a chain that begins anew, after a clock was set back, asks what is open for all that is', () => {
    const live = liveOf({ ...usual, kind: 'both' });
    const fresh = questionOf(live, newWatch, nowMs);
    expect(questionOf(live, { ...newWatch, wMs: nowMs + 60 * MINUTE }, nowMs)).toEqual(fresh);
  });
});

describe('in a running engine', () => {
  const db = useDatabase();
  let w: Small | undefined;
  afterEach(() => w?.close());

  const checkpoint = (by: string, times = 'on_time_within: 2s, lost_after: 8s, look_every: 1s') =>
    `{ name: sink, observe: { kind: http, url: "http://sink/search?from={{from_ms}}&to={{to_ms}}&after={{cursor}}&by={{time_field}}", by: ${by}, paging: { kind: cursor, path: next }, records: hits, record_id: id, ingested_at: { path: at, unit: iso }, event_time: { path: at, unit: iso }, text: message }, keeps: 1h, settle: 100ms, ${times} }`;
  const INGEST = '{ ingest: at }';
  const EVENT = '{ event: at }';
  const BOTH = '{ ingest: at, event: at }';
  const begin = async (by: string, times?: string, pace: SmallConfig = { every: '1s' }): Promise<Small> => {
    const s = new Small(db.options);
    w = s;
    await s.start(small({ ...pace, targets: ['a'], checkpoints: [checkpoint(by, times)] }));
    return s;
  };
  const drop = async (s: Small, ms: number, stepMs?: number) => {
    s.sink.fate = () => 'dropped';
    await s.run(ms, stepMs);
    s.sink.fate = () => 'kept';
  };

  for (const [kind, by] of [
    ['ingest', INGEST],
    ['event', EVENT],
    ['both', BOTH],
  ] as const)
    test(`${kind}: what is dropped is lost, and what is kept isn’t`, async () => {
      const s = await begin(by);
      await s.run(6_000);
      await drop(s, 2_000);
      await s.run(14_000, 1_000);
      const { on_time = 0, pending: _, ...others } = await s.tally();
      expect(others).toEqual({ lost: 2 });
      expect(on_time).toBeGreaterThan(10);
    });
  for (const [kind, by] of [
    ['event', EVENT],
    ['both', BOTH],
  ] as const)
    test(`${kind}: what was dropped before the clock was set forward is proven lost after it`, async () => {
      const s = await begin(by);
      await s.run(6_000);
      await drop(s, 1_000);
      s.clock.step(20 * MINUTE);
      await s.run(20_000, 1_000);
      expect((await s.tally()).lost).toBe(1);
    });
  /** So many beats of half an hour ago. */
  const addOld = (s: Small, n: number) => s.sql`
      with b as (
        insert into beat
        select x.pipeline, x.slot - ${30 * MINUTE}::int8 - g, x.part, x.index, x.kind, x.generation, x.due_ms - ${30 * MINUTE}::int8 - g,
               x.owner, x.committed_ms, x.send_by_ms, x.restart_ms, x.targets, x.sendings, x.first_offs, x.last_offs, x.attempts
          from (select * from beat where sendings is not null and kind = 'planned' order by slot limit 1) x, generate_series(1, ${n}) g
        returning *)
      insert into mark (pipeline, checkpoint, slot, part, next_due_ms, counts)
      select pipeline, 1, slot, part, slot + 2000, '{"pending": 1}' from b`;
  test('of before a chain began nothing is ever proven, and it is closed at once', async () => {
    const s = await begin(INGEST);
    await s.run(4_000);
    await addOld(s, 250);
    await drop(s, 2_000);
    await s.run(12_000, 1_000);
    const tally = await s.tally();
    expect([tally.lost, tally.unproven]).toEqual([2, 250]);
  });

  test('rows that wait for a proof hold back no others, however many', async () => {
    const s = await begin('{ ingest: came, event: stamped }');
    s.sink.search = async () => 'fail';
    await s.run(2_000);
    await addOld(s, 500);
    s.sink.search = async () => 'ok';
    const fetch = s.sink.fetch.bind(s.sink);
    s.sink.fetch = async request => {
      const { searchParams } = new URL(request.url);
      const isFar = Number(searchParams.get('from')) < s.clock.now() - 10 * MINUTE;
      if (isFar && searchParams.get('by') === 'stamped') return new Response('away', { status: 503 });
      return await fetch(request);
    };
    await s.run(6_000);
    expect((await s.tally()).pending, 'they wait').toBeGreaterThanOrEqual(500);
    await drop(s, 2_000);
    await s.run(12_000, 1_000);
    expect((await s.tally()).lost).toBeGreaterThanOrEqual(2);
  });

  describe('looks just after a deadline', () => {
    const TIMES = 'on_time_within: 12s, lost_after: 60s, look_every: 10s';
    const PACE = { every: '20s', sendWithin: '5s' };
    // A quarter of a period since the last look, two steps of the test's clock, and what a replica may answer late.
    const LATE_MAX = 2_500 + 1_100;
    /** How long after its deadline each canary that is dropped is known to be overdue. */
    const latenesses = async (s: Small): Promise<number[]> => {
      const known = new Map<string, number>();
      const before = s.sink.taken.length;
      for (let ms = 0; ms < 3 * MINUTE; ms += 500) {
        await s.run(500);
        for (const v of await s.verdicts())
          if (v.target !== 'drill' && v.verdict === 'overdue' && !known.has(v.name))
            known.set(v.name, s.clock.now());
      }
      return [...known.values()].map((ms, i) => ms - (s.sink.taken[before + i]?.atMs ?? 0) - 12_000);
    };

    for (const [kind, by] of [
      ['ingest', INGEST],
      ['event', EVENT],
    ] as const)
      test(`${kind}: what misses is known to be overdue at once, and not by looking all the time`, async () => {
        const s = await begin(by, TIMES, PACE);
        await s.run(MINUTE);
        let looks = 0;
        s.sink.search = async () => {
          looks++;
          return 'ok';
        };
        s.sink.fate = () => 'dropped';
        const late = await latenesses(s);
        expect(late.length).toBeGreaterThan(6);
        expect(Math.max(...late)).toBeLessThanOrEqual(LATE_MAX);
        // Two deadlines of each canary, and a second look at each.
        expect(looks).toBeLessThan((3 * MINUTE) / 10_000 + 4 * (late.length + 3));
      });

    for (const [kind, by] of [
      ['event', EVENT],
      ['both', BOTH],
    ] as const)
      test(`${kind}: what arrives soon after its deadline is late, not merely delivered`, async () => {
        const s = await begin(by, TIMES, PACE);
        await s.run(MINUTE);
        const held: { text: string; atMs: number }[] = [];
        s.sink.fate = text => {
          held.push({ text, atMs: s.clock.now() + 17_000 });
          return 'dropped';
        };
        for (let ms = 0; ms < 4 * MINUTE; ms += 500) {
          while (held[0] && held[0].atMs <= s.clock.now()) s.sink.show(held.shift()?.text ?? '');
          await s.run(500);
        }
        const { on_time = 0, late = 0, delivered = 0 } = await s.tally();
        expect([on_time, delivered]).toEqual([expect.any(Number), 0]);
        expect(late).toBeGreaterThan(9);
      });

    test('follow: too', async () => {
      const path = join(await mkdtemp(join(tmpdir(), 'plan-')), 'sink.log');
      await writeFile(path, '');
      const s = new Small(db.options);
      w = s;
      const checkpoints = [`{ name: sink, observe: { kind: file, path: ${path} }, settle: 100ms, ${TIMES} }`];
      await s.start(small({ ...PACE, targets: ['a'], checkpoints }));
      s.sink.fate = text => {
        appendFileSync(path, `${text}\n`);
        return 'kept';
      };
      await s.run(MINUTE);
      s.sink.fate = () => 'dropped';
      expect(Math.max(...(await latenesses(s)))).toBeLessThanOrEqual(LATE_MAX);
    });
  });

  describe('whose old data is away, and which answers as if there were none', () => {
    /** Records show up after `lateMs`; of those older than 10 minutes none does while `isAway`. */
    const withTiers = (s: Small, lateMs: (text: string) => number) => {
      const tier = { isAway: true };
      const fetch = s.sink.fetch.bind(s.sink);
      s.sink.fetch = async request => {
        const answer = await fetch(request);
        if (!request.url.includes('/search') || answer.status !== 200) return answer;
        const nowMs = s.clock.now();
        const { hits } = (await answer.json()) as { hits: { at: string; message: string }[] };
        const ageMs = (h: { at: string }) => nowMs - Date.parse(h.at);
        return Response.json({
          hits: hits.filter(h => ageMs(h) >= lateMs(h.message) && !(tier.isAway && ageMs(h) > 10 * MINUTE)),
        });
      };
      return tier;
    };

    for (const [kind, by] of [
      ['event', EVENT],
      ['both', BOTH],
    ] as const)
      test(`${kind}: nothing is called lost for that, and it is said; when they are back all is settled`, async () => {
        const s = await begin(by, 'on_time_within: 30s, lost_after: 12m, look_every: 10s', {
          every: '20s',
          sendWithin: '15s',
        });
        const late = new Set<string>();
        const tier = withTiers(s, text => (late.has(text) ? 11 * MINUTE : 0));
        await s.run(2 * MINUTE, 10_000);
        // What shows up only after eleven minutes, when it is away already, and what is dropped.
        s.sink.fate = text => {
          late.add(text);
          return 'kept';
        };
        await s.run(MINUTE, 10_000);
        await drop(s, 40_000, 10_000);
        await s.run(16 * MINUTE, 10_000);
        expect(late.size).toBe(3);
        expect(await s.tally()).not.toHaveProperty('lost');
        expect((await s.findings()).vanished).toBeGreaterThan(0);
        tier.isAway = false;
        await s.run(2 * MINUTE, 10_000);
        const { on_time: _, pending: __, delivered: ___, ...rest } = await s.tally();
        expect(rest).toEqual(kind === 'event' ? { late: 3, lost: 2 } : { late: 3, lost: 2 });
      });
  });
});
