import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planOf } from '../../src/sim/generate.ts';
import { spansOf, touches } from '../../src/sim/oracle-spans.ts';
import { timesOf } from '../../src/sim/oracle-times.ts';
import type { Plan } from '../../src/sim/plan.ts';
import type { SimWorld } from '../../src/sim/world.ts';

const START = Date.UTC(2024, 0, 1);
const world = (clockSteps: SimWorld['clockSteps']) =>
  ({ startMs: START, clockSteps, replicas: [{ index: 0 }] }) as unknown as SimWorld;

describe('times', () => {
  const steps = fc.array(fc.record({ atMs: fc.nat(100_000), ms: fc.integer({ min: -9_000, max: 9_000 }) }), {
    maxLength: 4,
  });

  test('what a wall clock showed at a moment is found between the bounds, whatever steps it took', () =>
    fc.assert(
      fc.property(steps, fc.nat(120_000), (drawn, atMs) => {
        const clockSteps = drawn
          .toSorted((a, b) => a.atMs - b.atMs)
          .map(s => ({ ...s, whose: 'lab' as const }));
        const off = clockSteps.filter(s => s.atMs <= atMs).reduce((n, s) => n + s.ms, 0);
        const { lowMs, highMs } = timesOf(world(clockSteps)).ofLab(START + atMs + off);
        expect(lowMs).toBeLessThanOrEqual(atMs);
        expect(highMs).toBeGreaterThanOrEqual(atMs);
      }),
    ));

  test('without steps they are exact', () => {
    expect(timesOf(world([])).ofReplicas(START + 1234)).toEqual({ lowMs: 1234, highMs: 1234 });
  });
});

describe('spans', () => {
  const plan = (actions: Plan['actions']): Plan => ({ ...planOf(8), stormMs: 60_000, actions });

  test('a lie is one while it lasts and a little after, and nothing else is', () => {
    const spans = spansOf(
      plan([
        { atMs: 10_000, do: 'faults', patch: { store: { query: 'stale' } } },
        { atMs: 20_000, do: 'faults', patch: { store: { query: 'ok' } } },
      ]),
    );
    expect(touches(spans, ['lie'], 15_000, 15_000)).toBe(true);
    expect(touches(spans, ['lie'], 0, 9_000)).toBe(false);
    expect(touches(spans, ['lie'], 90_000, 99_000)).toBe(false);
    expect(touches(spans, ['ours', 'mute', 'clock'], 0, 200_000)).toBe(false);
  });

  test('what is never mended in the plan ends with the storm; a stepped clock stays off', () => {
    const spans = spansOf(
      plan([
        { atMs: 10_000, do: 'kill', replica: 0 },
        { atMs: 10_000, do: 'step', whose: 'lab', ms: 5_000 },
      ]),
    );
    expect(touches(spans, ['ours'], 60_000, 60_000)).toBe(true);
    expect(touches(spans, ['ours'], 140_000, 140_000)).toBe(false);
    expect(touches(spans, ['clock'], 200_000, 200_000)).toBe(true);
  });

  test('path faults alone excuse nothing', () => {
    expect(spansOf(plan([{ atMs: 1, do: 'faults', patch: { collector: { drop: 1 } } }]))).toEqual([]);
  });
});
