/** A bench for notices: scripted channels that remember what reached them, replicas of the step `alert`, and a clock that jumps. */
import type { Config } from '../../src/config/config.ts';
import type { Notice, Notifier, Receipt } from '../../src/contracts/notifier.ts';
import { type AlertEngine, createAlert } from '../../src/engine/alert.ts';
import { createInstruments } from '../../src/engine/instruments.ts';
import type { Notifiers } from '../../src/engine/notifiers.ts';
import { createStoreFault } from '../../src/engine/store-fault.ts';
import { enqueue } from '../../src/store/alert.ts';
import type { NoticeDraft } from '../../src/store/enqueue.ts';
import { type OpenOptions, openStore, type Sql } from '../../src/store/open.ts';
import { configOf, pipelineConfig } from './ledger.ts';
import { seeded, WorldClock } from './world.ts';

export interface Arrival {
  readonly notifier: string;
  readonly notice: Notice;
  readonly previous: Receipt | null;
  readonly atMs: number;
}

/** What the far end does with a notice: it has arrived by then, unless `lost`. */
export type Fate = (arrival: Arrival, signal: AbortSignal) => Promise<Receipt>;

export interface Channel {
  readonly arrivals: Arrival[];
  /** Decides before the notice arrives: throws where it doesn't. */
  door: (notice: Notice) => void;
  /** Decides after it has. */
  fate: Fate;
  repeatEveryMs: number | null;
}

export interface Replica {
  readonly engine: AlertEngine;
  readonly logs: { readonly event: string; readonly fields: Record<string, unknown> }[];
  readonly errors: unknown[];
  tick(): Promise<void>;
  /** Deliveries under way. */
  readonly underWay: () => number;
  idle(): Promise<void>;
  stop(): void;
}

export const draft = (
  event: Notice['event'],
  atMs: number,
  over: Partial<NoticeDraft> = {},
): NoticeDraft => ({
  event,
  kind: 'loss',
  concerns: 'loss',
  severity: 'critical',
  pipeline: { name: 'ssh', title: 'SSH' },
  checkpoint: 'loki',
  title: `Lost: ${event}`,
  text: `The text of ${event}.`,
  facts: [{ label: 'lost', value: '3' }],
  url: null,
  beganMs: atMs - 60_000,
  detectedMs: atMs,
  endedMs: event === 'resolved' ? atMs : null,
  atMs,
  chainHead: null,
  details: { id: 1 },
  ...over,
});

export class Bench {
  readonly sql: Sql;
  readonly clock = new WorldClock();
  readonly channels = new Map<string, Channel>();
  readonly replicas: Replica[] = [];
  readonly #store: OpenOptions;
  readonly #pools: Sql[] = [];
  /** Names of the channels that some replica has open. */
  readonly #opened = new Set<string>();
  readonly #random: () => number;
  /** Deliveries that wait for their channel. */
  #waiting = 0;

  constructor(store: OpenOptions, seed = 1) {
    this.#store = store;
    this.#random = seeded(seed);
    this.sql = openStore({ ...store, max: 4 });
  }

  async empty(): Promise<void> {
    await this.sql`truncate meta, incident, outbox restart identity`;
    await this
      .sql`insert into meta (store_id, epochs, created_ms, seed) values ('store', '{1,3}', 0, 'seed')`;
  }

  channel(name: string, repeatEveryMs: number | null = null): Channel {
    const channel: Channel = { arrivals: [], door: () => {}, fate: async () => ({}), repeatEveryMs };
    this.channels.set(name, channel);
    return channel;
  }

  /** Opens an incident; the same place twice must be another kind. */
  async incident(kind = 'loss', place = 1): Promise<number> {
    const [row] = await this.sql<{ number: number }[]>`
      insert into incident (pipeline, checkpoint, kind, began_ms, detected_ms, facts, state)
      values (1, ${place}, ${kind}, 0, 0, '{}', '{}') returning number`;
    return row?.number ?? 0;
  }

  /** Writes notices as the step `incident` does: under the incident's lock, with what they tell of. */
  async tell(
    incident: number,
    to: readonly string[],
    event: Notice['event'],
    over: Partial<NoticeDraft> = {},
  ): Promise<void> {
    const notice = draft(event, this.clock.now(), over);
    await this.sql.begin(async tx => {
      const endedMs = event === 'resolved' ? notice.atMs : null;
      await tx`select from incident where number = ${incident} for update`;
      await tx`update incident set ended_ms = ${endedMs} where number = ${incident}`;
      await enqueue(
        tx,
        to.map(notifier => ({ incident, notifier, notice })),
      );
    });
  }

  replica(config: Partial<Config> = {}, only: readonly string[] = [...this.channels.keys()]): Replica {
    const abort = new AbortController();
    const sql = openStore({ ...this.#store, max: 4 });
    this.#pools.push(sql);
    const logs: Replica['logs'] = [];
    const errors: unknown[] = [];
    const ctx = {
      clock: this.clock,
      random: this.#random,
      fetch: globalThis.fetch,
      log: (_: string, event: string, fields: Record<string, unknown> = {}) =>
        void logs.push({ event, fields }),
    };
    const engine: AlertEngine = {
      sql,
      ctx,
      config: configOf([pipelineConfig('ssh')], config),
      self: `replica-${this.replicas.length + 1}`,
      instruments: createInstruments(),
      storeFault: createStoreFault(ctx),
      stop: abort.signal,
    };
    const tasks = new Set<Promise<void>>();
    const start = (_: string, work: () => Promise<void>) => {
      const task = work()
        .catch(error => void errors.push(error))
        .finally(() => tasks.delete(task));
      tasks.add(task);
    };
    const replica: Replica = {
      engine,
      logs,
      errors,
      tick: createAlert(engine, this.#open(only), { start }),
      underWay: () => tasks.size,
      async idle() {
        while (tasks.size > 0) await Promise.all(tasks);
      },
      stop: () => abort.abort(new Error('shutting down')),
    };
    this.replicas.push(replica);
    return replica;
  }

  #open(names: readonly string[]): Notifiers {
    return new Map(
      names.map(name => {
        const channel = this.channels.get(name) as Channel;
        this.#opened.add(name);
        const notifier: Notifier = {
          notify: async (notice, previous, signal) => {
            channel.door(notice);
            const arrival = { notifier: name, notice, previous, atMs: this.clock.now() };
            channel.arrivals.push(arrival);
            const waits = { for: true };
            const end = () => {
              this.#waiting -= waits.for ? 1 : 0;
              waits.for = false;
            };
            this.#waiting++;
            signal.addEventListener('abort', end);
            return await channel.fate(arrival, signal).finally(end);
          },
          close: async () => {},
        };
        const { repeatEveryMs } = channel;
        return [name, { notifier, traits: { repeatEveryMs }, kind: 'scripted' }];
      }),
    );
  }

  /** All replicas tick at once; what that began ends, unless it waits for its channel. */
  async tick(): Promise<void> {
    await Promise.all(this.replicas.map(r => r.tick()));
    await this.quiet();
  }

  async quiet(): Promise<void> {
    const underWay = () => this.replicas.reduce((n, r) => n + r.underWay(), 0);
    while (underWay() > this.#waiting) await new Promise<void>(resolve => setTimeout(resolve, 1));
  }

  /** Moves on by `ms`, from one attempt to the next (repeats aside), at most `stepMs` at once. */
  async run(ms: number, stepMs = 3_600_000 * 6): Promise<void> {
    const endMs = this.clock.now() + ms;
    await this.tick();
    while (this.clock.now() < endMs) {
      const nowMs = this.clock.now();
      const [next] = await this.sql<{ ms: number | null }[]>`
        select min(greatest(next_ms, ${nowMs + 1_000})) as ms from (
          select distinct on (incident, notifier) next_ms, claimed_by from outbox
           where state = 'waiting' and position(notifier in ${[...this.#opened].join(' ')}) > 0
           order by incident, notifier, sequence) head
         where claimed_by is null`;
      const toMs = Math.min(endMs, nowMs + stepMs, next?.ms ?? endMs);
      this.clock.advance(toMs - nowMs);
      await this.tick();
    }
  }

  /** What one channel got of one incident, as `event#sequence`. */
  got(notifier: string, incident?: number): string[] {
    return (this.channels.get(notifier)?.arrivals ?? [])
      .filter(a => incident === undefined || a.notice.incident === `store-${incident}`)
      .map(a => `${a.notice.event}#${a.notice.sequence}`);
  }

  async states(): Promise<Record<string, string>> {
    const rows = await this.sql<{ key: string; state: string }[]>`
      select incident || ' ' || notifier || ' ' || sequence as key, state from outbox order by 1`;
    return Object.fromEntries(rows.map(r => [r.key, r.state]));
  }

  async close(): Promise<void> {
    for (const r of this.replicas) r.stop();
    await this.quiet();
    this.clock.advance(60_000);
    await Promise.all(this.replicas.map(r => r.idle()));
    await Promise.all([this.sql, ...this.#pools].map(sql => sql.end({ timeout: 5 })));
  }
}
