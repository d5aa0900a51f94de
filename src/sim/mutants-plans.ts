/** Small plans by hand, each with one hazard that random storms seldom meet: what some mutants are caught by. */
import { EXPORT_KEY } from './generate-config.ts';
import { type Action, HOSTS, type Plan, type WireFault } from './plan.ts';

const LAB = `http://${HOSTS.lab}`;
const STORM_MS = 40_000;
const CALM_MS = 70_000;

const configOf = (pipeline: string, of: object): string =>
  JSON.stringify({
    store: 'postgres://sim',
    signing_keys: ['a-signing-key-for-the-simulator'],
    base_url: `http://${HOSTS.coalmine}`,
    pipelines: {
      [pipeline]: {
        every: '1s',
        sampling: 'fixed',
        send_within: '5s',
        objective: { on_time: '99%', delivered: '99.9%' },
        notify: { loss: ['desk'], ours: ['crew'] },
        ...of,
      },
    },
    notify: {
      desk: { kind: 'webhook', url: `http://${HOSTS.hook}/desk` },
      crew: { kind: 'webhook', url: `http://${HOSTS.hook}/crew` },
    },
  });

const TIMES = { on_time_within: '3s', lost_after: '6s', keeps: '1h', settle: '500ms', look_every: '1s' };

const planOf = (config: string, actions: readonly Action[], more: Partial<Plan['lab']> = {}): Plan => ({
  seed: 1,
  configs: [config],
  lab: { agents: ['web-1', 'web-2'], cacheRecords: 1000, retentionMs: 3_600_000, ...more },
  replicas: 1,
  actions,
  stormMs: STORM_MS,
  calmMs: CALM_MS,
});

/** Two agents into the log store, which Loki's API is asked of. */
const throughAgents = (actions: readonly Action[], pageSize: number, pagesMax = 1_000): Plan => {
  const urlOf = (agent: string) => `${LAB}/lab/agents/${agent}/logs`;
  const settings = {
    targets: { 'web-1': { url: urlOf('web-1') }, 'web-2': { url: urlOf('web-2') } },
    event: { format: 'sshd', user: 'canary' },
    inject: { kind: 'http', url: urlOf('web-1'), timeout: '2s' },
    checkpoints: [
      {
        name: 'loki',
        observe: {
          kind: 'loki',
          url: LAB,
          query: '{job="auth"}',
          page_size: pageSize,
          pages_max: pagesMax,
          timeout: '3s',
        },
        ...TIMES,
      },
    ],
  };
  return planOf(configOf('ssh', settings), actions);
};

/** Over the intake and its export branch, which pushes to us. */
const throughExport = (actions: readonly Action[]): Plan => {
  const settings = {
    targets: { 'tenant-a': {}, 'tenant-b': {} },
    event: { format: 'ocsf', user: 'canary@example.com' },
    inject: { kind: 'http', url: `${LAB}/lab/intake/app`, timeout: '2s' },
    checkpoints: [{ name: 'export', observe: { kind: 'receive', key: EXPORT_KEY }, ...TIMES }],
  };
  const exportTo = { url: `http://${HOSTS.coalmine}/ingest/app/export`, key: EXPORT_KEY };
  return planOf(configOf('app', settings), actions, { exportTo });
};

const wire = (fault: WireFault, chance: number): Action[] => [
  { atMs: 15_000, do: 'wire', host: HOSTS.lab, fault, chance },
];

/** By name. */
export const MUTANT_PLANS = {
  'pages that break off': throughAgents(wire('cut', 0.5), 4),
  'more than may be read': throughAgents([], 4, 1),
  'dropped and quoted': throughAgents(
    [{ atMs: 15_000, do: 'faults', patch: { collector: { drop: 0.5, echo: true } } }],
    100,
  ),
  'held up past L': throughAgents(
    [
      { atMs: 15_000, do: 'faults', patch: { collector: { delayMs: 15_000 } } },
      { atMs: 25_000, do: 'faults', patch: { collector: { delayMs: 0 } } },
    ],
    100,
  ),
  'retries that succeed': throughAgents(
    [
      { atMs: 15_000, do: 'faults', patch: { agents: { 'web-1': { throttle: true } } } },
      { atMs: 18_500, do: 'faults', patch: { agents: { 'web-1': { throttle: false } } } },
    ],
    100,
  ),
  'holders die': {
    ...throughAgents(
      [
        { atMs: 12_000, do: 'kill', replica: 0 },
        { atMs: 36_000, do: 'start', replica: 0 },
        { atMs: 39_000, do: 'kill', replica: 1 },
      ],
      100,
    ),
    replicas: 2,
  },
  'nobody listens': throughExport([
    { atMs: 15_000, do: 'kill', replica: 0 },
    { atMs: 38_000, do: 'start', replica: 0 },
  ]),
  'pushes are turned away': throughExport([
    { atMs: 15_000, do: 'store', up: false },
    { atMs: 32_000, do: 'store', up: true },
  ]),
} as const satisfies Readonly<Record<string, Plan>>;

export type MutantPlan = keyof typeof MUTANT_PLANS;
