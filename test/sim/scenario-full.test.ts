/** Over the same canaries a scenario says what the whole engine says: run over the lab, on the simulator, with a real store. */
import { expect, inject, test } from 'vitest';
import type { LossFacts } from '../../src/domain/incident.ts';
import { START_MS } from '../../src/sim/clock.ts';
import { runPlan } from '../../src/sim/run.ts';
import { labWindow } from '../../src/sim/scenario-lab.ts';
import { stalled } from '../../src/sim/scenario-models.ts';
import { createPath } from '../../src/sim/scenario-path.ts';
import { resultOf, runSetup } from '../../src/sim/scenario-run.ts';
import type { ScenarioSetup } from '../../src/sim/scenario-setup.ts';
import { microsoftVendor } from '../../src/sim/scenarios/microsoft-2024-09.ts';

const AGENTS = ['web-1', 'web-2', 'web-3'];
const EVERY_MS = 5_000;
const CACHE = 6;
/** No canary of this seed is sent within two seconds of either: what is under way then is decided by how long a dispatch takes. */
const FROM_MS = 45_000;
const RESTART_MS = 103_000;
const RUN_MS = 250_000;

const CONFIG = `
store: postgres://simulated
signing_keys: [a-signing-key-for-tests-only]
base_url: http://coalmine
pipelines:
  ssh:
    every: 5s
    targets:
${AGENTS.map(a => `      ${a}: { url: "http://lab/lab/agents/${a}/logs" }`).join('\n')}
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    send_within: 10s
    objective: { on_time: 99.9%, delivered: 99.9% }
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}' }, on_time_within: 4s, lost_after: 15s, keeps: 7d, look_every: 2s, settle: 1s }
    notify: { loss: [hook], ours: [hook] }
notify: { hook: { kind: webhook, url: "http://hook/notice" } }
`;

/** web-2 stalls and is restarted; its ring holds the newest six, whenever they were sent. */
function pathOf(holdsMs: number) {
  const spell = stalled({
    agent: 1,
    fromMs: START_MS + FROM_MS,
    restartMs: START_MS + RESTART_MS,
    holdsMs,
    drainMs: 0,
  });
  return createPath({ agents: AGENTS.length, latencyMs: 1_500, spells: [spell] });
}

interface Engine {
  readonly seed: string;
  readonly dues: readonly number[];
  readonly incidents: readonly {
    kind: string;
    detected_ms: number;
    ended_ms: number | null;
    facts: LossFacts;
  }[];
}

async function runEngine(): Promise<Engine> {
  const window = { fromMs: START_MS, toMs: START_MS + RUN_MS, agents: [0, 1, 2] };
  const { agents, actions } = labWindow(pathOf(0), { ...window, nameOf: agent => AGENTS[agent]! });
  let found: Engine | undefined;
  const { violations } = await runPlan(
    {
      seed: 11,
      configs: [CONFIG],
      lab: { agents, cacheRecords: CACHE, retentionMs: 7 * 86_400_000 },
      replicas: 1,
      actions,
      stormMs: RUN_MS - 10_000,
      calmMs: 10_000,
    },
    {
      store: inject('postgres').admin,
      checkEveryMs: RUN_MS,
      check: async ({ sql }, when) => {
        if (when === 'step') return [];
        const [meta] = await sql<{ seed: string }[]>`select seed from meta`;
        const beats = await sql<
          { due_ms: number }[]
        >`select due_ms from beat where kind = 'planned' order by slot, part`;
        const incidents = await sql<
          Engine['incidents'][number][]
        >`select kind, detected_ms, ended_ms, facts from incident order by number`;
        found = { seed: `${meta?.seed} ssh`, dues: beats.map(b => b.due_ms), incidents: [...incidents] };
        return [];
      },
    },
  );
  expect(violations).toEqual([]);
  return found!;
}

test('a stall and a restart: the same incident, the same beat, the same counts', async () => {
  const engine = await runEngine();
  const held = engine.dues.filter(ms => ms >= START_MS + FROM_MS && ms < START_MS + RESTART_MS);
  const oldest = held.at(-CACHE) ?? 0;
  const vendor = microsoftVendor();
  const setup: ScenarioSetup = {
    ...vendor,
    startMs: Math.min(...engine.dues),
    endMs: START_MS + RUN_MS,
    onsetMs: START_MS + FROM_MS,
    overMs: START_MS + RESTART_MS,
    noise: { late: 0, lost: 0 },
    scheduleSeed: engine.seed,
    pipeline: {
      ...vendor.pipeline,
      name: 'ssh',
      title: 'ssh',
      checkpoint: 'loki',
      agent: 'web',
      volume: false,
    },
    defaults: {
      everyMs: EVERY_MS,
      covered: 1,
      sampling: 'uniform',
      onTimeWithinMs: 4_000,
      lostAfterMs: 15_000,
    },
    path: () => pathOf(START_MS + RESTART_MS - oldest),
  };
  const ran = runSetup(setup);
  expect(ran.ledger.all.slice(0, engine.dues.length).map(row => row.dueMs)).toEqual(engine.dues);
  const [said] = resultOf(ran, () => 0).incidents;
  const losses = engine.incidents.filter(i => i.kind === 'loss');
  expect(losses).toHaveLength(1);
  const { facts, detected_ms } = losses[0]!;
  const row = ran.incidents.rows()[0]!;
  expect(facts.targets).toEqual(row.facts.targets);
  expect([facts.firstMs, facts.lastMs]).toEqual([row.facts.firstMs, row.facts.lastMs]);
  expect(facts.counts).toEqual(row.facts.counts);
  expect(facts.rate).toEqual(row.facts.rate);
  expect(facts.pattern?.name).toBe(row.facts.pattern?.name);
  expect(said?.lost.said).toBe(held.length - CACHE);
  // The engine looks every two seconds for what was there a second before: later, but before another beat's deadline.
  expect(detected_ms - row.detected_ms).toBeGreaterThanOrEqual(-2_000);
  expect(detected_ms - row.detected_ms).toBeLessThan(EVERY_MS);
}, 120_000);
