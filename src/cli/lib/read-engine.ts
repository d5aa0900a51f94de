/**
 * An engine that can only be read: what `overview` and the stories need, from the configuration and the store's numbers.
 * Nothing is registered, no adapter is opened, and a running coalmine notices nothing.
 */
import type { Config, PipelineConfig } from '../../config/config.ts';
import type { Injector } from '../../contracts/injector.ts';
import type { Observer } from '../../contracts/observer.ts';
import { createInstruments } from '../../engine/instruments.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from '../../engine/live.ts';
import { createStoreFault } from '../../engine/store-fault.ts';
import { registry } from '../../registry.gen.ts';
import type { Sql } from '../../store/open.ts';
import { readIdentity } from '../../store/restored.ts';
import { context } from './context.ts';

const HOUR_MS = 3_600_000;

/** `unknown`: pipelines of the configuration that the store has never heard of. */
export interface ReadEngine {
  readonly engine: Engine;
  readonly unknown: readonly string[];
}

interface Known {
  readonly number: number;
  readonly generation: number;
  readonly planned_to_ms: number;
  readonly round: number;
  readonly targets: readonly { readonly number: number; readonly name: string; readonly state: string }[];
  readonly checkpoints: readonly { readonly number: number; readonly id: string }[];
}

export async function readEngine(sql: Sql, config: Config): Promise<ReadEngine> {
  const identity = await readIdentity(sql);
  const known = await readKnown(
    sql,
    config.pipelines.map(p => p.id),
  );
  const pipelines = config.pipelines.flatMap(p => {
    const k = known.get(p.id);
    return k ? [livePipeline(p, k, identity?.seed ?? '')] : [];
  });
  const unknown = config.pipelines.filter(p => !known.has(p.id)).map(p => p.name);
  const engine: Engine = {
    sql,
    ctx: context,
    config,
    // Names are read as they are; tokens aren't verified here.
    keyring: { sign: () => notHere(), verify: () => ({ kind: 'malformed' }) },
    self: 'reader',
    leaseMs: 0,
    pipelines,
    instruments: createInstruments(),
    storeFault: createStoreFault(context),
    stop: new AbortController().signal,
  };
  return { engine, unknown };
}

async function readKnown(sql: Sql, ids: readonly string[]): Promise<Map<string, Known>> {
  const rows = await sql<(Known & { id: string })[]>`
    select p.id, p.number, p.generation, p.planned_to_ms, p.round,
           (select coalesce(json_agg(json_build_object('number', t.number, 'name', t.name, 'state', t.state) order by t.number), '[]')
              from target t where t.pipeline = p.number) as targets,
           (select coalesce(json_agg(json_build_object('number', c.number, 'id', c.id)), '[]')
              from checkpoint c where c.pipeline = p.number and not c.retired) as checkpoints
      from pipeline p
     where p.id in (select json_array_elements_text(${JSON.stringify(ids)}::text::json))`;
  return new Map(rows.map(r => [r.id, r]));
}

function livePipeline(config: PipelineConfig, known: Known, seed: string): LivePipeline {
  const drill = known.targets.find(t => t.name === '')?.number ?? 0;
  const slowestMs = Math.max(...config.checkpoints.map(c => c.lostAfterMs));
  return {
    config,
    number: known.number,
    schedule: { timing: config.schedule, sampling: config.sampling, seed: `${seed} ${config.id}` },
    source: undefined,
    otherSources: [],
    targets: known.targets
      .filter(t => config.targets.some(c => c.name === t.name))
      .map(t => ({ number: t.number, name: t.name, injector })),
    targetByNumber: new Map(known.targets.map(t => [t.number, t.name === '' ? 'drill' : t.name])),
    openInjector: async () => injector,
    drill,
    drillEveryMs: Math.min(slowestMs / 4, HOUR_MS),
    checkpoints: liveCheckpoints(config, known),
    generation: known.generation,
    plannedToMs: known.planned_to_ms,
    round: known.round,
    superseded: false,
  };
}

/** Those the store has; one that was just added has nothing to tell yet. */
function liveCheckpoints(config: PipelineConfig, known: Known): LiveCheckpoint[] {
  return config.checkpoints.flatMap(c => {
    const number = known.checkpoints.find(k => k.id === c.id)?.number;
    const traits = registry.observers.get(c.observe.kind)?.traits;
    if (number === undefined || !traits) return [];
    return [
      {
        config: c,
        key: { pipeline: known.number, checkpoint: number },
        // What sight is told by; the rest is for those who look.
        rules: {
          way: traits.way,
          settleMs: c.settleMs,
          keepsMs: c.keepsMs,
          lookEveryMs: c.lookEveryMs,
        } as LiveCheckpoint['rules'],
        observer,
        upstream: [],
        downstream: [],
      },
    ];
  });
}

const notHere = (): never => {
  throw new Error('this engine only reads');
};
const injector: Injector = { inject: async () => notHere(), close: async () => {} };
const observer: Observer = { close: async () => {} };
