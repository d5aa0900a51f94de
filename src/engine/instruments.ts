/**
 * Counters of this process: what its loops did. Everything a user would alert on is computed from the store instead
 * (Workers share no memory); these tell an operator how the process itself fares.
 */
export const COUNTERS = [
  'beats_planned',
  'beats_skipped',
  'canaries_sent',
  'send_attempts',
  'looks_exhausted',
  'looks_truncated',
  'looks_failed',
  'records_read',
  'sightings',
  'echoes',
  'forged',
  'orphans',
  'rows_settled',
  'step_failures',
  'store_retries',
  'leases_lost',
  'pushes_accepted',
  'pushes_refused',
  'incidents_opened',
  'incidents_ended',
  'notices_sent',
  'notices_repeated',
  'notice_failures',
  'notices_given_up',
  'heartbeats_sent',
  'heartbeats_withheld',
] as const;
export type Counter = (typeof COUNTERS)[number];

export interface Instruments {
  readonly counts: Readonly<Record<Counter, number>>;
  add(counter: Counter, by?: number): void;
}

export function createInstruments(): Instruments {
  const counts = Object.fromEntries(COUNTERS.map(c => [c, 0])) as Record<Counter, number>;
  return {
    counts,
    add(counter, by = 1) {
      counts[counter] += by;
    },
  };
}
