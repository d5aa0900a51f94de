/** How a look ends, and what of it may be kept: the shared words of the adapters. */
import type { Found, Look, SeenRecord } from '../../contracts/observer.ts';

export type End = Extract<Found, { readonly end: unknown }>;
type Facts = Omit<End, 'end' | 'reason'>;

export const failed = (reason: string, facts: Facts = {}): End => ({ ...facts, end: 'failed', reason });
export const truncated = (reason: string, facts: Facts = {}): End => ({ ...facts, end: 'truncated', reason });
export const exhausted = (facts: Facts = {}): End => ({ ...facts, end: 'exhausted' });

export const CALLED_OFF = 'the look was called off';

/** What is left of a look's limits. */
export interface Budget {
  /** As many of these as the limits allow; `full` says which limit stopped it, where one did. */
  take<R extends Pick<SeenRecord, 'text'>>(
    records: readonly R[],
  ): { readonly taken: readonly R[]; readonly full?: string };
}

/** The first record is always taken, so that a look that goes on from a cursor gets further even at a tiny limit. */
export const budget = (limits: Look['limits']): Budget => {
  const utf8 = new TextEncoder();
  let records = 0;
  let bytes = 0;
  return {
    take(offered) {
      for (const [i, record] of offered.entries()) {
        const size = utf8.encode(record.text).byteLength;
        if (records > 0 && records + 1 > limits.records) {
          return { taken: offered.slice(0, i), full: `more than ${limits.records} records in one look` };
        }
        if (records > 0 && bytes + size > limits.bytes) {
          return {
            taken: offered.slice(0, i),
            full: `more than ${limits.bytes} bytes of records in one look`,
          };
        }
        records += 1;
        bytes += size;
      }
      return { taken: offered };
    },
  };
};
