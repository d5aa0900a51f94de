/**
 * A first hop that says no: an incident of its own, and of what was scheduled less is delivered, while of what was taken all is. By
 * what the hop itself counted, through the API and through `report --json`.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reportJson } from '../../src/domain/report/json.ts';
import { reportOf } from '../../src/engine/report.ts';
import { createApp } from '../../src/web/app.ts';
import { useDatabase } from '../support/database.ts';
import { type Replica, Small, searched, small } from '../support/small.ts';

const WARM_MS = 12_000;
const HOUR_MS = 3_600_000;
const config = small({
  targets: ['a', 'b', 'c', 'd'],
  more: `notify: { loss: [desk], ours: [crew] }
    objective: { on_time: 99.9%, delivered: 99.9% }`,
  checkpoints: [searched('sink'), searched('deep', ', after: sink')],
  retention: `
access: { public: [p] }
notify:
  desk: { kind: webhook, url: "http://desk/hook" }
  crew: { kind: webhook, url: "http://crew/hook" }
`,
});

interface Way {
  readonly n: number;
  readonly delivered: number;
  readonly share: number | null;
}
interface Ways {
  readonly accepted: Way & { readonly at_least: number };
  readonly scheduled: Way;
  readonly worst: Way;
  readonly pending: number;
}

const db = useDatabase();
let w: Small;
let r: Replica;
/** Every canary that knocked, and those that were turned away each time. */
let offered: Set<string>;
let refused: Set<string>;
let isShut: (text: string) => boolean;
beforeEach(async () => {
  w = new Small(db.options);
  offered = new Set();
  refused = new Set();
  isShut = () => false;
  w.sink.fate = text => {
    const token = /coalmine1[a-z2-7]{40}/.exec(text)?.[0] ?? '';
    offered.add(token);
    if (!isShut(text)) {
      refused.delete(token);
      return 'kept';
    }
    refused.add(token);
    return 'refused';
  };
  r = await w.start(config);
  await w.run(WARM_MS, 1_000);
});
afterEach(async () => {
  expect(w.errors()).toEqual([]);
  await w.close();
});

/** At both checkpoints, as the API tells it. */
async function ways(): Promise<Ways[]> {
  const app = createApp({ running: r.running, version: '1' });
  const response = await app.request('http://sink/api/v1/pipelines?window=1h');
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as {
    data: { checkpoints: { name: string; completeness: Ways }[] }[];
  };
  expect(data[0]?.checkpoints.map(c => c.name)).toEqual(['sink', 'deep']);
  return data[0]!.checkpoints.map(c => c.completeness);
}

async function reported(): Promise<Record<string, unknown>[]> {
  const untilMs = w.clock.now();
  const data = await reportOf(r.running.engine, { sinceMs: untilMs - HOUR_MS, untilMs, version: '1' });
  const { pipelines } = JSON.parse(JSON.stringify(reportJson(data))) as {
    pipelines: { checkpoints: Record<string, unknown>[] }[];
  };
  return pipelines[0]!.checkpoints;
}

const incidents = async () =>
  (
    await w.sql<{ kind: string; ended: boolean; refused: number }[]>`
      select kind, ended_ms is not null as ended, (facts->'counts'->>'refused')::int as refused
        from incident where kind in ('loss', 'refused') order by number`
  ).map(i => ({ ...i }));

/** Goes on until both hold, for two minutes at most. */
async function until(
  counted: () => boolean,
  wanted: (found: Awaited<ReturnType<typeof incidents>>) => boolean,
): Promise<void> {
  for (let i = 0; i < 60 && !(counted() && wanted(await incidents())); i++) await w.run(2_000, 1_000);
}

/** By the hop's own count: what it took and what it turned away, to the canary. */
async function expectCounted(): Promise<void> {
  const taken = offered.size - refused.size;
  for (const c of await ways()) {
    expect(c.accepted.n + c.pending).toBe(taken);
    expect(c.pending).toBeLessThan(20);
    expect(c.accepted.delivered).toBe(c.accepted.n);
    expect(c.accepted.share).toBe(1);
    expect(c.scheduled.n - c.accepted.n).toBe(refused.size);
    expect(c.scheduled.delivered).toBe(c.accepted.n);
    expect(c.scheduled.share).toBe(c.accepted.n / (c.accepted.n + refused.size));
    expect(c.worst).toEqual(c.scheduled);
  }
  const [api, facts] = [await ways(), await reported()];
  for (const [i, f] of facts.entries()) {
    const { accepted, scheduled, worst } = api[i]!;
    expect(f).toMatchObject({
      accepted: { n: accepted.n, delivered: accepted.delivered, at_least: accepted.at_least },
      of_scheduled: { n: scheduled.n, delivered: scheduled.delivered },
      worst: { n: worst.n, delivered: worst.delivered },
      scheduled: offered.size,
    });
    expect((f.counts as Record<string, number>).refused ?? 0).toBe(refused.size);
  }
}

describe('a first hop that refuses', () => {
  test('everything for a while: one incident, and delivered ÷ scheduled falls, delivered ÷ accepted does not', async () => {
    await expectCounted();
    const before = await ways();
    expect(before.map(c => c.scheduled.share)).toEqual([1, 1]);
    expect(await incidents()).toEqual([]);
    isShut = () => true;
    await until(
      () => refused.size > 30,
      i => i.length > 0,
    );
    isShut = () => false;
    expect(await incidents()).toEqual([{ kind: 'refused', ended: false, refused: expect.any(Number) }]);
    // The notice goes out after the incident has ended, by its own loop.
    await until(
      () => w.sink.notices.includes('desk coalmine.incident.resolved'),
      i => i.every(one => one.ended),
    );
    expect(refused.size).toBeGreaterThan(30);
    await expectCounted();
    const after = await ways();
    after.forEach((c, i) => {
      expect(c.scheduled.share).toBeLessThan(before[i]!.scheduled.share!);
      expect(c.accepted.at_least).toBeGreaterThan(before[i]!.accepted.at_least);
    });
    expect(await incidents()).toEqual([{ kind: 'refused', ended: true, refused: refused.size }]);
    const told = w.sink.notices.filter(n => n.startsWith('desk'));
    expect(told).toEqual(['desk coalmine.incident.opened', 'desk coalmine.incident.resolved']);
  });

  test('a share of them for good: the share is what it turned away', async () => {
    const token = (text: string) => /coalmine1[a-z2-7]{40}/.exec(text)?.[0] ?? '';
    isShut = text => token(text).charCodeAt(48) % 3 === 0;
    await until(
      () => refused.size > 15,
      i => i.length > 0,
    );
    isShut = () => false;
    await w.run(8_000, 1_000);
    await expectCounted();
    expect((await incidents()).map(i => i.kind)).toEqual(['refused']);
  });
});
