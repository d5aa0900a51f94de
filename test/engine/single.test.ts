/** Canaries that are asked for one by one: registered before they exist, and in doubt until they were read to the end. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { handOut, sendOne } from '../../src/engine/single.ts';
import { useDatabase } from '../support/database.ts';
import { type Replica, Small, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
let r: Replica;
beforeEach(async () => {
  w = new Small(db.options);
  r = await w.start(small({ every: '10s' }));
  await w.run(2_000);
});
afterEach(() => w.close());

const p = () => r.running.engine.pipelines[0]!;
const ofKind = async (kind: string) => (await w.verdicts()).filter(v => v.kind === kind);

test('handed out, read to its end and sent by somebody: judged as any other', async () => {
  const handed = await handOut(r.running.engine, p(), p().targets[0]!);
  expect(handed?.event.text).toMatch(/coalmine1[a-z2-7]{40}/);
  await handed?.delivered();
  w.sink.show(handed?.event.text ?? '');
  await w.run(6_000);
  await w.run(2_000);
  expect((await ofKind('emit')).map(v => v.verdict)).toEqual(['on_time']);
});

test('handed out and never read to its end: maybe sent, when its time is over and not before', async () => {
  await handOut(r.running.engine, p(), p().targets[0]!);
  await w.run(110_000, 5_000);
  expect((await ofKind('emit')).map(v => v.verdict)).toEqual(['pending']);
  await w.run(30_000, 5_000);
  expect((await ofKind('emit')).map(v => v.verdict)).toEqual(['maybe_sent']);
});

test('read to its end after all, too late: it stays in doubt, and nothing breaks', async () => {
  const handed = await handOut(r.running.engine, p(), p().targets[0]!);
  await w.run(150_000, 5_000);
  await handed?.delivered();
  expect((await ofKind('emit')).map(v => v.sending)).toEqual(['maybe_sent']);
});

test('many in one millisecond have names of their own, and stay within the index’s bits', async () => {
  const all = await Promise.all(
    Array.from({ length: 200 }, () => handOut(r.running.engine, p(), p().targets[0]!)),
  );
  const names = all.map(h => `${h?.name.slot}.${h?.name.index}`);
  expect(new Set(names).size).toBe(200);
  for (const h of all) {
    expect(h?.name.index).toBeGreaterThanOrEqual(8_192);
    expect(h?.name.index).toBeLessThanOrEqual(16_383);
  }
});

test('a name that is taken is passed over; when there is none left nearby it says so', async () => {
  const engine = { ...r.running.engine, ctx: { ...r.running.engine.ctx, random: () => 0.9999999 } };
  const next = () => handOut(engine, p(), p().targets[0]!);
  const indexes = [];
  for (let i = 0; i < 16; i++) indexes.push((await next())?.name.index);
  expect(new Set(indexes).size).toBe(16);
  expect(Math.max(...indexes.map(i => i ?? 0))).toBeLessThanOrEqual(16_383);
  await expect(next()).rejects.toThrow(/too many/);
});

test('a test canary is sent at once and found', async () => {
  const { sending } = await sendOne(r.running.engine, p(), p().targets[1]!);
  expect(sending).toBe('accepted');
  await w.run(6_000);
  expect(await ofKind('test')).toMatchObject([{ verdict: 'on_time', target: 'b' }]);
});
