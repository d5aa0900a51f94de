/** What an estimate is of: a pipeline of the configuration, one that isn't there yet, or the first with changes. */
import type { EventConfig, PipelineConfig } from '../../config/config.ts';
import type { Observer } from '../../contracts/observer.ts';
import { beats } from '../../domain/schedule.ts';
import { DAY_MS } from '../../domain/words.ts';
import { type LiveCheckpoint, secondLookOf } from '../../engine/live.ts';
import { registry } from '../../registry.gen.ts';
import { context } from './context.ts';

/** What can be changed from the command line. */
export interface Changes {
  readonly everyMs?: number;
  readonly targets?: number;
  readonly onTimeWithinMs?: number;
  readonly lostAfterMs?: number;
  readonly onTime?: number;
  readonly delivered?: number;
  readonly falseAlarmsPerYear?: number;
}

export interface Plan {
  /** null: one that isn't there yet. */
  readonly pipeline: string | null;
  readonly everyMs: number;
  readonly targets: number;
  /** Targets come and go: `targets` is what was given, or 1. */
  readonly discovered: boolean;
  readonly batch: number;
  readonly onTime: number;
  readonly delivered: number;
  readonly falseAlarmsPerYear: number;
  /** null: provoked, the vendor writes the record. */
  readonly event: EventConfig | null;
  readonly checkpoints: readonly LiveCheckpoint[];
}

/** A cron schedule's period is the mean of so many. */
const BEATS = 500;

function everyOf({ schedule, sampling }: PipelineConfig): number {
  if (schedule.kind === 'every') return schedule.everyMs;
  const fromMs = context.clock.now();
  const window = { fromMs, toMs: fromMs + 400 * DAY_MS, limit: BEATS };
  const found = beats({ timing: schedule, sampling, seed: 'estimate' }, window).beats;
  const spanMs = (found.at(-1)?.slotMs ?? 0) - (found[0]?.slotMs ?? 0);
  return found.length > 1 ? spanMs / (found.length - 1) : DAY_MS;
}

export async function planOf(pipeline: PipelineConfig, changes: Changes): Promise<Plan> {
  const checkpoints: LiveCheckpoint[] = [];
  for (const c of pipeline.checkpoints) checkpoints.push(await checkpointOf(c, changes));
  return {
    pipeline: pipeline.name,
    everyMs: changes.everyMs ?? everyOf(pipeline),
    targets: changes.targets ?? Math.max(1, pipeline.targets.length),
    discovered: pipeline.discovery !== undefined && changes.targets === undefined,
    batch: pipeline.batch ?? 1,
    onTime: changes.onTime ?? pipeline.objective.onTime,
    delivered: changes.delivered ?? pipeline.objective.delivered,
    falseAlarmsPerYear: changes.falseAlarmsPerYear ?? pipeline.falseAlarmsPerYear,
    event: pipeline.event ?? null,
    checkpoints,
  };
}

const ASSUMED = {
  everyMs: 60_000,
  onTimeWithinMs: 60_000,
  onTime: 0.99,
  delivered: 0.999,
  settleMs: 5_000,
  keepsMs: 7 * DAY_MS,
} as const;
const LOST_PER_ON_TIME = 4;
const EVENT = { format: 'ocsf', user: 'canary', sourceIp: '192.0.2.1', userAgent: 'coalmine-canary' };

/** One checkpoint, queried by event time: what most backends can do. */
export async function assumedPlan(changes: Changes): Promise<Plan> {
  const onTimeWithinMs = changes.onTimeWithinMs ?? ASSUMED.onTimeWithinMs;
  const lostAfterMs = changes.lostAfterMs ?? LOST_PER_ON_TIME * onTimeWithinMs;
  const keepsMs = Math.max(ASSUMED.keepsMs, 2 * lostAfterMs);
  const config = {
    name: 'backend',
    id: 'backend',
    after: null,
    observe: { kind: 'query', settings: {} },
    onTimeWithinMs,
    lostAfterMs,
    keepsMs,
    settleMs: ASSUMED.settleMs,
    lookEveryMs: lookEveryOf(onTimeWithinMs),
    lookBackMs: keepsMs,
    transforms: [],
  };
  return {
    pipeline: null,
    everyMs: changes.everyMs ?? ASSUMED.everyMs,
    targets: changes.targets ?? 1,
    discovered: false,
    batch: 1,
    onTime: changes.onTime ?? ASSUMED.onTime,
    delivered: changes.delivered ?? ASSUMED.delivered,
    falseAlarmsPerYear: changes.falseAlarmsPerYear ?? 1,
    event: EVENT,
    checkpoints: [live(config, { way: 'query', ingestTime: false, eventTime: true })],
  };
}

/** As a checkpoint without look_every has it. */
const lookEveryOf = (onTimeWithinMs: number): number =>
  Math.min(60_000, Math.max(1_000, Math.round(onTimeWithinMs / 3)));

async function checkpointOf(
  given: PipelineConfig['checkpoints'][number],
  { onTimeWithinMs, lostAfterMs }: Changes,
): Promise<LiveCheckpoint> {
  const config = {
    ...given,
    ...(onTimeWithinMs === undefined ? {} : { onTimeWithinMs, lookEveryMs: lookEveryOf(onTimeWithinMs) }),
    ...(lostAfterMs === undefined ? {} : { lostAfterMs }),
  };
  const definition = registry.observers.get(given.observe.kind);
  const { way = 'query', ingestTime = false } = definition?.traits ?? {};
  // Settings decide how some can be asked. One that can't be opened here (a file that isn't there) is taken as it usually is.
  const observer: Observer | undefined = await Promise.resolve()
    .then(() => definition?.create(given.observe.settings, context))
    .catch(() => undefined);
  await observer?.close().catch(() => {});
  return live(config, {
    way,
    ingestTime: observer?.ingestTime ?? ingestTime,
    eventTime: observer?.eventTime ?? true,
  });
}

function live(
  config: LiveCheckpoint['config'],
  asked: { way: LiveCheckpoint['rules']['way']; ingestTime: boolean; eventTime: boolean },
): LiveCheckpoint {
  const { settleMs, keepsMs, lookEveryMs } = config;
  const { way, ingestTime, eventTime } = asked;
  return {
    config,
    key: { pipeline: 0, checkpoint: 0 },
    rules: {
      way,
      chained: way !== 'query' || ingestTime,
      secondLook: secondLookOf(way, ingestTime, eventTime),
      settleMs,
      keepsMs,
      lookEveryMs,
    },
    observer: { close: async () => {} },
    upstream: [],
    downstream: [],
  };
}
