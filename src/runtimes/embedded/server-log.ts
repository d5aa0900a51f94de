/** The server's log: a file of bounded size in the data directory, and its last lines for error messages. */
import { closeSync, constants, fchownSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { Account } from './account.ts';

const FILE_BYTES_MAX = 1_000_000;
const TAIL_LINES = 20;
const LINE_CHARS_MAX = 4_096;

/** No log may hold a whole token. The prefix is kept: it says that one stood here. */
const TOKEN = /(coalmine1)[0-9a-z]+/gi;

export class ServerLog {
  readonly #path: string;
  #fd: number;
  #bytes: number;
  #rest = '';
  #tail: string[] = [];

  readonly #owner: Account;

  /** Throws what opening the file throws. */
  constructor(path: string, owner: Account) {
    this.#path = path;
    this.#owner = owner;
    this.#fd = this.#open();
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** The last lines, oldest first. */
  get tail(): string {
    return this.#tail.join('\n');
  }

  /** Forgets the tail, so that the next one tells of the next start only. */
  clearTail(): void {
    this.#tail = [];
  }

  /** Takes output as it comes and returns the lines it completes. Never throws: a full disk must not end us. */
  write(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop()!.slice(0, LINE_CHARS_MAX);
    const clean = lines.map(line => line.slice(0, LINE_CHARS_MAX).replace(TOKEN, '$1…'));
    if (clean.length === 0) return clean;
    this.#tail = [...this.#tail, ...clean].slice(-TAIL_LINES);
    try {
      if (this.#bytes > FILE_BYTES_MAX) this.#turnOver();
      this.#bytes += writeSync(this.#fd, `${clean.join('\n')}\n`);
    } catch {
      // The tail still has it.
    }
    return clean;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #turnOver(): void {
    renameSync(this.#path, `${this.#path}.1`);
    const fd = this.#open();
    closeSync(this.#fd);
    this.#fd = fd;
    this.#bytes = 0;
  }

  /** Never through a symbolic link: the directory may belong to another user when we are root. */
  #open(): number {
    const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
    const fd = openSync(this.#path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    if (this.#owner.switched) fchownSync(fd, this.#owner.uid, this.#owner.gid);
    return fd;
  }
}
