/** What a verification finds: each with its pipeline, checkpoint and hour, in words, and not more of them than are read. */
import { type Counts, differences } from '../domain/chain.ts';
import type { ChainOwner } from '../store/chain-read.ts';
import type { Broken } from './verified.ts';

const TOLD_MAX = 20;
/** More than this aren't collected, only counted. */
const KEPT_MAX = 10_000;
const WHAT_CHARS_MAX = 500;

export class Faults {
  readonly #owner: ChainOwner;
  readonly #all: Broken[] = [];
  count = 0;

  constructor(owner: ChainOwner) {
    this.#owner = owner;
  }

  add(found: {
    readonly checkpoint: number;
    readonly hour_ms: number;
    readonly link: number | null;
    readonly what: string;
  }): void {
    this.count++;
    if (this.#all.length >= KEPT_MAX) return;
    const place = this.#owner.checkpoints.find(c => c.number === found.checkpoint);
    this.#all.push({
      pipeline: this.#owner.name,
      checkpoint: place?.name ?? `checkpoint ${found.checkpoint}, which the store doesn’t know`,
      hourMs: found.hour_ms,
      link: found.link,
      what: found.what.slice(0, WHAT_CHARS_MAX),
    });
  }

  told(): { readonly broken: readonly Broken[]; readonly brokenMore: number } {
    const broken = this.#all.toSorted((a, b) => a.hourMs - b.hourMs).slice(0, TOLD_MAX);
    return { broken, brokenMore: this.count - broken.length };
  }
}

export const says = (one: Counts, other: Counts, oneWord: string, otherWord: string): string =>
  differences(one, other, { one: oneWord, other: otherWord });
