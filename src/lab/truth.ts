/** The ground truth as others read it: every canary with its state at each place, filtered, counted and paged. */
import { type Account, type Ledger, type Moment, PLACES, type Place, type Tally } from './ledger.ts';

export const STATES = ['stored', 'in_flight', 'dropped', 'overwritten', 'refused', 'expired'] as const;
/**
 * One state for each place, the best that any copy reached: a copy is there; else one may still come; else how
 * the last one ended.
 */
export type State = (typeof STATES)[number];

export interface PlaceTruth extends Readonly<Omit<Tally, 'last'>> {
  readonly state: State;
  /** Copies that are there now. */
  readonly copies: number;
  /** Where, why and when the last copy ended that isn't there. */
  readonly where?: string;
  readonly why?: string;
  readonly atMs?: number;
}

export interface CanaryTruth {
  readonly number: number;
  readonly token: string;
  readonly via: readonly string[];
  readonly firstMs: number;
  readonly times: Readonly<Partial<Record<`${Moment}Ms`, number>>>;
  /** When each copy became visible in the log store; the first hundred. */
  readonly storedAllMs: readonly number[];
  readonly places: Readonly<Partial<Record<Place, PlaceTruth>>>;
  readonly altered: boolean;
  readonly truncated: boolean;
  /** Lines of the collector that quote it; they are not copies. */
  readonly echoes: number;
}

export interface TruthQuery {
  /** Half open, [since, until), on when the lab first met the canary, Unix milliseconds. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** A way in: an agent's name, or `intake:route`. */
  readonly agent?: string;
  /** Canaries with this state at `place`, or at any place. */
  readonly state?: State;
  readonly place?: Place;
  readonly token?: string;
  /** The `next` of the page before. */
  readonly cursor?: number;
  /** At most 10,000; 1,000 unless said. */
  readonly limit?: number;
}

export interface TruthCounts {
  readonly canaries: number;
  readonly altered: number;
  readonly truncated: number;
  readonly echoed: number;
  readonly places: Readonly<Record<Place, Readonly<Record<State, number>>>>;
}

export interface Truth {
  readonly data: readonly CanaryTruth[];
  readonly next: number | null;
  /** Of all that match, not only of this page. */
  readonly counts: TruthCounts;
  /** False once something was forgotten: then only what was met after `sinceMs` is whole. */
  readonly complete: boolean;
  readonly sinceMs: number | null;
}

export function readTruth(ledger: Ledger, query: TruthQuery = {}): Truth {
  const limit = Math.min(Math.max(1, query.limit ?? 1000), 10_000);
  const counts = noCounts();
  const matching = select(ledger, query).sort((a, b) => a.number - b.number);
  for (const account of matching) count(counts, account);
  const page = matching.filter(account => account.number > (query.cursor ?? 0)).slice(0, limit + 1);
  const data = page.slice(0, limit).map(canaryTruth);
  return {
    data,
    next: page.length > limit ? data.at(-1)!.number : null,
    counts,
    complete: ledger.forgottenUntilMs === undefined,
    sinceMs: ledger.forgottenUntilMs ?? null,
  };
}

function select(ledger: Ledger, query: TruthQuery): Account[] {
  if (query.token !== undefined) {
    const account = ledger.get(query.token.toLowerCase());
    return account && matches(account, query) ? [account] : [];
  }
  const out: Account[] = [];
  for (const account of ledger.all()) if (matches(account, query)) out.push(account);
  return out;
}

function matches(account: Account, query: TruthQuery): boolean {
  if (query.sinceMs !== undefined && account.firstMs < query.sinceMs) return false;
  if (query.untilMs !== undefined && account.firstMs >= query.untilMs) return false;
  if (query.agent !== undefined && !account.via.includes(query.agent)) return false;
  if (query.state === undefined)
    return query.place === undefined || account.places[query.place] !== undefined;
  const places = query.place === undefined ? PLACES : [query.place];
  return places.some(place => {
    const tally = account.places[place];
    return tally !== undefined && stateOf(tally) === query.state;
  });
}

function canaryTruth(account: Account): CanaryTruth {
  const { number, token, via, firstMs, moments, storedMs, altered, truncated, echoes } = account;
  const times = Object.fromEntries(Object.entries(moments).map(([moment, ms]) => [`${moment}Ms`, ms]));
  const places = Object.fromEntries(
    Object.entries(account.places).map(([place, tally]) => [place, placeTruth(tally)]),
  );
  return {
    number,
    token,
    via: [...via],
    firstMs,
    times,
    storedAllMs: [...storedMs],
    places,
    altered,
    truncated,
    echoes,
  };
}

function placeTruth({ last, ...tally }: Tally): PlaceTruth {
  const end = last && { where: last.where, why: last.why, atMs: last.atMs };
  return { state: stateOf({ ...tally, last }), copies: tally.stored - tally.expired, ...tally, ...end };
}

function stateOf(tally: Tally): State {
  if (tally.stored > tally.expired) return 'stored';
  if (tally.underWay > 0) return 'in_flight';
  if (tally.stored > 0) return 'expired';
  // A copy that was handed on is always opened again by whoever took it, so something was said of it.
  return tally.last?.state ?? 'in_flight';
}

type Writable<T> = { -readonly [K in keyof T]: T[K] extends number ? number : Writable<T[K]> };

function noCounts(): Writable<TruthCounts> {
  const states = () => Object.fromEntries(STATES.map(state => [state, 0])) as Record<State, number>;
  return {
    canaries: 0,
    altered: 0,
    truncated: 0,
    echoed: 0,
    places: { archive: states(), store: states(), export: states() },
  };
}

function count(counts: Writable<TruthCounts>, account: Account): void {
  counts.canaries++;
  if (account.altered) counts.altered++;
  if (account.truncated) counts.truncated++;
  if (account.echoes > 0) counts.echoed++;
  for (const place of PLACES) {
    const tally = account.places[place];
    if (tally) counts.places[place][stateOf(tally)]++;
  }
}
