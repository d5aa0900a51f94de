/** Canaries that are asked for one by one, between beats: `GET /emit` and `coalmine test`. Registered before they exist. */
import { type CanaryName, SENDINGS } from '../domain/canary.ts';
import type { WrittenEvent } from '../domain/event.ts';
import { commitOutcomes, commitSingle, type PlannedBeat } from '../store/emit.ts';
import { marksOf, SEND_GRACE_MS } from './emit.ts';
import { type Engine, FIRST_ASKED_INDEX, inputOf, type LivePipeline, type LiveTarget } from './live.ts';
import { untilCommitted } from './retry.ts';
import { type OwnBeat, sendBeat } from './send.ts';

/** Canaries that may be asked for in one millisecond of one pipeline. */
const PER_MS_MAX = 8_000;
const PART_BASE = 100_000;

async function register(
  engine: Engine,
  pipeline: LivePipeline,
  target: LiveTarget,
  kind: 'emit' | 'test',
): Promise<PlannedBeat> {
  const nowMs = engine.ctx.clock.now();
  const start = Math.floor(engine.ctx.random() * PER_MS_MAX);
  for (let i = 0; i < 16; i++) {
    const index = FIRST_ASKED_INDEX + ((start + i) % PER_MS_MAX);
    const row: PlannedBeat = {
      pipeline: pipeline.number,
      slot: nowMs,
      part: PART_BASE + index,
      index,
      kind,
      generation: pipeline.generation,
      due_ms: nowMs,
      owner: engine.self,
      committed_ms: nowMs,
      send_by_ms: nowMs + pipeline.config.sendWithinMs + SEND_GRACE_MS,
      targets: [target.number],
      marks: marksOf(pipeline, nowMs, [target.number]),
    };
    if (await commitSingle(engine.sql, row)) return row;
  }
  throw new Error('no free canary name in this millisecond: too many are asked for at once');
}

/** One registered, signed line that somebody else sends (`curl … | logger`). Provoked pipelines have none. */
export async function handOut(
  engine: Engine,
  pipeline: LivePipeline,
  target: LiveTarget,
): Promise<{ name: CanaryName; event: WrittenEvent; delivered: () => Promise<void> } | undefined> {
  if (!pipeline.source) return undefined;
  const row = await register(engine, pipeline, target, 'emit');
  const name = { target: target.number, slot: row.slot, index: row.index };
  const event = pipeline.source.format.write(inputOf(engine, pipeline, name, row.slot));
  const delivered = () =>
    untilCommitted(engine, 'emit.handed_out', () =>
      commitOutcomes(engine.sql, [
        {
          pipeline: row.pipeline,
          slot: row.slot,
          part: row.part,
          owner: row.owner,
          sendings: [SENDINGS.indexOf('accepted')],
          first_offs: [0],
          last_offs: [Math.max(0, engine.ctx.clock.now() - row.due_ms)],
          attempts: [1],
          reasons: null,
          aliases: [],
        },
      ]),
    );
  return { name, event, delivered };
}

/** Sends one canary through a target's injector at once, for `coalmine test`. */
export async function sendOne(
  engine: Engine,
  pipeline: LivePipeline,
  target: LiveTarget,
): Promise<{ name: CanaryName; sending: (typeof SENDINGS)[number] }> {
  const row = await register(engine, pipeline, target, 'test');
  const beat: OwnBeat = { pipeline, row };
  const [sending] = await sendBeat(engine, beat);
  return { name: { target: target.number, slot: row.slot, index: row.index }, sending: sending ?? 'unsent' };
}
