/**
 * The one queue of everything that may happen next. While JavaScript runs nothing is chosen; once it is quiet, chance picks
 * one of what is parked, and virtual time passes when nothing is left to pick, or now and then before.
 */
import { below, type Random } from './random.ts';
import type { Trace } from './trace.ts';

/** Somebody who does things. What a dead one had parked is never resumed; a frozen one goes on when it thaws. */
export interface Actor {
  readonly name: string;
  alive: boolean;
  frozenUntilMs: number;
}

export const newActor = (name: string): Actor => ({ name, alive: true, frozenUntilMs: 0 });

export interface Parked {
  readonly actor: Actor;
  readonly label: string;
  /** What happens when it is picked; the scheduler waits for it. */
  readonly go: () => void | Promise<void>;
  /** Whether it can be picked now; always, unless given. */
  readonly ready?: () => boolean;
}

interface Timer extends Parked {
  readonly atMs: number;
}

/** Chance that time passes although something could happen, and by how much at most: statements and requests take time. */
const SLOW_ONE_IN = 16;
const SLOW_MS_MAX = 20;
/** More than this at one moment is a circle. */
const STEPS_AT_ONCE_MAX = 50_000;
/** Turns of the event loop in which whatever is purely JavaScript comes to rest. */
const QUIET_TURNS = 3;

export class StuckError extends Error {
  override readonly name = 'StuckError';
}

export interface SchedulerOptions {
  readonly random: Random;
  readonly trace: Trace;
  /** Turns of the event loop before JavaScript counts as quiet. */
  readonly quietTurns?: number;
}

export class Scheduler {
  nowMs = 0;
  steps = 0;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #quietTurns: number;
  #parked: Parked[] = [];
  #timers: Timer[] = [];
  #outside = 0;
  #stepsAtOnce = 0;

  constructor(options: SchedulerOptions) {
    this.#random = options.random;
    this.#trace = options.trace;
    this.#quietTurns = options.quietTurns ?? QUIET_TURNS;
  }

  park(parked: Parked): () => void {
    if (parked.actor.alive) this.#parked.push(parked);
    return () => {
      this.#parked = this.#parked.filter(p => p !== parked);
    };
  }

  /** Resolves when its turn has come. */
  turn(actor: Actor, label: string): Promise<void> {
    return new Promise(resolve => void this.park({ actor, label, go: resolve }));
  }

  /** Happens at that time or later. Returns how to call it off. */
  at(atMs: number, parked: Parked): () => void {
    const timer = { ...parked, atMs };
    if (parked.actor.alive) this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(t => t !== timer);
    };
  }

  sleep(actor: Actor, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const atMs = this.nowMs + Math.max(0, Math.ceil(ms));
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const go = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const cancel = this.at(atMs, { actor, label: 'wake', go });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Nothing that it had parked is ever resumed. */
  forget(actor: Actor): void {
    actor.alive = false;
    this.#parked = this.#parked.filter(p => p.actor !== actor);
    this.#timers = this.#timers.filter(t => t.actor !== actor);
  }

  /** Counts work outside of JavaScript (threads, sockets): not quiet before it is over. */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.#outside++;
    try {
      return await work;
    } finally {
      this.#outside--;
    }
  }

  /** Until all JavaScript waits for us. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < this.#quietTurns; ) {
      await new Promise<void>(resolve => setImmediate(resolve));
      turns = this.#outside === 0 ? turns + 1 : 0;
    }
  }

  /** One thing happens, or time passes; never beyond `untilMs`. False: nothing is left until then. */
  async step(untilMs: number): Promise<boolean> {
    await this.quiet();
    const able = this.#able();
    const nextMs = this.#nextMs();
    const slow = able.length > 0 && this.#random() * SLOW_ONE_IN < 1;
    if (able.length === 0 || slow) {
      const toMs = slow ? Math.min(nextMs, this.nowMs + 1 + below(this.#random, SLOW_MS_MAX)) : nextMs;
      if (toMs === Number.POSITIVE_INFINITY)
        throw new StuckError(this.#waiting('nothing can happen any more'));
      if (toMs > untilMs && able.length === 0) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return false;
      }
      this.nowMs = Math.max(this.nowMs, Math.min(toMs, untilMs));
      this.#stepsAtOnce = 0;
      return true;
    }
    this.#stepsAtOnce++;
    if (this.#stepsAtOnce > STEPS_AT_ONCE_MAX) throw new StuckError(this.#waiting('time stands still'));
    const picked = able[below(this.#random, able.length)] as Parked | Timer;
    if ('atMs' in picked) this.#timers = this.#timers.filter(t => t !== picked);
    else this.#parked = this.#parked.filter(p => p !== picked);
    this.steps++;
    this.#trace.line(`${this.steps} ${this.nowMs} ${picked.actor.name} ${picked.label}`);
    await picked.go();
    return true;
  }

  #able(): Parked[] {
    const awake = (p: Parked) => p.actor.frozenUntilMs <= this.nowMs;
    return [
      ...this.#parked.filter(p => awake(p) && (p.ready?.() ?? true)),
      ...this.#timers.filter(t => t.atMs <= this.nowMs && awake(t)),
    ];
  }

  /** When something will be able that isn't now. */
  #nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const t of this.#timers) {
      const ms = Math.max(t.atMs, t.actor.frozenUntilMs);
      if (ms > this.nowMs && ms < nextMs) nextMs = ms;
    }
    for (const { actor } of this.#parked) {
      if (actor.frozenUntilMs > this.nowMs) nextMs = Math.min(nextMs, actor.frozenUntilMs);
    }
    return nextMs;
  }

  #waiting(what: string): string {
    const some = this.#parked.slice(0, 10).map(p => `${p.actor.name}: ${p.label}`);
    return `${what}; ${this.#parked.length} wait: ${some.join(' | ')}`;
  }
}
