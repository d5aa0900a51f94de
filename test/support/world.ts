/**
 * The test bench of the engine: the real engine, store, adapters and configuration over the lab, on a clock that moves
 * when told and an in-process transport. Nothing here judges: truth comes from the lab, verdicts from the store.
 */

import { parseConfig } from '../../src/config/load.ts';
import type { Context } from '../../src/contracts/context.ts';
import { openEngine, type RunningEngine } from '../../src/engine/engine.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { registry } from '../../src/registry.gen.ts';
import { type OpenOptions, openStore, type Sql } from '../../src/store/open.ts';
import { Statements } from './quiet.ts';
import { hooked } from './statements.ts';

const START_MS = Date.UTC(2024, 8, 2, 12, 0, 0);

/** Wall and monotonic clocks that move together, unless the wall is stepped. */
export class WorldClock {
  #wallMs = START_MS;
  #monoMs = 0;
  readonly #sleepers = new Set<{ readonly atMono: number; readonly wake: () => void }>();

  now = (): number => this.#wallMs;
  mono = (): number => this.#monoMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { atMono: this.#monoMs + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monoMs += ms;
    for (const s of [...this.#sleepers].sort((a, b) => a.atMono - b.atMono)) {
      if (s.atMono > this.#monoMs) continue;
      this.#sleepers.delete(s);
      s.wake();
    }
  }

  /** The wall clock alone: what a wrong hand or a bad time server does. */
  step(ms: number): void {
    this.#wallMs += ms;
  }
}

/** mulberry32. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Stands between the engine and the lab. */
export type WorldFetch = (
  request: Request,
  next: (request: Request) => Promise<Response>,
) => Promise<Response>;

export interface World {
  readonly clock: WorldClock;
  readonly lab: Lab;
  readonly sql: Sql;
  readonly logs: { level: string; event: string; fields: unknown }[];
  running: RunningEngine;
  /** Moves everything on by `ms`, a step at a time. */
  run(ms: number, stepMs?: number): Promise<void>;
  /** As `kill -9` and a new start: nothing of the old engine's memory is used again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const STEP_MS = 1_000;
/** Real time for one step at most; one takes a few milliseconds, and a slow machine must not change what happens. */
const STEP_REAL_MS = 5_000;

const real = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

export async function openWorld(
  store: OpenOptions,
  config: string,
  options: {
    seed?: number;
    agents?: string[];
    cacheRecords?: number;
    /** Begins with an empty store; default true. */
    fresh?: boolean;
    /** The lab and clock of another world: two replicas over one pipeline. */
    lab?: Lab;
    clock?: WorldClock;
    fetch?: WorldFetch;
  } = {},
): Promise<World> {
  const clock = options.clock ?? new WorldClock();
  const random = seeded(options.seed ?? 1);
  const logs: World['logs'] = [];
  const lab =
    options.lab ??
    createLab({
      clock,
      random: seeded((options.seed ?? 1) + 1000),
      agents: options.agents ?? ['web-1', 'web-2'],
      ...(options.cacheRecords === undefined ? {} : { cacheRecords: options.cacheRecords }),
    });
  const toLab = async (request: Request) => await lab.app.fetch(request);
  const context: Context = {
    clock,
    random,
    fetch: async (input, init) => {
      const request = new Request(input as string, init);
      return options.fetch ? await options.fetch(request, toLab) : await toLab(request);
    },
    log: (level, event, fields) => void logs.push({ level, event, fields }),
  };
  const parsed = parseConfig(config, { file: 'test.yaml', env: {}, registry });
  if (!parsed.config) throw new Error(JSON.stringify(parsed.diagnostics, null, 1));
  const resolved = parsed.config;
  const sql = openStore({ ...store, max: 8 });
  if (options.fresh ?? true) {
    await sql`truncate meta, generation, pipeline, target, checkpoint, beat, mark, sighting, alias, identity, replica, rollup, finding, counted, orphan, signing_key, detector, incident, incident_note, outbox, chain restart identity`;
  }
  let generation = 0;
  const statements = new Statements();
  const open = () =>
    openEngine({
      sql: hooked(sql, statements.counting()),
      ctx: context,
      config: resolved,
      registry,
      self: `test-${options.seed ?? 1}-${++generation}`,
      fresh: { storeId: 'test-store', seed: 'test-seed' },
    });
  const world: World = {
    clock,
    lab,
    sql,
    logs,
    running: await open(),
    async run(ms, stepMs = STEP_MS) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs);
        await lab.step();
        await world.running.tick(0);
        await statements.untilQuiet(world.running.idle(), STEP_REAL_MS);
      }
    },
    async restart() {
      await sql`truncate replica`;
      world.running = await open();
    },
    async close() {
      const closing = world.running.close();
      for (let i = 0; i < 100; i++) {
        clock.advance(1_000);
        if ((await Promise.race([closing.then(() => 'closed'), real(5)])) === 'closed') break;
      }
      await closing;
      await sql.end({ timeout: 5 });
    },
  };
  return world;
}

/** Verdicts in the store by canary name `target.slot.index`, drills apart. */
export async function verdictsOf(
  sql: Sql,
  checkpoint: string,
): Promise<{ name: string; token: null; target: string; verdict: string; sending: string; kind: string }[]> {
  return await sql`
    select t.number || '.' || b.slot || '.' || b.index as name, null as token,
           case t.state when 'drill' then 'drill' else t.name end as target, b.kind,
           (array['pending','overdue','on_time','late','delivered','lost','recovered','missed_here','refused',
                  'maybe_sent','unsent','unproven'])[coalesce(m.verdicts[u.n], 0) + 1] as verdict,
           coalesce((array['accepted','refused','maybe_sent','unsent','withheld'])[b.sendings[u.n] + 1], 'sending') as sending
      from mark m join beat b using (pipeline, slot, part)
      join checkpoint c on c.pipeline = m.pipeline and c.number = m.checkpoint
      cross join lateral unnest(b.targets) with ordinality as u(number, n)
      join target t on t.number = u.number
     where c.name = ${checkpoint}
     order by b.slot, b.part, u.n`;
}

/** How many canaries of each verdict, drills left out. */
export async function tallyOf(sql: Sql, checkpoint: string): Promise<Record<string, number>> {
  const out: Record<string, number> = {};
  for (const v of await verdictsOf(sql, checkpoint)) {
    if (v.target === 'drill') continue;
    out[v.verdict] = (out[v.verdict] ?? 0) + 1;
  }
  return out;
}
