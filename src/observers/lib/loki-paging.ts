/**
 * How to page through Loki without missing an entry. A page shorter than its limit proves nothing, since a server or
 * proxy may cap the limit: the next page always starts at the last time stamp seen, that one included, and the range
 * has ended only when nothing new comes. Entries that share a time stamp can't be paged through: they are asked for
 * in one large page, and skipped as incomplete where even that one is cut.
 */
import type { Entry } from './loki-answer.ts';

/** Loki's `max_entries_limit_per_query` unless configured. */
export const LIMIT_MAX = 5000;
/** No server or proxy is taken to cap pages below Loki's own default limit. */
export const CAP_MIN = 100;

export interface Place {
  readonly startNs: bigint;
  readonly limit: number;
  /** Entries at `startNs` that were handed on: how many of each. */
  readonly known: ReadonlyMap<string, number>;
  /** The largest page the server gave in this look: it doesn't cap below that. */
  readonly largest: number;
}

/**
 * - `end`: nothing comes after this page.
 * - `on`: ask again from `place`.
 * - `cut`: the entries of one time stamp fill the largest page there is; from `place` on it can go on without the rest.
 * - `doubt`: they fill the largest page seen, though more was asked: all there are, or a cap.
 */
export interface Step {
  readonly kind: 'end' | 'on' | 'cut' | 'doubt';
  readonly place: Place;
}

export const startAt = (startNs: bigint, pageSize: number): Place => ({
  startNs,
  limit: pageSize,
  known: new Map(),
  largest: 0,
});

/** The entries of a page that weren't handed on yet. */
export const freshOf = (place: Place, page: readonly Entry[]): Entry[] => {
  const left = new Map(place.known);
  return page.filter(entry => {
    if (entry.ns > place.startNs) return true;
    const n = left.get(entry.key) ?? 0;
    left.set(entry.key, n - 1);
    return n <= 0;
  });
};

/** What to do after a page whose entries all lie at or after `place.startNs`, oldest first. */
export const stepAfter = (place: Place, page: readonly Entry[], pageSize: number): Step => {
  const last = page.at(-1);
  const largest = Math.max(place.largest, page.length);
  if (!last) return { kind: 'end', place };
  const ties = count(page.filter(entry => entry.ns === last.ns));
  if (last.ns > place.startNs) {
    return { kind: 'on', place: { startNs: last.ns, limit: pageSize, known: ties, largest } };
  }
  // The larger count of each: a page cut within its ties may show others the next time.
  for (const [key, n] of place.known) ties.set(key, Math.max(n, ties.get(key) ?? 0));
  if (page.length >= place.limit) {
    if (place.limit < LIMIT_MAX)
      return { kind: 'on', place: { ...place, limit: LIMIT_MAX, known: ties, largest } };
    return { kind: 'cut', place: pastTies(place, pageSize, largest) };
  }
  if (page.length < CAP_MIN || page.length < largest) return { kind: 'end', place };
  return { kind: 'doubt', place: pastTies(place, pageSize, largest) };
};

const pastTies = (place: Place, pageSize: number, largest: number): Place => ({
  ...startAt(place.startNs + 1n, pageSize),
  largest,
});

const count = (entries: readonly Entry[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { key } of entries) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};
