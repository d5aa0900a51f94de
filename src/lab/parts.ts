/** What a lab is made of: its stages, built from the options, and their state in numbers. */
import { Agent } from './agent.ts';
import type { Clock } from './clock.ts';
import { Collector } from './collector.ts';
import { Faults } from './faults.ts';
import { type ExportTarget, Intake } from './intake.ts';
import { Ledger } from './ledger.ts';
import { LogStore } from './log-store.ts';
import type { World } from './world.ts';

export interface LabOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How the hops reach each other and the export target. Unless given: the lab's own app, in process. */
  readonly fetch?: typeof globalThis.fetch;
  /** Where the lab itself is reached, without a trailing slash; a function where that is known later. */
  readonly baseUrl?: string | (() => string);
  readonly agents?: readonly string[];
  /** The route agents ship to, and so the `job` of their records. */
  readonly route?: string;
  /** Each agent's cache. When it is full the oldest records are overwritten. */
  readonly cacheRecords?: number;
  /** Records in one batch, at every hop. */
  readonly batchRecords?: number;
  readonly dispatchEveryMs?: number;
  /** How often `run` steps. */
  readonly stepEveryMs?: number;
  /** Bound of each queue between hops. */
  readonly queueRecords?: number;
  /** Tries of one batch before the collector, or the export, gives it up. */
  readonly attemptsMax?: number;
  /** Whether the collector drops what isn't JSON, as a strict parser does. */
  readonly parseJson?: boolean;
  /** What the log store keeps: both bounds hold. */
  readonly recordsMax?: number;
  readonly retentionMs?: number;
  /** Extra index lag by job, milliseconds. */
  readonly indexDelayMs?: Readonly<Record<string, number>>;
  /** X-Scope-OrgID of what the lab itself pushes. */
  readonly tenant?: string;
  /** Appends one line to the archive. Throwing means it wasn't written. */
  readonly archive?: (line: string, route: string) => void | Promise<void>;
  /** The webhook at the end of the export branch; without it there is no such branch. */
  readonly exportTo?: ExportTarget;
  /** How many canaries the truth remembers. */
  readonly canariesMax?: number;
}

export type LabStatus = ReturnType<typeof statusOf>;

export interface LabParts {
  readonly world: World;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly collector: Collector;
  readonly intake: Intake;
  readonly store: LogStore;
}

const IN_PROCESS = 'http://lab.invalid';

/** Builds the parts, which know one another only by URL. */
export function assemble(options: LabOptions, ownFetch: typeof globalThis.fetch): LabParts {
  const names = options.agents ?? ['web-1', 'web-2', 'web-3', 'web-4'];
  for (const name of names)
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) || names.indexOf(name) !== names.lastIndexOf(name))
      throw new Error(
        `agents: expected different names of letters, digits, ".", "_" and "-", found "${name}"`,
      );
  const { baseUrl = IN_PROCESS, tenant, batchRecords = 100, queueRecords = 10_000 } = options;
  if (batchRecords > queueRecords)
    throw new Error(`queueRecords: expected room for a batch of ${batchRecords}, found ${queueRecords}`);
  const world: World = {
    clock: options.clock,
    random: options.random,
    fetch: options.fetch ?? ownFetch,
    faults: new Faults(names),
    ledger: new Ledger(options.canariesMax ?? 200_000),
  };
  const base = () => (typeof baseUrl === 'string' ? baseUrl : baseUrl());
  const bounds = {
    queueRecords,
    batchRecords,
    attemptsMax: options.attemptsMax ?? 8,
  };
  const agent = (name: string): [string, Agent] => [
    name,
    new Agent(
      {
        name,
        cacheRecords: options.cacheRecords ?? 10_000,
        batchRecords,
        dispatchEveryMs: options.dispatchEveryMs ?? 1_000,
        collectorUrl: () => `${base()}/lab/collector/${options.route ?? 'auth'}`,
      },
      world,
    ),
  ];
  const archive = options.archive ?? (() => undefined);
  const { parseJson = false } = options;
  return {
    world,
    agents: new Map(names.map(agent)),
    collector: new Collector({ ...bounds, parseJson, archive, tenant, lokiUrl: base }, world),
    intake: new Intake({ ...bounds, tenant, lokiUrl: base, exportTo: options.exportTo }, world),
    store: new LogStore(
      {
        recordsMax: options.recordsMax ?? 200_000,
        retentionMs: options.retentionMs ?? 7 * 86_400_000,
        indexDelayMs: options.indexDelayMs ?? {},
      },
      world,
    ),
  };
}

export const statusOf = ({ world, agents, collector, intake, store }: LabParts) => ({
  nowMs: world.clock.now(),
  agents: [...agents.values()].map(agent => agent.status()),
  collector: collector.status(),
  intake: intake.status(),
  store: store.status(),
  truth: { canaries: world.ledger.size, complete: world.ledger.forgottenUntilMs === undefined },
  faults: world.faults.get(),
});
