/** A bounded queue in front of a hop: batches, bounded retries with doubling waits, and a say in what is given up. */
import type { Clock } from './clock.ts';
import { type Answer, backoffMs } from './hop.ts';

export interface OutboxOptions<Item> {
  readonly clock: Clock;
  readonly capacity: number;
  readonly batchRecords: number;
  /** Tries of one batch before it is given up. */
  readonly attemptsMax: number;
  readonly send: (batch: readonly Item[]) => Promise<Answer>;
  readonly sent: (batch: readonly Item[]) => void;
  readonly gaveUp: (batch: readonly Item[], why: string) => void;
}

export class Outbox<Item extends { readonly dueMono: number }> {
  readonly #options: OutboxOptions<Item>;
  #items: Item[] = [];
  #current: readonly Item[] = [];
  #attempts = 0;
  #waitUntilMono = Number.NEGATIVE_INFINITY;
  #lastError: string | undefined;

  constructor(options: OutboxOptions<Item>) {
    this.#options = options;
  }

  get size(): number {
    return this.#items.length + this.#current.length;
  }

  get room(): number {
    return Math.max(0, this.#options.capacity - this.size);
  }

  status(): {
    readonly queued: number;
    readonly capacity: number;
    readonly attempts: number;
    readonly lastError: string | null;
  } {
    const { capacity } = this.#options;
    return { queued: this.size, capacity, attempts: this.#attempts, lastError: this.#lastError ?? null };
  }

  /** False where it is full: the item wasn't taken. */
  offer(item: Item): boolean {
    if (this.room === 0) return false;
    this.#items.push(item);
    return true;
  }

  /** Sends what is due, batch after batch, until something fails or nothing is left. */
  async step(): Promise<void> {
    const { clock, send, sent, gaveUp, attemptsMax } = this.#options;
    while (clock.mono() >= this.#waitUntilMono && this.#fill()) {
      const batch = this.#current;
      const answer = await send(batch);
      if (answer.ok) {
        this.#settle();
        sent(batch);
        continue;
      }
      this.#lastError = answer.why;
      this.#attempts++;
      if (answer.again && this.#attempts < attemptsMax) {
        this.#waitUntilMono = clock.mono() + (answer.afterMs ?? backoffMs(this.#attempts));
        return;
      }
      const tries = this.#attempts;
      this.#settle();
      gaveUp(batch, answer.again ? `gave up after ${tries} tries: ${answer.why}` : answer.why);
    }
  }

  #settle(): void {
    this.#current = [];
    this.#attempts = 0;
  }

  #fill(): boolean {
    if (this.#current.length > 0) return true;
    const mono = this.#options.clock.mono();
    const due: Item[] = [];
    const rest: Item[] = [];
    for (const item of this.#items)
      (due.length < this.#options.batchRecords && item.dueMono <= mono ? due : rest).push(item);
    if (due.length === 0) return false;
    this.#items = rest;
    this.#current = due;
    return true;
  }
}
