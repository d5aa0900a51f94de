import type { Definition } from './definition.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One asking of a checkpoint. Ranges are half open, [fromMs, toMs), Unix milliseconds. */
export interface Look {
  /**
   * - `ingest`: records by when the backend took them in. Only asked where `traits.ingestTime`.
   * - `event`: records by their own time.
   * - `follow`: everything after `cursor`, to the end as it stands when the look begins.
   */
  readonly by: 'ingest' | 'event' | 'follow';
  readonly fromMs: number;
  readonly toMs: number;
  /** What a full-text search must ask for: the tokens' common prefix. A whole token is never searched for. */
  readonly prefix: string;
  /**
   * Texts in records that are wanted too, beside those with the prefix: uses of the canaries' identity by others. Who can't
   * ask for both at once, or is asked in the operator's own words, leaves them out. Absent: none.
   */
  readonly also?: readonly string[];
  /** Where the last committed page of a follow ended; absent at the first look. */
  readonly cursor?: Json;
  /** More than this is a truncated look, not a longer one. */
  readonly limits: { readonly records: number; readonly bytes: number };
}

/** One record that was found, as the backend holds it. The engine looks for tokens in it; the adapter does not. */
export interface SeenRecord {
  /** The whole record as text: the line, or the JSON of the hit. */
  readonly text: string;
  /** The text at the declared place (`at:`), where one is declared; empty where the record lacks it. */
  readonly placed?: readonly string[];
  /** The backend's own id of this record, if it has one: tells a duplicate from a re-read. */
  readonly recordId?: string;
  /** The backend's own ingest time, if it tells. */
  readonly ingestedMs?: number;
  /** The record's event time as the backend holds it, if it tells. */
  readonly eventMs?: number;
}

/** What a look yields: pages, then exactly one end. A look that yields no end counts as failed. */
export type Found =
  | { readonly page: readonly SeenRecord[]; readonly cursor?: Json }
  | {
      readonly end: 'exhausted' | 'truncated' | 'failed';
      /** Why, in words for a person; required unless exhausted. */
      readonly reason?: string;
      /** A back-off the backend asked for. */
      readonly retryAfterMs?: number;
      /** The backend's clock as its answer showed it (a Date header), for the skew estimate. */
      readonly backendNowMs?: number;
      /** A follow that lost its place: records between these times can't have been read. */
      readonly gap?: { readonly fromMs: number; readonly toMs: number; readonly reason: string };
    };

export interface Observer {
  /** Overrides `traits.ingestTime` where the settings decide. */
  readonly ingestTime?: boolean;
  /** False where a query can be asked by ingest time only: then there is no second look by event time. */
  readonly eventTime?: boolean;
  /** Absent on `receive`, which is looked for by nobody: records come to `POST /ingest`. Must end soon after `signal` aborts. */
  observe?(look: Look, signal: AbortSignal): AsyncIterable<Found>;
  /** A query or command that finds the real events of this time by hand; people are told it. Holds no secret. */
  hunt?(range: { readonly fromMs: number; readonly toMs: number }): string;
  close(): Promise<void>;
}

export interface ObserverTraits {
  /** `query` asks a backend, `follow` reads a log from where it was, `receive` is pushed to. */
  readonly way: 'query' | 'follow' | 'receive';
  /** Whether a look `by: 'ingest'` is possible. */
  readonly ingestTime: boolean;
  /** How stale an answer of this backend may be, milliseconds, unless the settings say otherwise. */
  readonly settleMs: number;
  /** How long the backend keeps records unless the checkpoint's `keeps:` says otherwise. */
  readonly keepsMs: number;
}

export type ObserverDefinition<S = unknown> = Definition<S, Observer, ObserverTraits>;
