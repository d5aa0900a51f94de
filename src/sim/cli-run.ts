/** One plan, run and judged: what the program, its children and the mutants call. */
import type { OpenOptions } from '../store/open.ts';
import { checkerOf } from './laws.ts';
import type { Plan } from './plan.ts';
import { runPlan, type SimOutcome } from './run.ts';

export interface SeedResult extends SimOutcome {
  readonly seed: number;
  /** Actions of the plan by what they do, and what fault. */
  readonly faults: Readonly<Record<string, number>>;
}

const REAL_MS_MAX = 15 * 60_000;

export async function runOne(
  plan: Plan,
  options: {
    readonly store: OpenOptions;
    readonly trace?: (line: string) => void;
    readonly violationsMax?: number;
  },
): Promise<SeedResult> {
  const outcome = await runPlan(plan, {
    ...options,
    check: checkerOf(),
    checkEveryMs: 2_000,
    maxReal: REAL_MS_MAX,
  });
  return { ...outcome, seed: plan.seed, faults: faultsOf(plan) };
}

function faultsOf(plan: Plan): Record<string, number> {
  const out: Record<string, number> = {};
  const count = (name: string) => {
    out[name] = (out[name] ?? 0) + 1;
  };
  for (const action of plan.actions) {
    if (action.atMs >= plan.stormMs) continue;
    if (action.do === 'faults') {
      for (const [stage, patch] of Object.entries(action.patch))
        for (const knobs of stage === 'agents' ? Object.values(patch) : [patch])
          for (const [knob, value] of Object.entries(knobs as object))
            if (value !== 0 && value !== false && value !== 'ok' && value !== 5000)
              count(knob === 'query' ? `query ${value}` : `${stage}.${knob}`);
    } else if (action.do === 'wire') {
      if (action.fault !== 'none') count(`wire ${action.fault}`);
    } else if (action.do === 'statements') {
      if (action.oneIn > 0) count(`statement ${action.fault}`);
    } else if (action.do !== 'start' && action.do !== 'restart_agent') count(action.do);
  }
  return out;
}
