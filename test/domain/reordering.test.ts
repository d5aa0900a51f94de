/** Against RFC 4737: its singleton by NextExp, run over packets one by one in order of arrival. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Arrival, reorderedOf } from '../../src/domain/reordering.ts';

interface Packet {
  readonly s: number;
  readonly arrivedMs: number;
}

/** A packet is reordered if s < NextExp, which otherwise becomes s + 1; late by the time since the first with a higher s. */
function rfc4737(packets: readonly Packet[]): Map<number, number> {
  const out = new Map<number, number>();
  const arrived: Packet[] = [];
  let nextExp = 0;
  for (const p of packets.toSorted((a, b) => a.arrivedMs - b.arrivedMs)) {
    if (p.s < nextExp) {
      const j = arrived.find(q => q.s > p.s) as Packet;
      out.set(p.s, p.arrivedMs - j.arrivedMs);
    } else nextExp = p.s + 1;
    arrived.push(p);
  }
  return out;
}

const exact = ({ s, arrivedMs }: Packet, target = 1): Arrival => ({
  target,
  sentFromMs: s * 1_000,
  sentToMs: s * 1_000,
  fromMs: arrivedMs,
  toMs: arrivedMs,
});
const told = (arrivals: ReturnType<typeof reorderedOf>) =>
  new Map(arrivals.map(r => [r.arrival.sentFromMs / 1_000, r.lateMs]));

test('in the order of arrival 1 2 3 7 8 9 10 4 5 6 11 it is 4, 5 and 6', () => {
  const order = [1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11];
  const packets = order.map((s, i) => ({ s, arrivedMs: 100_000 + i }));
  expect([
    ...told(
      reorderedOf(
        packets.map(p => exact(p)),
        [],
      ),
    ),
  ]).toEqual([
    [4, 4],
    [5, 5],
    [6, 6],
  ]);
});

const packets = fc
  .uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 })
  .chain(order =>
    fc
      .array(fc.integer({ min: 1, max: 5 }), { minLength: order.length, maxLength: order.length })
      .map(gaps =>
        order.map((s, i) => ({ s, arrivedMs: 100_000 + gaps.slice(0, i + 1).reduce((a, b) => a + b, 0) })),
      ),
  );

test('with exact times it is what the RFC says, whatever was there before and of whom', () => {
  fc.assert(
    fc.property(packets, packets, fc.nat(40), (mine, others, split) => {
      const [known, news] = [mine.slice(0, split), mine.slice(split)];
      const found = reorderedOf(
        [...news.map(p => exact(p)), ...others.map(p => exact(p, 2))],
        known.map(p => exact(p)),
      );
      const wanted = [...rfc4737(mine)].filter(([s]) => news.some(p => p.s === s));
      expect(told(found.filter(r => r.arrival.target === 1))).toEqual(new Map(wanted));
      expect(told(found.filter(r => r.arrival.target === 2))).toEqual(rfc4737(others));
    }),
  );
});

test('with intervals nothing is called reordered that isn’t, nor by more than it is', () => {
  fc.assert(
    fc.property(packets, fc.nat(20), fc.nat(20), (all, before, after) => {
      const truth = rfc4737(all);
      const vague = all.map(p => ({ ...exact(p), fromMs: p.arrivedMs - before, toMs: p.arrivedMs + after }));
      for (const [s, lateMs] of told(reorderedOf(vague, [])))
        expect(lateMs).toBeLessThanOrEqual(truth.get(s) ?? -1);
    }),
  );
});

test('nothing is known of what nobody saw absent, nor while attempts overlap', () => {
  const late = exact({ s: 1, arrivedMs: 9_000 });
  const first = exact({ s: 2, arrivedMs: 5_000 });
  expect(reorderedOf([late], [first])).toHaveLength(1);
  expect(reorderedOf([{ ...late, fromMs: null }], [first])).toEqual([]);
  expect(reorderedOf([{ ...late, sentToMs: 2_000 }], [first])).toEqual([]);
});
