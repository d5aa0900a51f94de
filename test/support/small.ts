/**
 * A world smaller than the lab's: one path that takes lines and answers searches in process, and as many engines on one
 * store and one clock as a test wants. Each can fall asleep, die, or have its statements in the test's hand.
 */
import { parseConfig } from '../../src/config/load.ts';
import type { Context } from '../../src/contracts/context.ts';
import { openEngine, type RunningEngine } from '../../src/engine/engine.ts';
import { registry } from '../../src/registry.gen.ts';
import { type OpenOptions, openStore, type Sql } from '../../src/store/open.ts';
import { snapshot } from '../../src/store/read.ts';
import { Statements } from './quiet.ts';
import { type Hooks, hooked } from './statements.ts';
import { seeded, verdictsOf, WorldClock } from './world.ts';

export interface Taken {
  readonly token: string;
  readonly text: string;
  readonly atMs: number;
}

/** The path under test: takes lines, keeps them, and answers a search by ingest time. */
export class Sink {
  readonly taken: Taken[] = [];
  readonly clock: WorldClock;
  /** What becomes of a line: kept, dropped after the acknowledgement, or turned away. */
  fate: (text: string) => 'kept' | 'dropped' | 'refused' = () => 'kept';
  /** A search waits for this before it is answered, or fails with it. */
  search: (place: string) => Promise<'ok' | 'fail'> = async () => 'ok';
  /** Whether a place (the host of the search's URL) shows a line. */
  shows: (place: string, text: string) => boolean = () => true;
  /** Whatever comes to /ingest. */
  ingest: (request: Request) => Promise<Response> = async () => new Response(null, { status: 404 });
  /** Notices that came to /hook of a host, as `host event`, in order. */
  readonly notices: string[] = [];
  readonly #shown: { id: string; ms: number; text: string }[] = [];

  constructor(clock: WorldClock) {
    this.clock = clock;
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === '/take') return this.#take(await request.text());
    if (url.pathname === '/hook') {
      const { type } = (await request.json()) as { type: string };
      this.notices.push(`${url.hostname} ${type}`);
      return new Response(null, { status: 204 });
    }
    if (url.pathname.startsWith('/ingest/')) return await this.ingest(request);
    if (url.pathname !== '/search') return new Response(null, { status: 404 });
    const [from, to] = ['from', 'to'].map(k => Number(url.searchParams.get(k)));
    // Answered from what was there when it was asked.
    const hits = this.#shown.filter(
      r => r.ms >= (from ?? 0) && r.ms < (to ?? 0) && this.shows(url.hostname, r.text),
    );
    if ((await this.search(url.hostname)) === 'fail') return new Response('no', { status: 500 });
    return Response.json({
      hits: hits.map(h => ({ id: h.id, at: new Date(h.ms).toISOString(), message: h.text })),
    });
  }

  /** Puts a line where the searches find it, as anybody might. */
  show(text: string): void {
    this.#shown.push({ id: `r${this.#shown.length}`, ms: this.clock.now(), text });
  }

  #take(text: string): Response {
    const fate = this.fate(text);
    if (fate === 'refused') return new Response('no', { status: 403 });
    const token = /coalmine1[a-z2-7]{40}/.exec(text)?.[0] ?? '';
    this.taken.push({ token, text, atMs: this.clock.now() });
    if (fate === 'kept') this.show(text);
    return new Response(null, { status: 204 });
  }
}

export interface SmallConfig {
  readonly every?: string;
  readonly targets?: readonly string[];
  readonly sendWithin?: string;
  readonly more?: string;
  /** `name: …` each; the first one is `sink`. */
  readonly checkpoints?: readonly string[];
  readonly pipelines?: string;
  readonly retention?: string;
}

const search = (host: string): string =>
  `{ kind: http, url: "http://${host}/search?from={{from_ms}}&to={{to_ms}}&after={{cursor}}", by: { ingest: true }, paging: { kind: cursor, path: next }, records: hits, record_id: id, ingested_at: { path: at, unit: iso }, text: message }`;

/** A checkpoint that asks the path, at a host of its own name. */
export const searched = (name: string, more = ''): string =>
  `{ name: ${name}, observe: ${search(name)}, on_time_within: 1s, lost_after: 3s, keeps: 1h, look_every: 1s, settle: 100ms${more} }`;

export const small = (c: SmallConfig = {}): string => `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
base_url: http://sink
pipelines:
  p:
    every: ${c.every ?? '1s'}
    sampling: uniform
    targets: [${(c.targets ?? ['a', 'b']).join(', ')}]
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://sink/take" }
    send_within: ${c.sendWithin ?? '2s'}
    ${c.more ?? ''}
    checkpoints:
${(c.checkpoints ?? [searched('sink')]).map(p => `      - ${p}`).join('\n')}
${c.pipelines ?? ''}
${c.retention ?? ''}
`;

export interface Replica {
  readonly self: string;
  readonly running: RunningEngine;
  readonly pool: Sql;
  /** It ticks. */
  awake: boolean;
}

const TICK_REAL_MS = 250;
const real = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

export class Small {
  readonly clock = new WorldClock();
  readonly sink = new Sink(this.clock);
  readonly logs: { self: string; level: string; event: string; fields: unknown }[] = [];
  readonly replicas: Replica[] = [];
  readonly sql: Sql;
  readonly #store: OpenOptions;
  readonly #pools: Sql[] = [];
  #count = 0;
  readonly #statements = new Statements();

  constructor(store: OpenOptions) {
    this.#store = store;
    this.sql = openStore({ ...store, max: 3 });
  }

  /** As a process that starts. */
  async start(config: string, hooks?: Hooks, options: { leaseMs?: number } = {}): Promise<Replica> {
    const self = `replica-${++this.#count}`;
    const pool = openStore({ ...this.#store, max: 6 });
    this.#pools.push(pool);
    const parsed = parseConfig(config, { file: 'test.yaml', env: {}, registry });
    if (!parsed.config) throw new Error(JSON.stringify(parsed.diagnostics, null, 1));
    const ctx: Context = {
      clock: this.clock,
      random: seeded(this.#count),
      fetch: async (input, init) => await this.sink.fetch(new Request(input as string, init)),
      log: (level, event, fields) => void this.logs.push({ self, level, event, fields }),
    };
    const running = await openEngine({
      sql: hooked(pool, this.#statements.counting(hooks)),
      ctx,
      config: parsed.config,
      registry,
      self,
      ...options,
      fresh: { storeId: 'small-store', seed: 'small-seed' },
    });
    const replica = { self, running, pool, awake: true };
    this.replicas.push(replica);
    return replica;
  }

  /** As `kill -9` a while ago: its connections are gone, its heartbeat is old, and nothing of its memory is used again. */
  async kill(replica: Replica): Promise<void> {
    replica.awake = false;
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    await replica.pool.end({ timeout: 0 });
    await this.outdate(replica);
  }

  async outdate(replica: Replica): Promise<void> {
    await this.sql`update replica set seen_ms = seen_ms - 60000 where self = ${replica.self}`;
  }

  async run(ms: number, stepMs = 500): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      await this.tick();
    }
  }

  async tick(): Promise<void> {
    const awake = this.replicas.filter(r => r.awake);
    const ticked = Promise.all(awake.map(r => r.running.tick(0)));
    await this.#statements.untilQuiet(
      ticked.then(() => Promise.all(awake.map(r => r.running.idle()))),
      TICK_REAL_MS,
    );
  }

  errors(): unknown[] {
    return this.logs.filter(l => l.level === 'error');
  }

  verdicts(checkpoint = 'sink') {
    return verdictsOf(this.sql, checkpoint);
  }

  /** By verdict, drills left out. */
  async tally(checkpoint = 'sink'): Promise<Record<string, number>> {
    const out: Record<string, number> = {};
    for (const v of await this.verdicts(checkpoint))
      if (v.target !== 'drill') out[v.verdict] = (out[v.verdict] ?? 0) + 1;
    return out;
  }

  async findings(): Promise<Record<string, number>> {
    const rows = await this.sql<{ kind: string; n: number }[]>`
      select kind, sum(count)::int as n from finding group by 1`;
    return Object.fromEntries(rows.map(r => [r.kind, r.n]));
  }

  /** As a process that is asked to end. Time goes on meanwhile. */
  async stop(replica: Replica): Promise<void> {
    replica.awake = false;
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    await this.#whileTimeGoesOn(replica.running.close());
    await replica.pool.end({ timeout: 2 });
  }

  async #whileTimeGoesOn(work: Promise<unknown>): Promise<void> {
    for (let i = 0; i < 500; i++) {
      if ((await Promise.race([work.then(() => 'done'), real(2)])) === 'done') break;
      this.clock.advance(200);
    }
    await work;
  }

  /** Ends everything, and empties the store. */
  async close(): Promise<void> {
    this.sink.search = async () => 'ok';
    await this.#whileTimeGoesOn(Promise.all(this.replicas.map(r => r.running.close())));
    await this.wipe();
    await Promise.all([this.sql, ...this.#pools].map(p => p.end({ timeout: 2 })));
  }

  async wipe(): Promise<void> {
    const tables = await this.sql<{ name: string }[]>`
      select tablename as name from pg_tables
       where schemaname = current_schema() and tablename <> 'coalmine_migration'`;
    await this.sql`truncate ${this.sql(tables.map(t => t.name))} restart identity`;
  }
}

interface Counted {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly key: string;
  readonly n: number;
}

/** What every run must come to, whatever happened in it: the accounts add up, row by row and in the rollups. */
export async function accountsOf(
  sql: Sql,
): Promise<{ wrongRows: number; folded: Counted[]; rolled: Counted[] }> {
  return await snapshot(sql, async tx => {
    const [wrong] = await tx<{ n: number }[]>`
    select count(*)::int as n from mark m join beat b using (pipeline, slot, part)
     where cardinality(b.targets) <> (select sum(value::int) from jsonb_each_text(m.counts))`;
    const folded = await tx<Counted[]>`
    select m.pipeline, m.checkpoint, c.key, sum(c.value::int)::int as n
      from mark m cross join lateral jsonb_each_text(m.counts) c where m.folded group by 1, 2, 3 order by 1, 2, 3`;
    const rolled = await tx<Counted[]>`
    select r.pipeline, r.checkpoint, c.key, sum(c.value::int)::int as n
      from rollup r cross join lateral jsonb_each_text(r.counts) c group by 1, 2, 3 order by 1, 2, 3`;
    return {
      wrongRows: wrong?.n ?? 0,
      folded: folded.map(r => ({ ...r })),
      rolled: rolled.map(r => ({ ...r })),
    };
  });
}
