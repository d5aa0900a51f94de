import type { IncidentKind, Severity } from '../domain/incident.ts';
import type { Definition } from './definition.ts';
import type { Json } from './observer.ts';

/**
 * Why people are told.
 * - `opened`, `worsened`, `reminder`, `resolved`: of one incident, in this order; `resolved` is the last.
 * - `summary`: it began and ended before anybody could be told: one notice instead of two.
 * - `test`: of no incident; `coalmine notify test`.
 */
export type NoticeEvent = 'opened' | 'worsened' | 'reminder' | 'resolved' | 'summary' | 'test';

/** One message about one incident, whole: whoever gets only this one can act on it. Never holds a whole token. */
export interface Notice {
  /** The same however often it is sent: receivers drop repetitions by it. */
  readonly id: string;
  /** The same for all notices of one incident. */
  readonly incident: string;
  readonly event: NoticeEvent;
  /** 1, 2, … of this incident at this notifier. */
  readonly sequence: number;
  readonly kind: IncidentKind;
  /** `loss`: for the security desk. `ours`: coalmine's own troubles, for whoever runs it. */
  readonly concerns: 'loss' | 'ours';
  readonly severity: Severity;
  readonly pipeline: { readonly name: string; readonly title: string };
  /** The checkpoint that it was found at; null: the pipeline as a whole. */
  readonly checkpoint: string | null;
  /** One line, at most 200 characters, that says what is wrong and where. */
  readonly title: string;
  /** Plain text of a few short lines: what a colleague would tell you. */
  readonly text: string;
  /** The same as label and value, for channels that lay facts out. */
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  /** The incident's page; null where there is none. */
  readonly url: string | null;
  readonly beganMs: number;
  readonly detectedMs: number;
  /** null while it lasts. */
  readonly endedMs: number | null;
  /** When this notice was written, Unix milliseconds. */
  readonly atMs: number;
  /** Head of the ledger's hash chain then; null: nothing sealed yet. */
  readonly chainHead: string | null;
  /** The incident as `/api/v1/incidents/:id` gives it. */
  readonly details: Json;
}

/** What a channel answered that the next notice of the same incident needs (ids of threads, of incidents over there). */
export type Receipt = { readonly [key: string]: Json };

export interface Notifier {
  /**
   * Delivers one notice, once. `previous`: the receipt of the last notice of this incident that was delivered here; null: none.
   * Throws `Retry` when trying again may help, `Permanent` when it can't; anything else thrown counts as `Retry`.
   * Must end soon after `signal` aborts.
   */
  notify(notice: Notice, previous: Receipt | null, signal: AbortSignal): Promise<Receipt>;
  close(): Promise<void>;
}

/** Not delivered; trying again may help. `afterMs`: when the channel said how long to wait. */
export class Retry extends Error {
  override readonly name = 'Retry';
  readonly afterMs: number | null;
  constructor(message: string, afterMs: number | null = null) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** Not delivered, and never will be this way: a wrong key, a channel that is gone. The message says what to do. */
export class Permanent extends Error {
  override readonly name = 'Permanent';
}

export interface NotifierTraits {
  /** The newest notice of an open incident is delivered again this often, since the channel forgets; null: it doesn't. */
  readonly repeatEveryMs: number | null;
}

export type NotifierDefinition<S = unknown> = Definition<S, Notifier, NotifierTraits>;
