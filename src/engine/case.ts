/** What `settle` works on: a checkpoint, what has been read for it so far, and what has been concluded. */
import type { CheckpointConfig } from '../config/config.ts';
import type { Settled } from '../domain/settlement.ts';
import type { Watch } from '../domain/watermark.ts';
import type { Lease } from '../store/lease.ts';
import type { DueKey, MarkRow } from '../store/settle.ts';
import type { InboxRow } from '../store/sight.ts';
import type { LiveCheckpoint, LivePipeline } from './live.ts';
import type { Second } from './seconds.ts';

/** Where to settle: a live checkpoint, or what is left of a retired one. */
export interface SettleAt {
  readonly lease: Lease;
  readonly pipeline: Pick<LivePipeline, 'number' | 'drill' | 'generation' | 'source'>;
  readonly checkpoint: Pick<LiveCheckpoint, 'rules' | 'upstream' | 'downstream'> & {
    readonly config: Pick<CheckpointConfig, 'id' | 'onTimeWithinMs' | 'lostAfterMs'>;
  };
}

/** One checkpoint to settle, with the looks by event time that this round has made there. */
export interface SettleWork {
  readonly at: SettleAt;
  readonly seconds: readonly Second[];
  /** A look came before: rows that wait for a proof may have one now, however many wait. */
  readonly afterLook?: boolean;
  /** Rows that are due no later than this one have been judged. */
  readonly after?: DueKey | null;
}

/** How much a settling did, and whether there is more to do at once. */
export interface SettleResult {
  readonly rows: number;
  readonly more: boolean;
  /** Up to where what is due has been judged; null: to its end. */
  readonly after: DueKey | null;
  /** Some canary isn't where it should be by now: the detectors want to know. */
  readonly missing: boolean;
  readonly watch: Watch;
}

/** A checkpoint's account while it is being settled. */
export interface Case extends SettleWork {
  watch: Watch;
  /** Everything taken from the inbox. */
  inbox: readonly InboxRow[];
  /** What is left in it may be the sighting of what would be called absent: nothing is, until it is empty. */
  isEmptied: boolean;
  /** Up to which watermark the rows that are due were asked for; null: they weren't. */
  dueUntilMs: number | null;
  rows: readonly MarkRow[];
  settled: readonly SettledRow[];
}

export interface SettledRow {
  readonly row: MarkRow;
  readonly result: Settled;
}
