/** A bench for the lab's tests: a clock that moves when told, seeded chance, and canaries that need no key. */
import { createLab, type Lab, type LabOptions } from '../../src/lab/lab.ts';

export const START_MS = Date.UTC(2024, 8, 2, 23, 0, 0);

export class BenchClock {
  #nowMs = START_MS;
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  mono(): number {
    return this.#nowMs - START_MS;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const sleeper of [...this.#sleepers])
      if (sleeper.atMs <= this.#nowMs) {
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
  }
}

/** mulberry32. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** A token by number: the right shape, signed by nobody. */
export function tokenOf(n: number): string {
  let digits = '';
  for (let i = 0; i < 40; i++) {
    digits = BASE32[n % 32]! + digits;
    n = Math.floor(n / 32);
  }
  return `coalmine1${digits}`;
}

export const lineOf = (n: number): string =>
  `sshd[4711]: Accepted publickey for canary from 192.0.2.7 port 50022 ssh2: ${tokenOf(n)}`;

export interface Bench {
  readonly clock: BenchClock;
  readonly lab: Lab;
  readonly archived: string[];
  /** Moves the clock in steps of 100 ms, stepping the lab at each. */
  run(ms: number): Promise<void>;
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  get(path: string): Promise<Response>;
  send(agent: string, ...numbers: number[]): Promise<Response>;
  lokiLines(selector?: string, extra?: Record<string, string>): Promise<string[]>;
}

export function bench(options: Partial<LabOptions> & { readonly seed?: number } = {}): Bench {
  const clock = new BenchClock();
  const archived: string[] = [];
  const lab = createLab({
    clock,
    random: seeded(options.seed ?? 1),
    agents: ['web-1', 'web-2'],
    archive: line => void archived.push(line),
    ...options,
  });
  const ask = (path: string, init?: RequestInit) =>
    Promise.resolve(lab.app.fetch(new Request(`http://lab.invalid${path}`, init)));
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    ask(path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' },
      ...init,
    });
  return {
    clock,
    lab,
    archived,
    post,
    get: path => ask(path),
    send: (agent, ...numbers) => post(`/lab/agents/${agent}/logs`, numbers.map(lineOf).join('\n')),
    async run(ms) {
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(100);
        await lab.step();
      }
    },
    async lokiLines(selector = '{job="auth"}', extra = {}) {
      const query = {
        query: selector,
        start: String(START_MS / 1000 - 86_400),
        end: String(START_MS / 1000 + 30 * 86_400),
        limit: '5000',
        direction: 'forward',
        ...extra,
      };
      const response = await ask(`/loki/api/v1/query_range?${new URLSearchParams(query)}`);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      const { data } = (await response.json()) as LokiAnswer;
      return data.result.flatMap(({ values }) => values.map(([, line]) => line));
    },
  };
}

export interface LokiAnswer {
  readonly status: string;
  readonly data: {
    readonly resultType: string;
    readonly result: readonly {
      readonly stream: Record<string, string>;
      readonly values: readonly [string, string][];
    }[];
  };
}
