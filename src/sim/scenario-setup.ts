/** What a scenario gives to the runner: what is known, what is assumed, and the path that follows from both. */

import type { PatternName } from '../domain/pattern.ts';
import type { Random } from './random.ts';
import type { Fact, ScenarioOptions } from './scenario.ts';
import type { ScenarioPath } from './scenario-path.ts';

export interface ScenarioSetup {
  readonly name: string;
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly assumptions: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  /** null: nothing happens. */
  readonly onsetMs: number | null;
  /** From then on nothing more goes wrong; null: nothing happens. */
  readonly overMs: number | null;
  readonly noticedMs: number | null;
  /** What its incident ought to be called in the end; null: there ought to be none. */
  readonly pattern: PatternName | null;
  readonly pipeline: PipelineSetup;
  readonly defaults: Omit<ScenarioOptions, 'seed'>;
  /** `pinned`: each agent is a target. `unpinned`: one target, and each canary goes through whichever agent it meets. */
  readonly canaries: 'pinned' | 'unpinned';
  /** Share of healthy canaries that come too late, and that never come, by chance. */
  readonly noise: { readonly late: number; readonly lost: number };
  /** Real events an hour, on average. */
  readonly eventsPerHour: number;
  /** Spans in which this share of the agents doesn't answer a health request. */
  readonly unhealthy?: readonly { readonly fromMs: number; readonly toMs: number; readonly share: number }[];
  /** Key of the schedule's jitter, where beats are to be those of another run; otherwise it follows from the seed. */
  readonly scheduleSeed?: string;
  path(random: Random): ScenarioPath;
}

/** The pipeline as its operator would have configured it. */
export interface PipelineSetup {
  readonly name: string;
  readonly title: string;
  readonly checkpoint: string;
  /** What an agent is called; its number follows. */
  readonly agent: string;
  readonly objective: { readonly onTime: number; readonly delivered: number };
  readonly falseAlarmsPerYear: number;
  readonly holdsMs?: number;
  /** Whether the operator gives the volume, so that real events are estimated. */
  readonly volume: boolean;
}

/** A smaller form, for tests: fewer agents, or a shorter span. */
export interface Scale {
  readonly agents?: number;
  /** The run ends then. */
  readonly endMs?: number;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const established = (text: string, source: string): Fact => ({
  text,
  source,
  standing: 'established',
});
export const reported = (text: string, source: string): Fact => ({ text, source, standing: 'reported' });
