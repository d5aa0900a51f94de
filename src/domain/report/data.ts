/** What a report is made of: numbers and times, nothing worded or laid out yet. Times are Unix milliseconds, shares fractions. */
import type { Incident } from '../incident.ts';
import type { Verified } from './verified.ts';

export interface ReportData {
  readonly version: string;
  readonly asOfMs: number;
  readonly asked: {
    readonly sinceMs: number;
    readonly untilMs: number;
    /** Number of the one incident that was asked for; null: a period was. */
    readonly incident: number | null;
    /** Names as asked; null: all that are configured. */
    readonly pipelines: readonly string[] | null;
  };
  /** What is counted, by the slots of canaries: the period, made whole to its hours. Half open. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly pipelines: readonly PipelineFacts[];
  /** Of loss, in the order in which they began; and the one that was asked for, whatever its kind. */
  readonly incidents: readonly IncidentFacts[];
  /** Of coalmine's own troubles. */
  readonly troubles: readonly Incident[];
  /** How many more there are than either list holds. */
  readonly incidentsMore: number;
  readonly record: Verified;
}

export interface PipelineFacts {
  readonly name: string;
  readonly title: string;
  /** The schedule in words. */
  readonly every: string;
  /** Kinds of adapters. */
  readonly inject: string;
  readonly checkpoints: readonly CheckpointFacts[];
  readonly targets: TargetsFacts;
}

export interface Share {
  readonly n: number;
  readonly delivered: number;
}

/** An age in milliseconds, or "not back by"; null: of nothing. */
export type Quantile = number | { readonly above: number } | null;

export interface CheckpointFacts {
  readonly name: string;
  readonly after: string | null;
  readonly kind: string;
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
  /** Beginning of the first hour in which anything was counted; null: nothing was. */
  readonly countedFromMs: number | null;
  /** How far the checkpoint had been seen when this was written; null: never. */
  readonly watermarkMs: number | null;
  /** Canaries by bucket, drills among them. */
  readonly counts: Readonly<Record<string, number>>;
  /** Without drills. */
  readonly scheduled: number;
  /** The three ways in one line. */
  readonly sentence: string;
  readonly accepted: Share & { readonly atLeast: number };
  readonly ofScheduled: Share;
  readonly worst: Share;
  readonly objectives: readonly ObjectiveFacts[];
  readonly blind: BlindFacts;
  readonly delays: {
    readonly n: number;
    readonly p50: Quantile;
    readonly p95: Quantile;
    readonly p99: Quantile;
  };
  readonly drills: {
    readonly tested: number;
    readonly found: number;
    readonly seen: number;
    /** Nothing could have been found: blind, or not seeing. */
    readonly unproven: number;
    readonly open: number;
  };
}

export interface ObjectiveFacts {
  readonly of: 'on_time' | 'delivered';
  readonly wanted: number;
  /** Of these it can be told. */
  readonly n: number;
  readonly missing: number;
  /** One-sided 95% Clopper–Pearson bounds of the share that made it, pointwise. */
  readonly atLeast: number;
  readonly atMost: number;
  /** Canaries without a miss that "met" would take; null: no number of them would do. */
  readonly needed: number | null;
  /** Of these it can't be told, or not yet. */
  readonly unknown: number;
  readonly is: 'met' | 'not met' | 'open';
}

/** Time of the period in which absence could not be proven, as far as it is on record: spans don't overlap. */
export interface BlindFacts {
  readonly ms: number;
  readonly spans: readonly { readonly fromMs: number; readonly toMs: number; readonly reason: string }[];
  readonly more: number;
  /** Canaries that were taken, and whose fate could not be proven. */
  readonly unproven: number;
}

/** The inventory, held against who had canaries in the period. */
export interface TargetsFacts {
  /** Since when canaries can be told apart by target: ordinary ones are kept for a while only. null: none can. */
  readonly lookedFromMs: number | null;
  readonly lookedToMs: number;
  /** `new`, `active` and `quiet` ones, as the configuration or the discovery last had them. */
  readonly inventory: number;
  readonly quiet: number;
  readonly retired: number;
  readonly withCanaries: number;
  /** At most 100, by name. */
  readonly without: readonly { readonly name: string; readonly state: string }[];
  readonly withoutMore: number;
}

export interface IncidentFacts {
  readonly incident: Incident;
  readonly lost: {
    readonly canaries: number;
    /** At most 200, the oldest first. */
    readonly ranges: readonly LostRange[];
    readonly rangesMore: number;
    readonly canariesMore: number;
  };
  readonly notices: readonly NoticeFacts[];
  readonly noticesMore: number;
}

/** Lost canaries of one target with nothing arriving between them. */
export interface LostRange {
  readonly target: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly n: number;
}

export interface NoticeFacts {
  readonly notifier: string;
  readonly event: string;
  readonly state: 'waiting' | 'sent' | 'failed' | 'merged';
  readonly createdMs: number;
  readonly doneMs: number | null;
  /** Failed ones. */
  readonly attempts: number;
  readonly error: string | null;
  /** The notifier that could not be reached; null: it was meant for this one. */
  readonly insteadOf: string | null;
}
