/** Wall and monotonic clocks over the one virtual time line. A wall clock can be stepped; the monotonic one never jumps. */
import type { Clock } from '../contracts/context.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/** When every run begins. */
export const START_MS = Date.UTC(2024, 8, 2, 12, 0, 0);

/** The wall clock of a machine: replicas that die and start again find it as it was. */
export class WallClock {
  readonly #scheduler: Scheduler;
  #offsetMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  now = (): number => START_MS + this.#scheduler.nowMs + this.#offsetMs;

  get offsetMs(): number {
    return this.#offsetMs;
  }

  step(ms: number): void {
    this.#offsetMs += ms;
  }
}

/** The clock of somebody who runs on a machine. */
export const clockOf = (scheduler: Scheduler, wall: WallClock, actor: Actor): Clock => ({
  now: wall.now,
  mono: () => scheduler.nowMs,
  sleep: (ms, signal) => scheduler.sleep(actor, ms, signal),
});
