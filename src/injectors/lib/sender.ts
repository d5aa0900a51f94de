import type { Outcome } from '../../contracts/injector.ts';

/** A way to send framed records: one attempt, one outcome for each frame, never throws for the world's faults. */
export interface Sender {
  send(frames: readonly Buffer[], signal: AbortSignal): Promise<Outcome[]>;
  close(): Promise<void>;
}

export interface SenderBounds {
  /** The longest a call may take, waiting for its turn included. */
  readonly timeoutMs: number;
  /** How long after the last byte a refusal or reset is waited for, since nothing ever says yes. */
  readonly watchMs: number;
}
