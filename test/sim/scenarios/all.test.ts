/** Every scenario in a form short enough for each day: its pattern is named right, and what is said agrees with the truth. */
import { describe, expect, test } from 'vitest';
import type { ScenarioOptions, ScenarioResult } from '../../../src/sim/scenario.ts';
import { resultOf, runSetup } from '../../../src/sim/scenario-run.ts';
import type { ScenarioSetup } from '../../../src/sim/scenario-setup.ts';
import { SCENARIO_NAMES, scenarioOf } from '../../../src/sim/scenarios/index.ts';
import { microsoftCustomer, microsoftVendor } from '../../../src/sim/scenarios/microsoft-2024-09.ts';
import { quietYear } from '../../../src/sim/scenarios/quiet-year.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const run = (setup: ScenarioSetup, options: Partial<ScenarioOptions> = {}): ScenarioResult =>
  resultOf(runSetup(setup, options), () => 0);

/** What must hold of every one, whatever happened. */
function expectTruth(result: ScenarioResult): void {
  expect(result.falseAlarms).toBe(0);
  for (const incident of result.incidents) {
    expect(incident.lost.said).toBe(incident.lost.truly);
    expect(incident.recovered.said).toBe(incident.recovered.truly);
    expect(incident.rate.truly).toBeGreaterThanOrEqual(incident.rate.low);
    expect(incident.rate.truly).toBeLessThanOrEqual(incident.rate.high);
  }
  const sent = result.buckets.reduce((n, b) => n + b.sent, 0);
  const fared = result.buckets.reduce((n, b) => n + b.onTime + b.late + b.recovered + b.gone, 0);
  expect(sent).toBe(result.canaries);
  expect(fared).toBe(result.canaries);
  expect(result.buckets).toHaveLength(120);
}

const SHORT = SCENARIO_NAMES.filter(name => !/microsoft|quiet/.test(name));

describe('incidents that happened', () => {
  test.each(SHORT)('%s: found once, named right, counted right', name => {
    const setup = scenarioOf(name);
    const result = run(setup);
    expectTruth(result);
    expect(result.incidents.map(i => i.pattern)).toEqual([setup.pattern]);
    const [incident] = result.incidents;
    expect(incident?.targets.n).toBe(incident?.targets.truly);
    expect(incident?.endedMs).not.toBeNull();
    const opened = result.said.find(s => s.event === 'opened');
    const lateMs = (opened?.atMs ?? Number.POSITIVE_INFINITY) - (setup.onsetMs ?? 0);
    // Every one of them begins at once and wholly on what it touches, or with more than half.
    expect(lateMs).toBeLessThan(result.options.onTimeWithinMs + 6 * result.options.everyMs);
    expect(result.said.at(-1)?.event).toBe('resolved');
  });

  test('one partition of 32: no other is named, and the rest of the monitors are silent', () => {
    const result = run(scenarioOf('github-2024-07'));
    expect(result.incidents[0]?.targets).toEqual({ n: 1, of: 32, truly: 1 });
    expect(result.others.map(o => o.saidMs)).toEqual([null, null, null, null]);
  });

  test('a long delay without loss is told as one', () => {
    const result = run(scenarioOf('duo-2023-09'));
    expect(result.incidents[0]).toMatchObject({ lost: { said: 0 }, recovered: { said: 0 } });
    expect(result.said.at(-1)?.text).toContain('None was declared lost.');
  });

  test('the same seed says the same, to the letter; another sees other canaries', () => {
    const once = run(scenarioOf('duo-2023-06'));
    expect(run(scenarioOf('duo-2023-06'))).toEqual(once);
    expect(run(scenarioOf('duo-2023-06'), { seed: 2 }).said).not.toEqual(once.said);
  });
});

describe('microsoft-2024-09', () => {
  test('as the vendor, a thousand agents: told within four beats of the first stall, past its deadline', () => {
    const setup = microsoftVendor({ endMs: Date.UTC(2024, 8, 3, 2) });
    const ran = runSetup(setup);
    const { everyMs, onTimeWithinMs } = ran.options;
    const opened = ran.incidents.said[0];
    const first = Math.min(...ran.path.spells.map(s => s.fromMs));
    const missing = ran.ledger.all.filter(row => row.dueMs >= first).slice(0, 4);
    expect(opened?.atMs).toBe((missing.at(-1)?.dueMs ?? 0) + onTimeWithinMs + 2_000);
    expect(opened?.title).toMatch(/canaries of agent-\d+ have been overdue/);
    expect(everyMs).toBe(MINUTE_MS);
  });

  test('as the vendor, few agents to the end: stall and overwrite, and the books agree with the truth', () => {
    const setup = microsoftVendor({ agents: 20 });
    const result = run(setup, { everyMs: 10 * MINUTE_MS });
    expectTruth(result);
    expect(result.incidents.map(i => i.pattern)).toEqual([setup.pattern]);
    const [incident] = result.incidents;
    expect(incident?.targets.n).toBe(incident?.targets.truly);
    expect(incident?.lost.said).toBeGreaterThan(0);
    expect(incident?.recovered.said).toBeGreaterThan(0);
    expect(result.others.map(o => [o.name, o.saidMs])).toContainEqual(['uptime check', null]);
  });

  test('as a customer: told before anybody noticed', () => {
    const result = run(microsoftCustomer({ endMs: Date.UTC(2024, 8, 5) }));
    expectTruth({ ...result, incidents: [] });
    const opened = result.said.find(s => s.event === 'opened');
    expect(opened?.atMs).toBeLessThan((result.onsetMs ?? 0) + 49 * HOUR_MS);
  });
});

test('quiet-year: a month of it says nothing', () => {
  const result = run(quietYear({ agents: 5, endMs: Date.UTC(2025, 0, 31) }), { everyMs: 2 * MINUTE_MS });
  expectTruth(result);
  expect(result.said).toEqual([]);
  expect(result.buckets.some(b => b.late > 0 && b.gone > 0)).toBe(true);
});

test('a name that no scenario has', () => {
  expect(() => scenarioOf('microsoft-2024')).toThrow(/microsoft-2024-09/);
});

test('what is printed as fact names its source, and nothing that is only remembered is among it', () => {
  for (const name of SCENARIO_NAMES) {
    const { facts, assumptions } = scenarioOf(name);
    expect(assumptions.length).toBeGreaterThan(0);
    for (const fact of facts) expect(fact.source).toMatch(/https:\/\/\S+$/);
    for (const { text } of facts) expect(text).not.toMatch(/deadlock|dispatcher|\bring\b|overwritten|cache/);
  }
});
