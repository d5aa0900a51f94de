/** Evidence that is pushed: proven by probes that come through, and every refusal a gap (W2). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/live.ts';
import { probed, type ReceiveAt, receive, receiverOf, turnedAway } from '../../src/engine/receive.ts';
import { useDatabase } from '../support/database.ts';
import { Small, small } from '../support/small.ts';

const db = useDatabase();
const config = small({
  checkpoints: [
    '{ name: sink, observe: { kind: receive }, on_time_within: 2s, lost_after: 6s, keeps: 1h, look_every: 1s, settle: 1s }',
  ],
});
let w: Small;
let engine: Engine;
let at: ReceiveAt;
let probeKey: string;
/** Whether probes come through. */
let isOpen: boolean;
beforeEach(async () => {
  w = new Small(db.options);
  isOpen = true;
  w.sink.ingest = async request => {
    if (!isOpen) return new Response(null, { status: 502 });
    expect(request.headers.get('authorization')).toBe(`Bearer ${probeKey}`);
    await probed(engine, at, Number(request.headers.get('coalmine-probe')));
    return new Response(null, { status: 204 });
  };
  const { running } = await w.start(config);
  ({ engine, probeKey } = running);
  at = receiverOf(engine, 'p', 'sink')!;
});
afterEach(() => w.close());

let pushed = 0;
/** Pushes all that was taken since, as a forwarder does. */
async function forward(wanted: (text: string) => boolean = () => true): Promise<void> {
  const records = w.sink.taken.slice(pushed).filter(t => wanted(t.text));
  pushed = w.sink.taken.length;
  for (const t of records) await receive(engine, at, [{ text: t.text }]);
}
beforeEach(() => {
  pushed = 0;
});
async function run(ms: number, wanted?: (text: string) => boolean): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await w.run(500);
    await forward(wanted);
  }
}
const keysOf = async () => Object.keys(await w.tally()).sort();

test('what is pushed is on time; what isn’t is lost, once probes have proven that it could have come', async () => {
  await run(8_000);
  expect((await keysOf()).filter(k => !['pending', 'unproven'].includes(k))).toEqual(['on_time']);
  const before = w.clock.now();
  await run(14_000, () => false);
  const lost = (await w.verdicts()).filter(v => v.verdict === 'lost' && v.target !== 'drill');
  expect(lost.length).toBeGreaterThan(4);
  for (const v of lost) expect(Number(v.name.split('.')[1])).toBeGreaterThan(before - 3_000);
});

test('while no probe comes through nothing is lost; what was sent in the hole is unproven, seen or not', async () => {
  await run(8_000);
  isOpen = false;
  const from = w.clock.now();
  await run(20_000, text => /\d*[02468]\b/.test(text.slice(-40)));
  const to = w.clock.now();
  isOpen = true;
  await run(14_000);
  expect(await w.tally()).not.toHaveProperty('lost');
  const [hole] = await w.sql<{ n: number }[]>`
    select sum((m.counts->>'unproven')::int)::int as n from mark m where slot between ${from} and ${to - 1_000}`;
  expect(hole?.n).toBeGreaterThan(36);
});

test('before the first probe came through nothing is proven, though canaries arrive', async () => {
  isOpen = false;
  await run(10_000, () => false);
  const until = w.clock.now();
  isOpen = true;
  await run(12_000);
  const early = (await w.verdicts()).filter(
    v => v.target !== 'drill' && Number(v.name.split('.')[1]) < until - 8_000,
  );
  expect(early.length).toBeGreaterThan(1);
  expect(new Set(early.map(v => v.verdict))).toEqual(new Set(['unproven']));
  expect(await w.tally()).not.toHaveProperty('lost');
});

test('one probe that fails is enough: what was pushed around it is unproven', async () => {
  await run(8_000);
  isOpen = false;
  await run(1_000, () => false);
  isOpen = true;
  await run(14_000);
  const tally = await w.tally();
  expect(tally).not.toHaveProperty('lost');
  expect(tally.unproven).toBeGreaterThan(1);
});

describe('a push that was turned away', () => {
  test('is a gap from its arrival: what it may have held is unproven, what came after is judged as ever', async () => {
    await run(10_000);
    const arrivedMs = w.clock.now();
    await run(1_000, () => false);
    await turnedAway(engine, at, arrivedMs, 'unavailable: 503');
    await run(14_000);
    const tally = await w.tally();
    expect(tally).not.toHaveProperty('lost');
    const [row] = await w.sql<{ gaps: { fromMs: number; toMs: number; reason: string }[] }[]>`
      select watermark->'gaps' as gaps from checkpoint`;
    const gap = row!.gaps.find(g => g.reason === 'unavailable: 503');
    expect(gap).toMatchObject({ fromMs: arrivedMs });
    const after = (await w.verdicts()).filter(
      v =>
        v.target !== 'drill' && v.verdict === 'unproven' && Number(v.name.split('.')[1]) > (gap?.toMs ?? 0),
    );
    expect(after).toEqual([]);
  });
});

test('any replica may take a push; the holder settles it', async () => {
  const b = await w.start(config);
  const other = receiverOf(b.running.engine, 'p', 'sink')!;
  for (let i = 0; i < 16; i++) {
    await w.run(500);
    const records = w.sink.taken.slice(pushed).map(t => ({ text: t.text }));
    pushed = w.sink.taken.length;
    await receive(i % 2 === 0 ? engine : b.running.engine, i % 2 === 0 ? at : other, records);
  }
  expect((await w.tally()).on_time).toBeGreaterThan(8);
  expect(await w.tally()).not.toHaveProperty('lost');
});

test('a probe that says it left in the future is taken as of now', async () => {
  await run(4_000);
  await probed(engine, at, w.clock.now() + 3_600_000);
  await run(3_000);
  const [row] = await w.sql<{ w: number }[]>`select (watermark->>'wMs')::int8 as w from checkpoint`;
  expect(row?.w).toBeLessThanOrEqual(w.clock.now());
});

test('a push counts canaries, echoes and forgeries apart', async () => {
  await run(3_000);
  const { text, token } = w.sink.taken[0]!;
  const forged = text.replace(token, `${token.slice(0, -3)}aaa`);
  const answer = await receive(engine, at, [
    { text },
    { text },
    { text: `error: ${token}` },
    { text: forged },
  ]);
  expect(answer).toEqual({ canaries: 1, echoes: 1, forged: 1 });
});
