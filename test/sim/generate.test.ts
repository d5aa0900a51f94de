import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { Faults } from '../../src/lab/faults.ts';
import { registry } from '../../src/registry.gen.ts';
import { planOf } from '../../src/sim/generate.ts';
import { FLAVOURS, flavourOf } from '../../src/sim/generate-flavour.ts';

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const over = (check: (seed: number) => void) => fc.assert(fc.property(seeds, check), { numRuns: 40 });

describe('a plan', () => {
  test('is a pure function of its seed, and JSON', () =>
    over(seed => {
      const plan = planOf(seed);
      expect(planOf(seed)).toEqual(plan);
      expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    }));

  test('has configurations that are valid', () =>
    over(seed => {
      for (const text of planOf(seed).configs) {
        const { diagnostics } = parseConfig(text, { file: 'sim.yaml', env: {}, registry });
        expect(diagnostics.filter(d => d.level === 'error')).toEqual([]);
      }
    }));

  test('has actions in order, within the storm, of agents and replicas that exist, and ends with everything working', () =>
    over(seed => {
      const plan = planOf(seed);
      const faults = new Faults(plan.lab.agents);
      const rest = JSON.stringify({
        ...faults.get(),
        store: { ...faults.get().store, skewMs: 0, staleMs: 0 },
      });
      let before = 0;
      for (const a of plan.actions) {
        expect(a.atMs).toBeGreaterThanOrEqual(before);
        expect(a.atMs).toBeLessThanOrEqual(plan.stormMs);
        before = a.atMs;
        if (a.do === 'faults') faults.set(a.patch);
        if (a.do === 'restart_agent') expect(plan.lab.agents).toContain(a.agent);
        if ('replica' in a) expect(a.replica).toBeLessThan(plan.replicas);
        if (a.do === 'config') expect(a.config).toBeLessThan(plan.configs.length);
      }
      const now = faults.get();
      expect(JSON.stringify({ ...now, store: { ...now.store, skewMs: 0, staleMs: 0 } })).toBe(rest);
      expect(plan.stormMs + plan.calmMs).toBeLessThanOrEqual(15 * 60_000);
    }));
});

test('any seeds in a row have storms of all flavours, and every kind of action and fault comes up', () => {
  const kinds = new Set<string>();
  const flavours = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    flavours.add(flavourOf(seed));
    for (const a of planOf(seed).actions) {
      kinds.add(a.do);
      if (a.do === 'wire') kinds.add(a.fault);
      if (a.do === 'statements') kinds.add(a.fault);
    }
  }
  expect(flavours).toEqual(new Set(FLAVOURS));
  for (const kind of 'faults wire kill stop start freeze config step statements store backup restore die_before die_after half_page empty stale cursor_jumps twice cut'.split(
    ' ',
  ))
    expect(kinds).toContain(kind);
});
