/** Queries of the engine's step `conditions`: a few statements for all pipelines together, each bounded by an index. */
import type { ConditionFacts } from '../domain/incident.ts';
import type { IncidentRow } from './incident.ts';
import type { CheckpointKey } from './lease.ts';
import type { Sql, Tx } from './open.ts';

export interface EmitterRow {
  readonly pipeline: number;
  readonly generation: number;
  readonly retired: boolean;
  readonly planned_to_ms: number;
  /** Newest first. */
  readonly beats:
    | readonly {
        readonly generation: number;
        readonly due_ms: number;
        readonly committed_ms: number;
        readonly first_off: number | null;
        readonly sent: number;
        readonly unsent: number;
        readonly maybe_sent: number;
        readonly why: string | null;
      }[]
    | null;
}

/** Newest planned beats of each pipeline that were due, and where its plan stands. `rows`: how many parts to read for them. */
export async function readEmitters(
  sql: Sql | Tx,
  wanted: readonly { readonly pipeline: number; readonly rows: number }[],
  of: { readonly nowMs: number; readonly beats: number; readonly rounds: number },
): Promise<EmitterRow[]> {
  return await sql<EmitterRow[]>`
    select p.number as pipeline, p.generation, p.retired, p.planned_to_ms, b.beats
      from json_to_recordset(${JSON.stringify(wanted)}::text::json) as w(pipeline int, rows int)
      join pipeline p on p.number = w.pipeline
     cross join lateral (
       select json_agg(g) as beats from (
         select r.slot, max(r.generation) as generation, min(r.due_ms) as due_ms, min(r.committed_ms) as committed_ms,
                min(r.first_off) as first_off, sum(r.sent)::int as sent, sum(r.unsent)::int as unsent,
                sum(r.maybe_sent)::int as maybe_sent, max(r.why) as why
           from (select b.slot, b.generation, b.due_ms, b.committed_ms, b.first_offs[1] as first_off,
                        coalesce(cardinality(array_positions(b.sendings, 0::int2)) + cardinality(array_positions(b.sendings, 1::int2)), 0) as sent,
                        coalesce(cardinality(array_positions(b.sendings, 2::int2)), 0) as maybe_sent,
                        coalesce(cardinality(array_positions(b.sendings, 3::int2)), 0) as unsent,
                        case when b.reasons is not null and (2 = any(b.sendings) or 3 = any(b.sendings))
                             then left((select v from jsonb_each_text(b.reasons) as e(k, v) limit 1), 300) end as why
                   from beat b
                  where b.pipeline = p.number and b.kind = 'planned' and b.index = p.round % ${of.rounds}
                    and b.slot <= ${of.nowMs} and b.due_ms <= ${of.nowMs}
                  order by b.slot desc, b.part desc limit w.rows) r
          group by r.slot order by r.slot desc limit ${of.beats}) g) b`;
}

export interface FindingHour extends CheckpointKey {
  readonly kind: string;
  readonly hour_ms: number;
  readonly count: number;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly sample: unknown;
}

const HOUR_MS = 3_600_000;

/** Findings of these kinds with anything new since then, by the hour. Found by their whole keys: the table holds a year of them. */
export async function readRecentFindings(
  sql: Sql | Tx,
  places: readonly CheckpointKey[],
  kinds: readonly string[],
  sinceMs: number,
): Promise<FindingHour[]> {
  return await sql<FindingHour[]>`
    select f.pipeline, f.checkpoint, f.kind, f.hour_ms, f.count, f.first_ms, f.last_ms, f.sample
      from json_to_recordset(${JSON.stringify(places)}::text::json) as p(pipeline int, checkpoint int)
     cross join json_array_elements_text(${JSON.stringify(kinds)}::text::json) as k(kind)
     cross join lateral (
       select * from finding f
        where f.pipeline = p.pipeline and f.checkpoint = p.checkpoint and f.kind = k.kind
          and f.hour_ms > ${sinceMs - HOUR_MS}::int8 and f.last_ms >= ${sinceMs}::int8 offset 0) f`;
}

/** Rows that are searched for one that was accepted, from either end. */
const ACCEPTED_ROWS_MAX = 200;

/** When the first canary was accepted that is on record at a checkpoint, with a slot up to `until_ms`; none: not listed. */
export async function readAccepted(
  sql: Sql | Tx,
  wanted: readonly (CheckpointKey & { readonly until_ms: number })[],
): Promise<(CheckpointKey & { readonly accepted_ms: number })[]> {
  if (wanted.length === 0) return [];
  return await sql<(CheckpointKey & { accepted_ms: number })[]>`
    select w.pipeline, w.checkpoint, least(f.ms, l.ms) as accepted_ms
      from json_to_recordset(${JSON.stringify(wanted)}::text::json) as w(pipeline int, checkpoint int, until_ms int8)
     cross join lateral (
       select min(r.due_ms) filter (where 0 = any(r.sendings)) as ms from (
         select b.due_ms, b.sendings from mark m join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
          where m.pipeline = w.pipeline and m.checkpoint = w.checkpoint and m.slot <= w.until_ms
          order by m.slot, m.part limit ${ACCEPTED_ROWS_MAX}) r) f
     cross join lateral (
       select min(r.due_ms) filter (where 0 = any(r.sendings)) as ms from (
         select b.due_ms, b.sendings from mark m join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
          where m.pipeline = w.pipeline and m.checkpoint = w.checkpoint and m.slot <= w.until_ms
          order by m.slot desc, m.part desc limit ${ACCEPTED_ROWS_MAX}) r) l
     where coalesce(f.ms, l.ms) is not null`;
}

export type ConditionRow = IncidentRow<ConditionFacts>;

const columns = `number, pipeline, checkpoint, kind, began_ms, detected_ms, ended_ms, quiet_ms, reopened, facts, state`;

/** Open incidents of these pipelines, but those of loss. */
export async function readOpenConditions(
  sql: Sql | Tx,
  pipelines: readonly number[],
): Promise<ConditionRow[]> {
  return await sql<ConditionRow[]>`
    select ${sql.unsafe(columns)} from incident
     where pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))
       and ended_ms is null and kind not in ('loss', 'refused') order by number`;
}

/** The same of one pipeline, locked; null: somebody else has its incidents in hand. Call once in a transaction. */
export async function lockOpenConditions(tx: Tx, pipeline: number): Promise<ConditionRow[] | null> {
  const [lock] = await tx<{ ours: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtext('coalmine incident'), ${pipeline}) as ours`;
  if (!lock?.ours) return null;
  return await tx<ConditionRow[]>`
    select ${tx.unsafe(columns)} from incident
     where pipeline = ${pipeline} and ended_ms is null and kind not in ('loss', 'refused') order by number for update`;
}

/** Whether an incident of this kind began since then, ended or not. */
export async function hasBegunSince(
  tx: Tx,
  of: { readonly pipeline: number; readonly kind: string; readonly sinceMs: number },
): Promise<boolean> {
  const rows = await tx`
    select from incident where pipeline = ${of.pipeline} and kind = ${of.kind} and began_ms >= ${of.sinceMs} limit 1`;
  return rows.length > 0;
}
