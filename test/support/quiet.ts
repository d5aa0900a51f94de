/** When an engine on virtual time has done what it can: its work is over, or waits for the clock and not for the server. */
import type { Hooks } from './statements.ts';

/** Looked at this often in a row without a statement under way, it waits for something else. */
const QUIET_TURNS = 3;
const TURN_MS = 1;

const real = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

export class Statements {
  #atServer = 0;

  /** The same hooks, and every statement counted. */
  counting(hooks: Hooks = {}): Hooks {
    return {
      ...hooks,
      atServer: change => {
        this.#atServer += change;
      },
    };
  }

  /**
   * Until the work is done or waits for virtual time or a test's hand, for at most so many real milliseconds: how fast the
   * machine is decides nothing. Throws what the work throws.
   */
  async untilQuiet(work: Promise<unknown>, realMsMax: number): Promise<void> {
    let isDone = false;
    const done = work.then(() => {
      isDone = true;
    });
    const end = performance.now() + realMsMax;
    for (let quiet = 0; quiet < QUIET_TURNS && !isDone && performance.now() < end; ) {
      await Promise.race([done, real(TURN_MS)]);
      quiet = this.#atServer === 0 ? quiet + 1 : 0;
    }
  }
}
