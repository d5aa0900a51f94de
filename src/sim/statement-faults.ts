/** What a statement suffers on its way to the store and back, and the errors that its caller is given for it. */
import type { StatementFault } from './plan.ts';
import { below, type Random } from './random.ts';

/** The server that injected errors name: what holds it is a consequence of them. */
export const SIMULATED = 'simulated:5432';

/** The code of the driver's error when a connection breaks under a statement. */
const BROKEN = 'CONNECTION_CLOSED';

/** As postgres.js has it when a connection breaks. */
export const connectionLost = (): Error =>
  Object.assign(new Error(`write ${BROKEN} ${SIMULATED}`), {
    code: BROKEN,
    errno: BROKEN,
    address: 'simulated',
  });

/** As Node has it where nobody listens. */
export const connectionRefused = (): Error =>
  Object.assign(new Error(`connect ECONNREFUSED ${SIMULATED}`), {
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'connect',
    address: 'simulated',
    port: 5432,
  });

/** The faults of one replica's statements, by chance. */
export class StatementFaults {
  readonly #random: Random;
  readonly #oneIn = new Map<StatementFault, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** 0: none any more. */
  set(fault: StatementFault, oneIn: number): void {
    if (oneIn > 0) this.#oneIn.set(fault, oneIn);
    else this.#oneIn.delete(fault);
  }

  reset(): void {
    this.#oneIn.clear();
  }

  draw(): StatementFault | undefined {
    for (const [fault, oneIn] of this.#oneIn) if (below(this.#random, oneIn) === 0) return fault;
    return undefined;
  }
}
