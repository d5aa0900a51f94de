/**
 * What a simulated run consists of: plain data, so that a seed gives it, a failing one can be cut down, and a file can hold
 * it. Nothing here runs anything. Times are milliseconds after the start of the run.
 */
import type { FaultsPatch } from '../lab/faults.ts';

/**
 * Who answers where: the lab; whichever replica a balancer picks among those that live (pages, API, /ingest); the receiver of
 * notices, one path for each notifier (`http://hook/desk`).
 */
export const HOSTS = { lab: 'lab', coalmine: 'coalmine', hook: 'hook' } as const;

export interface Plan {
  readonly seed: number;
  /** Configurations as an operator writes them. The first is loaded at the start, others by a `config` action. */
  readonly configs: readonly string[];
  readonly lab: LabPlan;
  /** How many replicas run at the start. */
  readonly replicas: number;
  /** Sorted by time. */
  readonly actions: readonly Action[];
  /** Until when things go wrong. */
  readonly stormMs: number;
  /** How long after the storm everything works: long enough for every canary to be settled for good. */
  readonly calmMs: number;
}

/** What the lab is built with. */
export interface LabPlan {
  readonly agents: readonly string[];
  readonly cacheRecords: number;
  /** How long its log store keeps a record. */
  readonly retentionMs: number;
  readonly indexDelayMs?: Readonly<Record<string, number>>;
  /** Where its intake's export branch posts to, and with which bearer key; absent: there is no such branch. */
  readonly exportTo?: { readonly url: string; readonly key?: string };
}

/** A stage of the way of a statement, at which something happens to it. */
export type StatementFault =
  /** It never reaches the server. */
  | 'fail'
  /** It ran, and nobody hears. */
  | 'unknown'
  /** The replica dies before it runs. */
  | 'die_before'
  /** The replica dies after it ran, before it hears. */
  | 'die_after';

/** What happens to requests between the replicas and the rest of the world, by host name. */
export type WireFault =
  | 'none'
  /** Taken, and no answer until the time-out. */
  | 'timeout_after_acceptance'
  | 'refuse'
  | 'throttle'
  /** The connection breaks in the middle of the answer. */
  | 'cut'
  /** Half of the records of a page, said to be all. */
  | 'half_page'
  /** 200, and nothing in it. */
  | 'empty'
  /** An earlier answer to the same question. */
  | 'stale'
  /** The cursor of the page before once more. */
  | 'cursor_repeats'
  /** The cursor of a page further on. */
  | 'cursor_jumps'
  /** Each request is delivered twice. */
  | 'twice';

export type Action = { readonly atMs: number } & (
  | { readonly do: 'faults'; readonly patch: FaultsPatch }
  | { readonly do: 'restart_agent'; readonly agent: string }
  /** The engine's own requests to a host suffer this from now on, each with this chance. */
  | { readonly do: 'wire'; readonly host: string; readonly fault: WireFault; readonly chance: number }
  /** As `kill -9`: nothing of its memory is used again. */
  | { readonly do: 'kill'; readonly replica: number }
  /** An orderly end. */
  | { readonly do: 'stop'; readonly replica: number }
  | { readonly do: 'start'; readonly replica: number }
  /** A replica does nothing for so long, and then goes on: a paused machine. */
  | { readonly do: 'freeze'; readonly replica: number; readonly forMs: number }
  | { readonly do: 'config'; readonly replica: number; readonly config: number }
  /** A wall clock alone jumps. */
  | { readonly do: 'step'; readonly whose: 'lab' | 'database' | number; readonly ms: number }
  /** One in so many statements of a replica fares so, until it is 0. */
  | {
      readonly do: 'statements';
      readonly replica: number;
      readonly fault: StatementFault;
      readonly oneIn: number;
    }
  | { readonly do: 'store'; readonly up: boolean }
  /** The store as it was then is kept, or comes back. All replicas are stopped before, and start after. */
  | { readonly do: 'backup' }
  | { readonly do: 'restore' }
);
