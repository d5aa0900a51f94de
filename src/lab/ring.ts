/** An agent's durable cache: a ring of records. When it is full the oldest is overwritten, and nobody is told. */

export interface Cached {
  readonly id: number;
  /** The agent's own stamp, Unix nanoseconds. */
  readonly ns: string;
  readonly line: string;
  readonly tokens: readonly string[];
  /** Not dispatched before, monotonic milliseconds. */
  readonly dueMono: number;
}

export class Ring {
  readonly capacity: number;
  readonly #records = new Map<number, Cached>();
  #nextId = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Adds a record; returns the one it overwrote, if the ring was full. */
  push(record: Omit<Cached, 'id'>): Cached | undefined {
    const id = this.#nextId++;
    this.#records.set(id, { ...record, id });
    if (this.#records.size <= this.capacity) return undefined;
    const [oldest] = this.#records.values();
    this.#records.delete(oldest!.id);
    return oldest;
  }

  /** The oldest records that are due, at most `n`. They stay until removed. */
  due(mono: number, n: number): readonly Cached[] {
    const out: Cached[] = [];
    for (const record of this.#records.values()) {
      if (out.length === n) break;
      if (record.dueMono <= mono) out.push(record);
    }
    return out;
  }

  /** False where it has been overwritten meanwhile. */
  remove(record: Cached): boolean {
    return this.#records.delete(record.id);
  }

  oldest(): Cached | undefined {
    const [oldest] = this.#records.values();
    return oldest;
  }
}
