import type { EventInput, WrittenEvent } from '../domain/event.ts';
import type { Definition } from './definition.ts';

/** A canary on its way out. */
export interface Outgoing {
  readonly token: string;
  /** The same identity as a UUIDv8: plant it where only a GUID fits (a correlation id). */
  readonly uuid: string;
  readonly slotMs: number;
  /** Name of the target. Settings of its own have been merged into the injector's: one injector per distinct settings. */
  readonly target: string;
  /** The written event; absent on provoked pipelines, where the vendor authors the record. */
  readonly event?: WrittenEvent;
  /** What `event` was made from, for provoked pipelines (user agent, user). */
  readonly input: EventInput;
}

/**
 * How one attempt ended. The engine retries `again` until `send_within` has passed; an adapter never does.
 * - `accepted`: the first hop said yes. `aliases`: identities the backend assigned, matched like tokens.
 * - `refused`: the first hop said no (or isn't there). `again: true` where trying again may help, `afterMs` where it said when.
 * - `maybe_sent`: it may have been taken (time-out after the request left, connection lost before the answer).
 * - `unsent`: provably nothing left this machine.
 */
export type Outcome =
  | { readonly result: 'accepted'; readonly aliases?: readonly string[] }
  | {
      readonly result: 'refused';
      readonly reason: string;
      readonly again?: boolean;
      readonly afterMs?: number;
    }
  | { readonly result: 'maybe_sent'; readonly reason: string; readonly again?: boolean }
  | { readonly result: 'unsent'; readonly reason: string; readonly again?: boolean };

export interface Injector {
  /**
   * One attempt for each canary; outcomes in the same order and number. Never throws for the world's faults
   * (they are outcomes). Must end soon after `signal` aborts; what was in flight then is `maybe_sent`.
   */
  inject(canaries: readonly Outgoing[], signal: AbortSignal): Promise<readonly Outcome[]>;
  close(): Promise<void>;
}

export interface InjectorTraits {
  /** `written`: sends `event`. `provoked`: causes a real sign-in. */
  readonly events: 'written' | 'provoked';
}

export type InjectorDefinition<S = unknown> = Definition<S, Injector, InjectorTraits>;
