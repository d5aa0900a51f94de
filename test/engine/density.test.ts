/** Answers that would be truncated are asked in pieces: all of the range is read, each part once, and hardly any in vain. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Found, Look } from '../../src/contracts/observer.ts';
import { newWatch } from '../../src/domain/watermark.ts';
import { type Ask, askRange, newTally } from '../../src/engine/ask.ts';
import { Density } from '../../src/engine/density.ts';
import { Known } from '../../src/engine/known.ts';
import type { Engine } from '../../src/engine/live.ts';
import { WorldClock } from '../support/world.ts';

/** A backend with a record at each of these times, which shows no more than `max` at once. */
function backend(times: readonly number[], max: number) {
  const clock = new WorldClock();
  const looks: { fromMs: number; toMs: number; isWhole: boolean }[] = [];
  const observer = {
    async *observe({ fromMs, toMs }: Look): AsyncGenerator<Found> {
      const found = times.filter(t => fromMs <= t && t < toMs);
      yield { page: found.slice(0, max).map(t => ({ text: `at ${t}`, eventMs: t })) };
      const isWhole = found.length <= max;
      looks.push({ fromMs, toMs, isWhole });
      yield isWhole ? { end: 'exhausted' } : { end: 'truncated', reason: 'more' };
    },
  };
  const stop = new AbortController().signal;
  const engine = { ctx: { clock }, instruments: { add() {} }, stop } as unknown as Engine;
  const rules = { chained: false };
  const at = {
    pipeline: { source: {}, targetByNumber: new Map() },
    checkpoint: { observer, rules, config: {} },
    known: new Known(),
  } as unknown as Ask['at'];
  const ask = async (fromMs: number, toMs: number) => {
    looks.length = 0;
    const tally = newTally(undefined);
    const given = { at, watch: newWatch, startedMs: clock.now(), tally, onFound() {} };
    const { end } = await askRange(engine, given, { by: 'event', fromMs, toMs }, undefined, 0);
    return { end, looks: [...looks], records: tally.records };
  };
  return { ask, nowMs: clock.now() };
}

test('pieces hold the whole range, each millisecond once, whatever was learnt before', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 2_000 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 19_990 }), fc.integer({ min: 1, max: 30_000 })), {
        minLength: 1,
        maxLength: 6,
      }),
      async (offs, ranges) => {
        const { nowMs } = backend([], 0);
        const times = offs.map(o => nowMs - 15_000 + o);
        const b = backend(times, 150);
        for (const [from, length] of ranges) {
          const fromMs = nowMs - 15_000 + from;
          const { end, looks } = await b.ask(fromMs, fromMs + length);
          if (end !== 'exhausted') continue;
          const whole = looks.filter(l => l.isWhole).sort((x, y) => x.fromMs - y.fromMs);
          expect(whole[0]?.fromMs).toBe(fromMs);
          expect(whole.at(-1)?.toMs).toBe(fromMs + length);
          for (const [i, l] of whole.entries()) if (i > 0) expect(l.fromMs).toBe(whole[i - 1]?.toMs);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('once an answer was truncated, none of the same density is again', async () => {
  const { nowMs } = backend([], 0);
  const times = Array.from({ length: 3_000 }, (_, i) => nowMs - 30_000 + i * 10);
  const b = backend(times, 1_000);
  const first = await b.ask(nowMs - 25_000, nowMs + 900_000);
  expect(first.end).toBe('exhausted');
  expect(first.looks.some(l => !l.isWhole)).toBe(true);
  const again = await b.ask(nowMs - 28_000, nowMs + 900_000);
  expect(again.looks.every(l => l.isWhole)).toBe(true);
  expect(again.looks.length).toBeLessThanOrEqual(5);
  expect(again.records).toBe(2_800);
});

test('before anything was truncated nothing is cut, nor by few records', () => {
  const d = new Density();
  const range = { by: 'event' as const, fromMs: 0, toMs: 1_000 };
  d.learn(range, { end: 'exhausted', records: 1e6, nowMs: 1_000 });
  expect(d.pieces({ ...range, toMs: 1e6 }, 1e6, 8)).toBe(1);
  d.learn(range, { end: 'truncated', records: 99, nowMs: 1_000 });
  expect(d.pieces({ ...range, toMs: 1e6 }, 1e6, 8)).toBe(1);
  d.learn(range, { end: 'truncated', records: 1_000, nowMs: 1_000 });
  expect(d.pieces({ ...range, toMs: 1e6 }, 1e6, 8)).toBe(8);
});
