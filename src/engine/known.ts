/**
 * What the last look at a checkpoint found and committed. Looks overlap on purpose; a record that is read again tells
 * nothing new, so it need not be verified, written and settled again.
 */
import type { SeenRecord } from '../contracts/observer.ts';
import { recordKey, type Sighting } from './sight.ts';

/** Of one look. What is beyond isn't skipped, merely judged again. */
const RECORDS_MAX = 50_000;

export class Known {
  #last = new Map<string, Sighting | null>();
  #now = new Map<string, Sighting | null>();

  /** The rest of a page is new. Of records without an id, more copies than last time are new, all of them. */
  part(page: readonly SeenRecord[]): {
    readonly again: readonly Sighting[];
    readonly rest: readonly SeenRecord[];
  } {
    if (this.#last.size === 0) return { again: [], rest: page };
    const copies = new Map<string, number>();
    for (const { recordId, text } of page) {
      if (recordId === undefined) copies.set(text, (copies.get(text) ?? 0) + 1);
    }
    const again: Sighting[] = [];
    const rest = page.filter(record => {
      const key = recordKey(record);
      const known = this.#last.get(key);
      if (!known || known.row.copies < (copies.get(key) ?? 1)) return true;
      again.push(known);
      this.#keep(key, known);
      return false;
    });
    return { again, rest };
  }

  /** Takes what has been committed. A record of several canaries is read in whole each time. */
  add(sightings: readonly Sighting[]): void {
    for (const s of sightings) this.#keep(s.key, this.#now.has(s.key) ? null : s);
  }

  #keep(key: string, sighting: Sighting | null): void {
    if (this.#now.size < RECORDS_MAX || this.#now.has(key)) this.#now.set(key, sighting);
  }

  /** A look is over. */
  turn(): void {
    this.#last = this.#now;
    this.#now = new Map();
  }
}
