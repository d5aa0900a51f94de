/** What is passed in to everything that touches the world: time, chance, transport, and a place to say things. */

export interface Clock {
  /** Wall clock, Unix milliseconds. */
  now(): number;
  /** Monotonic clock, milliseconds from an arbitrary origin. Never jumps. */
  mono(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** One structured line. `event` is a stable dotted name; no field may ever hold a whole token. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  event: string,
  fields?: Record<string, unknown>,
) => void;

export interface Context {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly log: Log;
  /** Text of the files that match a path or a `*` pattern, sorted by path. Absent where there are no files (Workers). */
  readonly readFiles?: (
    pattern: string,
  ) => Promise<readonly { readonly path: string; readonly text: string }[]>;
}
