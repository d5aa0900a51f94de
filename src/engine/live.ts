/** What the engine works on: the configured pipelines with their numbers in the store and their adapters open. */

import type {
  AdapterConfig,
  CheckpointConfig,
  Config,
  EventConfig,
  PipelineConfig,
} from '../config/config.ts';
import { generationOf, storedGeneration } from '../config/generation.ts';
import type { Context } from '../contracts/context.ts';
import type { Injector } from '../contracts/injector.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Registry } from '../contracts/registry.ts';
import type { CanaryName } from '../domain/canary.ts';
import type { EventFormat, EventInput } from '../domain/event.ts';
import { createTemplate, formats } from '../domain/formats/index.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { Keyring, SignedBy } from '../domain/token.ts';
import type { Use } from '../domain/tripwire.ts';
import type { WatchRules } from '../domain/watermark.ts';
import type { CheckpointKey } from '../store/lease.ts';
import type { Sql } from '../store/open.ts';
import { readGenerations, registerPipeline, type StoreIdentity } from '../store/register.ts';
import type { Instruments } from './instruments.ts';
import type { StoreFault } from './store-fault.ts';

export interface LiveCheckpoint {
  readonly config: CheckpointConfig;
  readonly key: CheckpointKey;
  readonly rules: WatchRules;
  readonly observer: Observer;
  /** Numbers of the checkpoints before and after this one on its branch. */
  readonly upstream: readonly number[];
  readonly downstream: readonly number[];
}

/** What a generation made its events from. */
export interface EventSource {
  readonly pipeline: string;
  readonly event: EventConfig;
  readonly format: EventFormat;
}

export interface LiveTarget {
  readonly number: number;
  readonly name: string;
  readonly injector: Injector;
}

/** On the canaries' identity. */
export interface Tripwire {
  /** Text that stands in records of that identity: a look asks for it beside the tokens' prefix. */
  readonly needles: readonly string[];
  /** For a record in which no token or UUID of ours is. */
  use(text: string): Use | null;
}

export interface LivePipeline {
  readonly config: PipelineConfig;
  readonly number: number;
  readonly schedule: Schedule;
  /** What events are made from now. Absent on provoked pipelines. */
  readonly source: EventSource | undefined;
  /** What events were made from by other generations: their canaries may still arrive. Newest first. */
  otherSources: readonly EventSource[];
  /** Replaced whole when discovery finds others. */
  targets: readonly LiveTarget[];
  /** Every target the store knows, quiet and retired ones too: their canaries may still arrive. */
  targetByNumber: ReadonlyMap<number, string>;
  /** Opens the injector for these settings, or gives the one that is open. */
  readonly openInjector: (config: AdapterConfig) => Promise<Injector>;
  /** Number of the pseudo-target whose canaries are registered and never sent. */
  readonly drill: number;
  /** One drill in so many milliseconds: often enough to prove the alarm, rare enough not to widen every look. */
  readonly drillEveryMs: number;
  readonly checkpoints: readonly LiveCheckpoint[];
  generation: number;
  plannedToMs: number;
  /** Index of planned canaries; see store/schema.ts. */
  round: number;
  /** A newer configuration runs on another replica: nothing more is sent from here. */
  superseded: boolean;
  /** Tells uses of the canaries' identity by others; absent where they have none, or nobody looks. */
  tripwire?: Tripwire | undefined;
}

/** Everything the steps share. */
export interface Engine {
  readonly sql: Sql;
  readonly ctx: Context;
  readonly config: Config;
  readonly keyring: Keyring;
  /** This process, among the replicas: holder of leases and owner of beats. */
  readonly self: string;
  /** A replica without a heartbeat for this long is gone. */
  readonly leaseMs: number;
  readonly pipelines: readonly LivePipeline[];
  readonly instruments: Instruments;
  readonly storeFault: StoreFault;
  /** Aborted at shutdown. */
  readonly stop: AbortSignal;
}

/** First index for canaries asked for between beats; planned ones have the pipeline's round, which stays below. */
export const FIRST_ASKED_INDEX = 8_192;

const HOUR_MS = 3_600_000;

/** Registers the configuration in the store and opens the adapters. Closes what it opened when one fails. */
export async function openPipelines(options: {
  sql: Sql;
  ctx: Context;
  config: Config;
  registry: Registry;
  identity: StoreIdentity;
}): Promise<LivePipeline[]> {
  const live: LivePipeline[] = [];
  try {
    for (const config of options.config.pipelines) live.push(await openPipeline(config, options));
    return live;
  } catch (error) {
    await closePipelines(live);
    throw error;
  }
}

export async function closePipelines(pipelines: readonly LivePipeline[]): Promise<void> {
  const adapters = pipelines.flatMap(p => [
    ...p.targets.map(t => t.injector),
    ...p.checkpoints.map(c => c.observer),
  ]);
  await Promise.allSettled([...new Set(adapters)].map(a => a.close()));
}

async function openPipeline(
  config: PipelineConfig,
  options: { sql: Sql; ctx: Context; registry: Registry; identity: StoreIdentity },
): Promise<LivePipeline> {
  const { sql, ctx, registry, identity } = options;
  const registered = await registerPipeline(
    sql,
    {
      id: config.id,
      name: config.name,
      generationHash: generationOf(config),
      generationSpec: storedGeneration(config),
      targets: config.targets.map(t => t.name),
      checkpoints: config.checkpoints.map(c => ({ id: c.id, name: c.name })),
    },
    ctx.clock.now(),
  );
  const open = injectorOpener(registry, ctx);
  const targets: LiveTarget[] = [];
  for (const t of config.targets) {
    const number = registered.targets.get(t.name);
    if (number === undefined) throw new Error(`target ${t.name} of ${config.name} has no number`);
    targets.push({ number, name: t.name, injector: await open(t.inject ?? config.inject) });
  }
  const slowestMs = Math.max(...config.checkpoints.map(c => c.lostAfterMs));
  return {
    config,
    number: registered.number,
    schedule: { timing: config.schedule, sampling: config.sampling, seed: `${identity.seed} ${config.id}` },
    source: sourceOf(config),
    otherSources: await readSources(sql, registered.number, registered.generation),
    targets,
    targetByNumber: namesOf(registered.targets),
    openInjector: open,
    drill: registered.targets.get('') ?? 0,
    drillEveryMs: Math.min(slowestMs / 4, HOUR_MS),
    checkpoints: await openCheckpoints(config, registered, registry, ctx),
    generation: registered.generation,
    plannedToMs: registered.plannedToMs,
    round: registered.round,
    superseded: false,
  };
}

/** Names by number; the drill has no name in the store, so that no target can take it. */
export const namesOf = (targets: ReadonlyMap<string, number>): ReadonlyMap<number, string> =>
  new Map([...targets].map(([name, number]) => [number, name === '' ? 'drill' : name]));

/** One injector for each distinct settings: targets that have none of their own share one. */
function injectorOpener(registry: Registry, ctx: Context): (config: AdapterConfig) => Promise<Injector> {
  const opened = new Map<string, Promise<Injector>>();
  return config => {
    const key = JSON.stringify(config);
    const known = opened.get(key);
    if (known) return known;
    const definition = registry.injectors.get(config.kind);
    if (!definition) throw new Error(`no injector of kind ${config.kind}`);
    const injector = Promise.resolve(definition.create(config.settings, ctx));
    opened.set(key, injector);
    return injector;
  };
}

async function openCheckpoints(
  config: PipelineConfig,
  registered: { readonly number: number; readonly checkpoints: ReadonlyMap<string, number> },
  registry: Registry,
  ctx: Context,
): Promise<LiveCheckpoint[]> {
  const numberOf = (c: CheckpointConfig): number => registered.checkpoints.get(c.id) ?? 0;
  const byName = new Map(config.checkpoints.map(c => [c.name, c]));
  const before = (c: CheckpointConfig): CheckpointConfig[] => {
    const parent = c.after === null ? undefined : byName.get(c.after);
    return parent ? [parent, ...before(parent)] : [];
  };
  const out: LiveCheckpoint[] = [];
  for (const c of config.checkpoints) {
    const definition = registry.observers.get(c.observe.kind);
    if (!definition) throw new Error(`no observer of kind ${c.observe.kind}`);
    const observer = await definition.create(c.observe.settings, ctx);
    const ingestTime = observer.ingestTime ?? definition.traits.ingestTime;
    out.push({
      config: c,
      key: { pipeline: registered.number, checkpoint: numberOf(c) },
      rules: {
        way: definition.traits.way,
        chained: definition.traits.way !== 'query' || ingestTime,
        secondLook: secondLookOf(definition.traits.way, ingestTime, observer.eventTime ?? true),
        settleMs: c.settleMs,
        keepsMs: c.keepsMs,
        lookEveryMs: c.lookEveryMs,
      },
      observer,
      upstream: before(c).map(numberOf),
      downstream: config.checkpoints.filter(o => before(o).includes(c)).map(numberOf),
    });
  }
  return out;
}

/** By event time, which tells the canaries in question apart, wherever it can be asked. */
export const secondLookOf = (
  way: WatchRules['way'],
  ingestTime: boolean,
  eventTime: boolean,
): WatchRules['secondLook'] => (way === 'query' && ingestTime ? (eventTime ? 'event' : 'ingest') : null);

function sourceOf(config: Pick<PipelineConfig, 'name' | 'event'>): EventSource | undefined {
  const { name, event } = config;
  return event && { pipeline: name, event, format: formatOf(event.format, event.template) };
}

/** Reads what the other generations' events were made from, those whose canaries may still be looked for. */
export async function readSources(sql: Sql, pipeline: number, ownGeneration: number): Promise<EventSource[]> {
  const specs = await readGenerations<Pick<PipelineConfig, 'name' | 'event'>>(sql, pipeline, ownGeneration);
  const distinct = new Map(specs.map(spec => [JSON.stringify([spec.name, spec.event]), spec]));
  return [...distinct.values()].map(sourceOf).filter(source => source !== undefined);
}

function formatOf(name: string, template: string | undefined): EventFormat {
  const format = name === 'template' ? createTemplate(template ?? '') : formats.get(name);
  if (!format) throw new Error(`no event format ${name}`);
  return format;
}

/** What an event of this canary is made from. Everything but `nowMs` follows from the name, the configuration and who signed. */
export function inputOf(
  engine: Pick<Engine, 'keyring'>,
  pipeline: LivePipeline,
  name: CanaryName,
  nowMs: number,
  source: EventSource | undefined = pipeline.source,
  by?: SignedBy,
): EventInput {
  const target = pipeline.targetByNumber.get(name.target) ?? 'unknown';
  const event = source?.event;
  // Not spread: a literal that begins with a spread is built property by property, which costs more than signing.
  const { token, uuid } = engine.keyring.sign(name, by);
  return {
    token,
    uuid,
    slotMs: name.slot,
    nowMs,
    target,
    pipeline: source?.pipeline ?? pipeline.config.name,
    user: event?.user ?? 'canary',
    sourceIp: event?.sourceIp ?? '192.0.2.10',
    sourcePort: 49_152 + ((name.slot + name.target * 31 + name.index) % 16_384),
    host: target,
    userAgent: event?.userAgent ?? 'coalmine',
  };
}
