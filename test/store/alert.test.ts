/** The outbox: sequences and ids, heads only, claims that run out, and what may be dropped. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Claimed,
  claimHeads,
  commitSent,
  enqueue,
  giveUp,
  mergeEnded,
  postpone,
  release,
} from '../../src/store/alert.ts';
import { dropNotices, readNotices, readOutbox } from '../../src/store/read-notices.ts';
import { Bench, draft } from '../support/alerting.ts';
import { useDatabase } from '../support/database.ts';

const db = useDatabase();
let b: Bench;
let claims = 0;
beforeEach(async () => {
  b = new Bench(db.options);
  await b.empty();
  claims = 0;
});
afterEach(() => b.close());

const NOW = 2_000_000_000_000;
const terms = (claimMs = 60_000) => ({ claim: `claim ${++claims}`, claimMs, nowMs: NOW });
const room = (...names: string[]) => names.map(notifier => ({ notifier, n: 10 }));
const claim = (name = 'slack', claimMs?: number) => claimHeads(b.sql, room(name), terms(claimMs));
const keys = (claimed: readonly Claimed[]) => claimed.map(c => `${c.incident} ${c.notifier} ${c.sequence}`);
const row = async (sequence = 1) => (await b.sql`select * from outbox where sequence = ${sequence}`)[0];
const sent = { nowMs: NOW, receipt: { thread: 't1' }, repeatMs: null };
const later = { nextMs: NOW + 5_000, error: 'no answer' };

describe('enqueue', () => {
  test('draws sequences per incident and notifier, and ids that no restored store draws again', async () => {
    const one = await b.incident('loss', 1);
    const two = await b.incident('loss', 2);
    const notice = draft('opened', 1_000);
    const put = (...to: [number, string][]) =>
      b.sql.begin(tx =>
        enqueue(
          tx,
          to.map(([incident, notifier]) => ({ incident, notifier, notice })),
        ),
      );
    await put([one, 'a'], [one, 'b'], [two, 'a'], [one, 'a']);
    await b.sql`update meta set epochs = epochs || 7`;
    await put([one, 'a'], [two, 'b']);
    const rows = await b.sql`
      select incident || notifier || sequence as key, notice->>'id' as id, notice->>'incident' as of,
             (notice->>'sequence')::int = sequence as same, event, created_ms, next_ms, state
        from outbox order by notice->>'id'`;
    expect(rows.map(r => `${r.key} ${r.id} ${r.of}`)).toEqual([
      '1a1 store-3-1-a-1 store-1',
      '1a2 store-3-1-a-2 store-1',
      '1b1 store-3-1-b-1 store-1',
      '2a1 store-3-2-a-1 store-2',
      '1a3 store-7-1-a-3 store-1',
      '2b1 store-7-2-b-1 store-2',
    ]);
    for (const r of rows)
      expect(r).toMatchObject({
        same: true,
        event: 'opened',
        created_ms: 1_000,
        next_ms: 1_000,
        state: 'waiting',
      });
  });

  test('keeps ids within 128 characters, and text that jsonb would refuse', async () => {
    await b.sql`update meta set store_id = ${'s'.repeat(80)}`;
    const incident = await b.incident();
    await b.tell(incident, ['n'.repeat(63)], 'opened', { text: 'a NUL \u0000 and half a pair \ud800' });
    const [r] = await b.sql`select notice from outbox`;
    expect(r?.notice.id).toMatch(/^[0-9a-f]{64}$/);
    expect(r?.notice.text).toBe('a NUL \ufffd and half a pair \ufffd');
  });

  test('is atomic with what it tells of, and needs a store that knows who it is', async () => {
    const incident = await b.incident();
    await expect(
      b.sql.begin(async tx => {
        await enqueue(tx, [{ incident, notifier: 'slack', notice: draft('opened', 0) }]);
        throw new Error('the incident was not written');
      }),
    ).rejects.toThrow('was not written');
    expect(await b.states()).toEqual({});
    await b.sql`truncate meta`;
    await expect(b.tell(incident, ['slack'], 'opened')).rejects.toThrow('0 of 1 notices');
  });
});

describe('claims', () => {
  test('are of heads that are due, for whom they were asked, and only once', async () => {
    for (let i = 1; i <= 3; i++) {
      const incident = await b.incident('loss', i);
      for (const event of ['opened', 'worsened'] as const) await b.tell(incident, ['slack', 'mail'], event);
    }
    await b.sql`update outbox set next_ms = ${NOW + 1} where incident = 2 and sequence = 1`;
    const [few, ...others] = await claimHeads(b.sql, [{ notifier: 'slack', n: 1 }], terms());
    expect([few?.notifier, others.length]).toEqual(['slack', 0]);
    const rest = await claim();
    expect([...keys([few as Claimed]), ...keys(rest)].sort()).toEqual(['1 slack 1', '3 slack 1']);
    expect(await claim()).toEqual([]);
    expect(keys(await claim('mail')).sort()).toEqual(['1 mail 1', '3 mail 1']);
    expect(await claimHeads(b.sql, [], terms())).toEqual([]);
  });

  test('come back when they run out, by the database’s clock; who held them changes nothing then', async () => {
    await b.tell(await b.incident(), ['slack'], 'opened');
    const [first] = (await claim('slack', 0)) as [Claimed];
    const [second] = (await claim()) as [Claimed];
    expect(second.claim).not.toBe(first.claim);
    const before = await row();
    expect(await commitSent(b.sql, first, sent)).toBe(false);
    await postpone(b.sql, first, later);
    await release(b.sql, first);
    expect(await giveUp(b.sql, first, { nowMs: NOW, error: '', routes: [] })).toBeNull();
    expect(await row()).toEqual(before);
    expect(await commitSent(b.sql, second, sent)).toBe(true);
    // Its outcome unknown, a commit may come again.
    expect(await commitSent(b.sql, second, sent)).toBe(true);
    expect(await row()).toMatchObject({ state: 'sent', done_ms: NOW, receipt: { thread: 't1' } });
  });

  test('hold the next one back until its head is done, and hand on the receipt', async () => {
    const incident = await b.incident();
    for (const event of ['opened', 'worsened'] as const) await b.tell(incident, ['slack'], event);
    const [head] = (await claim()) as [Claimed];
    expect(await claim()).toEqual([]);
    await postpone(b.sql, head, later);
    expect(await row()).toMatchObject({
      attempts: 1,
      next_ms: NOW + 5_000,
      error: 'no answer',
      claimed_by: null,
    });
    expect(await claim()).toEqual([]);
    await b.sql`update outbox set next_ms = ${NOW} where sequence = 1`;
    const [again] = (await claim()) as [Claimed];
    expect([again.sequence, again.attempts]).toEqual([1, 1]);
    await commitSent(b.sql, again, sent);
    const [next] = (await claim()) as [Claimed];
    expect([next.sequence, next.attempts, next.previous]).toEqual([2, 0, { thread: 't1' }]);
  });

  test('made by many at once never overlap', async () => {
    for (let i = 0; i < 20; i++) await b.tell(await b.incident('loss', i), ['slack'], 'opened');
    const all = await Promise.all(
      Array.from({ length: 12 }, () => claimHeads(b.sql, [{ notifier: 'slack', n: 3 }], terms())),
    );
    const claimed = keys(all.flat());
    expect(new Set(claimed).size).toBe(claimed.length);
    expect(claimed.length).toBeGreaterThan(3);
    for (let left = await claim(); left.length > 0; left = await claim()) claimed.push(...keys(left));
    expect(new Set(claimed).size).toBe(20);
    expect(claimed.length).toBe(20);
  });
});

test('a delivery brings forward what waits for a far attempt at the same notifier', async () => {
  for (let i = 1; i <= 4; i++)
    await b.tell(await b.incident('loss', i), [i === 4 ? 'mail' : 'slack'], 'opened');
  await b.sql`update outbox set attempts = 5, next_ms = ${NOW}::int8 + case incident when 2 then 30000 else 3600000 end where incident > 1`;
  const [head] = (await claim()) as [Claimed];
  await commitSent(b.sql, head, sent);
  const rows =
    await b.sql`select incident, next_ms - ${NOW}::int8 as in_ms from outbox where incident > 1 order by 1`;
  expect(rows.map(r => [r.incident, r.in_ms])).toEqual([
    [2, 30_000],
    [3, 0],
    [4, 3_600_000],
  ]);
});

describe('merging', () => {
  const tellAll = async (...events: Parameters<Bench['tell']>[2][]) => {
    const incident = await b.incident();
    for (const event of events) await b.tell(incident, ['slack'], event);
    const t = terms();
    return { t, heads: await claimHeads(b.sql, room('slack'), t) };
  };
  const events = async () =>
    (await b.sql`select event || ' ' || state as e from outbox order by sequence`).map(r => r.e);

  test('moves the claim to the summary, and only the claim', async () => {
    const { t, heads } = await tellAll('opened', 'worsened', 'resolved', 'opened');
    const claimedUntil = (await row())?.claimed_until_ms;
    const [summary] = await mergeEnded(b.sql, heads, t);
    expect(summary).toMatchObject({ sequence: 3, attempts: 0, claim: t.claim, previous: null });
    expect(summary?.notice).toMatchObject({ event: 'summary', sequence: 3, id: 'store-3-1-slack-3' });
    expect(await row(3)).toMatchObject({ claimed_by: t.claim, claimed_until_ms: claimedUntil });
    expect(await events()).toEqual(['opened merged', 'worsened merged', 'summary waiting', 'opened waiting']);
    expect(await claim()).toEqual([]);
    expect(await commitSent(b.sql, summary as Claimed, sent)).toBe(true);
    expect(keys(await claim())).toEqual(['1 slack 4']);
  });

  test('leaves alone what has no end, what was heard, and what others hold by now', async () => {
    const open = await tellAll('opened', 'worsened');
    expect(await mergeEnded(b.sql, open.heads, open.t)).toEqual(open.heads);
    await commitSent(b.sql, open.heads[0] as Claimed, sent);
    await b.tell(1, ['slack'], 'resolved');
    const heard = terms();
    const [worsened] = await mergeEnded(b.sql, await claimHeads(b.sql, room('slack'), heard), heard);
    expect(worsened?.notice.event).toBe('worsened');
    await b.empty();
    const lost = await tellAll('opened', 'resolved');
    await b.sql`update outbox set claimed_by = 'another' where sequence = 1`;
    expect(await mergeEnded(b.sql, lost.heads, lost.t)).toEqual(lost.heads);
    expect(await events()).toEqual(['opened waiting', 'resolved waiting']);
  });

  test('never hides that another notifier could not be told', async () => {
    const incident = await b.incident();
    await b.tell(incident, ['slack', 'pager'], 'opened');
    const [failing] = (await claim('pager')) as [Claimed];
    await giveUp(b.sql, failing, { nowMs: NOW, error: 'no key', routes: [['slack']] });
    await b.tell(incident, ['slack', 'pager'], 'resolved');
    const t = terms();
    const heads = await claimHeads(b.sql, room('slack'), t);
    expect(await mergeEnded(b.sql, heads, t)).toEqual(heads);
    const told = (await readNotices(b.sql, incident)).filter(n => n.notifier === 'slack');
    expect(told.map(n => `${n.event} ${n.insteadOf}`)).toEqual([
      'opened null',
      'resolved null',
      'reminder pager',
    ]);
  });
});

test('what waits is told with its age; what is done goes with the exceptions, once its incident is long over', async () => {
  expect(await readOutbox(b.sql, NOW)).toEqual({ waiting: 0, oldestMs: null, failing: [] });
  const [over, open, waits, fresh] = [
    await b.incident('loss', 1),
    await b.incident('loss', 2),
    await b.incident('loss', 3),
    await b.incident('loss', 4),
  ];
  for (const i of [over, open, waits, fresh]) {
    await b.tell(i, ['slack'], 'opened', { atMs: i * 1_000 });
    await b.tell(i, ['slack'], 'resolved', { atMs: i * 1_000 + 1 });
  }
  await b.sql`update outbox set state = 'sent', done_ms = ${NOW} where incident <> ${waits} or sequence = 1`;
  await b.sql`update outbox set done_ms = ${NOW + 5} where incident = ${fresh} and sequence = 2`;
  await b.sql`update incident set ended_ms = null where number = ${open}`;
  expect(await readOutbox(b.sql, NOW)).toMatchObject({ waiting: 1, oldestMs: waits * 1_000 + 1 });
  expect(await dropNotices(b.sql, NOW)).toBe(0);
  expect(await dropNotices(b.sql, NOW + 1)).toBe(2);
  expect(Object.keys(await b.states()).map(k => Number(k.split(' ')[0]))).not.toContain(over);
  expect(Object.keys(await b.states()).length).toBe(6);
});
