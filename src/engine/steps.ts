/**
 * Steps of the clock (DESIGN §3): when the wall clock jumps against the monotonic one, looks before the jump prove
 * nothing after it, and open canaries get their whole time again. Our own fault, and never the pipeline's loss.
 */
import { voidBefore } from '../domain/watermark.ts';
import { bringForward } from '../store/alert.ts';
import { rewindDetectors } from '../store/detect.ts';
import { commitFindings } from '../store/finding.ts';
import { fenceOff, type Lease, LeaseLostError } from '../store/lease.ts';
import { saveWatches, underLease } from '../store/lock.ts';
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

/**
 * Restarts deadlines, moves the plans, voids what the looks of these leases had proven and fences off those under way: they
 * began in the old time. The leases are over. Can be repeated when the store failed in between.
 */
export async function onClockStep(engine: Engine, stepMs: number, held: readonly Lease[]): Promise<void> {
  const nowMs = engine.ctx.clock.now();
  engine.ctx.log('warn', 'clock.step', { stepMs: Math.round(stepMs) });
  await restartDeadlines(engine.sql, nowMs);
  for (const p of engine.pipelines) await replan(engine.sql, p.number, { nowMs, backwards: stepMs < 0 });
  if (stepMs < 0) {
    await rewindDetectors(engine.sql, nowMs);
    await bringForward(engine.sql, nowMs);
  }
  const finding = { kind: 'clock_step', at_ms: nowMs, count: 1, sample: { stepMs: Math.round(stepMs) } };
  await commitFindings(
    engine.sql,
    engine.pipelines.map(p => ({ pipeline: p.number, checkpoint: 0, ...finding })),
  );
  await rereadPlans(engine);
  for (const lease of held) {
    try {
      await underLease(engine.sql, lease, async (tx, watch) => {
        await saveWatches(tx, [{ lease, watch: voidBefore(watch, nowMs) }]);
        await fenceOff(tx, lease);
      });
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error;
    }
  }
}
