/** Seeds over child processes: each asks for the next when it has done one. A child that dies fails its seed, not the run. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { OpenOptions } from '../store/open.ts';
import type { SeedResult } from './cli-run.ts';

export interface SeedWork {
  readonly store: OpenOptions;
  readonly isBrief: boolean;
  readonly seeds: readonly number[];
  /** Stops handing out seeds once one has violations. */
  readonly isOneEnough?: boolean;
  /** The built tree whose children run them; this one unless given. */
  readonly dist?: string;
}

/** What a child is told, one seed at a time. */
export interface Job {
  readonly store: OpenOptions;
  readonly isBrief: boolean;
  readonly seed: number;
}

export async function runSeeds(
  work: SeedWork,
  jobs: number,
  on: (result: SeedResult) => void,
): Promise<void> {
  const waiting = [...work.seeds];
  const next = (): Job | null => {
    const seed = waiting.shift();
    return seed === undefined ? null : { store: work.store, isBrief: work.isBrief, seed };
  };
  const heard = (result: SeedResult) => {
    if (work.isOneEnough && result.violations.length > 0) waiting.length = 0;
    on(result);
  };
  const child = join(work.dist ?? join(import.meta.dirname, '..'), 'sim/cli-child.js');
  await Promise.all(Array.from({ length: Math.min(jobs, waiting.length) }, () => attend(child, next, heard)));
}

function attend(child: string, next: () => Job | null, heard: (result: SeedResult) => void): Promise<void> {
  return new Promise(resolve => {
    let job = next();
    if (job === null) return resolve();
    const worker = fork(child, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    worker.on('message', message => {
      heard(message as SeedResult);
      job = next();
      if (job) worker.send(job);
      else worker.disconnect();
    });
    worker.on('exit', code => {
      if (job === null) return resolve();
      heard(died(job.seed, `its process ended with ${code}`));
      void attend(child, next, heard).then(resolve);
    });
    worker.send(job);
  });
}

/** The result of a run that came to no end. */
export const died = (seed: number, text: string): SeedResult => ({
  seed,
  faults: {},
  violations: [{ step: 0, atMs: 0, text: `run: ${text}` }],
  steps: 0,
  statements: 0,
  virtualMs: 0,
  canaries: 0,
  notices: 0,
  lockWaits: 0,
  struck: {},
  traceHash: '',
});
