/** From the delays of a day or more: which on_time_within and lost_after would fit, beside those that are set. */
import type { CheckpointConfig, Config } from '../../../config/config.ts';
import { formatDuration, printDuration } from '../../../domain/words.ts';
import {
  mergeSketches,
  parseSketch,
  type Sketch,
  sketchCount,
  sketchQuantile,
} from '../../../stats/sketch.ts';
import type { Sql } from '../../../store/open.ts';
import { context } from '../context.ts';
import { readEngine } from '../read-engine.ts';
import { type Finding, hint, ok } from './finding.ts';

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const REACH_MS = 30 * DAY_HOURS * HOUR_MS;
/** With fewer, the slowest one in a thousand hasn't been met yet. */
const CANARIES_MIN = 1_000;
/** A deadline this many times longer than it need be is told of. */
const SLACK = 5;

export interface Proposal {
  readonly onTimeMs: number;
  readonly lostMs: number;
  /** 99.9% arrived within. */
  readonly p999Ms: number;
  readonly slowestMs: number;
  readonly canaries: number;
}

/** Undefined: too few to tell. A half more than the slowest in a thousand; twice the slowest of all, and four times D. */
export function propose(arrived: Sketch): Proposal | undefined {
  const canaries = sketchCount(arrived);
  if (canaries < CANARIES_MIN) return undefined;
  const p999Ms = sketchQuantile(arrived, 0.999) ?? 0;
  const slowestMs = sketchQuantile(arrived, 1) ?? 0;
  const onTimeMs = niceAbove(Math.max(1_000, 1.5 * p999Ms));
  const lostMs = niceAbove(Math.max(4 * onTimeMs, 2 * slowestMs, 30_000));
  return { onTimeMs, lostMs, p999Ms, slowestMs, canaries };
}

const STEPS_MS = [1, 2, 3, 5, 10, 15, 20, 30]
  .flatMap(n => [n * 1_000, n * 60_000, n * HOUR_MS])
  .sort((a, b) => a - b);

/** The next duration that a person would write. */
export const niceAbove = (ms: number): number =>
  STEPS_MS.find(step => step >= ms) ?? Math.ceil(ms / (DAY_HOURS * HOUR_MS)) * DAY_HOURS * HOUR_MS;

export async function checkMeasured(sql: Sql, config: Config): Promise<Finding[]> {
  const { engine } = await readEngine(sql, config);
  const found: Finding[] = [];
  for (const pipeline of engine.pipelines) {
    for (const { config: checkpoint, key } of pipeline.checkpoints) {
      const rows = await sql<{ delays: unknown }[]>`
        select delays from rollup
         where pipeline = ${key.pipeline} and checkpoint = ${key.checkpoint} and delays is not null
           and hour_ms > ${context.clock.now() - REACH_MS}`;
      if (rows.length < DAY_HOURS) continue;
      const proposal = propose(mergeSketches(...rows.map(r => parseSketch(r.delays))));
      const check = `checkpoint ${pipeline.config.name}/${checkpoint.name}`;
      if (proposal) found.push(judge(check, checkpoint, proposal, rows.length));
    }
  }
  return found;
}

function judge(check: string, c: CheckpointConfig, p: Proposal, hours: number): Finding {
  const measured =
    `of ${p.canaries.toLocaleString('en-US')} canaries that arrived in ${formatDuration(hours * HOUR_MS)}, 99.9% did so within ` +
    `${formatDuration(p.p999Ms)}, the slowest after ${formatDuration(p.slowestMs)}`;
  const set = `on_time_within ${printDuration(c.onTimeWithinMs)} and lost_after ${printDuration(c.lostAfterMs)} are set`;
  const fix = `on_time_within: ${printDuration(p.onTimeMs)} and lost_after: ${printDuration(p.lostMs)} would fit`;
  if (c.onTimeWithinMs < p.p999Ms || c.lostAfterMs < p.slowestMs)
    return hint(check, `${measured}; ${set}, which calls ordinary delays late or lost`, fix);
  if (c.onTimeWithinMs > SLACK * p.onTimeMs || c.lostAfterMs > SLACK * p.lostMs)
    return hint(check, `${measured}; ${set}: trouble is told of later than it could be`, fix);
  return ok(check, `${measured}; ${set}, which fits`);
}
