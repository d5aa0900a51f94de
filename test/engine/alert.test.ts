/** Notices reach people: in order, whatever fails; once, unless somebody dies. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Retry } from '../../src/contracts/notifier.ts';
import { RETRY_DELAYS_MS, retryDelayMs } from '../../src/engine/alert.ts';
import { readNotices } from '../../src/store/read-notices.ts';
import { type Arrival, Bench, type Replica } from '../support/alerting.ts';
import { useDatabase } from '../support/database.ts';
import { seeded } from '../support/world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const db = useDatabase();
let b: Bench;
beforeEach(async () => {
  b = new Bench(db.options);
  await b.empty();
});
afterEach(async () => {
  await b.close();
  for (const r of b.replicas) expect(r.errors).toEqual([]);
});

const down = () => {
  throw new Retry('no answer');
};
const logged = (r: Replica, event: string) => r.logs.filter(l => l.event === event);

test('an incident is told in order, each notice with the receipt of the one before it', async () => {
  const slack = b.channel('slack');
  slack.fate = async a => ({ thread: `t${a.notice.sequence}` });
  b.replica();
  const one = await b.incident();
  await b.tell(one, ['slack'], 'opened');
  await b.tell(one, ['slack'], 'worsened');
  await b.run(MINUTE);
  await b.tell(one, ['slack'], 'resolved');
  await b.run(MINUTE);
  expect(b.got('slack')).toEqual(['opened#1', 'worsened#2', 'resolved#3']);
  expect(slack.arrivals.map(a => a.previous)).toEqual([null, { thread: 't1' }, { thread: 't2' }]);
  const [first] = slack.arrivals;
  expect(first?.notice).toEqual({
    ...(await b.sql`select notice from outbox where sequence = 1`)[0]?.notice,
    id: 'store-3-1-slack-1',
    incident: 'store-1',
    title: 'Lost: opened',
  });
});

describe('order', () => {
  /** Per incident and notifier: what arrived never goes back, duplicates are the same, and the end was told. */
  function expectOrder(arrivals: readonly Arrival[], lastOf: (incident: string) => number) {
    const seen = new Map<string, Arrival>();
    const last = new Map<string, number>();
    for (const a of arrivals) {
      const { id, incident, sequence, event } = a.notice;
      const before = seen.get(id);
      if (before) expect(`${event} ${sequence}`).toBe(`${before.notice.event} ${before.notice.sequence}`);
      seen.set(id, a);
      const at = `${a.notifier} ${incident}`;
      expect(sequence, `${at}: order`).toBeGreaterThanOrEqual(last.get(at) ?? 1);
      // Only what a summary tells may be left out.
      const isNext = sequence <= (last.get(at) ?? 0) + 1;
      if (!isNext) expect(event, `${at}: ${sequence} after ${last.get(at)}`).toBe('summary');
      last.set(at, sequence);
    }
    for (const [at, sequence] of last) expect(sequence, at).toBe(lastOf(at.split(' ')[1] ?? ''));
    return last.size;
  }

  test('is kept whatever fails, and whether or not what failed had arrived', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.double({ min: 0.1, max: 0.7, noNaN: true }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 20 })), {
          minLength: 6,
          maxLength: 14,
        }),
        async (seed, failing, script) => {
          const own = new Bench(db.options, seed);
          try {
            await own.empty();
            const random = seeded(seed);
            for (const name of ['a', 'b']) {
              const channel = own.channel(name);
              const tries = new Map<string, number>();
              // The eleventh failure would be the last: giving up is tried elsewhere.
              const fails = (id: string, share: number) => (tries.get(id) ?? 0) <= 10 && random() < share;
              channel.door = ({ id }) => {
                tries.set(id, (tries.get(id) ?? 0) + 1);
                if (fails(id, failing)) down();
              };
              channel.fate = async ({ notice: { id, sequence } }, signal) => {
                if (fails(id, failing / 4)) throw new Error('broke off after it had arrived');
                if (fails(id, failing / 8)) await own.clock.sleep(HOUR, signal);
                return { sequence };
              };
            }
            own.replica();
            own.replica();
            const incidents = [];
            for (let i = 0; i < 4; i++) incidents.push(await own.incident('loss', i));
            const told = new Map<number, number>();
            for (const [i, seconds] of script) {
              const n = (told.get(i) ?? 0) + 1;
              told.set(i, n);
              await own.tell(incidents[i] as number, ['a', 'b'], n === 1 ? 'opened' : 'worsened');
              await own.run(seconds * SECOND);
            }
            for (const i of told.keys()) await own.tell(incidents[i] as number, ['a', 'b'], 'resolved');
            const isWaiting = async () => Object.values(await own.states()).includes('waiting');
            for (let days = 0; days < 60 && (await isWaiting()); days++) await own.run(24 * HOUR, 24 * HOUR);
            const all = [...own.channels.values()].flatMap(c => c.arrivals);
            const lastOf = (incident: string) => (told.get(Number(incident.split('-')[1]) - 1) ?? 0) + 1;
            expect(expectOrder(all, lastOf)).toBe(2 * told.size);
            expect(Object.values(await own.states()).filter(s => s === 'waiting' || s === 'failed')).toEqual(
              [],
            );
          } finally {
            await own.close();
          }
        },
      ),
      { numRuns: 6, endOnFailure: true },
    );
  });

  test('a channel that is down for six hours gets everything afterwards, soon and in order', async () => {
    const slack = b.channel('slack');
    slack.door = down;
    b.replica();
    const upMs = b.clock.now() + 6 * HOUR;
    const incidents: number[] = [];
    for (let i = 0; i < 5; i++) {
      incidents.push(await b.incident('loss', i));
      await b.tell(incidents[i] as number, ['slack'], 'opened');
      await b.run(30 * MINUTE);
      await b.tell(incidents[i] as number, ['slack'], 'worsened');
      await b.run(30 * MINUTE);
    }
    await b.run(upMs - b.clock.now());
    expect(slack.arrivals).toEqual([]);
    slack.door = () => {};
    const six = await b.incident('loss', 6);
    await b.tell(six, ['slack'], 'opened');
    await b.run(5 * MINUTE);
    for (const i of incidents) expect(b.got('slack', i)).toEqual(['opened#1', 'worsened#2']);
    for (const i of incidents) await b.tell(i, ['slack'], 'resolved');
    await b.run(MINUTE);
    for (const i of incidents) expect(b.got('slack', i).at(-1)).toBe('resolved#3');
  });
});

test('replicas in parallel deliver each notice once', async () => {
  const slack = b.channel('slack');
  slack.fate = () => new Promise(resolve => setTimeout(() => resolve({}), 2));
  for (let i = 0; i < 3; i++) b.replica();
  for (let i = 0; i < 12; i++) {
    const incident = await b.incident('loss', i);
    for (const event of ['opened', 'worsened'] as const) await b.tell(incident, ['slack'], event);
  }
  await b.run(MINUTE);
  const ids = slack.arrivals.map(a => a.notice.id);
  expect(ids.length).toBe(24);
  expect(new Set(ids).size).toBe(24);
});

describe('one that hangs', () => {
  test('delays nobody else, is given 30 s, and has four notices at most', async () => {
    const hung = b.channel('hung');
    const slack = b.channel('slack');
    let most = 0;
    let now = 0;
    hung.fate = () => {
      most = Math.max(most, ++now);
      return new Promise(
        (_, reject) => void b.clock.sleep(50 * SECOND).then(() => reject(new Error('late'))),
      );
    };
    const r = b.replica();
    const startMs = b.clock.now();
    for (let i = 0; i < 10; i++) await b.tell(await b.incident('loss', i), ['hung', 'slack'], 'opened');
    for (let i = 0; i < 4; i++) {
      b.clock.advance(SECOND);
      await b.tick();
    }
    expect(slack.arrivals.length).toBe(10);
    expect(Math.max(...slack.arrivals.map(a => a.atMs)) - startMs).toBeLessThanOrEqual(4 * SECOND);
    expect(most).toBe(4);
    for (let i = 0; i < 27; i++) b.clock.advance(SECOND);
    await r.idle();
    const [row] = await b.sql`select error, attempts from outbox where attempts > 0 limit 1`;
    expect(row).toEqual({ error: 'no end within 30 s', attempts: 1 });
  });

  test('at shutdown it gets five seconds, and what it had is given back as it was', async () => {
    const hung = b.channel('hung');
    hung.fate = (_, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    const r = b.replica();
    await b.tell(await b.incident(), ['hung'], 'opened');
    await b.tick();
    r.stop();
    b.clock.advance(4 * SECOND);
    await b.quiet();
    expect((await b.sql`select claimed_by from outbox`)[0]?.claimed_by).toBe('replica-1 1');
    b.clock.advance(SECOND);
    await r.idle();
    expect((await b.sql`select claimed_by, attempts, state from outbox`)[0]).toEqual({
      claimed_by: null,
      attempts: 0,
      state: 'waiting',
    });
    await r.tick();
    expect(hung.arrivals.length).toBe(1);
  });
});

describe('attempts', () => {
  test('come after the delays of the rhythm, with a tenth of jitter; a channel may ask for an hour more', () => {
    expect(RETRY_DELAYS_MS.map(ms => ms / SECOND)).toEqual([
      5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000,
    ]);
    fc.assert(
      fc.property(fc.nat({ max: 9 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (i, random) => {
        const usual = retryDelayMs(i + 1, null, random) as number;
        expect(Math.abs(usual / (RETRY_DELAYS_MS[i] as number) - 1)).toBeLessThanOrEqual(0.1001);
        expect(retryDelayMs(i + 1, usual + 1_000, random)).toBe(usual + 1_000);
        expect(retryDelayMs(i + 1, 1e12, random)).toBe(usual + HOUR);
        expect(retryDelayMs(i + 1, 0, random)).toBe(usual);
      }),
    );
    expect(retryDelayMs(11, 5_000, 0.5)).toBeNull();
  });

  test('end after the last one, and the notice has failed', async () => {
    const tries: number[] = [];
    b.channel('slack').door = () => {
      tries.push(b.clock.now());
      down();
    };
    const r = b.replica();
    await b.tell(await b.incident(), ['slack'], 'opened');
    await b.run(80 * HOUR);
    expect(tries.length).toBe(11);
    for (const [i, ms] of RETRY_DELAYS_MS.entries()) {
      const wait = (tries[i + 1] as number) - (tries[i] as number);
      expect(Math.abs(wait - ms)).toBeLessThanOrEqual(0.1 * ms + 1_001);
    }
    expect(await b.states()).toEqual({ '1 slack 1': 'failed' });
    expect(logged(r, 'notice.given_up')[0]?.fields).toMatchObject({ reason: 'no answer', instead: [] });
    expect(r.engine.instruments.counts).toMatchObject({
      notice_failures: 11,
      notices_given_up: 1,
      notices_sent: 0,
    });
  });
});

describe('what nobody heard while it lasted', () => {
  test('is one summary', async () => {
    const slack = b.channel('slack');
    slack.door = down;
    const other = b.channel('other');
    b.replica();
    const one = await b.incident();
    await b.tell(one, ['slack', 'other'], 'opened');
    await b.run(20 * SECOND);
    await b.tell(one, ['slack', 'other'], 'worsened');
    await b.run(10 * MINUTE);
    await b.tell(one, ['slack', 'other'], 'resolved', { text: 'It is over.' });
    slack.door = () => {};
    await b.run(HOUR);
    expect(b.got('slack')).toEqual(['summary#3']);
    expect(slack.arrivals[0]?.notice).toMatchObject({ id: 'store-3-1-slack-3', text: 'It is over.' });
    expect(b.got('other')).toEqual(['opened#1', 'worsened#2', 'resolved#3']);
    expect(other.arrivals.length).toBe(3);
    expect(await b.states()).toEqual({
      '1 other 1': 'sent',
      '1 other 2': 'sent',
      '1 other 3': 'sent',
      '1 slack 1': 'merged',
      '1 slack 2': 'merged',
      '1 slack 3': 'sent',
    });
    expect((await readNotices(b.sql, one)).map(n => `${n.notifier} ${n.event} ${n.state}`)).toEqual([
      'other opened sent',
      'slack opened merged',
      'other worsened sent',
      'slack worsened merged',
      'other resolved sent',
      'slack summary sent',
    ]);
  });

  test('what comes after it is told for itself', async () => {
    b.channel('slack');
    b.replica();
    const one = await b.incident();
    for (const event of ['opened', 'resolved', 'opened'] as const) await b.tell(one, ['slack'], event);
    await b.run(MINUTE);
    expect(b.got('slack')).toEqual(['summary#2', 'opened#3']);
  });
});

describe('repeats', () => {
  test('the newest notice of an open incident, with its id, until it has ended', async () => {
    const am = b.channel('am', 2 * MINUTE);
    b.channel('slack');
    b.replica();
    b.replica();
    const one = await b.incident();
    await b.tell(one, ['am', 'slack'], 'opened');
    await b.run(5 * MINUTE, 10 * SECOND);
    expect(b.got('am')).toEqual(['opened#1', 'opened#1', 'opened#1']);
    expect(new Set(am.arrivals.map(a => a.notice.id)).size).toBe(1);
    await b.tell(one, ['am', 'slack'], 'worsened');
    await b.run(3 * MINUTE, 10 * SECOND);
    expect(b.got('am').slice(3)).toEqual(['worsened#2', 'worsened#2']);
    await b.tell(one, ['am', 'slack'], 'resolved');
    await b.run(20 * MINUTE, 2 * MINUTE);
    expect(b.got('am').slice(5)).toEqual(['resolved#3']);
    expect(b.got('slack')).toEqual(['opened#1', 'worsened#2', 'resolved#3']);
  });

  test('go on at once after a restart; one that fails spoils nothing', async () => {
    const am = b.channel('am', 2 * MINUTE);
    const first = b.replica();
    await b.tell(await b.incident(), ['am'], 'opened');
    await b.run(SECOND);
    first.stop();
    b.clock.advance(HOUR);
    const r = b.replica();
    am.door = down;
    await b.run(SECOND);
    expect(logged(r, 'notice.repeat_failed').length).toBe(1);
    am.door = () => {};
    await b.run(2 * MINUTE, 10 * SECOND);
    expect(b.got('am')).toEqual(['opened#1', 'opened#1']);
    expect(await readNotices(b.sql, 1)).toMatchObject([{ state: 'sent', attempts: 0, error: null }]);
  });

  test('hold back what is written meanwhile, so that it stays the last word', async () => {
    const am = b.channel('am', 2 * MINUTE);
    let answer: () => void = () => {};
    b.replica();
    const one = await b.incident();
    await b.tell(one, ['am'], 'opened');
    await b.run(SECOND);
    am.fate = () =>
      new Promise(resolve => {
        answer = () => resolve({});
      });
    b.clock.advance(2 * MINUTE);
    await b.tick();
    expect(am.arrivals.length).toBe(2);
    await b.tell(one, ['am'], 'resolved');
    await b.tick();
    expect(am.arrivals.length).toBe(2);
    am.fate = async () => ({});
    answer();
    await b.tick();
    await b.tick();
    expect(b.got('am')).toEqual(['opened#1', 'opened#1', 'resolved#2']);
  });
});
