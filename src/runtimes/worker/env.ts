/** What Cloudflare hands to the Worker, as far as it is used here. Bindings are named in wrangler.toml. */

export interface Hyperdrive {
  /** Good for the event it is read in: it isn't kept. */
  readonly connectionString: string;
}

interface Stub {
  fetch(url: string): Promise<Response>;
}

export interface ObjectNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): Stub;
}

export interface ObjectState {
  readonly storage: {
    /** Unix milliseconds; null while none is set, and while one is being handled. */
    getAlarm(): Promise<number | null>;
    setAlarm(atMs: number): Promise<void>;
  };
}

export interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** Variables and secrets are strings, and may be named in the configuration as `${NAME}`. */
export interface Env {
  /** The way to PostgreSQL; without it `store:` is connected to directly. */
  readonly HYPERDRIVE?: Hyperdrive;
  /** The Durable Object that ticks every second; without it there is one tick a minute. */
  readonly TICKER?: ObjectNamespace;
  /** coalmine.yaml as text. */
  readonly COALMINE_CONFIG?: string;
  readonly [name: string]: unknown;
}
