/**
 * The book of what became of every canary. Stages say what they do to each copy; nothing here is inferred.
 *
 * A copy is *opened* towards the places it should reach, and every opened copy ends in exactly one way at each of
 * them. Handing a copy on is two facts, as it is on a wire: the next hop opens one, then the sender ends its own.
 * So, at any moment, for each canary and place: opened = under way + stored + handed + dropped + overwritten.
 */

export const PLACES = ['archive', 'store', 'export'] as const;
export type Place = (typeof PLACES)[number];

/** How one copy ended. `handed`: the next hop has it and says what becomes of it. */
export type Ending = 'stored' | 'handed' | 'dropped' | 'overwritten';

/** The moments of a canary, in the order of the path. Each is kept once: the first. */
export type Moment =
  | 'received'
  | 'cached'
  | 'dispatched'
  | 'collected'
  | 'archived'
  | 'pushed'
  | 'stored'
  | 'exported';

export interface Tally {
  opened: number;
  underWay: number;
  stored: number;
  handed: number;
  dropped: number;
  overwritten: number;
  /** Of the stored ones, those the place no longer keeps. */
  expired: number;
  /** Attempts that were turned away at the door: no copy was opened. */
  refused: number;
  /** How the last copy ended that didn't get there. */
  last?: {
    readonly state: 'dropped' | 'overwritten' | 'refused' | 'expired';
    readonly where: string;
    readonly why: string;
    readonly atMs: number;
  };
}

export interface Account {
  readonly number: number;
  readonly token: string;
  /** When the lab first met it, Unix milliseconds. */
  readonly firstMs: number;
  /** Ways in: agents by name, `intake:route`, `collector:route`, `store`. */
  readonly via: string[];
  readonly moments: Partial<Record<Moment, number>>;
  /** When each copy became visible in the log store; the first hundred. */
  readonly storedMs: number[];
  readonly places: Partial<Record<Place, Tally>>;
  altered: boolean;
  truncated: boolean;
  /** Lines of somebody else that quote it. */
  echoes: number;
}

const STORED_TIMES_MAX = 100;

export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #accountsMax: number;
  #next = 1;
  #forgottenUntilMs: number | undefined;

  constructor(accountsMax: number) {
    this.#accountsMax = accountsMax;
  }

  /** A copy is under way towards these places. */
  open(tokens: readonly string[], places: readonly Place[], via: string, atMs: number): void {
    for (const token of tokens) {
      const account = this.#account(token, via, atMs);
      for (const place of places) {
        const tally = tallyOf(account, place);
        tally.opened++;
        tally.underWay++;
      }
    }
  }

  /** A copy has got there, or into the hands of the next hop. */
  arrive(tokens: readonly string[], place: Place, how: 'stored' | 'handed', atMs: number): void {
    for (const { account, tally } of this.#found(tokens, place)) {
      tally.underWay--;
      tally[how]++;
      if (how === 'stored' && place === 'store' && account.storedMs.length < STORED_TIMES_MAX)
        account.storedMs.push(atMs);
    }
  }

  /** A copy is gone for good. */
  lose(tokens: readonly string[], places: readonly Place[], how: 'dropped' | 'overwritten', end: End): void {
    for (const place of places)
      for (const { tally } of this.#found(tokens, place)) {
        tally.underWay--;
        tally[how]++;
        tally.last = { state: how, ...end };
      }
  }

  /** A stored copy isn't kept any longer. */
  expire(tokens: readonly string[], place: Place, end: End): void {
    for (const { tally } of this.#found(tokens, place)) {
      tally.expired++;
      tally.last = { state: 'expired', ...end };
    }
  }

  /** An attempt was turned away. */
  refuse(tokens: readonly string[], places: readonly Place[], via: string, end: End): void {
    for (const token of tokens) {
      const account = this.#account(token, via, end.atMs);
      for (const place of places) {
        const tally = tallyOf(account, place);
        tally.refused++;
        tally.last = { state: 'refused', ...end };
      }
    }
  }

  mark(tokens: readonly string[], moment: Moment, atMs: number): void {
    for (const token of tokens) {
      const account = this.#accounts.get(token);
      if (account) account.moments[moment] ??= atMs;
    }
  }

  flag(tokens: readonly string[], what: 'altered' | 'truncated'): void {
    for (const token of tokens) {
      const account = this.#accounts.get(token);
      if (account) account[what] = true;
    }
  }

  echo(tokens: readonly string[]): void {
    for (const token of tokens) {
      const account = this.#accounts.get(token);
      if (account) account.echoes++;
    }
  }

  get(token: string): Account | undefined {
    return this.#accounts.get(token);
  }

  all(): Iterable<Account> {
    return this.#accounts.values();
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** What it met up to then it may have forgotten; undefined: nothing. */
  get forgottenUntilMs(): number | undefined {
    return this.#forgottenUntilMs;
  }

  #account(token: string, via: string, atMs: number): Account {
    let account = this.#accounts.get(token);
    if (account === undefined) {
      account = {
        number: this.#next++,
        token,
        firstMs: atMs,
        via: [],
        moments: {},
        storedMs: [],
        places: {},
        altered: false,
        truncated: false,
        echoes: 0,
      };
      this.#accounts.set(token, account);
      this.#forget();
    }
    // The next hop opens a copy too; only the first hop of each attempt is a way in.
    if (!isInner(via) || account.via.length === 0) if (!account.via.includes(via)) account.via.push(via);
    return account;
  }

  /** Forgets the oldest that has come to rest. What is under way goes to the back of the queue instead. */
  #forget(): void {
    if (this.#accounts.size <= this.#accountsMax) return;
    for (const account of this.#accounts.values()) {
      this.#accounts.delete(account.token);
      if (Object.values(account.places).some(tally => tally.underWay > 0)) {
        this.#accounts.set(account.token, account);
        continue;
      }
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs ?? account.firstMs, account.firstMs);
      return;
    }
  }

  *#found(tokens: readonly string[], place: Place): Iterable<{ account: Account; tally: Tally }> {
    for (const token of tokens) {
      const account = this.#accounts.get(token);
      const tally = account?.places[place];
      if (account && tally) yield { account, tally };
    }
  }
}

/** Where, why and when a copy ended, in words for a person. */
export interface End {
  readonly where: string;
  readonly why: string;
  readonly atMs: number;
}

const isInner = (via: string): boolean => via === 'store' || via.startsWith('collector:');

function tallyOf(account: Account, place: Place): Tally {
  let tally = account.places[place];
  if (tally === undefined) {
    tally = {
      opened: 0,
      underWay: 0,
      stored: 0,
      handed: 0,
      dropped: 0,
      overwritten: 0,
      expired: 0,
      refused: 0,
    };
    account.places[place] = tally;
  }
  return tally;
}
