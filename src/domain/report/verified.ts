/** What a verification of the record says. Types only. */

/** One thing that doesn't agree. */
export interface Broken {
  readonly pipeline: string;
  readonly checkpoint: string;
  /** When the hour begins, Unix milliseconds. */
  readonly hourMs: number;
  /** Number of the link concerned; null: none. */
  readonly link: number | null;
  /** A clause: what differs from what. */
  readonly what: string;
}

/** What was found of one pipeline's chain. */
export interface VerifiedChain {
  readonly pipeline: { readonly id: string; readonly name: string };
  readonly ok: boolean;
  /** Hash of the newest link; null: nothing is sealed yet. */
  readonly head: string | null;
  /** Number of the newest link. */
  readonly number: number;
  readonly sealedMs: number | null;
  /** Links that were recomputed. */
  readonly links: number;
  /** Of these, how many say anew what an earlier one had said. */
  readonly revisions: number;
  /** Older links are dropped with their rollups: this one is the oldest, and taken as it stands. null: the chain is whole. */
  readonly anchor: { readonly number: number; readonly sealedMs: number } | null;
  /** Hours that the links speak of: beginning of the first, end of the last; null: none. */
  readonly span: { readonly fromMs: number; readonly toMs: number } | null;
  /** Hours that are over, and not sealed as they are now. */
  readonly unsealed: number;
  readonly checked: {
    /** Hours whose rows are all there, and sum to the rollup. */
    readonly hours: number;
    /** Older hours, of which what was out of the ordinary is there. */
    readonly exceptionHours: number;
    /** Rows whose verdicts and counts follow from their evidence. */
    readonly rows: number;
    /** There are more rows than were gone through one by one. */
    readonly cut: boolean;
  };
  /** At most 20, the oldest hour first. */
  readonly broken: readonly Broken[];
  readonly brokenMore: number;
}

export interface FoundHead {
  readonly pipeline: string;
  readonly number: number;
  readonly sealedMs: number;
}

export interface Verified {
  readonly ok: boolean;
  readonly asOfMs: number;
  readonly storeId: string | null;
  readonly chains: readonly VerifiedChain[];
  /** Where the head that was given is; null: in none of the chains. Absent: none was given. */
  readonly head?: FoundHead | null;
}
