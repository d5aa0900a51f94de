/** An estimate for a program: snake case, times in milliseconds, shares as fractions. */
import type { Estimate } from './estimate.ts';

export function estimateJson(e: Estimate): unknown {
  const { plan, wanted } = e;
  return snake({
    pipeline: plan.pipeline,
    everyMs: plan.everyMs,
    targets: plan.targets,
    targetsDiscovered: plan.discovered,
    batch: plan.batch,
    objective: { onTime: plan.onTime, delivered: plan.delivered },
    falseAlarmsPerYear: plan.falseAlarmsPerYear,
    canariesPerDay: e.canariesPerDay,
    threshold: e.threshold,
    wanted,
    faults: e.faults,
    onsets: e.onsets,
    clean: e.clean,
    claim: e.claim,
    agents: e.agents,
    bytesPerCanary: e.bytesPerCanary,
    bytesPerDay: e.bytesPerCanary === null ? null : e.bytesPerCanary * e.canariesPerDay,
    looksPerDay: e.looks,
    burnRates: e.burnRates,
  });
}

/** Infinity isn't JSON: what can't be had is null. */
function snake(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`),
      snake(inner),
    ]),
  );
}
