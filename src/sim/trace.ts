/** What happened, line by line: two runs are the same when their traces are, and a hash says so without keeping them. */
import { createHash } from 'node:crypto';

export class Trace {
  readonly #hash = createHash('sha256');
  readonly #sink: ((line: string) => void) | undefined;

  constructor(sink?: (line: string) => void) {
    this.#sink = sink;
  }

  line(text: string): void {
    this.#hash.update(text).update('\n');
    this.#sink?.(text);
  }

  /** Of all lines so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** Ten characters that stand for a text. */
export const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, 10);
