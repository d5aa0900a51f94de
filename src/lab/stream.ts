/** One stream of the log store: entries in order of their own time, ties in order of arrival. */
import type { Labels } from './loki-push.ts';

export interface Entry {
  /** Order of becoming visible; also the record's id. */
  readonly id: number;
  readonly stream: Stream;
  readonly ns: bigint;
  readonly line: string;
  readonly metadata: Labels;
  readonly tokens: readonly string[];
  /** The store's own clock when it became visible, Unix milliseconds. */
  readonly ingestedMs: number;
  /** The same on the monotonic clock: what `stale` and retention go by. */
  readonly visibleMono: number;
  gone: boolean;
}

export class Stream {
  readonly tenant: string;
  readonly labels: Labels;
  #entries: Entry[] = [];
  #gone = 0;

  constructor(tenant: string, labels: Labels) {
    this.tenant = tenant;
    this.labels = labels;
  }

  get size(): number {
    return this.#entries.length - this.#gone;
  }

  /** False where the very same entry (time and line) is there already: Loki keeps one. */
  add(entry: Entry): boolean {
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1]!.ns > entry.ns) at--;
    for (let same = at - 1; same >= 0 && this.#entries[same]!.ns === entry.ns; same--)
      if (this.#entries[same]!.line === entry.line && !this.#entries[same]!.gone) return false;
    if (at === this.#entries.length) this.#entries.push(entry);
    else this.#entries.splice(at, 0, entry);
    return true;
  }

  remove(entry: Entry): void {
    entry.gone = true;
    this.#gone++;
    if (this.#gone < 1000 || this.#gone < this.#entries.length / 2) return;
    this.#entries = this.#entries.filter(kept => !kept.gone);
    this.#gone = 0;
  }

  /** At most `limit` entries of [startNs, endNs) that `wanted` keeps, from the end that `backward` says. */
  range(ask: Range, wanted: (entry: Entry) => boolean): Entry[] {
    const first = this.#lowerBound(ask.startNs);
    const end = this.#lowerBound(ask.endNs);
    const out: Entry[] = [];
    for (let i = 0; i < end - first && out.length < ask.limit; i++) {
      const entry = this.#entries[ask.backward ? end - 1 - i : first + i]!;
      if (!entry.gone && wanted(entry)) out.push(entry);
    }
    return out;
  }

  #lowerBound(ns: bigint): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.ns < ns) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export interface Range {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly limit: number;
  readonly backward: boolean;
}
