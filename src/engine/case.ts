/** What `settle` works on: a checkpoint, what has been read for it so far, and what has been concluded. */
import type { CheckpointConfig } from '../config/config.ts';
import type { Settled } from '../domain/settlement.ts';
import type { Watch } from '../domain/watermark.ts';
import type { Lease } from '../store/lease.ts';
import type { MarkRow } from '../store/settle.ts';
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
}

/** How much a settling did, and whether there is more to do at once. */
export interface SettleResult {
  readonly rows: number;
  readonly more: boolean;
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
  rows: readonly MarkRow[];
  settled: readonly SettledRow[];
}

export interface SettledRow {
  readonly row: MarkRow;
  readonly result: Settled;
}
