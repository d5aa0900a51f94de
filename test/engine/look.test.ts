/** Looking: what is late to be found is late, what was merely out of a look's range is not; pages and cursors (law 7). */
import { afterEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { Small, searched, small } from '../support/small.ts';
import { openWorld, tallyOf, type World } from '../support/world.ts';

const db = useDatabase();
let w: Small | undefined;
let world: World | undefined;
afterEach(async () => {
  await w?.close();
  await world?.close();
  w = undefined;
  world = undefined;
});

const loki = (lostAfter: string) => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  ssh:
    every: 2s
    targets: { web-1: { url: "http://lab/lab/agents/web-1/logs" } }
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}' }, on_time_within: 10s, lost_after: ${lostAfter}, keeps: 7d, look_every: 2s, settle: 1s }
`;

test('by event time: a sender whose clock goes wrong by ten minutes is neither late nor lost', async () => {
  world = await openWorld(db.options, loki('20m'));
  await world.run(20_000);
  // One that is missing since long: far looks are rare now.
  world.lab.faults.set({ agents: { 'web-1': { drop: 1 } } });
  await world.run(2_000);
  world.lab.faults.set({ agents: { 'web-1': { drop: 0 } } });
  await world.run(40_000);
  world.lab.faults.set({ agents: { 'web-1': { skewMs: -600_000 } } });
  await world.run(80_000);
  const tally = await tallyOf(world.sql, 'loki');
  expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending', 'overdue'].includes(k))).toEqual(
    [],
  );
  expect(tally.overdue).toBeLessThanOrEqual(1);
  expect((tally.on_time ?? 0) + (tally.delivered ?? 0)).toBeGreaterThan(50);
});

/** A search by these times, which tells the backend's own. */
const asked = (by: string, times: string) =>
  `{ name: sink, observe: { kind: http, url: "http://sink/search?from={{from_ms}}&to={{to_ms}}&after={{cursor}}&by={{time_field}}", by: ${by}, paging: { kind: cursor, path: next }, records: hits, record_id: id, ingested_at: { path: at, unit: iso }, event_time: { path: at, unit: iso }, text: message }, keeps: 1d, settle: 100ms, ${times} }`;

describe('what shows that a look sees', () => {
  test('is found by the chain itself: a second look that still sees doesn’t stand for a chain that is blind', async () => {
    const s = new Small(db.options);
    w = s;
    const times = 'on_time_within: 2s, lost_after: 8s, look_every: 1s';
    await s.start(small({ targets: ['a'], checkpoints: [asked('{ ingest: came, event: stamped }', times)] }));
    await s.run(10_000);
    const fetch = s.sink.fetch.bind(s.sink);
    s.sink.fetch = async request =>
      request.url.includes('by=came') ? Response.json({ hits: [] }) : await fetch(request);
    await s.run(10_000);
    expect((await s.findings()).vanished).toBe(1);
    expect(await s.tally()).not.toHaveProperty('lost');
  });
});

describe('a backend that answers staler than it says, after a long blindness', () => {
  for (const [kind, by] of [
    ['ingest', '{ ingest: came }'],
    ['both', '{ ingest: came, event: stamped }'],
    ['event', '{ event: stamped }'],
  ] as const)
    test(`${kind}: what it hid is lost, then recovered, and the look is convicted`, async () => {
      const s = new Small(db.options);
      w = s;
      const times = 'on_time_within: 2s, lost_after: 8s, look_every: 1s';
      await s.start(small({ targets: ['a'], checkpoints: [asked(by, times)] }));
      await s.run(10_000);
      s.sink.search = async () => 'fail';
      const blindMs = s.clock.now();
      await s.run(40_000, 1_000);
      s.sink.search = async () => 'ok';
      // Of what came in the blindness it shows nothing yet.
      const fetch = s.sink.fetch.bind(s.sink);
      let untilMs = Number.POSITIVE_INFINITY;
      s.sink.fetch = async request => {
        const answer = await fetch(request);
        if (!request.url.includes('/search') || s.clock.now() >= untilMs) return answer;
        const { hits } = (await answer.json()) as { hits: { at: string }[] };
        return Response.json({ hits: hits.filter(h => Date.parse(h.at) < blindMs + 5_000) });
      };
      for (let i = 0; i < 90 && !(await s.tally()).lost; i++) await s.run(1_000, 1_000);
      const { lost = 0 } = await s.tally();
      expect(lost, 'the declared settle is believed').toBeGreaterThan(5);
      untilMs = s.clock.now();
      await s.run(60_000, 1_000);
      const tally = await s.tally();
      expect(tally).not.toHaveProperty('lost');
      expect(tally.recovered).toBe(lost);
      expect((await s.findings()).false_absence).toBeGreaterThanOrEqual(lost);
    });
});

describe('a look', () => {
  const watchOf = async (s: Small) => {
    const [row] = await s.sql<
      { watermark: Record<string, unknown> }[]
    >`select watermark from checkpoint where name = 'sink'`;
    return row!.watermark as { wMs: number | null; proven: boolean; failures: number; vanished: boolean };
  };

  test('that fails moves nothing; what comes meanwhile is found after it, and its delay is not claimed', async () => {
    w = new Small(db.options);
    await w.start(small());
    await w.run(6_000);
    w.sink.search = async () => 'fail';
    await w.run(1_500);
    const { wMs } = await watchOf(w);
    await w.run(6_000);
    expect((await watchOf(w)).wMs).toBe(wMs);
    expect((await watchOf(w)).failures).toBeGreaterThan(1);
    w.sink.search = async () => 'ok';
    await w.run(10_000);
    const tally = await w.tally();
    expect(Object.keys(tally).filter(k => !['on_time', 'delivered', 'pending'].includes(k))).toEqual([]);
    expect(tally.delivered).toBeGreaterThan(4);
  });

  test('that shows nothing of what was seen is blind: vanished, and nothing is lost by it', async () => {
    w = new Small(db.options);
    await w.start(small());
    await w.run(6_000);
    w.sink.shows = () => false;
    await w.run(10_000);
    expect((await watchOf(w)).vanished).toBe(true);
    expect((await w.findings()).vanished).toBe(1);
    expect(await w.tally()).not.toHaveProperty('lost');
    w.sink.shows = () => true;
    await w.run(12_000);
    expect((await watchOf(w)).vanished).toBe(false);
    expect(
      Object.keys(await w.tally()).filter(k => !['on_time', 'delivered', 'pending'].includes(k)),
    ).toEqual([]);
  });

  test('at a checkpoint that never saw a canary proves nothing', async () => {
    w = new Small(db.options);
    w.sink.fate = () => 'dropped';
    await w.start(small());
    await w.run(15_000);
    expect(await watchOf(w)).toMatchObject({ proven: false, wMs: null });
    expect(Object.keys(await w.tally())).toEqual(['pending']);
  });

  test('that dies between its pages and its end is done again by the next process: nothing lost, nothing twice', async () => {
    w = new Small(db.options);
    const first = await w.start(small({ checkpoints: [searched('sink')] }));
    await w.run(6_000);
    // The page went in; the watch that would say so did not.
    let die = false;
    await w.kill(first);
    const second = await w.start(small(), {
      before: text => (die && text.includes('update checkpoint') ? new Promise<void>(() => {}) : undefined),
      after: text => {
        if (text.includes('update checkpoint') && text.includes('insert into sighting')) die = true;
      },
    });
    await w.run(3_000);
    await w.kill(second);
    await w.start(small());
    await w.run(20_000, 1_000);
    const tally = await w.tally();
    expect(
      Object.keys(tally).filter(
        k => !['on_time', 'delivered', 'pending', 'maybe_sent', 'unsent'].includes(k),
      ),
    ).toEqual([]);
    expect(await w.findings()).not.toHaveProperty('duplicate');
  });
});
