/** Who this store is, and which pipelines, checkpoints, targets and generations it knows. */
import type { Watch } from '../domain/watermark.ts';
import { newWatch } from '../domain/watermark.ts';
import type { Sql } from './open.ts';

export interface StoreIdentity {
  readonly storeId: string;
  readonly epochs: readonly number[];
  readonly seed: string;
}

/** Reads the store's identity, or gives it one. Safe when many start at once. */
export async function identify(
  sql: Sql,
  fresh: { storeId: string; seed: string; nowMs: number },
): Promise<StoreIdentity> {
  await sql`
    insert into meta (store_id, epochs, created_ms, seed) values (${fresh.storeId}, '{1}', ${fresh.nowMs}, ${fresh.seed})
    on conflict do nothing`;
  const [row] = await sql<{ store_id: string; epochs: number[]; seed: string }[]>`
    select store_id, to_json(epochs) as epochs, seed from meta`;
  if (!row) throw new Error('the store has no identity and took none');
  return { storeId: row.store_id, epochs: row.epochs, seed: row.seed };
}

/** A restored backup starts a new epoch: names that the original may have used since are never used again. */
export async function newEpoch(sql: Sql, above = 0): Promise<readonly number[]> {
  const [row] = await sql<{ epochs: number[] }[]>`
    update meta set epochs = epochs || (greatest(epochs[cardinality(epochs)], ${above}::int) + 1)
    returning to_json(epochs) as epochs`;
  return row?.epochs ?? [];
}

export interface PipelineSpec {
  readonly id: string;
  readonly name: string;
  readonly generationHash: string;
  readonly generationSpec: unknown;
  readonly targets: readonly string[];
  readonly checkpoints: readonly { readonly id: string; readonly name: string }[];
}

export interface RegisteredPipeline {
  readonly number: number;
  readonly generation: number;
  readonly plannedToMs: number;
  readonly round: number;
  /** Number by name; `drill` under the empty name. */
  readonly targets: ReadonlyMap<string, number>;
  /** Number by id. */
  readonly checkpoints: ReadonlyMap<string, number>;
}

/** Nobody plans further ahead: a plan that reaches beyond is of a clock that was set back since. Its slots come again. */
const AHEAD_MAX_MS = 600_000;

/** Writes a pipeline's configuration into the store; the newest to start wins, older replicas notice and stop emitting. */
export async function registerPipeline(
  sql: Sql,
  spec: PipelineSpec,
  nowMs: number,
): Promise<RegisteredPipeline> {
  return (await sql.begin(async tx => {
    const [p] = await tx<{ number: number; planned_to_ms: number; round: number }[]>`
      insert into pipeline (id, name, planned_to_ms) values (${spec.id}, ${spec.name}, ${nowMs})
      on conflict (id) do update set name = excluded.name, retired = false,
        planned_to_ms = case when pipeline.retired or pipeline.planned_to_ms > excluded.planned_to_ms + ${AHEAD_MAX_MS}
                             then excluded.planned_to_ms else pipeline.planned_to_ms end,
        round = pipeline.round + (pipeline.planned_to_ms > excluded.planned_to_ms + ${AHEAD_MAX_MS})::int
      returning number, planned_to_ms, round`;
    if (!p) throw new Error(`pipeline ${spec.id} could not be registered`);
    const targets = [...spec.targets.map(name => ({ name, state: 'active' })), { name: '', state: 'drill' }];
    await tx`
      insert into target (pipeline, name, state, since_ms)
      select ${p.number}, t.name, t.state, ${nowMs}
        from json_to_recordset(${JSON.stringify(targets)}::text::json) as t(name text, state text)
      on conflict (pipeline, name) do update set state = excluded.state where target.state in ('quiet', 'retired')`;
    await tx`
      update target set state = 'quiet', since_ms = ${nowMs}
       where pipeline = ${p.number} and state in ('new', 'active')
         and name not in (select json_array_elements_text(${JSON.stringify(spec.targets)}::text::json))`;
    const targetRows = await tx<{ name: string; number: number }[]>`
      select name, number from target where pipeline = ${p.number}`;
    await tx`
      insert into checkpoint (pipeline, number, id, name, watermark)
      select ${p.number},
             coalesce((select max(number) from checkpoint where pipeline = ${p.number}), 0)
               + row_number() over (order by c.n),
             c.id, c.name, ${JSON.stringify(newWatch)}::text::jsonb
        from json_to_recordset(${JSON.stringify(spec.checkpoints.map((c, n) => ({ ...c, n })))}::text::json)
          as c(id text, name text, n int)
       where not exists (select from checkpoint o where o.pipeline = ${p.number} and o.id = c.id)`;
    await tx`
      update checkpoint c set name = coalesce(n.name, c.name), retired = n.id is null
        from (select o.id as own, x.id, x.name from checkpoint o
                left join json_to_recordset(${JSON.stringify(spec.checkpoints)}::text::json) as x(id text, name text)
                  on x.id = o.id
               where o.pipeline = ${p.number}) n
       where c.pipeline = ${p.number} and c.id = n.own`;
    const checkpointRows = await tx<{ id: string; number: number }[]>`
      select id, number from checkpoint where pipeline = ${p.number} and not retired`;
    const generation = await pinGeneration(tx as unknown as Sql, p.number, spec, nowMs);
    return {
      number: p.number,
      generation,
      plannedToMs: p.planned_to_ms,
      round: p.round,
      targets: new Map(targetRows.map(r => [r.name, r.number])),
      checkpoints: new Map(checkpointRows.map(r => [r.id, r.number])),
    };
  })) as RegisteredPipeline;
}

/**
 * Brings a pipeline's targets up to date with what was discovered: new ones get a number, those that are gone are quiet, and
 * retired after a week of it. Returns the number by name of all there ever were.
 */
export async function syncTargets(
  sql: Sql,
  pipeline: number,
  names: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, number>> {
  const listed = JSON.stringify(names);
  await sql`
    insert into target (pipeline, name, state, since_ms)
    select ${pipeline}, name, 'active', ${nowMs}
      from json_array_elements_text(${listed}::text::json) as t(name)
    on conflict (pipeline, name) do update set state = 'active', since_ms = ${nowMs}
     where target.state in ('quiet', 'retired')`;
  await sql`
    update target
       set state = case when state = 'quiet' then 'retired' else 'quiet' end, since_ms = ${nowMs}
     where pipeline = ${pipeline}
       and (state in ('new', 'active') or (state = 'quiet' and since_ms < ${nowMs - 7 * 86_400_000}))
       and name not in (select json_array_elements_text(${listed}::text::json))`;
  return await readTargets(sql, pipeline);
}

/** Number by name of every target of a pipeline; the drill under the empty name. */
export async function readTargets(sql: Sql, pipeline: number): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ name: string; number: number }[]>`
    select name, number from target where pipeline = ${pipeline}`;
  return new Map(rows.map(r => [r.name, r.number]));
}

async function pinGeneration(tx: Sql, pipeline: number, spec: PipelineSpec, nowMs: number): Promise<number> {
  const [known] = await tx<{ number: number }[]>`
    select number from generation where pipeline = ${pipeline} and hash = ${spec.generationHash}`;
  const number =
    known?.number ??
    (
      await tx<{ number: number }[]>`
        insert into generation (pipeline, number, hash, spec, created_ms)
        select ${pipeline}, coalesce(max(number), 0) + 1, ${spec.generationHash},
               ${JSON.stringify(spec.generationSpec)}::text::jsonb, ${nowMs}
          from generation where pipeline = ${pipeline}
        returning number`
    )[0]?.number;
  if (number === undefined) throw new Error(`generation of pipeline ${spec.id} could not be written`);
  await tx`
    with changed as (
      update pipeline set generation = ${number} where number = ${pipeline} and generation <> ${number}
      returning number)
    update checkpoint c set holder = null, fence = fence + 1 from changed where c.pipeline = changed.number`;
  return number;
}

/** Pipelines that the configuration no longer names: retired, with their checkpoints; open canaries become `unproven`. */
export async function retireOthers(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql`
    with gone as (
      update pipeline set retired = true
       where not retired and id not in (select json_array_elements_text(${JSON.stringify(ids)}::text::json))
      returning number)
    update checkpoint c set retired = true from gone where c.pipeline = gone.number`;
}

export interface CheckpointState {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly watermark: Watch;
  readonly cursor: unknown;
}

/** The seeing of all checkpoints of these pipelines, as committed. */
export async function readWatches(sql: Sql, pipelines: readonly number[]): Promise<CheckpointState[]> {
  return await sql<CheckpointState[]>`
    select pipeline, number as checkpoint, watermark, cursor from checkpoint
     where not retired
       and pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))`;
}

/** The checkpoints (with deadlines) that a generation pinned. */
export async function readGeneration<T>(sql: Sql, pipeline: number, number: number): Promise<T | undefined> {
  const [row] = await sql<{ spec: T }[]>`
    select spec from generation where pipeline = ${pipeline} and number = ${number}`;
  return row?.spec;
}

/** What the newest other generations of a pipeline pinned, newest first. */
export async function readGenerations<T>(sql: Sql, pipeline: number, except: number): Promise<T[]> {
  const rows = await sql<{ spec: T }[]>`
    select spec from generation where pipeline = ${pipeline} and number <> ${except}
     order by number desc limit 20`;
  return rows.map(r => r.spec);
}

/** Where every pipeline's plan stands, and its newest generation. */
export async function readPlans(
  sql: Sql,
): Promise<{ number: number; planned_to_ms: number; round: number; generation: number; retired: boolean }[]> {
  return await sql<
    { number: number; planned_to_ms: number; round: number; generation: number; retired: boolean }[]
  >`
    select number, planned_to_ms, round, generation, retired from pipeline`;
}

/** Retired checkpoints that still have open canaries, with what settling them needs. */
export async function readRetiredOpen(
  sql: Sql,
): Promise<{ pipeline: number; checkpoint: number; id: string; drill: number }[]> {
  return await sql<{ pipeline: number; checkpoint: number; id: string; drill: number }[]>`
    select c.pipeline, c.number as checkpoint, c.id,
           coalesce((select t.number from target t where t.pipeline = c.pipeline and t.state = 'drill'), 0) as drill
      from checkpoint c
     where c.retired and exists (select from mark m where m.pipeline = c.pipeline and m.checkpoint = c.number
                                    and m.next_due_ms is not null)`;
}
