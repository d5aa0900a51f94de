/**
 * What the last look at a checkpoint found and committed. Looks overlap on purpose; a record that is read again tells
 * nothing new, so it need not be verified, written and settled again.
 */
import type { SeenRecord } from '../contracts/observer.ts';
import { recordKey } from './record.ts';
import type { Sighting } from './sight.ts';

/** Of one look. What is beyond isn't skipped, merely judged again. */
const RECORDS_MAX = 50_000;

interface Kept {
  readonly sighting: Sighting;
  /** A backend that gives an id twice, or altered a record since, must not hide what is new by it. */
  readonly text: string;
}

export class Known {
  #last = new Map<string, Kept | null>();
  #now = new Map<string, Kept | null>();
  /** Texts by key of what this look read anew; null: several. */
  #texts = new Map<string, string | null>();

  /** The rest of a page is new. Of records without an id, more copies than last time are new, all of them. */
  part(page: readonly SeenRecord[]): {
    readonly again: readonly Sighting[];
    readonly rest: readonly SeenRecord[];
  } {
    const copies = new Map<string, number>();
    for (const { recordId, text } of page) {
      if (recordId === undefined) copies.set(text, (copies.get(text) ?? 0) + 1);
    }
    const again: Sighting[] = [];
    const rest = page.filter(record => {
      const key = recordKey(record);
      const known = this.#last.get(key);
      if (!known || known.text !== record.text || known.sighting.row.copies < (copies.get(key) ?? 1)) {
        this.#noteText(key, record.text);
        return true;
      }
      again.push(known.sighting);
      this.#keep(key, known);
      return false;
    });
    return { again, rest };
  }

  /** Takes what has been committed. A record of several canaries is read in whole each time. */
  add(sightings: readonly Sighting[]): void {
    for (const s of sightings) {
      const text = this.#texts.get(s.key);
      this.#keep(s.key, this.#now.has(s.key) || typeof text !== 'string' ? null : { sighting: s, text });
    }
  }

  #noteText(key: string, text: string): void {
    const known = this.#texts.get(key);
    if (known === undefined && this.#texts.size >= RECORDS_MAX) return;
    this.#texts.set(key, known === undefined || known === text ? text : null);
  }

  #keep(key: string, kept: Kept | null): void {
    if (this.#now.size < RECORDS_MAX || this.#now.has(key)) this.#now.set(key, kept);
  }

  /** A look is over. */
  turn(): void {
    this.#last = this.#now;
    this.#now = new Map();
    this.#texts = new Map();
  }
}
