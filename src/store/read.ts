/**
 * Reading the ledger's sums: what the overview is made of. Every function takes a list of spans and answers with one
 * statement, whatever the number of pipelines. Call them in one `snapshot`, or a row that folds between two of them
 * is counted twice or not at all.
 */
import type { Sql, Tx } from './open.ts';

/** All reads of `work` see the store as of one moment. */
export async function snapshot<T>(sql: Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await sql.begin('isolation level repeatable read read only', async tx => ({
    value: await work(tx),
  }));
  return result.value as T;
}

/** Slots in [from_ms, to_ms) of one checkpoint, summed in steps that are multiples of `step_ms` since the epoch. */
export interface Span {
  /** The caller's name for it: comes back with each sum. */
  readonly span: number;
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly step_ms: number;
}

export interface Sum {
  readonly span: number;
  readonly at_ms: number;
  readonly bucket: string;
  readonly n: number;
}

const spansOf = (tx: Tx, spans: readonly Span[]) => tx`
  s as (select * from json_to_recordset(${JSON.stringify(spans)}::text::json)
    as x(span int, pipeline int, checkpoint int, from_ms int8, to_ms int8, step_ms int8))`;

/** Only canaries that were asked for one by one can be tests, and they have high parts: the others need no look at `beat`. */
const notTest = (tx: Tx) => tx`
  (m.part < 100000 or m.part >= 1000000 or not exists (
    select from beat b where b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part and b.kind = 'test'))`;

/**
 * Sums of the marks' buckets, without tests. `open`: of rows that aren't in the rollups yet (they are few, and have an
 * index); `folded_unsent`: the part of the rollups' `unsent` that has marks; what was skipped hasn't.
 */
export async function sumMarks(
  tx: Tx,
  spans: readonly Span[],
  which: 'all' | 'open' | 'folded_unsent',
): Promise<Sum[]> {
  if (spans.length === 0) return [];
  const only = {
    all: tx``,
    open: tx`and m.next_due_ms is not null and not m.folded`,
    folded_unsent: tx`and m.folded and m.counts ? 'unsent' and c.key = 'unsent'`,
  }[which];
  return await tx<Sum[]>`
    with ${spansOf(tx, spans)}
    select s.span, m.slot - m.slot % s.step_ms as at_ms, c.key as bucket, sum(c.value::int8)::int8 as n
      from s
      join mark m on m.pipeline = s.pipeline and m.checkpoint = s.checkpoint
                 and m.slot >= s.from_ms and m.slot < s.to_ms
     cross join lateral jsonb_each_text(m.counts) c
     where ${notTest(tx)} ${only}
     group by 1, 2, 3`;
}

export interface HourRow {
  readonly span: number;
  readonly hour_ms: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly delays: unknown;
}

/** The rollups whose hour begins in the span. */
export async function readHours(tx: Tx, spans: readonly Span[]): Promise<HourRow[]> {
  if (spans.length === 0) return [];
  return await tx<HourRow[]>`
    with ${spansOf(tx, spans)}
    select s.span, r.hour_ms, r.counts, r.delays
      from s
      join rollup r on r.pipeline = s.pipeline and r.checkpoint = s.checkpoint
                   and r.hour_ms >= s.from_ms and r.hour_ms < s.to_ms`;
}

/** Canaries not seen yet, in rows that aren't in the rollups. */
export interface Waiting {
  readonly span: number;
  /** When the last of them was first attempted, rounded up to whole steps of `step_ms`. */
  readonly sent_ms: number;
  readonly waiting: number;
  readonly lost: number;
}

/** What is out, by when it left: the ages that Kaplan–Meier wants. Restarted rows have none. */
export async function readWaiting(tx: Tx, spans: readonly Span[]): Promise<Waiting[]> {
  if (spans.length === 0) return [];
  return await tx<Waiting[]>`
    with ${spansOf(tx, spans)}
    select s.span, sent.ms - sent.ms % s.step_ms + s.step_ms - 1 as sent_ms,
           sum(coalesce((m.counts->>'pending')::int8, 0) + coalesce((m.counts->>'overdue')::int8, 0))::int8 as waiting,
           sum(coalesce((m.counts->>'lost')::int8, 0))::int8 as lost
      from s
      join mark m on m.pipeline = s.pipeline and m.checkpoint = s.checkpoint
                 and m.slot >= s.from_ms and m.slot < s.to_ms
                 and m.next_due_ms is not null and not m.folded and m.counts ?| array['pending', 'overdue', 'lost']
      join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
                 and b.kind <> 'test' and b.restart_ms is null
     cross join lateral (select b.due_ms + coalesce((select max(o) from unnest(b.first_offs) o), 0) as ms) sent
     group by 1, 2`;
}

export interface PipelineRow {
  readonly pipeline: number;
  readonly generation: number;
  readonly planned_to_ms: number;
  readonly retired: boolean;
  readonly last_due_ms: number | null;
  readonly active: number;
  readonly quiet: number;
}

/** Where each pipeline's plan stands, its newest beat that is due, and how many targets it has. */
export async function readPipelines(
  tx: Tx,
  pipelines: readonly number[],
  nowMs: number,
): Promise<PipelineRow[]> {
  return await tx<PipelineRow[]>`
    select p.number as pipeline, p.generation, p.planned_to_ms, p.retired, b.due_ms as last_due_ms,
           t.active, t.quiet
      from pipeline p
      left join lateral (
        select due_ms from beat
         where pipeline = p.number and kind = 'planned' and due_ms <= ${nowMs}
         order by slot desc limit 1) b on true
     cross join lateral (
        select (count(*) filter (where state in ('new', 'active')))::int as active,
               (count(*) filter (where state = 'quiet'))::int as quiet
          from target where pipeline = p.number) t
     where p.number = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))`;
}

export interface FindingSum {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly kind: string;
  readonly count: number;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly sample: unknown;
}

/** Findings since then, each kind of a checkpoint once, newest first. Checkpoint 0: the pipeline as a whole. */
export async function readFindings(
  sql: Sql | Tx,
  pipelines: readonly number[],
  fromMs: number,
  limit: number,
): Promise<FindingSum[]> {
  return await sql<FindingSum[]>`
    select pipeline, checkpoint, kind, sum(count)::int8 as count, min(first_ms) as first_ms, max(last_ms) as last_ms,
           (array_agg(sample order by last_ms desc) filter (where sample is not null))[1] as sample
      from finding
     where pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))
       and hour_ms > ${fromMs - 3_600_000} and last_ms >= ${fromMs}
     group by pipeline, checkpoint, kind
     order by max(last_ms) desc, kind, checkpoint limit ${limit}`;
}

export interface DrillRow {
  readonly span: number;
  readonly slot: number;
  readonly due_ms: number;
  /** `drill_open`, `drill_lost`, `drill_unproven` or `drill_seen`. */
  readonly bucket: string;
}

/** Of each span. */
const DRILLS_MAX = 200;

/** Drills in these spans, newest first. */
export async function readDrills(tx: Tx, spans: readonly Span[]): Promise<DrillRow[]> {
  if (spans.length === 0) return [];
  return await tx<DrillRow[]>`
    with ${spansOf(tx, spans)}
    select s.span, d.slot, d.due_ms, d.bucket
      from s cross join lateral (
        select m.slot, b.due_ms, c.key as bucket
          from mark m
          join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
         cross join lateral jsonb_object_keys(m.counts) c(key)
         where m.pipeline = s.pipeline and m.checkpoint = s.checkpoint and m.slot >= s.from_ms and m.slot < s.to_ms
           and m.counts ?| array['drill_open', 'drill_lost', 'drill_unproven', 'drill_seen'] and c.key like 'drill%'
         order by m.slot desc limit ${DRILLS_MAX}) d
     order by d.slot desc`;
}
