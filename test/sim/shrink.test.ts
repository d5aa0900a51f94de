import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planOf } from '../../src/sim/generate.ts';
import type { Plan } from '../../src/sim/plan.ts';
import { shrink } from '../../src/sim/shrink.ts';

const plan: Plan = planOf(7);

/** A plan with `n` marked actions among the others. */
const withMarks = (marks: readonly number[]): Plan => ({
  ...plan,
  actions: [
    ...Array.from({ length: 12 }, (_, i) => ({
      atMs: 10_000 + i * 1_000,
      do: 'restart_agent' as const,
      agent: marks.includes(i) ? `marked-${i}` : 'web-1',
    })),
    ...plan.actions.filter(a => a.atMs >= plan.stormMs),
  ],
});
const marked = (p: Plan) =>
  p.actions.flatMap(a => (a.do === 'restart_agent' && a.agent.startsWith('marked') ? [a.agent] : []));
const storm = (p: Plan) => p.actions.filter(a => a.atMs < p.stormMs);

test('two actions that fail only together are all that is left, whichever they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(11), { minLength: 2, maxLength: 2 }), async pair => {
      const fails = async (p: Plan) => marked(p).length === 2;
      const { plan: least } = await shrink(withMarks(pair), { fails, runsMax: 500 });
      expect(storm(least)).toHaveLength(2);
      expect(least.stormMs).toBeLessThan(plan.stormMs);
      expect(least.replicas).toBe(1);
    }),
    { numRuns: 40 },
  );
});

test('what makes everything work again stays, and so does what can’t be cut from the configuration', async () => {
  const { plan: least } = await shrink(plan, { fails: async () => true, runsMax: 500 });
  expect(storm(least)).toEqual([]);
  expect(least.actions.length).toBeGreaterThan(5);
  const config = JSON.parse(least.configs[0]!);
  const [pipeline, ...more] = Object.values<{ targets: object; checkpoints: unknown[] }>(config.pipelines);
  expect(more).toEqual([]);
  expect(Object.keys(pipeline!.targets)).toHaveLength(1);
  expect(pipeline!.checkpoints).toHaveLength(1);
});

test('it ends within its budget', async () => {
  let runs = 0;
  const fails = async () => {
    runs++;
    return true;
  };
  expect((await shrink(plan, { fails, runsMax: 5 })).runs).toBeLessThanOrEqual(5);
  expect(runs).toBeLessThanOrEqual(5);
});
