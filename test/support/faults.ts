/** Worlds to break: the engine over the lab, and its verdicts held against the lab's own account, canary by canary. */
import { afterEach, expect } from 'vitest';
import type { TestDatabase } from './database.ts';
import { openWorld, tallyOf, verdictsOf, type World, type WorldFetch } from './world.ts';

export const faultConfig = (options: { pageSize?: number } = {}) => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
pipelines:
  ssh:
    every: 2s
    targets:
      web-1: { url: "http://lab/lab/agents/web-1/logs" }
      web-2: { url: "http://lab/lab/agents/web-2/logs" }
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    send_within: 20m
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}', page_size: ${options.pageSize ?? 1000} }, on_time_within: 10s, lost_after: 30s, keeps: 7d, look_every: 2s, settle: 1s }
`;

export const faults = async (world: World, patch: unknown) => void world.lab.faults.set(patch);

/** Names that the lab says are not in the store and never will be, among the canaries old enough to be judged. */
export function trulyGone(world: World, olderThanMs: number): Set<string> {
  const { data } = world.lab.truth({ limit: 100_000 });
  const gone = data
    .filter(t => t.places.store?.state !== 'stored' && t.firstMs < olderThanMs)
    .map(t => t.token);
  return new Set(gone);
}

async function named(
  world: World,
  wanted: (v: string) => boolean,
  olderThanMs: number,
): Promise<Set<string>> {
  const rows = (await verdictsOf(world.sql, 'loki')).filter(
    v =>
      v.target !== 'drill' &&
      v.sending !== 'sending' &&
      wanted(v.verdict) &&
      Number(v.name.split('.')[1]) < olderThanMs,
  );
  const { keyring } = world.running.engine;
  return new Set(
    rows.map(r => {
      const [target, slot, index] = r.name.split('.').map(Number);
      return keyring.sign({ target: target!, slot: slot!, index: index! }).token;
    }),
  );
}

/** Every canary old enough is settled, and what is lost is what the lab says is gone: by name. */
export async function expectTruth(world: World): Promise<void> {
  const judgedBefore = world.clock.now() - 45_000;
  expect(await named(world, v => v === 'lost', judgedBefore)).toEqual(trulyGone(world, judgedBefore));
  const open = await named(world, v => v === 'pending' || v === 'overdue', judgedBefore - 5_000);
  expect(open).toEqual(new Set());
}

/** Call in a `describe`: opens worlds on the database, closes them after each test, and fails it where the engine erred. */
export function faultWorlds(
  db: TestDatabase,
): (options?: {
  pageSize?: number;
  cacheRecords?: number;
  config?: string;
  fetch?: WorldFetch;
}) => Promise<World> {
  let world: World | undefined;
  let seed = 0;
  afterEach(async () => {
    expect(world?.logs.filter(l => l.level === 'error')).toEqual([]);
    await world?.close();
    world = undefined;
  });
  return async (options = {}) => {
    seed++;
    world = await openWorld(db.options, options.config ?? faultConfig(options), { seed, ...options });
    await world.run(40_000);
    expect((await tallyOf(world.sql, 'loki')).on_time).toBeGreaterThan(20);
    return world;
  };
}
