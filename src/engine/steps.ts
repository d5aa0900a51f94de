/**
 * Steps of the clock (DESIGN §3): when the wall clock jumps against the monotonic one, looks before the jump prove
 * nothing after it, and open canaries get their whole time again. Our own fault, and never the pipeline's loss.
 */
import { voidBefore, type Watch } from '../domain/watermark.ts';
import type { Lease } from '../store/lease.ts';
import { commitFindings, commitSightings } from '../store/sight.ts';
import { replan, restartDeadlines } from '../store/tidy.ts';
import { rereadPlans } from './emit.ts';
import type { Engine } from './live.ts';

/** Smaller corrections are a clock being disciplined, and below every deadline's margin. */
export const STEP_BOUND_MS = 2_000;

export interface ClockReading {
  readonly wallMs: number;
  readonly monoMs: number;
}

/** By how much the wall clock moved beyond what the monotonic clock saw pass. */
export const stepOf = (before: ClockReading, now: ClockReading): number =>
  now.wallMs - before.wallMs - (now.monoMs - before.monoMs);

/** Restarts deadlines, voids what the looks of these leases had proven, moves the plans. Returns the new watches. */
export async function onClockStep(
  engine: Engine,
  stepMs: number,
  held: readonly { readonly lease: Lease; readonly watch: Watch }[],
): Promise<Watch[]> {
  const nowMs = engine.ctx.clock.now();
  engine.ctx.log('warn', 'clock.step', { stepMs: Math.round(stepMs) });
  await restartDeadlines(engine.sql, nowMs);
  for (const p of engine.pipelines) {
    await replan(engine.sql, p.number, { nowMs, backwards: stepMs < 0 });
    await commitFindings(engine.sql, { pipeline: p.number, checkpoint: 0 }, [
      { kind: 'clock_step', at_ms: nowMs, count: 1, sample: { stepMs: Math.round(stepMs) } },
    ]);
  }
  await rereadPlans(engine);
  const voided = held.map(h => ({ ...h, watch: voidBefore(h.watch, nowMs) }));
  for (const v of voided) await commitSightings(engine.sql, v.lease, { rows: [], watch: v.watch });
  return voided.map(v => v.watch);
}
