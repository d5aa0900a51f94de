/** The whole simulated world: one time line, the lab, a database, the network, who is told, and the replicas. */
import type { Config } from '../config/config.ts';
import { parseConfig } from '../config/load.ts';
import type { Keyring } from '../domain/token.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { registry } from '../registry.gen.ts';
import { type OpenOptions, openStore, type Sql } from '../store/open.ts';
import { clockOf, START_MS, WallClock } from './clock.ts';
import { Gate } from './gate.ts';
import type { Plan } from './plan.ts';
import { randomOf } from './random.ts';
import { type ReceivedNotice, Receiver } from './receiver.ts';
import { type LogLine, Replica } from './replica.ts';
import { type Actor, newActor, Scheduler } from './scheduler.ts';
import { Sessions } from './sessions.ts';
import type { Trace } from './trace.ts';
import { type Peer, Wire } from './wire.ts';

/** A wall clock that jumped. */
export interface ClockStep {
  /** Milliseconds after the start of the run. */
  readonly atMs: number;
  /** A replica by its number. */
  readonly whose: 'lab' | 'database' | number;
  readonly ms: number;
}

/** What an oracle may see. It reads; whatever it writes would be a fault of the simulator. */
export interface SimWorld {
  readonly plan: Plan;
  /** Unix milliseconds at the start of the run, on all clocks. */
  readonly startMs: number;
  /** Milliseconds after the start of the run, on the monotonic line. */
  readonly nowMs: number;
  /** Steps of the scheduler so far. */
  readonly step: number;
  readonly lab: Lab;
  /** What the lab's wall clock shows. */
  readonly labNowMs: number;
  /** Not gated, no faults: for reading the store as it is now. */
  readonly sql: Sql;
  /** By their numbers; those that never started are there too. */
  readonly replicas: readonly Replica[];
  /** Whatever reached a host that is neither the lab nor a replica, in order. */
  readonly notices: readonly ReceivedNotice[];
  /** As parsed, in the plan's order. */
  readonly configs: readonly Config[];
  /** Of the newest engine that was opened; undefined before the first. */
  readonly keyring: Keyring | undefined;
  readonly clockSteps: readonly ClockStep[];
  /** How often the store was put back. */
  readonly restores: readonly number[];
}

export interface WorldParts {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly sessions: Sessions;
  readonly gate: Gate;
  readonly wire: Wire;
  readonly receiver: Receiver;
  readonly lab: Lab;
  readonly labWall: WallClock;
  readonly databaseWall: WallClock;
  readonly operator: Actor;
  readonly replicas: readonly Replica[];
  readonly configs: readonly Config[];
  readonly sql: Sql;
  /** Ends all connections; nobody is asked. */
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly plan: Plan;
  /** The run's own database. */
  readonly store: OpenOptions;
  /** Another database of the same server. */
  readonly admin: OpenOptions;
  readonly trace: Trace;
  readonly quietTurns?: number;
  readonly onLog: (replica: Replica, line: LogLine) => void;
}

const SESSIONS_MAX = 10;
const LAB_STEP_MS = 250;
export const LAB_HOST = 'lab';
/** As the lab's hops call it among themselves. */
const LAB_INSIDE = 'lab.invalid';

export function createWorld({ plan, store, admin, trace, quietTurns, onLog }: WorldOptions): WorldParts {
  const { seed } = plan;
  const configs = plan.configs.map(configOf);
  const scheduler = new Scheduler({
    random: randomOf(seed, 'scheduler'),
    trace,
    ...(quietTurns === undefined ? {} : { quietTurns }),
  });
  const [operator, labActor, server] = [newActor('operator'), newActor('lab'), newActor('database')];
  const [labWall, databaseWall] = [new WallClock(scheduler), new WallClock(scheduler)];
  // Its hops reach each other in process; only its export goes over the network.
  const out: typeof globalThis.fetch = (input, init) =>
    new URL(new Request(input).url).hostname === LAB_INSIDE
      ? Promise.resolve(lab.app.fetch(new Request(input, init)))
      : wire.fetchOf(labActor)(input, init);
  const lab: Lab = labOf(plan, clockOf(scheduler, labWall, labActor), out);
  void lab.run(new AbortController().signal);
  const sessions = new Sessions(store, admin);
  const random = randomOf(seed, 'gate');
  const gate = new Gate({ scheduler, sessions, random, trace, databaseClock: databaseWall, server });
  const receiver = new Receiver(() => scheduler.nowMs, trace);
  const ownHosts = new Set(configs.map(c => new URL(c.baseUrl).hostname));
  const balance = randomOf(seed, 'balancer');
  const replicas: Replica[] = [];
  const peerOf = (host: string): Peer | undefined => {
    if (host === LAB_HOST) return { actor: labActor, answer: async request => await lab.app.fetch(request) };
    if (!ownHosts.has(host)) return receiver.at(host);
    const peers = replicas.flatMap(r => r.peer() ?? []);
    return peers[Math.floor(balance() * peers.length)];
  };
  const wire = new Wire({ seed, scheduler, trace, peerOf });
  const sessionsMax = store.max ?? SESSIONS_MAX;
  const model = openStore({ ...store, max: 1 });
  const sql = openStore({ ...store, max: 4, applicationName: 'coalmine simulator' });
  for (let index = 0; index < replicasOf(plan); index++) {
    replicas.push(
      new Replica({ index, seed, scheduler, gate, wire, model, raw: sql, sessionsMax, operator, onLog }),
    );
  }
  return {
    scheduler,
    trace,
    sessions,
    gate,
    wire,
    receiver,
    lab,
    labWall,
    databaseWall,
    operator,
    replicas,
    configs,
    sql,
    async close() {
      await Promise.all([sessions.close(), sql.end({ timeout: 0 }), model.end({ timeout: 0 })]);
    },
  };
}

const labOf = ({ seed, lab }: Plan, clock: ReturnType<typeof clockOf>, fetch: typeof globalThis.fetch): Lab =>
  createLab({
    clock,
    random: randomOf(seed, 'lab'),
    agents: lab.agents,
    cacheRecords: lab.cacheRecords,
    retentionMs: lab.retentionMs,
    stepEveryMs: LAB_STEP_MS,
    fetch,
    baseUrl: `http://${LAB_INSIDE}`,
    ...(lab.indexDelayMs ? { indexDelayMs: lab.indexDelayMs } : {}),
    ...(lab.exportTo ? { exportTo: lab.exportTo } : {}),
  });

/** All that run at the start or are ever named. */
function replicasOf(plan: Plan): number {
  const named = plan.actions.map(a => ('replica' in a ? a.replica + 1 : 0));
  return Math.max(plan.replicas, ...named);
}

function configOf(text: string, i: number): Config {
  const { config, diagnostics } = parseConfig(text, { file: `config-${i}.yaml`, env: {}, registry });
  if (config) return config;
  throw new Error(`configuration ${i} of the plan: ${JSON.stringify(diagnostics, null, 1)}`);
}

export const viewOf = (
  plan: Plan,
  parts: WorldParts,
  record: { readonly clockSteps: readonly ClockStep[]; readonly restores: readonly number[] },
): SimWorld => ({
  plan,
  startMs: START_MS,
  get nowMs() {
    return parts.scheduler.nowMs;
  },
  get step() {
    return parts.scheduler.steps;
  },
  lab: parts.lab,
  get labNowMs() {
    return parts.labWall.now();
  },
  sql: parts.sql,
  replicas: parts.replicas,
  notices: parts.receiver.notices,
  configs: parts.configs,
  get keyring() {
    const running = parts.replicas.flatMap(r => r.running ?? []);
    return running.at(-1)?.engine.keyring;
  },
  ...record,
});
