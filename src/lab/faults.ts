/** The fault knobs: one set for each stage, all at rest until somebody turns them. */
import { z } from 'zod';

const chance = z.union([z.number().min(0).max(1), z.boolean().transform(Number)]);
const ms = z.number().min(0).max(86_400_000);
const skewMs = z
  .number()
  .min(-30 * 86_400_000)
  .max(30 * 86_400_000);

const agentShape = {
  drop: chance,
  delayMs: ms,
  duplicate: chance,
  reorder: chance,
  stall: z.boolean(),
  down: z.boolean(),
  alter: chance,
  truncate: chance,
  skewMs,
  ackDelayMs: ms,
  ackLost: chance,
  refuse: z.boolean(),
  throttle: z.boolean(),
};
const collectorShape = {
  drop: chance,
  delayMs: ms,
  duplicate: chance,
  echo: z.boolean(),
  stall: z.boolean(),
  down: z.boolean(),
};
const storeShape = {
  pushDelayMs: ms,
  pushFail: chance,
  dropPush: chance,
  query: z.enum(['ok', 'fail', 'throttle', 'truncate', 'empty', 'stale', 'hang']),
  staleMs: ms,
  queryDelayMs: ms,
  pageSize: z.number().int().min(1).max(5000),
  skewMs,
};
const exportShape = { down: z.boolean(), delayMs: ms, drop: chance, duplicate: chance };

const patchSchema = z.strictObject({
  agents: z.record(z.string(), z.strictObject(agentShape).partial()).optional(),
  collector: z.strictObject(collectorShape).partial().optional(),
  store: z.strictObject(storeShape).partial().optional(),
  export: z.strictObject(exportShape).partial().optional(),
});

/**
 * What an agent can suffer. Chances are 0…1 for each record (`true` is 1). `drop`, `duplicate`, `alter` and
 * `truncate` strike on the way into the cache, after the acknowledgement is due; `delayMs` and `reorder` hold a
 * record back in the cache; `stall` deadlocks the dispatcher and nothing else; `ackLost` takes the records and
 * answers 504; `ackDelayMs` lets them flow on before the answer is sent.
 */
export type AgentFaults = Required<z.output<z.ZodObject<typeof agentShape>>>;
/** `drop` strikes before the archive; `echo` quotes what was dropped into the events' own stream. */
export type CollectorFaults = Required<z.output<z.ZodObject<typeof collectorShape>>>;
/**
 * `pushFail` answers 500 and keeps nothing; `dropPush` answers 204 and forgets an entry. `query: truncate` keeps
 * the first half of what it should answer (rounded down) and claims it is all; `stale` answers as of `staleMs` ago;
 * `pageSize` silently caps the asked limit.
 */
export type StoreFaults = Required<z.output<z.ZodObject<typeof storeShape>>>;
export type ExportFaults = Required<z.output<z.ZodObject<typeof exportShape>>>;
export type FaultsPatch = z.input<typeof patchSchema>;

export interface FaultSettings {
  readonly agents: Readonly<Record<string, AgentFaults>>;
  readonly collector: CollectorFaults;
  readonly store: StoreFaults;
  readonly export: ExportFaults;
}

/** A patch that can't be applied: says where, what was found, and what is known. Nothing of it was applied. */
export class FaultsError extends Error {
  override readonly name = 'FaultsError';
}

export class Faults {
  readonly #agentNames: readonly string[];
  #settings: FaultSettings;

  constructor(agentNames: readonly string[]) {
    this.#agentNames = agentNames;
    this.#settings = atRest(agentNames);
  }

  get(): FaultSettings {
    return this.#settings;
  }

  agent(name: string): AgentFaults {
    return this.#settings.agents[name]!;
  }

  /** Applies a whole or partial setting, or none of it. Throws FaultsError. */
  set(patch: unknown): FaultSettings {
    const parsed = patchSchema.safeParse(patch);
    if (!parsed.success) throw new FaultsError(parsed.error.issues.map(describe).join('; '));
    const { agents = {}, ...rest } = parsed.data;
    for (const name of Object.keys(agents))
      if (!this.#agentNames.includes(name))
        throw new FaultsError(`agents: unknown agent "${name}"; known: ${this.#agentNames.join(', ')}`);
    const old = this.#settings;
    this.#settings = {
      agents: Object.fromEntries(
        this.#agentNames.map(name => [name, { ...old.agents[name]!, ...agents[name] }]),
      ),
      collector: { ...old.collector, ...rest.collector },
      store: { ...old.store, ...rest.store },
      export: { ...old.export, ...rest.export },
    };
    return this.#settings;
  }

  reset(): FaultSettings {
    this.#settings = atRest(this.#agentNames);
    return this.#settings;
  }
}

const atRest = (agentNames: readonly string[]): FaultSettings => ({
  agents: Object.fromEntries(agentNames.map(name => [name, { ...AGENT_AT_REST }])),
  collector: { drop: 0, delayMs: 0, duplicate: 0, echo: false, stall: false, down: false },
  store: {
    pushDelayMs: 0,
    pushFail: 0,
    dropPush: 0,
    query: 'ok',
    staleMs: 60_000,
    queryDelayMs: 0,
    pageSize: 5000,
    skewMs: 0,
  },
  export: { down: false, delayMs: 0, drop: 0, duplicate: 0 },
});

const AGENT_AT_REST: AgentFaults = {
  drop: 0,
  delayMs: 0,
  duplicate: 0,
  reorder: 0,
  stall: false,
  down: false,
  alter: 0,
  truncate: 0,
  skewMs: 0,
  ackDelayMs: 0,
  ackLost: 0,
  refuse: false,
  throttle: false,
};

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  '': ['agents', 'collector', 'store', 'export'],
  agents: Object.keys(agentShape),
  collector: Object.keys(collectorShape),
  store: Object.keys(storeShape),
  export: Object.keys(exportShape),
};

function describe(issue: z.core.$ZodIssue): string {
  const where = issue.path.join('.') || 'faults';
  if (issue.code !== 'unrecognized_keys') return `${where}: ${issue.message}`;
  const known = KNOWN[String(issue.path[0] ?? '')] ?? [];
  return `${where}: unknown ${issue.keys.map(key => `"${key}"`).join(', ')}; known: ${known.join(', ')}`;
}
