/** What pages, API and metrics say of pipelines: the words of the one view model that `overview.ts` fills. */
import type { Bucket, Verdict } from '../domain/verdict.ts';
import type { Gap, LastLook, Sight } from '../domain/watermark.ts';
import type { Completeness } from '../stats/completeness.ts';
import type { Sketch } from '../stats/sketch.ts';

/**
 * - `losing`: more is lost than the objective allows, beyond chance; `late`: the same of the deadline D.
 * - `blind`, `not_yet_proven`: nothing can be said, which is neither loss nor health.
 * - `silent`: our own emitter has missed three beats. Ours, never the pipeline's.
 */
export type PipelineState = 'healthy' | 'late' | 'losing' | 'blind' | 'not_yet_proven' | 'silent';

/** How many canaries are in each bucket; those without any are absent. */
export type Counts = Readonly<Partial<Record<Bucket, number>>>;

/** An age in milliseconds, or "not back by": the curve ends there. */
export type DelayQuantile = number | { readonly above: number };

export interface Bar {
  readonly fromMs: number;
  readonly toMs: number;
  readonly counts: Counts;
}

export interface CheckpointView {
  readonly name: string;
  /** The checkpoint before this one; null: straight after injection. */
  readonly after: string | null;
  readonly way: 'query' | 'follow' | 'receive';
  /** The observer's kind (`loki`, `file`). */
  readonly kind: string;
  /** As PipelineState, of this checkpoint alone; never `silent`. */
  readonly state: Exclude<PipelineState, 'silent'>;
  readonly stateReason: string;
  readonly sight: Sight;
  /** Everything visible until then has been accounted for; null: nothing yet. */
  readonly watermarkMs: number | null;
  /** Share of the window that is neither in a gap nor in blindness, 0 … 1. */
  readonly coverage: number;
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
  /** How long this hop holds what it can't pass on, where the operator says. */
  readonly holdsMs: number | null;
  /** Of the window; sums to what was scheduled in it, drills included. */
  readonly counts: Counts;
  /** The sum of `counts` without drills. */
  readonly scheduled: number;
  readonly completeness: Completeness;
  /** The same in one line of English, without a full stop. */
  readonly sentence: string;
  /** Of the whole hours that the window touches. Every quantile counts what is still out; null when n is 0. */
  readonly delays: {
    readonly p50: DelayQuantile | null;
    readonly p95: DelayQuantile | null;
    readonly p99: DelayQuantile | null;
    readonly n: number;
    /** Delays of those that arrived, milliseconds: what a histogram is made of. */
    readonly arrived: Sketch;
  };
  /** At most 120, without holes, oldest first; they sum to `counts`. */
  readonly bars: readonly Bar[];
  readonly lastLook: LastLook | null;
  /** Failed looks in a row. */
  readonly failures: number;
  /** Spans of the window in which absence can't be proven. */
  readonly gaps: readonly Gap[];
}

export interface TargetView {
  readonly name: string;
  /** `new`, `active`, `quiet` or `retired`. */
  readonly state: string;
  readonly checkpoints: readonly {
    readonly name: string;
    readonly verdicts: Readonly<Partial<Record<Verdict, number>>>;
    /** When a canary of this target was last seen here, of those since `targetsFromMs`. */
    readonly lastSeenMs: number | null;
  }[];
}

export interface FindingView {
  readonly kind: string;
  /** null: of the pipeline as a whole. */
  readonly checkpoint: string | null;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** The newest sample, for a person. Never holds a whole token. */
  readonly sample: unknown;
}

/**
 * Of the canaries that are registered and never sent (law 11):
 * - `found lost`: every checkpoint has found the newest one that is due lost. The alarm works.
 * - `open`: none is due yet. `none`: none was planned yet.
 * - `not found`: one is overdue at a checkpoint that sees: the alarm is broken.
 * - `unproven`: no checkpoint could have found it, or was blind.
 * - `seen`: a canary that never left was seen. An alarm.
 */
export type DrillState = 'found lost' | 'open' | 'not found' | 'unproven' | 'seen' | 'none';

export interface PipelineView {
  readonly name: string;
  readonly title: string;
  readonly state: PipelineState;
  readonly stateReason: string;
  readonly targets: { readonly n: number; readonly quiet: number };
  /** The schedule in words: `every 10 s`, `cron 0 * * * * * (UTC)`. */
  readonly every: string;
  /** Injector's kind. */
  readonly inject: string;
  /** When the newest planned beat was due; null: none yet. */
  readonly lastBeatMs: number | null;
  /** A newer configuration runs on another replica. */
  readonly superseded: boolean;
  readonly objective: { readonly onTime: number; readonly delivered: number };
  readonly checkpoints: readonly CheckpointView[];
  /** At most 200, worst first. */
  readonly targetsView: readonly TargetView[];
  /** `targetsView` counts the canaries since then. */
  readonly targetsFromMs: number;
  /** Of the window, newest first. */
  readonly findings: readonly FindingView[];
  readonly drill: { readonly state: DrillState; readonly lastMs: number | null };
}

export interface Overview {
  readonly asOfMs: number;
  /** What was asked for. */
  readonly windowMs: number;
  /** What the counts cover, by slot: the window, made whole to its bars. Half open. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly pipelines: readonly PipelineView[];
}

export interface OverviewOptions {
  /** How far back, milliseconds: 1 minute … 400 days. */
  readonly windowMs: number;
  /** Names of the pipelines to show; all unless given. */
  readonly only?: readonly string[];
}
