/** A child of the program: runs one seed after the other as it is told, until it is told nothing more. */
import { runOne } from './cli-run.ts';
import { died, type Job } from './cli-seeds.ts';
import { planOf } from './generate.ts';

process.on('message', async message => {
  const { seed, store, isBrief } = message as Job;
  const result = await runOne(planOf(seed, { isBrief }), { store }).catch(error =>
    died(seed, String((error as Error)?.stack ?? error)),
  );
  process.send?.(result);
});
process.on('disconnect', () => process.exit(0));
