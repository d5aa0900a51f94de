/** The log store: takes entries, shows them once they are indexed, and forgets the oldest at its bounds. */
import type { LogQuery } from './logql.ts';
import { type Labels, OWN_LINE } from './loki-push.ts';
import { Meter } from './meter.ts';
import { type Entry, type Range, Stream } from './stream.ts';
import { tokensIn } from './tokens.ts';
import { happens, type World } from './world.ts';

export interface LogStoreOptions {
  /** At most so many records are kept; the oldest ones go. */
  readonly recordsMax: number;
  readonly retentionMs: number;
  /** How much later than others the records of a job become visible, milliseconds. */
  readonly indexDelayMs: Readonly<Record<string, number>>;
}

export interface Incoming {
  readonly labels: Labels;
  readonly ns: bigint;
  readonly line: string;
  readonly metadata: Labels;
}

interface Pending extends Incoming {
  readonly tenant: string;
  readonly tokens: readonly string[];
  readonly order: number;
  readonly visibleMono: number;
}

const TOO_OLD_MS = 7 * 86_400_000;
const TOO_NEW_MS = 10 * 60_000;
const LINE_BYTES_MAX = 256 * 1024;
const STREAMS_MAX = 5_000;

export class LogStore {
  readonly #options: LogStoreOptions;
  readonly #world: World;
  readonly #streams = new Map<string, Stream>();
  readonly #accepted: Meter;
  readonly #queries: Meter;
  #pending: Pending[] = [];
  /** In order of becoming visible. */
  #entries: Entry[] = [];
  /** Entries before this one are gone. */
  #first = 0;
  #nextId = 1;
  #order = 0;
  #expired = 0;
  #lastCut: { readonly atMs: number; readonly kept: number; readonly of: number } | undefined;

  constructor(options: LogStoreOptions, world: World) {
    this.#options = options;
    this.#world = world;
    this.#accepted = new Meter(world.clock);
    this.#queries = new Meter(world.clock);
  }

  /** The store's own clock, Unix milliseconds. */
  now(): number {
    return this.#world.clock.now() + this.#world.faults.get().store.skewMs;
  }

  /** Takes entries. Returns why some were refused; the others are in. `full`: none is, for want of room. */
  push(
    tenant: string,
    incoming: readonly Incoming[],
  ): { readonly full: boolean; readonly refused: readonly string[] } {
    if (this.#pending.length + incoming.length > this.#options.recordsMax) return { full: true, refused: [] };
    const refused: string[] = [];
    for (const entry of incoming) {
      const why = this.#refusal(tenant, entry);
      if (why) refused.push(why);
      this.#take(tenant, entry, why);
    }
    this.#accepted.add(incoming.length - refused.length);
    this.advance();
    return { full: false, refused };
  }

  /** Shows what has been indexed and forgets what is over the bounds. */
  advance(): void {
    const mono = this.#world.clock.mono();
    if (this.#pending.some(entry => entry.visibleMono <= mono)) {
      const due = this.#pending.filter(entry => entry.visibleMono <= mono);
      this.#pending = this.#pending.filter(entry => entry.visibleMono > mono);
      due.sort((a, b) => a.visibleMono - b.visibleMono || a.order - b.order);
      for (const entry of due) this.#index(entry, mono);
    }
    const oldestMono = mono - this.#options.retentionMs;
    while (this.#first < this.#entries.length && this.#entries[this.#first]!.visibleMono < oldestMono)
      this.#expire('past its retention');
    while (this.#entries.length - this.#first > this.#options.recordsMax) this.#expire('the store was full');
    if (this.#first > 10_000 && this.#first > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Entries of a tenant by their own time, over all streams, as they were visible at `asOfMono`. */
  select(tenant: string, query: LogQuery, range: Range, asOfMono: number): Entry[] {
    this.advance();
    this.#queries.add();
    const found: Entry[] = [];
    for (const stream of this.#streams.values())
      if (stream.tenant === tenant && query.stream(stream.labels))
        for (const entry of stream.range(range, e => e.visibleMono <= asOfMono && query.line(e.line)))
          found.push(entry);
    const sign = range.backward ? -1 : 1;
    found.sort((a, b) => sign * (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : a.id - b.id));
    return found.slice(0, range.limit);
  }

  /** Every visible entry of a tenant, in order of becoming visible. */
  *scan(tenant: string, asOfMono: number): Iterable<Entry> {
    this.advance();
    this.#queries.add();
    for (let i = this.#first; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.stream.tenant === tenant && entry.visibleMono <= asOfMono) yield entry;
    }
  }

  /** The label names of a tenant, or the values of one. */
  labels(tenant: string, name?: string): string[] {
    const out = new Set<string>();
    for (const stream of this.#streams.values()) {
      if (stream.tenant !== tenant || stream.size === 0) continue;
      for (const [key, value] of Object.entries(stream.labels))
        if (name === undefined) out.add(key);
        else if (key === name) out.add(value);
    }
    return [...out].sort();
  }

  /** Notes that an answer was cut short on purpose. */
  noteCut(kept: number, of: number): void {
    this.#lastCut = { atMs: this.#world.clock.now(), kept, of };
  }

  status() {
    this.advance();
    return {
      records: this.#entries.length - this.#first,
      recordsMax: this.#options.recordsMax,
      pending: this.#pending.length,
      streams: this.#streams.size,
      accepted: this.#accepted.read(),
      queries: this.#queries.read(),
      expired: this.#expired,
      nowMs: this.now(),
      lastCut: this.#lastCut ?? null,
    };
  }

  #refusal(tenant: string, entry: Incoming): string | undefined {
    const aheadMs = Number(entry.ns / 1_000_000n) - this.now();
    const stream = JSON.stringify(entry.labels);
    if (aheadMs > TOO_NEW_MS) return `entry for stream '${stream}' has timestamp too new`;
    if (aheadMs < -TOO_OLD_MS) return `entry for stream '${stream}' has timestamp too old`;
    if (entry.line.length > LINE_BYTES_MAX) return `Max entry size '${LINE_BYTES_MAX}' bytes exceeded`;
    if (this.#streams.size >= STREAMS_MAX && !this.#streams.has(streamKey(tenant, entry.labels)))
      return `Maximum active stream limit exceeded, limit: ${STREAMS_MAX}`;
    return undefined;
  }

  #take(tenant: string, entry: Incoming, refusal: string | undefined): void {
    const { clock, faults, ledger } = this.#world;
    const knobs = faults.get().store;
    const own = entry.metadata.component === OWN_LINE.component;
    const tokens = tokensIn(entry.line);
    if (!own) ledger.open(tokens, ['store'], 'store', clock.now());
    const carried = own ? [] : tokens;
    const lost =
      refusal ?? (happens(this.#world, knobs.dropPush) ? 'acknowledged and not stored' : undefined);
    if (lost !== undefined) {
      this.#lose(carried, lost);
      return;
    }
    const lagMs = knobs.pushDelayMs + (this.#options.indexDelayMs[entry.labels.job ?? ''] ?? 0);
    const visibleMono = clock.mono() + lagMs;
    this.#pending.push({ ...entry, tenant, tokens, order: this.#order++, visibleMono });
  }

  #index(pending: Pending, mono: number): void {
    const { clock, ledger } = this.#world;
    const { tenant, labels, ns, line, metadata, tokens, visibleMono } = pending;
    const key = streamKey(tenant, labels);
    const stream = this.#streams.get(key) ?? new Stream(tenant, labels);
    this.#streams.set(key, stream);
    const sinceMs = Math.round(mono - visibleMono);
    const own = metadata.component === OWN_LINE.component;
    const carried = own ? [] : tokens;
    const entry: Entry = {
      id: this.#nextId++,
      stream,
      ns,
      line,
      metadata,
      tokens: carried,
      ingestedMs: this.now() - sinceMs,
      visibleMono,
      gone: false,
    };
    if (!stream.add(entry)) {
      this.#lose(carried, 'the very same entry is stored already');
      return;
    }
    this.#entries.push(entry);
    if (own) ledger.echo(tokens);
    ledger.mark(carried, 'stored', clock.now() - sinceMs);
    ledger.arrive(carried, 'store', 'stored', clock.now() - sinceMs);
  }

  #expire(why: string): void {
    const entry = this.#entries[this.#first++]!;
    entry.stream.remove(entry);
    this.#expired++;
    this.#world.ledger.expire(entry.tokens, 'store', { where: 'store', why, atMs: this.#world.clock.now() });
  }

  #lose(tokens: readonly string[], why: string): void {
    this.#world.ledger.lose(tokens, ['store'], 'dropped', {
      where: 'store',
      why,
      atMs: this.#world.clock.now(),
    });
  }
}

const streamKey = (tenant: string, labels: Labels): string =>
  JSON.stringify([tenant, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
