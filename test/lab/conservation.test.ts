import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bench, bench, lineOf, tokenOf } from './bench.ts';

// The oracle counts lines where they came out (the archive callback, the store's query API, the receiver of the
// export) and compares that with what the ledger says of each canary.

const AGENTS = ['web-1', 'web-2'];
const chance = fc.constantFrom(0, 0, 0.3, 1);
const delayMs = fc.constantFrom(0, 700, 5_000);
const agentFaults = fc.record(
  {
    drop: chance,
    delayMs,
    duplicate: chance,
    reorder: chance,
    stall: fc.boolean(),
    down: fc.boolean(),
    alter: chance,
    truncate: chance,
    ackLost: chance,
    refuse: fc.boolean(),
    throttle: fc.boolean(),
  },
  { requiredKeys: [] },
);
const patch = fc.oneof(
  fc.tuple(fc.constantFrom(...AGENTS), agentFaults).map(([name, faults]) => ({ agents: { [name]: faults } })),
  fc.record({
    collector: fc.record(
      {
        drop: chance,
        delayMs,
        duplicate: chance,
        echo: fc.boolean(),
        stall: fc.boolean(),
        down: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    store: fc.record({ pushDelayMs: delayMs, pushFail: chance, dropPush: chance }, { requiredKeys: [] }),
  }),
  fc.record({
    export: fc.record({ down: fc.boolean(), delayMs, drop: chance, duplicate: chance }, { requiredKeys: [] }),
  }),
);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('send' as const),
      agent: fc.constantFrom(...AGENTS),
      n: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('intake' as const), n: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('again' as const), agent: fc.constantFrom(...AGENTS) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('faults' as const), patch }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reset' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('restart' as const), agent: fc.constantFrom(...AGENTS) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('run' as const), ms: fc.constantFrom(100, 1_000, 4_000) }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Played extends Bench {
  readonly accepted: Set<number>;
  readonly refused: Set<number>;
  readonly exported: string[];
}

async function play(operations: readonly Operation[], seed: number): Promise<Played> {
  const exported: string[] = [];
  const b: Bench = bench({
    seed,
    cacheRecords: 10,
    batchRecords: 4,
    queueRecords: 24,
    attemptsMax: 3,
    exportTo: { url: 'http://receiver.invalid/ingest', key: 'k' },
    fetch: async (url, init) => {
      if (!String(url).startsWith('http://receiver.invalid/')) return b.lab.app.fetch(new Request(url, init));
      if (exported.length % 7 === 6) {
        exported.push('failed');
        return new Response('busy', { status: 503 });
      }
      exported.push(...String(init?.body).trim().split('\n'));
      return new Response(null, { status: 200 });
    },
  });
  const accepted = new Set<number>();
  const refused = new Set<number>();
  let next = 1;
  let lastSent: number[] = [];
  const note = (numbers: readonly number[], status: number) => {
    const taken = status === 200 || status === 202 || status === 504;
    for (const n of numbers) (taken ? accepted : refused).add(n);
  };
  for (const o of operations) {
    if (o.op === 'send' || o.op === 'intake') lastSent = Array.from({ length: o.n }, () => next++);
    if (o.op === 'send' || o.op === 'again') note(lastSent, (await b.send(o.agent, ...lastSent)).status);
    else if (o.op === 'intake')
      note(lastSent, (await b.post('/lab/intake/signins', lastSent.map(lineOf).join('\n'))).status);
    else if (o.op === 'faults') b.lab.faults.set(o.patch);
    else if (o.op === 'reset') b.lab.faults.reset();
    else if (o.op === 'restart') b.lab.restart(o.agent);
    else await b.run(o.ms);
  }
  return { ...b, accepted, refused, exported };
}

const carrying = (lines: readonly string[], n: number) =>
  lines.filter(line => line.includes(tokenOf(n))).length;

async function check(p: Played): Promise<void> {
  const stored = [...(await p.lokiLines('{job=~"auth|signins"} !="component=collector"'))];
  for (const n of new Set([...p.accepted, ...p.refused])) {
    const [canary] = p.lab.truth({ token: tokenOf(n) }).data;
    expect(canary, `canary ${n} is in the book`).toBeDefined();
    const { archive, store, export: exports } = canary!.places;
    const out = {
      archive: carrying(p.archived, n),
      store: carrying(stored, n),
      export: carrying(p.exported, n),
    };
    expect(
      { archive: archive?.copies ?? 0, store: store!.copies, export: exports?.copies ?? 0 },
      `canary ${n}`,
    ).toEqual(out);
    for (const place of Object.values(canary!.places)) {
      const { opened, underWay, stored: there, handed, dropped, overwritten } = place;
      expect(Math.min(underWay, there, handed, dropped, overwritten)).toBeGreaterThanOrEqual(0);
      expect(underWay + there + handed + dropped + overwritten).toBe(opened);
      expect(place.state === 'in_flight').toBe(place.copies === 0 && underWay > 0);
      expect(place.state === 'stored').toBe(place.copies > 0);
      if (!p.accepted.has(n)) expect(place.state).toBe('refused');
      if (place.copies === 0 && underWay === 0) expect(place.why).toBeTruthy();
    }
  }
}

test('every canary received is exactly one of stored, in flight, dropped, overwritten, refused, and its copies are counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { minLength: 4, maxLength: 40 }),
      fc.integer(),
      async (operations, seed) => {
        const p = await play(operations, seed);
        await check(p);
        // Then everything flows off: a queue is short, and nobody waits longer than half a minute.
        p.lab.faults.reset();
        await p.run(60_000);
        await check(p);
        const { counts, complete } = p.lab.truth();
        expect(complete).toBe(true);
        for (const place of Object.values(counts.places)) expect(place.in_flight).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

test('the same seed, calls and clock give the same truth', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { minLength: 8, maxLength: 30 }),
      fc.integer(),
      async (operations, seed) => {
        const [a, b] = [await play(operations, seed), await play(operations, seed)];
        expect(a.lab.truth()).toEqual(b.lab.truth());
        expect(a.archived).toEqual(b.archived);
      },
    ),
    { numRuns: 15 },
  );
}, 30_000);
