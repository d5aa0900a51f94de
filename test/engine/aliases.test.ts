/**
 * Sign-ins whose records are the provider's: known by a token or UUID somewhere in the declared place, or by an identity
 * that the provider gave them, which may be read before the sending that tells of it is committed.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { CheckpointConfig, PipelineConfig } from '../../src/config/config.ts';
import { defineInjector, defineObserver } from '../../src/contracts/define.ts';
import type { Outcome, Outgoing } from '../../src/contracts/injector.ts';
import type { SeenRecord } from '../../src/contracts/observer.ts';
import { PARKED_MAX, siftMeeting } from '../../src/engine/aliases.ts';
import { openEngine, type RunningEngine } from '../../src/engine/engine.ts';
import { receive, receiverOf } from '../../src/engine/receive.ts';
import receiveObserver from '../../src/observers/receive.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { checkpointConfig, configOf, pipelineConfig } from '../support/ledger.ts';
import { Statements } from '../support/quiet.ts';
import { type Hooks, hooked } from '../support/statements.ts';
import { tallyOf, WorldClock } from '../support/world.ts';

const db = useDatabase();
let sql: Sql;
let clock: WorldClock;
let running: RunningEngine;
/** The provider's log, and what it writes for a sign-in. */
let log: SeenRecord[];
let recordOf: (canary: Outgoing, id: string) => object;
/** A sign-in's answer comes when this does. */
let answer: () => Promise<void>;
let signIns: number;
let outcomeOf: (id: string) => Outcome;
const errors: unknown[] = [];
const statements = new Statements();

const write = (record: object): void => {
  log.push({ text: JSON.stringify(record), recordId: `r${log.length}` });
};

const signIn = (events: 'written' | 'provoked') =>
  defineInjector({
    kind: events,
    summary: 'signs in at a provider that keeps a log',
    schema: z.strictObject({}),
    runtimes: ['node'],
    traits: { events },
    create: () => ({
      async inject(canaries) {
        const ids = canaries.map(canary => {
          const id = `id-${++signIns}`;
          write(recordOf(canary, id));
          return id;
        });
        await answer();
        return ids.map(outcomeOf);
      },
      close: async () => {},
    }),
  });

const tail = defineObserver({
  kind: 'tail',
  summary: 'reads the log once, line by line',
  schema: z.strictObject({}),
  runtimes: ['node'],
  traits: { way: 'follow', ingestTime: false, settleMs: 0, keepsMs: 3_600_000 },
  create: () => ({
    async *observe({ cursor }) {
      yield { page: log.slice(Number(cursor ?? 0)), cursor: log.length };
      yield { end: 'exhausted' as const };
    },
    close: async () => {},
  }),
});

const registry = {
  injectors: new Map(([signIn('written'), signIn('provoked')] as const).map(d => [d.kind, d])),
  observers: new Map([
    ['tail', tail],
    ['receive', receiveObserver],
  ]),
  notifiers: new Map(),
};

const at = (place: string, over: Partial<CheckpointConfig> = {}): CheckpointConfig =>
  checkpointConfig('log', {
    observe: { kind: 'tail', settings: {} },
    at: place,
    onTimeWithinMs: 2_000,
    lostAfterMs: 4_000,
    lookEveryMs: 1_000,
    ...over,
  });

const pipeline = (checkpoint: CheckpointConfig, event?: PipelineConfig['event']): PipelineConfig => {
  const { event: _, ...rest } = pipelineConfig('p', {
    schedule: { kind: 'every', everyMs: 2_000 },
    inject: { kind: event ? 'written' : 'provoked', settings: {} },
    checkpoints: [checkpoint],
    objective: { onTime: 0.99, delivered: 0.999, windowMs: 86_400_000 },
  });
  return { ...rest, ...(event ? { event } : {}) };
};

async function start(p: PipelineConfig, hooks: Hooks = {}): Promise<void> {
  running = await openEngine({
    sql: hooked(sql, statements.counting(hooks)),
    ctx: {
      clock,
      random: () => 0.5,
      fetch: async () => new Response(null, { status: 204 }),
      log: (level, event, fields) => void (level === 'error' && errors.push([event, fields])),
    },
    config: configOf([p]),
    registry,
    self: 'test',
    fresh: { storeId: 'store', seed: 'seed' },
  });
}

/** Real time for one step at most; one takes a few milliseconds. */
const STEP_REAL_MS = 1_000;

const real = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

async function run(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    await running.tick(0);
    await statements.untilQuiet(running.idle(), STEP_REAL_MS);
  }
}

/** Holds the answers of all sign-ins back, until told. */
function holdAnswers(): () => void {
  let release = () => {};
  const held = new Promise<void>(done => {
    release = done;
  });
  answer = () => held;
  return () => {
    answer = async () => {};
    release();
  };
}

const tally = () => tallyOf(sql, 'log');
const parked = async (): Promise<string[]> =>
  (await sql<{ identity: string }[]>`select identity from identity order by 1`).map(r => r.identity);
const aliases = async (): Promise<number> => (await sql`select 1 from alias`).length;
const findings = async (kind: string): Promise<number> => {
  const [row] = await sql<{ n: number }[]>`
    select coalesce(sum(count), 0)::int as n from finding where kind = ${kind}`;
  return row?.n ?? 0;
};

beforeEach(() => {
  sql = openStore({ ...db.options, max: 6 });
  clock = new WorldClock();
  log = [];
  signIns = 0;
  errors.length = 0;
  answer = async () => {};
  outcomeOf = id => ({ result: 'accepted', aliases: [id] });
  recordOf = (_, id) => ({ event: 'grant.success', tokenId: id });
});
afterEach(async () => {
  const closing = running.close();
  for (let i = 0; i < 100; i++) {
    clock.advance(1_000);
    if ((await Promise.race([closing.then(() => 'closed'), real(5)])) === 'closed') break;
  }
  await closing;
  await sql`
    truncate meta, generation, pipeline, target, checkpoint, beat, mark, sighting, alias, identity, replica, rollup, finding, counted,
             orphan, signing_key restart identity`;
  await sql.end({ timeout: 2 });
  expect(errors).toEqual([]);
});

describe('a log that is read as it is, without an adapter that knows the place', () => {
  const places: readonly [string, string, (canary: Outgoing, id: string) => object][] = [
    ['a token', 'request.id', c => ({ request: { id: c.token } })],
    ['a token in a user agent', 'userAgent', c => ({ userAgent: `coalmine ${c.token}` })],
    ['a UUID', 'request.id', c => ({ request: { id: c.uuid.toUpperCase() } })],
    ['a UUID in a user agent', 'userAgent', c => ({ userAgent: `coalmine ${c.uuid}` })],
    ['an alias', 'tokenId', (_, id) => ({ tokenId: id })],
    ['an alias beside a token', 'tokenId', (c, id) => ({ tokenId: id, userAgent: `coalmine ${c.token}` })],
  ];
  test.each(places)('%s in its place is the sign-in', async (_, place, record) => {
    recordOf = record;
    await start(pipeline(at(place)));
    await run(12_000);
    const { on_time = 0, pending = 0, ...others } = await tally();
    expect(others).toEqual({});
    expect(on_time).toBeGreaterThan(6);
    expect(pending).toBeLessThan(5);
    expect([await findings('echo'), await findings('duplicate')]).toEqual([0, 0]);
  });

  test('a UUID elsewhere is an echo', async () => {
    recordOf = c => ({ request: { id: 'x' }, query: c.uuid });
    await start(pipeline(at('request.id')));
    await run(6_000);
    expect((await tally()).on_time).toBeUndefined();
    expect(await findings('echo')).toBeGreaterThan(2);
  });

  test('a written event that is known by its UUID alone is seen in its declared place, behind a header too', async () => {
    recordOf = c => ({ id: c.uuid, normalised: true });
    const event = { format: 'ecs', user: 'canary', sourceIp: '192.0.2.7', userAgent: 'coalmine' };
    await start(pipeline(at('id'), event));
    await run(12_000);
    const { on_time = 0, pending: _, ...others } = await tally();
    expect([on_time > 6, others]).toEqual([true, {}]);
  });
});

describe('a record that is read before the sending that tells of its identity is committed', () => {
  test('is parked, and is the sign-in as of when it was read', async () => {
    await start(pipeline(at('tokenId')));
    const release = holdAnswers();
    await run(4_000);
    const waiting = await parked();
    expect(waiting.length).toBeGreaterThan(1);
    await run(6_000);
    expect(await tally()).not.toHaveProperty('on_time');
    release();
    await run(3_000);
    const { on_time = 0, pending: _, ...others } = await tally();
    expect(others).toEqual({});
    expect(on_time).toBeGreaterThan(7);
    const stillThere = await parked();
    expect(waiting.filter(identity => stillThere.includes(identity))).toEqual([]);
  });

  test('isn’t called lost when its alias is committed in the midst of a settling that has read its inbox', async () => {
    let release = () => {};
    let held = Promise.resolve();
    let watching = false;
    const hold = async (text: string) => {
      if (text.includes('insert into alias')) await held;
      if (!watching || !text.includes('from mark m')) return;
      watching = false;
      const before = await aliases();
      release();
      for (let i = 0; i < 200 && (await aliases()) === before; i++) await real(5);
    };
    await start(pipeline(at('tokenId')), { before: hold });
    await run(6_000);
    held = new Promise(done => {
      release = done;
    });
    // Signed in, and seen, and their time is long over when that is committed.
    await run(10_000);
    watching = true;
    await run(3_000);
    expect(watching).toBe(false);
    const lost = await sql`select 1 from mark where notes::text like '%lostMs%'`;
    expect([lost.length, (await tally()).lost, (await tally()).recovered]).toEqual([0, undefined, undefined]);
  });

  test('is counted once, and twice where there are two of it', async () => {
    await start(pipeline(at('tokenId')));
    const release = holdAnswers();
    await run(4_000);
    write({ event: 'grant.success', tokenId: 'id-2' });
    await run(2_000);
    const { recordId: _, ...bare } = log[0]!;
    log.push(bare, bare);
    await run(1_000);
    release();
    await run(3_000);
    const notes = await sql<{ notes: object }[]>`select notes from mark where notes is not null`;
    expect(notes.map(n => n.notes)).toEqual([
      expect.objectContaining({ 0: expect.anything(), 1: expect.anything() }),
    ]);
    expect(await findings('duplicate')).toBe(2);
  });

  test('that comes by a push is parked too', async () => {
    const receiver = { observe: { kind: 'receive', settings: {} }, settleMs: 500 };
    await start(pipeline(at('tokenId', receiver)));
    const release = holdAnswers();
    await run(4_000);
    const to = receiverOf(running.engine, 'p', 'log')!;
    expect(await receive(running.engine, to, log)).toMatchObject({ canaries: 0, echoes: 0 });
    expect((await parked()).length).toBe(log.length);
    const early = log.length;
    release();
    await run(1_500);
    expect((await sql`select 1 from mark where seen_offs is not null`).length).toBe(early / 2);
    expect(await sql`select 1 from checkpoint where (watermark->>'proven')::boolean`).toHaveLength(1);
    expect(await receive(running.engine, to, log.slice(-2))).toMatchObject({ canaries: 2 });
  });
});

describe('a sign-in under the canaries’ name that no sending of ours explains', () => {
  const named = (): PipelineConfig => ({
    ...pipeline(at('tokenId')),
    inject: { kind: 'provoked', settings: { username: 'canary@example.com' } },
  });
  const evil = { tokenId: 'evil', actor: 'Canary@example.com', ip: '203.0.113.9' };
  beforeEach(() => {
    recordOf = (_, id) => ({ tokenId: id, actor: 'canary@example.com', ip: '192.0.2.1' });
  });

  test('is told of, once and with where from, whether anything was being sent or not', async () => {
    await start(named());
    await run(8_000);
    expect(await findings('identity_used')).toBe(0);
    write(evil);
    write({ tokenId: 'x', actor: 'somebody@example.com' });
    await run(3_000);
    const release = holdAnswers();
    await run(4_000);
    write({ ...evil, tokenId: 'evil-2' });
    await run(1_000);
    const before = await findings('identity_used');
    release();
    await run(80_000);
    expect([before, await findings('identity_used')]).toEqual([1, 2]);
    const [row] = await sql<{ sample: object }[]>`select sample from finding where kind = 'identity_used'`;
    expect(row?.sample).toMatchObject({ from: '203.0.113.9' });
  });

  test('isn’t one as long as a sign-in of ours may have left it: its answer was never heard', async () => {
    await start(named());
    await run(6_000);
    outcomeOf = () => ({ result: 'maybe_sent', reason: 'no answer' });
    await run(10_000);
    outcomeOf = id => ({ result: 'accepted', aliases: [id] });
    await run(80_000);
    const maybe = await sql`select 1 from beat where 2 = any(sendings) or 1 < any(attempts)`;
    expect([maybe.length > 0, await findings('identity_used')]).toEqual([true, 0]);
  });
});

describe('what is parked', () => {
  test('is nobody else’s: identities of others go when no sending can explain them, or are never kept', async () => {
    await start(pipeline(at('tokenId')));
    const release = holdAnswers();
    await run(3_000);
    write({ tokenId: 'somebody' });
    await run(2_000);
    expect(await parked()).toContain('somebody');
    release();
    // Canaries go on: those that are under way when it was seen, give or take a minute of clock.
    await run(70_000);
    expect(await parked()).not.toContain('somebody');
    await sql`update pipeline set retired = true`;
    await run(4_000);
    const { engine } = running;
    const [p] = engine.pipelines;
    const seeing = { absentMs: null, seenMs: clock.now(), look: 0 };
    const sifted = await siftMeeting(
      engine,
      { pipeline: p!, checkpoint: p!.checkpoints[0]! },
      [{ text: JSON.stringify({ tokenId: 'somebody else' }) }],
      seeing,
    );
    expect(sifted.identities).toEqual([]);
    expect(await parked()).toEqual([]);
  });

  test('isn’t an echo while it may still be the sign-in, whatever else it mentions; what nobody claims is one, once', async () => {
    recordOf = (c, id) => ({ tokenId: id, userAgent: `coalmine ${c.token}` });
    await start(pipeline(at('tokenId')));
    await run(4_000);
    const release = holdAnswers();
    await run(6_000);
    const { token } = running.engine.keyring.sign({
      target: running.engine.pipelines[0]!.targets[0]!.number,
      slot: clock.now() - 3_000,
      index: 0,
    });
    const writtenMs = clock.now();
    write({ tokenId: 'somebody', query: token });
    await run(1_000);
    expect(await parked()).toContain('somebody');
    expect(await findings('echo')).toBe(0);
    release();
    await run(90_000);
    expect(await parked()).not.toContain('somebody');
    expect(await findings('echo')).toBe(1);
    const [echo] = await sql<{ first_ms: number; last_ms: number }[]>`
      select first_ms, last_ms from finding where kind = 'echo'`;
    expect(echo?.first_ms).toBe(echo?.last_ms);
    // As of when it was seen: by the next look, not by when it was given up.
    expect((echo?.first_ms ?? 0) - writtenMs).toBeLessThanOrEqual(1_000);
    const { on_time = 0, pending: _, late: __, delivered: ___, ...others } = await tally();
    expect([on_time > 3, others]).toEqual([true, {}]);
  });

  test('has a bound, at which nothing is called lost that may have been dropped, and that is said', async () => {
    await start(pipeline(at('tokenId')));
    await run(6_000);
    const release = holdAnswers();
    await run(2_000);
    await sql`
      insert into identity (pipeline, checkpoint, identity, key, seen_ms, copies, look)
      select pipeline, number, 'x' || n, n, ${clock.now()}, 1, 0 from checkpoint, generate_series(1, ${PARKED_MAX}) n`;
    await run(2_500);
    expect((await parked()).length).toBeLessThanOrEqual(PARKED_MAX + 4);
    await sql`delete from identity where identity like 'x%'`;
    release();
    await run(9_000);
    const after = await tally();
    expect(after).not.toHaveProperty('lost');
    expect(after.unproven).toBeGreaterThan(1);
    expect(await findings('unparked')).toBeGreaterThan(1);
    // The gap ends when whatever was being sent then has been sent.
    await run(150_000);
    expect((await tally()).on_time).toBeGreaterThan(after.on_time ?? 0);
  });
});
