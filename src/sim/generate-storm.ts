/** What goes wrong: spans of faults, at most a few at once. Everything begun here is over when the storm is. */
import type { FaultsPatch } from '../lab/faults.ts';
import type { Topology } from './generate-config.ts';
import type { Draws } from './generate-draws.ts';
import type { Flavour } from './generate-flavour.ts';
import { type Action, HOSTS, type StatementFault, type WireFault } from './plan.ts';

interface Storm {
  readonly flavour: Flavour;
  readonly topology: Topology;
  readonly stormMs: number;
  readonly configs: number;
}

/** Until then nothing goes wrong: an engine that never saw a canary says nothing at all. */
const QUIET_MS = 20_000;

type Fault = (random: Draws, storm: Storm, fromMs: number, toMs: number) => Action[];

const patches =
  (on: (random: Draws, storm: Storm) => FaultsPatch, off: (storm: Storm) => FaultsPatch): Fault =>
  (random, storm, fromMs, toMs) => [
    { atMs: fromMs, do: 'faults', patch: on(random, storm) },
    { atMs: toMs, do: 'faults', patch: off(storm) },
  ];

const AGENT_CHANCES = ['drop', 'duplicate', 'reorder', 'alter', 'truncate', 'ackLost'] as const;
const AGENT_FLAGS = ['stall', 'down', 'refuse', 'throttle'] as const;

/** One fault of one agent. */
const agentFault: Fault = (random, { topology }, fromMs, toMs) => {
  const agent = random.pick(topology.agents);
  const [on, off] = random.pick([
    ...AGENT_CHANCES.map(k => [{ [k]: random.pick([0.2, 0.5, 1]) }, { [k]: 0 }] as const),
    ...AGENT_FLAGS.map(k => [{ [k]: true }, { [k]: false }] as const),
    [{ delayMs: random.between(1, 60) * 1000 }, { delayMs: 0 }] as const,
    [{ skewMs: random.pick([-60_000, -3_000, 3_000, 60_000]) }, { skewMs: 0 }] as const,
    [{ ackDelayMs: random.between(1, 4) * 1000 }, { ackDelayMs: 0 }] as const,
  ]);
  const stalled = 'stall' in on;
  return [
    { atMs: fromMs, do: 'faults', patch: { agents: { [agent]: on } } },
    { atMs: toMs, do: 'faults', patch: { agents: { [agent]: off } } },
    ...(stalled ? [{ atMs: toMs, do: 'restart_agent', agent } as const] : []),
  ];
};

const collectorFault = patches(
  random => ({
    collector: random.pick<NonNullable<FaultsPatch['collector']>>([
      { drop: 0.3, echo: true },
      { drop: 1, echo: true },
      { delayMs: random.between(1, 40) * 1000 },
      { duplicate: 0.5 },
      { stall: true },
      { down: true },
    ]),
  }),
  () => ({ collector: { drop: 0, delayMs: 0, duplicate: 0, echo: false, stall: false, down: false } }),
);

const intakeFault = patches(
  random => ({
    store: random.pick<NonNullable<FaultsPatch['store']>>([
      { pushDelayMs: random.between(1, 40) * 1000 },
      { pushFail: random.pick([0.3, 1]) },
      { dropPush: random.pick([0.1, 0.5, 1]) },
    ]),
  }),
  () => ({ store: { pushDelayMs: 0, pushFail: 0, dropPush: 0 } }),
);

const exportFault = patches(
  random => ({
    export: random.pick<NonNullable<FaultsPatch['export']>>([
      { down: true },
      { delayMs: random.between(1, 40) * 1000 },
      { drop: random.pick([0.1, 0.5, 1]) },
      { duplicate: 0.5 },
    ]),
  }),
  () => ({ export: { down: false, delayMs: 0, drop: 0, duplicate: 0 } }),
);

const queryFault = patches(
  random => ({
    store: random.pick<NonNullable<FaultsPatch['store']>>([
      { query: 'fail' },
      { query: 'throttle' },
      { query: 'truncate' },
      { query: 'empty' },
      { query: 'empty' },
      { query: 'empty' },
      { query: 'stale', staleMs: random.pick([3_000, 20_000, 600_000]) },
      { query: 'hang' },
      { queryDelayMs: random.between(500, 2500) },
      { pageSize: random.pick([1, 2, 5]) },
    ]),
  }),
  () => ({ store: { query: 'ok', queryDelayMs: 0, pageSize: 5000 } }),
);

const WIRE: readonly WireFault[] = [
  'timeout_after_acceptance',
  'refuse',
  'throttle',
  'cut',
  'half_page',
  'empty',
  'stale',
  'cursor_repeats',
  'cursor_jumps',
  'twice',
];
const HOOK: readonly WireFault[] = ['timeout_after_acceptance', 'refuse', 'throttle', 'cut', 'twice'];

const wireFault: Fault = (random, _, fromMs, toMs) => {
  const host = random.pick([HOSTS.lab, HOSTS.lab, HOSTS.lab, HOSTS.hook, HOSTS.coalmine]);
  const fault = random.pick(host === HOSTS.lab ? WIRE : HOOK);
  return [
    { atMs: fromMs, do: 'wire', host, fault, chance: random.pick([0.1, 0.5, 1]) },
    { atMs: toMs, do: 'wire', host, fault: 'none', chance: 0 },
  ];
};

const crash: Fault = (random, { topology }, fromMs, toMs) => {
  const replica = random.between(0, topology.replicas - 1);
  return [
    { atMs: fromMs, do: random.chance(0.7) ? 'kill' : 'stop', replica },
    {
      atMs: random.chance(0.5) ? Math.min(toMs, fromMs + random.between(0, 3000)) : toMs,
      do: 'start',
      replica,
    },
  ];
};

const freeze: Fault = (random, { topology }, fromMs, toMs) => [
  {
    atMs: fromMs,
    do: 'freeze',
    replica: random.between(0, topology.replicas - 1),
    forMs: Math.min(toMs - fromMs, random.between(1, 40) * 1000),
  },
];

const statementFault: Fault = (random, { topology }, fromMs, toMs) => {
  const replica = random.between(0, topology.replicas - 1);
  const fault = random.pick<StatementFault>([
    'fail',
    'unknown',
    'fail',
    'unknown',
    'die_before',
    'die_after',
  ]);
  const dies = fault.startsWith('die');
  return [
    {
      atMs: fromMs,
      do: 'statements',
      replica,
      fault,
      oneIn: dies ? random.between(20, 300) : random.between(5, 40),
    },
    { atMs: toMs, do: 'statements', replica, fault, oneIn: 0 },
    ...(dies ? [{ atMs: toMs, do: 'start', replica } as const] : []),
  ];
};

const storeDown: Fault = (random, _, fromMs, toMs) => [
  { atMs: fromMs, do: 'store', up: false },
  { atMs: Math.min(toMs, fromMs + random.between(1, 30) * 1000), do: 'store', up: true },
];

const restored: Fault = (_, __, fromMs, toMs) => [
  { atMs: fromMs, do: 'backup' },
  { atMs: toMs, do: 'restore' },
];

const clockStep: Fault = (random, { topology }, fromMs) => [
  {
    atMs: fromMs,
    do: 'step',
    whose: random.pick<'lab' | 'database' | number>(['lab', 'database', 0, topology.replicas - 1]),
    ms: random.pick([-90_000, -5_000, -1_500, 1_500, 5_000, 90_000]),
  },
];

const backendClock = patches(
  random => ({ store: { skewMs: random.pick([-60_000, -4_000, 4_000, 60_000]) } }),
  () => ({ store: { skewMs: 0 } }),
);

const reconfigured: Fault = (_, { configs, topology }, fromMs) =>
  Array.from({ length: topology.replicas }, (__, replica) => ({
    atMs: fromMs + replica * 1_500,
    do: 'config' as const,
    replica,
    config: configs - 1,
  }));

const BY_FLAVOUR: Readonly<Record<Flavour, readonly Fault[]>> = {
  path: [agentFault, agentFault, agentFault, collectorFault, intakeFault, exportFault],
  query: [queryFault, queryFault, queryFault, agentFault],
  crashes: [crash, crash, freeze, reconfigured, agentFault],
  store: [statementFault, statementFault, storeDown, agentFault, restored],
  clocks: [clockStep, backendClock, agentFault],
  replicas: [crash, freeze, statementFault, agentFault],
  wire: [wireFault, wireFault, agentFault],
  everything: [
    agentFault,
    collectorFault,
    intakeFault,
    exportFault,
    queryFault,
    wireFault,
    crash,
    freeze,
    statementFault,
    storeDown,
    clockStep,
    reconfigured,
  ],
  nothing: [],
};

/** Everything of a pipeline that isn't there does nothing. */
export function stormOf(random: Draws, storm: Storm): Action[] {
  const faults = BY_FLAVOUR[storm.flavour];
  if (faults.length === 0) return [];
  const actions: Action[] = [];
  const count = random.between(2, 5);
  const used = new Set<Fault>();
  for (let i = 0; i < count; i++) {
    const fault = random.pick(faults);
    // Once is enough: the second restore would bring back what the first one took.
    if (used.has(fault) && (fault === restored || fault === reconfigured || fault === clockStep)) continue;
    used.add(fault);
    const fromMs = random.between(Math.min(QUIET_MS, storm.stormMs / 3), storm.stormMs - 10_000);
    const toMs = Math.min(storm.stormMs - 1, fromMs + random.between(2, 60) * 1000);
    actions.push(...fault(random, storm, fromMs, toMs));
  }
  return actions;
}
