/** A planted bug is caught by the plan that is known to, which is clean on the tree as it is. Needs the built tree. */
import { resolve } from 'node:path';
import { expect, inject, test } from 'vitest';

const RUN = resolve(import.meta.dirname, '../../dist/sim/mutants-run.js');

test('a mutant is caught by its known plan, and the control is clean', async () => {
  const { runMutants } = (await import(RUN)) as typeof import('../../src/sim/mutants-run.ts');
  const only = 'deadlines run from the first attempt';
  const options = { store: inject('postgres').admin, only, from: 0, seedsMax: 1, jobs: 1, say: () => {} };
  expect(await runMutants(options)).toMatchObject([
    { name: only, seeds: 1, controlsFailed: [], caught: { by: 'retries that succeed' } },
  ]);
});
