/**
 * The collector: takes batches from agents, writes each record to the archive and pushes it on to the log store.
 * When it can't keep up it turns agents away, so that the backlog builds up in their caches.
 */

import type { Place } from './ledger.ts';
import { type Labels, OWN_LINE, type Push, pushToLoki } from './loki-push.ts';
import { Meter } from './meter.ts';
import { Outbox } from './outbox.ts';
import { tokensIn } from './tokens.ts';
import { happens, type World } from './world.ts';

export interface CollectorOptions {
  readonly queueRecords: number;
  readonly batchRecords: number;
  readonly attemptsMax: number;
  /** Whether a record that isn't JSON is dropped, as by a strict parser. */
  readonly parseJson: boolean;
  readonly lokiUrl: () => string;
  readonly tenant: string | undefined;
  /** Appends one line to the archive. Throwing means it wasn't written. */
  readonly archive: (line: string, route: string) => void | Promise<void>;
}

export interface Shipped {
  readonly ns: string;
  readonly line: string;
}

interface Queued extends Shipped {
  readonly route: string;
  readonly labels: Labels;
  readonly tokens: readonly string[];
  readonly dueMono: number;
}

const PLACES: readonly Place[] = ['archive', 'store'];

export class Collector {
  readonly #options: CollectorOptions;
  readonly #world: World;
  readonly #outbox: Outbox<Push>;
  readonly #received: Meter;
  readonly #archived: Meter;
  readonly #pushed: Meter;
  readonly #dropped: Meter;
  #queue: Queued[] = [];

  constructor(options: CollectorOptions, world: World) {
    this.#options = options;
    this.#world = world;
    this.#received = new Meter(world.clock);
    this.#archived = new Meter(world.clock);
    this.#pushed = new Meter(world.clock);
    this.#dropped = new Meter(world.clock);
    this.#outbox = new Outbox({
      clock: world.clock,
      capacity: options.queueRecords,
      batchRecords: options.batchRecords,
      attemptsMax: options.attemptsMax,
      send: batch => pushToLoki(world, { url: options.lokiUrl(), tenant: options.tenant }, batch),
      sent: batch => {
        this.#pushed.add(batch.length);
        for (const { tokens } of batch) {
          world.ledger.mark(tokens, 'pushed', world.clock.now());
          world.ledger.arrive(tokens, 'store', 'handed', world.clock.now());
        }
      },
      gaveUp: (batch, why) => {
        this.#dropped.add(batch.length);
        for (const { tokens } of batch) this.#lose(tokens, ['store'], why);
        this.#say('error', `push failed, ${batch.length} entries dropped: ${why}`);
      },
    });
  }

  /** Takes a whole batch, or says why not. */
  receive(route: string, agent: string | undefined, records: readonly Shipped[]): 'taken' | 'down' | 'full' {
    const { clock, faults, ledger } = this.#world;
    if (faults.get().collector.down) return 'down';
    if (this.#queue.length + records.length > this.#options.queueRecords) return 'full';
    const labels: Labels = agent === undefined ? { job: route } : { job: route, host: agent };
    for (const { ns, line } of records) {
      const tokens = tokensIn(line);
      ledger.open(tokens, PLACES, `collector:${route}`, clock.now());
      ledger.mark(tokens, 'collected', clock.now());
      const dueMono = clock.mono() + faults.get().collector.delayMs;
      this.#queue.push({ route, labels, ns, line, tokens, dueMono });
    }
    this.#received.add(records.length);
    return 'taken';
  }

  async step(): Promise<void> {
    const faults = this.#world.faults.get().collector;
    if (faults.stall || faults.down) return;
    const before = this.#archived.read().total;
    await this.#process();
    const written = this.#archived.read().total - before;
    if (written > 0) this.#say('info', `wrote ${written} records`);
    await this.#outbox.step();
  }

  status() {
    return {
      queued: this.#queue.length,
      queueRecords: this.#options.queueRecords,
      received: this.#received.read(),
      archived: this.#archived.read(),
      pushed: this.#pushed.read(),
      dropped: this.#dropped.read(),
      push: this.#outbox.status(),
    };
  }

  /** Works off what is due, as far as there is room to push (each record may become three entries). */
  async #process(): Promise<void> {
    const mono = this.#world.clock.mono();
    const waiting = this.#queue;
    this.#queue = [];
    const later: Queued[] = [];
    for (const record of waiting) {
      if (record.dueMono > mono || this.#outbox.room < 3) later.push(record);
      else await this.#handle(record);
    }
    this.#queue = [...later, ...this.#queue];
  }

  async #handle(record: Queued): Promise<void> {
    const faults = this.#world.faults.get().collector;
    const unreadable = this.#options.parseJson && !isJson(record.line) ? 'not JSON' : undefined;
    const why = happens(this.#world, faults.drop) ? 'dropped' : unreadable;
    if (why !== undefined) {
      this.#drop(record, why);
      return;
    }
    await this.#forward(record);
    if (!happens(this.#world, faults.duplicate)) return;
    this.#world.ledger.open(record.tokens, PLACES, `collector:${record.route}`, this.#world.clock.now());
    await this.#forward({ ...record, ns: String(BigInt(record.ns) + 1n) });
  }

  async #forward(record: Queued): Promise<void> {
    const { clock, ledger } = this.#world;
    try {
      await this.#options.archive(record.line, record.route);
      ledger.mark(record.tokens, 'archived', clock.now());
      ledger.arrive(record.tokens, 'archive', 'stored', clock.now());
      this.#archived.add();
    } catch (error) {
      this.#lose(
        record.tokens,
        ['archive'],
        `archive: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    const { labels, ns, line, tokens } = record;
    this.#outbox.offer({ labels, ns, line, tokens, dueMono: clock.mono() });
  }

  #drop(record: Queued, why: string): void {
    this.#dropped.add();
    this.#lose(record.tokens, PLACES, why);
    this.#say('warn', `record ${why}`);
    if (!this.#world.faults.get().collector.echo) return;
    const line = `level=error component=collector msg="record ${why}" event=${JSON.stringify(record.line)}`;
    this.#own(record.labels, line);
  }

  #lose(tokens: readonly string[], places: readonly Place[], why: string): void {
    this.#world.ledger.lose(tokens, places, 'dropped', {
      where: 'collector',
      why,
      atMs: this.#world.clock.now(),
    });
  }

  #say(level: string, msg: string): void {
    this.#own({ job: 'collector' }, `level=${level} component=collector msg="${msg}"`);
  }

  /** A line of its own, if there is room: events go first. */
  #own(labels: Labels, line: string): void {
    const { clock } = this.#world;
    const ns = String(BigInt(Math.floor(clock.now())) * 1_000_000n);
    this.#outbox.offer({ labels, ns, line, metadata: OWN_LINE, tokens: [], dueMono: clock.mono() });
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
