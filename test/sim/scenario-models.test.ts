/** The models of what goes wrong, against the lab's own ring, against a poller played out, and as faults of the lab. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ring } from '../../src/lab/ring.ts';
import { labWindow } from '../../src/sim/scenario-lab.ts';
import { deactivating, dropping, fetchedMs, polledLate, stalled } from '../../src/sim/scenario-models.ts';
import { createPath } from '../../src/sim/scenario-path.ts';

const MINUTE_MS = 60_000;
const never = Number.POSITIVE_INFINITY;

describe('an agent that stalls', () => {
  test('keeps what the lab’s ring keeps, and ships it in order after the restart', () => {
    const cases = fc.record({
      capacity: fc.integer({ min: 1, max: 50 }),
      stalledFor: fc.integer({ min: 1, max: 120 }),
      drainMs: fc.integer({ min: 0, max: 20 * MINUTE_MS }),
    });
    fc.assert(
      fc.property(cases, ({ capacity, stalledFor, drainMs }) => {
        const ring = new Ring(capacity);
        const restartMs = stalledFor * MINUTE_MS;
        const spell = stalled({ agent: 0, fromMs: 0, restartMs, holdsMs: capacity * MINUTE_MS, drainMs });
        const sent = Array.from({ length: stalledFor }, (_, i) => i * MINUTE_MS);
        for (const atMs of sent) ring.push({ ns: String(atMs), line: '', tokens: [], dueMono: 0 });
        const kept = ring.due(0, 1_000).map(r => Number(r.ns));
        expect(sent.filter(atMs => spell.visibleMs(atMs) !== never)).toEqual(kept);
        const visible = kept.map(atMs => spell.visibleMs(atMs));
        expect(visible).toEqual([...visible].sort((a, b) => a - b));
        expect(Math.min(...visible)).toBeGreaterThanOrEqual(restartMs);
        expect(Math.max(...visible)).toBeLessThanOrEqual(restartMs + drainMs);
      }),
    );
  });
});

describe('a poller whose cursor moves by the clock', () => {
  test('fetches what a poller that is played out fetches, and when', () => {
    const cases = fc.record({
      atMs: fc.integer({ min: 100, max: 300 }),
      delayMs: fc.integer({ min: 0, max: 200 }),
      everyMs: fc.integer({ min: 1, max: 40 }),
      overlapMs: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(cases, ({ atMs, delayMs, everyMs, overlapMs }) => {
        const shownMs = atMs + delayMs;
        let found = never;
        for (let pollMs = 0; pollMs < 1_000 && found === never; pollMs += everyMs) {
          const asksFrom = pollMs - everyMs - overlapMs;
          if (shownMs <= pollMs && asksFrom <= atMs && atMs <= pollMs) found = pollMs;
        }
        expect(fetchedMs(atMs, shownMs, { everyMs, overlapMs })).toBe(found);
      }),
    );
  });

  test('of a source that shows all of a long gap at its end only what the overlap still asks for is fetched', () => {
    const spell = polledLate({ agent: 0, fromMs: 0, toMs: 600, poller: { everyMs: 10, overlapMs: 50 } });
    expect(spell.visibleMs(100)).toBe(never);
    expect(spell.visibleMs(539)).toBe(never);
    expect(spell.visibleMs(540)).toBe(600);
  });
});

test('a stream deactivates itself on two failures in a row, not on one', () => {
  const stream = (awayMs: number) =>
    deactivating({
      agent: 0,
      awayMs: [[1_000, 1_000 + awayMs]],
      failsAfterMs: 5_000,
      attempts: 2,
      activatedMs: 90_000,
    });
  expect(stream(5_000)).toBeNull();
  expect(stream(5_001)).toMatchObject({ fromMs: 1_000, toMs: 90_000 });
  expect(stream(20_000)?.visibleMs(80_000)).toBe(never);
});

test('a path tells the spells of each moment, asked in any order', () => {
  const spells = [dropping(3, 10, 30), dropping(1, 20, 40), dropping(2, 20, 25)];
  const path = createPath({ agents: 5, latencyMs: 0, spells });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 30 }), moments => {
      for (const ms of moments) {
        const there = spells.filter(s => s.fromMs <= ms && ms < s.toMs).map(s => s.agent);
        expect(path.at(ms).map(s => s.agent)).toEqual(there.sort());
      }
    }),
  );
});

describe('as faults of the lab', () => {
  const nameOf = (agent: number) => `agent-${agent + 1}`;

  test('stalls and restarts of the agents asked for, within the window', () => {
    const stall = (agent: number, fromMs: number, restartMs: number) =>
      stalled({ agent, fromMs, restartMs, holdsMs: never, drainMs: 0 });
    const path = createPath({
      agents: 4,
      latencyMs: 0,
      spells: [stall(0, 50, 300), stall(1, 150, 900), stall(2, 120, 200), dropping(3, 100, 200)],
    });
    expect(labWindow(path, { fromMs: 100, toMs: 500, agents: [0, 1, 3], nameOf })).toEqual({
      agents: ['agent-1', 'agent-2', 'agent-4'],
      actions: [
        { atMs: 0, do: 'faults', patch: { agents: { 'agent-1': { stall: true } } } },
        { atMs: 0, do: 'faults', patch: { agents: { 'agent-4': { drop: 1 } } } },
        { atMs: 50, do: 'faults', patch: { agents: { 'agent-2': { stall: true } } } },
        { atMs: 100, do: 'faults', patch: { agents: { 'agent-4': { drop: 0 } } } },
        { atMs: 200, do: 'restart_agent', agent: 'agent-1' },
      ],
    });
  });

  test('what the lab can’t do is refused', () => {
    const spell = polledLate({ agent: 0, fromMs: 0, toMs: 600, poller: { everyMs: 10, overlapMs: 50 } });
    const path = createPath({ agents: 1, latencyMs: 0, spells: [spell] });
    expect(() => labWindow(path, { fromMs: 0, toMs: 100, agents: [0], nameOf })).toThrow(/agent-1/);
  });
});
