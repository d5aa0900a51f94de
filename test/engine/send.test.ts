/** Sending one beat: what each attempt proves, when there is another, and when there is none any more. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Injector, Outcome } from '../../src/contracts/injector.ts';
import { planBeats } from '../../src/engine/emit.ts';
import type { Engine } from '../../src/engine/live.ts';
import { type OwnBeat, sendBeat } from '../../src/engine/send.ts';
import { useDatabase } from '../support/database.ts';
import { Small, small } from '../support/small.ts';

const db = useDatabase();
let w: Small;
let engine: Engine;
beforeEach(async () => {
  w = new Small(db.options);
  ({ engine } = (await w.start(small({ sendWithin: '10s' }))).running);
});
afterEach(() => w.close());

type Script = (
  attempt: number,
  count: number,
  signal: AbortSignal,
) => readonly Outcome[] | Promise<readonly Outcome[]>;
let attempts: number[];

/** One beat of the pipeline, through an injector that follows a script. */
async function beatWith(script: Script): Promise<OwnBeat> {
  attempts = [];
  const injector: Injector = {
    inject: async (canaries, signal) => {
      attempts.push(canaries.length);
      return await script(attempts.length, canaries.length, signal);
    },
    close: async () => {},
  };
  const live = engine.pipelines[0]!;
  const nowMs = w.clock.now();
  const [own] = await planBeats(engine, nowMs, nowMs + 1_500);
  const pipeline = { ...live, targets: live.targets.map(t => ({ ...t, injector })) };
  return { pipeline, row: { ...own!.row, targets: live.targets.map(t => t.number) } };
}

const real = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

async function send(beat: OwnBeat, ms = 30_000) {
  const sending = sendBeat(engine, beat);
  for (let i = 0; i < ms / 250; i++) {
    w.clock.advance(250);
    await new Promise(setImmediate);
  }
  await real(5);
  const results = await sending;
  const [row] = await w.sql<
    { sendings: number[]; attempts: number[]; first: number[]; last: number[]; reasons: unknown }[]
  >`
    select to_json(sendings) as sendings, to_json(attempts) as attempts, to_json(first_offs) as first,
           to_json(last_offs) as last, reasons
      from beat where slot = ${beat.row.slot} and part = ${beat.row.part}`;
  return { results, row: row! };
}

const all = (outcome: Outcome, n: number): Outcome[] => Array.from({ length: n }, () => outcome);

test('accepted at once: one attempt', async () => {
  const { results, row } = await send(await beatWith((_, n) => all({ result: 'accepted' }, n)));
  expect(results).toEqual(['accepted', 'accepted']);
  expect(row).toMatchObject({ sendings: [0, 0], attempts: [1, 1], reasons: null });
});

test('what may be tried again is, alone; first and last attempt are kept', async () => {
  const again: Outcome = { result: 'refused', reason: 'busy', again: true };
  const script: Script = (k, n) =>
    k < 3 ? [again, ...all({ result: 'accepted' }, n - 1)] : all({ result: 'accepted' }, n);
  const { results, row } = await send(await beatWith(script));
  expect(results).toEqual(['accepted', 'accepted']);
  expect(attempts).toEqual([2, 1, 1]);
  expect(row.attempts).toEqual([3, 1]);
  expect(row.last[0]).toBeGreaterThan(row.first[0]!);
});

test('refused for good is not tried again, and says why', async () => {
  const { results, row } = await send(
    await beatWith((_, n) => all({ result: 'refused', reason: 'no such agent' }, n)),
  );
  expect(results).toEqual(['refused', 'refused']);
  expect(attempts).toEqual([2]);
  expect(row.reasons).toEqual({ '0': 'no such agent', '1': 'no such agent' });
});

test('what may have been taken once stays in doubt, whatever later attempts say', async () => {
  const script: Script = (k, n) =>
    all(
      k === 1
        ? { result: 'maybe_sent', reason: 'timed out', again: true }
        : { result: 'refused', reason: 'no' },
      n,
    );
  expect((await send(await beatWith(script))).results).toEqual(['maybe_sent', 'maybe_sent']);
});

test('past send_within nothing is attempted: unsent, also where the first attempt would be too late', async () => {
  const beat = await beatWith((_, n) => all({ result: 'accepted' }, n));
  w.clock.advance(beat.row.due_ms - w.clock.now() + 10_001);
  const { results, row } = await send(beat);
  expect(results).toEqual(['unsent', 'unsent']);
  expect(attempts).toEqual([]);
  expect(row).toMatchObject({ sendings: [3, 3], attempts: [0, 0] });
});

test('the last attempt begins within send_within by the monotonic clock, whatever the wall says', async () => {
  const at: number[] = [];
  const beat = await beatWith((k, n) => {
    at.push(w.clock.mono());
    if (k === 2) w.clock.step(-3_600_000);
    return all({ result: 'refused', reason: 'busy', again: true }, n);
  });
  const { results } = await send(beat, 60_000);
  expect(results).toEqual(['refused', 'refused']);
  expect(at.at(-1)! - at[0]!).toBeLessThanOrEqual(10_000);
  expect(at.length).toBeGreaterThan(2);
});

test('an injector that throws, or says too little, leaves doubt; one that hangs is aborted', async () => {
  const threw = await send(
    await beatWith(() => {
      throw new Error('bug');
    }),
  );
  expect(threw.results).toEqual(['maybe_sent', 'maybe_sent']);
  const short = await send(await beatWith(() => [{ result: 'accepted' }]));
  expect(short.results).toEqual(['accepted', 'maybe_sent']);
  const hung = await send(
    await beatWith(
      (_, n, signal) =>
        new Promise(done =>
          signal.addEventListener('abort', () => done(all({ result: 'maybe_sent', reason: 'aborted' }, n))),
        ),
    ),
    90_000,
  );
  expect(hung.results).toEqual(['maybe_sent', 'maybe_sent']);
});

test('aliases that the backend assigned go in with the outcome', async () => {
  const beat = await beatWith((_, n) => all({ result: 'accepted', aliases: ['uti-1'] }, n));
  await send(beat);
  const rows = await w.sql`select alias, target, slot from alias`;
  expect(rows.length).toBe(1);
  expect(rows[0]).toMatchObject({ alias: 'uti-1', slot: beat.row.slot });
});
