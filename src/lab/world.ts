/** What every part of the lab is given: time, chance, transport, the fault knobs and the book of what happened. */
import type { Clock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Ledger } from './ledger.ts';

export interface World {
  readonly clock: Clock;
  readonly random: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly faults: Faults;
  readonly ledger: Ledger;
}

/** One decision of a fault. Certainties draw nothing, so a knob at rest doesn't disturb the other draws. */
export const happens = (world: Pick<World, 'random'>, chance: number): boolean =>
  chance >= 1 || (chance > 0 && world.random() < chance);
