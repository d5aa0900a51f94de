/** The dead-man's switch hears from us only while sending, looking, judging and alerting work: each alone silences it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { RunningEngine } from '../../src/engine/engine.ts';
import {
  type CheckpointReading,
  createHeartbeat,
  healthReasons,
  type PipelineReading,
  type Readings,
  readReadings,
} from '../../src/engine/heartbeat.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import {
  alike,
  configOf,
  openQuietEngine,
  pipelineConfig,
  type StandingClock,
  standingClock,
  writeBeats,
  writeWatch,
} from '../support/ledger.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 0, 5, 12);

describe('reasons', () => {
  const checkpoint = (over: Partial<CheckpointReading> = {}): CheckpointReading => ({
    name: 'loki',
    lookedMs: NOW - 10 * SECOND,
    lookEveryMs: 10 * SECOND,
    onTimeWithinMs: 15 * SECOND,
    wMs: NOW - 10 * SECOND,
    nextDueMs: null,
    unfedMs: null,
    ...over,
  });
  const readings = (
    over: Partial<Readings> = {},
    pipeline: Partial<PipelineReading> = {},
    at: Partial<CheckpointReading> = {},
  ): Readings => ({
    nowMs: NOW,
    pipelines: [
      { name: 'ssh', isSuperseded: false, missedMs: [], checkpoints: [checkpoint(at)], ...pipeline },
    ],
    outbox: { waiting: 0, oldestMs: null, failing: [] },
    storeFault: null,
    ...over,
  });

  test('none while all works', () => {
    expect(healthReasons(readings())).toEqual([]);
    expect(healthReasons(readings({ pipelines: [] }))).toEqual([]);
  });

  test.each<[string, Readings]>([
    ['the store’s disk is full', readings({ storeFault: 'the store’s disk is full' })],
    ['ssh: this replica runs an older configuration than another', readings({}, { isSuperseded: true })],
    [
      'ssh: a beat that was due 50 s ago has not been sent, nor any since',
      readings({}, { missedMs: [NOW - 50 * SECOND, NOW - 40 * SECOND, NOW - 30 * SECOND] }),
    ],
    [
      'ssh: a beat that was due 11 min ago has not been sent, nor any since',
      readings({}, { missedMs: [NOW - 11 * MINUTE] }),
    ],
    ['ssh, loki: nobody has looked for 14 min', readings({}, {}, { lookedMs: NOW - 14 * MINUTE })],
    [
      'ssh, loki: settling is 19 min 50 s behind what has been seen',
      readings({}, {}, { nextDueMs: NOW - 20 * MINUTE }),
    ],
    [
      'ssh, loki: the detectors are 1 h behind what has been seen',
      readings({}, {}, { unfedMs: NOW - HOUR, wMs: NOW }),
    ],
    [
      'a notice has waited for 16 min to be delivered',
      readings({ outbox: { waiting: 1, oldestMs: NOW - 16 * MINUTE, failing: [] } }),
    ],
    [
      'the notifier "pager" has failed since 2 h ago: HTTP 403',
      readings({
        outbox: {
          waiting: 0,
          oldestMs: null,
          failing: [{ notifier: 'pager', sinceMs: NOW - 2 * HOUR, notices: 3, error: 'HTTP 403' }],
        },
      }),
    ],
  ])('%s', (reason, given) => {
    expect(healthReasons(given)).toEqual([reason]);
  });

  test('what was behind stays behind as time goes by, and a little behind is none', () => {
    const field = fc.constantFrom('lookedMs', 'nextDueMs', 'unfedMs');
    fc.assert(
      fc.property(field, fc.nat({ max: HOUR }), fc.nat({ max: HOUR }), (name, ageMs, laterMs) => {
        const behind = (ms: number) => healthReasons(readings({}, {}, { wMs: NOW, [name]: NOW - ms })).length;
        expect(behind(ageMs + laterMs)).toBeGreaterThanOrEqual(behind(ageMs));
        if (ageMs <= 10 * MINUTE) expect(behind(ageMs)).toBe(0);
        if (ageMs > 16 * MINUTE) expect(behind(ageMs)).toBe(1);
      }),
    );
  });
});

describe('on a store', () => {
  const db = useDatabase();
  let sql: Sql;
  let hand: StandingClock;
  let running: RunningEngine;
  let asked: string[];
  let answer: (signal: AbortSignal) => Promise<Response>;
  let logs: { event: string; fields: unknown }[];
  let beat: () => Promise<void>;

  beforeEach(async () => {
    sql = openStore({ ...db.options, max: 4 });
    await sql`truncate meta, generation, pipeline, target, checkpoint, beat, mark, detector, incident, outbox, replica, signing_key restart identity`;
    asked = [];
    logs = [];
    answer = async () => new Response('OK');
    const standing = standingClock(NOW);
    hand = standing.hand;
    const ctx = {
      ...standing.ctx,
      fetch: async (url: unknown, init?: RequestInit) => {
        asked.push(String(url));
        return await answer(init?.signal as AbortSignal);
      },
      log: (_: string, event: string, fields?: unknown) => void logs.push({ event, fields }),
    };
    const heartbeat = { url: 'https://switch.example/ping/secret', everyMs: MINUTE };
    const config: Config = configOf([pipelineConfig('ssh')], { heartbeat });
    running = await openQuietEngine(sql, ctx, config);
    beat = createHeartbeat(running.engine);
    await allDone();
  });
  afterEach(async () => {
    await running.close();
    await sql.end({ timeout: 5 });
  });

  const live = () => running.engine.pipelines[0] as (typeof running.engine.pipelines)[number];
  const counts = () => running.engine.instruments.counts;

  /** As if everything had been done up to now: a beat at each minute, looks, settled, fed. */
  async function allDone(): Promise<void> {
    const p = live();
    const slot = hand.nowMs - (hand.nowMs % MINUTE);
    await writeBeats(sql, p.number, [alike(p, slot, () => 'on_time', { folded: true })]);
    for (const c of p.checkpoints) {
      const lastLook = {
        startedMs: hand.nowMs,
        endedMs: hand.nowMs,
        end: 'exhausted' as const,
        reason: null,
        records: 0,
        found: 0,
      };
      await writeWatch(sql, c.key, { proven: true, wMs: hand.nowMs, lastLook });
      for (const objective of ['on_time', 'delivered'])
        await sql`
          insert into detector (pipeline, checkpoint, objective, fed_ms, state, log_threshold)
          values (${p.number}, ${c.key.checkpoint}, ${objective}, ${hand.nowMs}, '{}', 0)
          on conflict (pipeline, checkpoint, objective) do update set fed_ms = excluded.fed_ms`;
    }
  }
  const reasons = async () => healthReasons(await readReadings(running.engine, NOW));
  const later = async (ms: number) => {
    hand.advance(ms);
    await allDone();
  };

  test('beats at once, then every minute less up to a tenth, while all works', async () => {
    for (let s = 0; s <= 180; s++) {
      await beat();
      hand.advance(SECOND);
      if (s % 60 === 59) await allDone();
    }
    expect(asked.length).toBe(4);
    expect(new Set(asked)).toEqual(new Set(['https://switch.example/ping/secret']));
    expect(counts()).toMatchObject({ heartbeats_sent: 4, heartbeats_withheld: 0 });
  });

  test('sending: beats that are missing, not those that nobody could send before this process began', async () => {
    await later(HOUR);
    expect(await reasons()).toEqual([]);
    await sql`delete from beat where due_ms > ${NOW}`;
    expect(await reasons()).toEqual(['ssh: a beat that was due 59 min ago has not been sent, nor any since']);
    expect(healthReasons(await readReadings(running.engine, hand.nowMs))).toEqual([]);
  });

  test('sending: a newer configuration elsewhere', async () => {
    await sql`update pipeline set generation = generation + 1`;
    expect(await reasons()).toEqual(['ssh: this replica runs an older configuration than another']);
  });

  test('looking: our own loop, not a backend that fails', async () => {
    await later(HOUR);
    const [, loki] = live().checkpoints as [unknown, (typeof running.engine.pipelines)[0]['checkpoints'][0]];
    const failed = { startedMs: hand.nowMs, endedMs: hand.nowMs, end: 'failed' as const };
    const lastLook = { ...failed, reason: 'HTTP 500', records: 0, found: 0 };
    await writeWatch(sql, loki.key, { proven: true, wMs: NOW, lastLook });
    expect(await reasons()).toEqual([]);
    await writeWatch(sql, loki.key, { proven: true, wMs: NOW, lastLook: { ...lastLook, endedMs: NOW } });
    expect(await reasons()).toEqual(['ssh, loki: nobody has looked for 1 h']);
    await writeWatch(sql, loki.key, {});
    expect(await reasons()).toEqual(['ssh, loki: nobody has looked for 1 h']);
    await sql`update checkpoint set retired = true where number = ${loki.key.checkpoint}`;
    expect(await reasons()).toEqual([]);
  });

  test('judging: rows that are due, and beats that no detector was fed', async () => {
    await later(HOUR);
    await sql`update mark set next_due_ms = ${NOW + 5 * MINUTE} where checkpoint = 2 and slot = ${NOW}`;
    expect(await reasons()).toEqual(['ssh, loki: settling is 55 min behind what has been seen']);
    await sql`update mark set next_due_ms = null`;
    await sql`update detector set fed_ms = ${NOW - 1} where checkpoint = 2 and objective = 'delivered'`;
    // Due at NOW, sent within 20 s, decided 10 min later.
    expect(await reasons()).toEqual(['ssh, loki: the detectors are 49 min 40 s behind what has been seen']);
    await sql`delete from detector where checkpoint = 2`;
    expect(await reasons()).toEqual(['ssh, loki: the detectors are 59 min 25 s behind what has been seen']);
    // Where nothing was ever seen, nothing can be judged.
    await sql`update checkpoint set watermark = watermark || '{"proven": false}' where number = 2`;
    expect(await reasons()).toEqual([]);
  });

  test('alerting: a notice that waits, a notifier that has failed', async () => {
    const put = async (state: string, atMs: number) =>
      await sql`
        insert into outbox (incident, notifier, sequence, event, notice, created_ms, next_ms, state, done_ms, error)
        values (1, 'pager', ${atMs}::int8 % 1000000000, 'opened', '{}', ${atMs}, ${atMs}, ${state}, ${atMs}, 'no key')`;
    await put('waiting', NOW - 14 * MINUTE);
    await put('sent', NOW - 20 * HOUR);
    await put('failed', NOW - 25 * HOUR);
    await put('failed', NOW - 21 * HOUR);
    expect(await reasons()).toEqual([]);
    await put('failed', NOW - 3 * HOUR);
    await sql`update outbox set next_ms = ${NOW + HOUR}, created_ms = created_ms - ${2 * MINUTE} where state = 'waiting'`;
    expect(await reasons()).toEqual([
      'a notice has waited for 16 min to be delivered',
      'the notifier "pager" has failed since 3 h ago: no key',
    ]);
  });

  test('is withheld, told once, tried again soon, and resumed', async () => {
    await beat();
    hand.advance(HOUR);
    for (let i = 0; i < 60; i++) {
      await beat();
      hand.advance(SECOND);
    }
    expect(asked.length).toBe(1);
    expect(counts().heartbeats_withheld).toBe(6);
    expect(logs.filter(l => l.event === 'heartbeat.withheld').length).toBe(1);
    await allDone();
    await beat();
    expect(asked.length).toBe(2);
    expect(logs.at(-1)?.event).toBe('heartbeat.resumed');
  });

  test('a switch that says no, or nothing, is told without its secret address', async () => {
    answer = async () => new Response(null, { status: 302, headers: { location: '/' } });
    await beat();
    answer = signal =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await later(MINUTE);
    const hung = beat();
    while (asked.length < 2) await new Promise(resolve => setTimeout(resolve, 1));
    hand.advance(10 * SECOND);
    await hung;
    const failed = logs.filter(l => l.event === 'heartbeat.failed').map(l => l.fields);
    expect(failed).toEqual([
      { host: 'switch.example', reason: 'expected a status from 200 to 299, found 302' },
      { host: 'switch.example', reason: 'no answer within 10 s' },
    ]);
    expect(counts().heartbeats_sent).toBe(0);
    expect(JSON.stringify(logs)).not.toContain('secret');
  });
});
