/** A count with its rate over the last minute. */
import type { Clock } from './clock.ts';

const SECONDS = 60;

export class Meter {
  readonly #clock: Clock;
  readonly #buckets = new Array<number>(SECONDS).fill(0);
  #second = 0;
  #total = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(n = 1): void {
    this.#turn();
    this.#total += n;
    this.#buckets[this.#second % SECONDS]! += n;
  }

  read(): { readonly total: number; readonly perMinute: number } {
    this.#turn();
    return { total: this.#total, perMinute: this.#buckets.reduce((sum, n) => sum + n, 0) };
  }

  #turn(): void {
    const second = Math.max(0, Math.floor(this.#clock.mono() / 1000));
    const passed = Math.min(SECONDS, second - this.#second);
    for (let i = 1; i <= passed; i++) this.#buckets[(second - passed + i) % SECONDS] = 0;
    this.#second = Math.max(this.#second, second);
  }
}
