/**
 * A backend in this process's memory: the injector appends to it, the observer reads it back. It costs next to nothing,
 * so what is measured is coalmine; and it counts what it was asked.
 */
import { z } from 'zod';
import { defineInjector, defineObserver } from '../../src/contracts/define.ts';
import type { Outgoing } from '../../src/contracts/injector.ts';
import type { Found, Look, SeenRecord } from '../../src/contracts/observer.ts';
import type { Registry } from '../../src/contracts/registry.ts';

export interface SinkOptions {
  readonly now: () => number;
  /** Whether it can be asked by ingest time. */
  readonly ingestTime: boolean;
  /** Whether it can be asked by event time beside that; default: yes. */
  readonly eventTime?: boolean;
  /** Whether records have ids of the backend's own. */
  readonly recordIds: boolean;
  /** Whether this canary is lost on the way. */
  readonly loses?: (canary: Outgoing) => boolean;
  /** How many records each one stands for: what it does to a query's limit and to the counts. */
  readonly weight?: number;
  /** How long it says that it keeps records, milliseconds. */
  readonly keepsMs: number;
  /** How long it does; default: as said. Less saves this process the memory of what nobody asks for again. */
  readonly heldMs?: number;
}

export interface Sink {
  readonly registry: Registry;
  /** Since the start. `rows`: handed out, each as often as it stands for. */
  readonly counts: { accepted: number; queries: number; rows: number; truncated: number };
}

const PAGE = 2_000;
const settings = z.strictObject({ stream: z.string().describe('Where the records lie.') });

interface Stored extends SeenRecord {
  readonly ingestedMs: number;
  readonly eventMs: number;
}

/** Both times rise with the position: a canary is stored in the same step that stamps its event. */
class Stream {
  records: Stored[] = [];
  #trimmedMs = 0;

  append(record: Stored, keepsMs: number): void {
    this.records.push(record);
    if (record.ingestedMs - this.#trimmedMs < keepsMs) return;
    this.#trimmedMs = record.ingestedMs;
    this.records.splice(0, this.from('ingestedMs', record.ingestedMs - keepsMs));
  }

  /** Position of the first record at or after this time. */
  from(key: 'ingestedMs' | 'eventMs', ms: number): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.records[middle]![key] < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function createSink(options: SinkOptions): Sink {
  const { now, weight = 1, loses = () => false } = options;
  const streams = new Map<string, Stream>();
  const streamOf = (name: string) => {
    const stream = streams.get(name) ?? new Stream();
    streams.set(name, stream);
    return stream;
  };
  const counts = { accepted: 0, queries: 0, rows: 0, truncated: 0 };
  const injector = defineInjector({
    kind: 'sink',
    summary: 'Into memory.',
    schema: settings,
    runtimes: ['node'],
    traits: { events: 'written' },
    create: ({ stream: name }) => ({
      async inject(canaries) {
        const stream = streamOf(name);
        for (const canary of canaries) {
          const event = canary.event!;
          counts.accepted++;
          if (loses(canary)) continue;
          const at = { ingestedMs: now(), eventMs: event.timeMs };
          const id = options.recordIds ? { recordId: `r${counts.accepted}` } : {};
          stream.append({ text: event.text, ...at, ...id }, options.heldMs ?? options.keepsMs);
        }
        return canaries.map(() => ({ result: 'accepted' as const }));
      },
      async close() {},
    }),
  });
  const observer = defineObserver({
    kind: 'sink',
    summary: 'Out of memory.',
    schema: settings,
    runtimes: ['node'],
    traits: { way: 'query', ingestTime: options.ingestTime, settleMs: 0, keepsMs: options.keepsMs },
    create: ({ stream }) => ({
      eventTime: options.eventTime ?? true,
      observe: look => answer(streamOf(stream), look, { weight, counts }),
      async close() {},
    }),
  });
  return {
    counts,
    registry: {
      injectors: new Map([['sink', injector]]),
      observers: new Map([['sink', observer]]),
      notifiers: new Map(),
    },
  };
}

async function* answer(
  stream: Stream,
  look: Look,
  { weight, counts }: { weight: number; counts: Sink['counts'] },
): AsyncGenerator<Found> {
  counts.queries++;
  const key = look.by === 'ingest' ? 'ingestedMs' : 'eventMs';
  const found = stream.records.slice(stream.from(key, look.fromMs), stream.from(key, look.toMs));
  const limit = Math.floor(look.limits.records / weight);
  const shown = found.slice(0, limit);
  counts.rows += shown.length * weight;
  for (let at = 0; at < shown.length; at += PAGE) yield { page: shown.slice(at, at + PAGE) };
  if (found.length > limit) {
    counts.truncated++;
    yield { end: 'truncated', reason: `more than ${look.limits.records} records` };
  } else yield { end: 'exhausted' };
}
