/** A child of the mutants' run: runs the plans that it is told, on the tree that it belongs to. */
import type { OpenOptions } from '../store/open.ts';
import { runOne } from './cli-run.ts';
import { died } from './cli-seeds.ts';
import type { Plan } from './plan.ts';

/** What it is told. */
export interface PlanJob {
  readonly store: OpenOptions;
  readonly plan: Plan;
}

process.on('message', async message => {
  const { plan, store } = message as PlanJob;
  const result = await runOne(plan, { store, violationsMax: 1 }).catch(error =>
    died(plan.seed, String((error as Error)?.stack ?? error)),
  );
  process.send?.(result);
});
process.on('disconnect', () => process.exit(0));
