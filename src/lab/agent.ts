/**
 * An agent: acknowledges once a record is in its cache, and ships the cache to the collector later. A stalled
 * dispatcher goes on caching and goes on looking healthy, which is how sign-in logs were lost in September 2024.
 */
import { altered, truncated } from './damage.ts';
import { backoffMs, post } from './hop.ts';
import type { Place } from './ledger.ts';
import { Meter } from './meter.ts';
import { type Cached, Ring } from './ring.ts';
import { tokensIn } from './tokens.ts';
import { happens, type World } from './world.ts';

export interface AgentOptions {
  readonly name: string;
  readonly cacheRecords: number;
  readonly batchRecords: number;
  readonly dispatchEveryMs: number;
  /** Where batches go. */
  readonly collectorUrl: () => string;
}

/** What the sender is told. */
export interface Receipt {
  readonly status: 200 | 403 | 429 | 503 | 504;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

const PLACES: readonly Place[] = ['archive', 'store'];
const BATCHES_PER_STEP = 20;

export class Agent {
  readonly name: string;
  readonly #options: AgentOptions;
  readonly #world: World;
  readonly #ring: Ring;
  readonly #received: Meter;
  readonly #dispatched: Meter;
  readonly #overwritten: Meter;
  #nextMono = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #lastError: string | undefined;
  #heartbeatMs: number;
  /** Counts restarts: what was under way then is forgotten, not acknowledged. */
  #life = 0;

  constructor(options: AgentOptions, world: World) {
    this.name = options.name;
    this.#options = options;
    this.#world = world;
    this.#ring = new Ring(options.cacheRecords);
    this.#received = new Meter(world.clock);
    this.#dispatched = new Meter(world.clock);
    this.#overwritten = new Meter(world.clock);
    this.#heartbeatMs = world.clock.now();
  }

  /** Takes lines into the cache, or refuses all of them. May answer late, or as if it had failed. */
  async receive(lines: readonly string[], signal?: AbortSignal): Promise<Receipt> {
    const faults = this.#faults();
    const refusal = this.#refusal();
    if (refusal) {
      const end = { where: `agent ${this.name}`, why: refusal.message, atMs: this.#world.clock.now() };
      for (const line of lines) this.#world.ledger.refuse(tokensIn(line), PLACES, this.name, end);
      return refusal;
    }
    for (const line of lines) this.#take(line);
    this.#received.add(lines.length);
    const ackLost = happens(this.#world, faults.ackLost);
    if (faults.ackDelayMs > 0)
      await this.#world.clock.sleep(faults.ackDelayMs, signal).catch(() => undefined);
    return ackLost
      ? { status: 504, message: 'timed out' }
      : { status: 200, message: `cached ${lines.length}` };
  }

  /** Ships what is due. Failures keep the records and wait; the cache is the only bound. */
  async step(): Promise<void> {
    const { clock } = this.#world;
    if (this.#faults().down) return;
    this.#heartbeatMs = clock.now();
    if (this.#faults().stall || clock.mono() < this.#nextMono) return;
    for (let batches = 0; batches < BATCHES_PER_STEP; batches++) {
      const batch = this.#ring.due(clock.mono(), this.#options.batchRecords);
      if (batch.length === 0) break;
      const ended = await this.#dispatch(batch);
      if (ended === 'deadlocked') return;
      if (ended === 'failed') {
        this.#nextMono = clock.mono() + backoffMs(++this.#failures);
        return;
      }
      this.#failures = 0;
      this.#lastError = undefined;
    }
    this.#nextMono = clock.mono() + this.#options.dispatchEveryMs;
  }

  /** Clears a deadlock. The cache outlives it; what was under way is sent again. */
  restart(): void {
    this.#life++;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#nextMono = Number.NEGATIVE_INFINITY;
    this.#world.faults.set({ agents: { [this.name]: { stall: false } } });
  }

  /** What its health check can see: not the dispatcher. */
  health(): { readonly ok: boolean; readonly heartbeatMs: number } {
    return { ok: !this.#faults().down, heartbeatMs: this.#heartbeatMs };
  }

  status() {
    return {
      name: this.name,
      healthy: this.health().ok,
      heartbeatMs: this.#heartbeatMs,
      cached: this.#ring.size,
      cacheRecords: this.#ring.capacity,
      oldestCachedMs: Number(BigInt(this.#ring.oldest()?.ns ?? '0') / 1_000_000n) || null,
      received: this.#received.read(),
      dispatched: this.#dispatched.read(),
      overwritten: this.#overwritten.read(),
      failures: this.#failures,
      lastError: this.#lastError ?? null,
      restarts: this.#life,
    };
  }

  #faults() {
    return this.#world.faults.agent(this.name);
  }

  #refusal(): Receipt | undefined {
    const faults = this.#faults();
    if (faults.down) return { status: 503, message: 'agent is down' };
    if (faults.refuse) return { status: 403, message: 'agent refuses' };
    if (faults.throttle) return { status: 429, message: 'agent throttles', retryAfterSeconds: 1 };
    return undefined;
  }

  #take(line: string): void {
    const { clock, ledger } = this.#world;
    const faults = this.#faults();
    const tokens = tokensIn(line);
    const nowMs = clock.now();
    ledger.open(tokens, PLACES, this.name, nowMs);
    ledger.mark(tokens, 'received', nowMs);
    if (happens(this.#world, faults.drop)) {
      this.#lose(tokens, 'dropped', 'dropped after the acknowledgement');
      return;
    }
    const kept = this.#damage(line, tokens);
    const left = tokensIn(kept);
    const cut = tokens.filter(token => !left.includes(token));
    if (cut.length > 0) this.#lose(cut, 'dropped', 'cut through its token');
    this.#cache(kept, left, 0n);
    if (!happens(this.#world, faults.duplicate)) return;
    ledger.open(left, PLACES, this.name, nowMs);
    // A nanosecond apart, so that a store which keeps one of identical entries keeps both.
    this.#cache(kept, left, 1n);
  }

  #damage(line: string, tokens: readonly string[]): string {
    const { ledger, random } = this.#world;
    const faults = this.#faults();
    let kept = line;
    if (happens(this.#world, faults.alter)) {
      const other = altered(kept, random);
      if (other !== undefined) ledger.flag(tokens, 'altered');
      kept = other ?? kept;
    }
    if (kept !== '' && happens(this.#world, faults.truncate)) {
      kept = truncated(kept, random);
      ledger.flag(tokens, 'truncated');
    }
    return kept;
  }

  #cache(line: string, tokens: readonly string[], laterNs: bigint): void {
    const { clock, ledger, random } = this.#world;
    const faults = this.#faults();
    const stampMs = Math.max(0, Math.floor(clock.now() + faults.skewMs));
    // Held back for one to three dispatches, so that later records overtake it.
    const behindMs = happens(this.#world, faults.reorder)
      ? this.#options.dispatchEveryMs * (1 + 2 * random())
      : 0;
    const gone = this.#ring.push({
      ns: String(BigInt(stampMs) * 1_000_000n + laterNs),
      line,
      tokens,
      dueMono: clock.mono() + faults.delayMs + behindMs,
    });
    ledger.mark(tokens, 'cached', clock.now());
    if (gone === undefined) return;
    this.#overwritten.add();
    this.#lose(gone.tokens, 'overwritten', 'the cache was full, and it was the oldest');
  }

  #lose(tokens: readonly string[], how: 'dropped' | 'overwritten', why: string): void {
    const end = { where: `agent ${this.name}`, why, atMs: this.#world.clock.now() };
    this.#world.ledger.lose(tokens, PLACES, how, end);
  }

  async #dispatch(batch: readonly Cached[]): Promise<'sent' | 'failed' | 'deadlocked'> {
    const { clock, ledger } = this.#world;
    const life = this.#life;
    const sentMs = clock.now();
    const answer = await post(this.#world, {
      url: this.#options.collectorUrl(),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ agent: this.name, records: batch.map(({ ns, line }) => ({ ns, line })) }),
    });
    // The answer reaches nobody: the records stay cached and go out twice, as after a real restart.
    if (life !== this.#life || this.#faults().stall) return 'deadlocked';
    if (!answer.ok) {
      this.#lastError = answer.why;
      return 'failed';
    }
    for (const record of batch) {
      ledger.mark(record.tokens, 'dispatched', sentMs);
      if (!this.#ring.remove(record)) continue;
      for (const place of PLACES) ledger.arrive(record.tokens, place, 'handed', clock.now());
    }
    this.#dispatched.add(batch.length);
    return 'sent';
  }
}
