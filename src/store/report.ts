/** What only a report asks of the ledger: incidents of a period, lost canaries as ranges, and who had canaries. */
import { SENDINGS } from '../domain/canary.ts';
import { VERDICTS, type Verdict } from '../domain/verdict.ts';
import type { IncidentWithNotes } from './incident.ts';
import type { Tx } from './open.ts';

const listOf = (tx: Tx, numbers: readonly number[]) =>
  tx`array(select json_array_elements_text(${JSON.stringify(numbers)}::text::json)::int)`;

/** It left, or may have. */
const LEFT = (['accepted', 'refused', 'maybe_sent'] as const).map(s => SENDINGS.indexOf(s));

export interface ReportSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Incidents that lasted at any time of the period, in the order in which they began. */
export async function readIncidentsIn(
  tx: Tx,
  pipelines: readonly number[],
  span: ReportSpan,
  limit: number,
): Promise<{ readonly rows: IncidentWithNotes[]; readonly more: number }> {
  const rows = await tx<(IncidentWithNotes & { readonly of: number })[]>`
    select i.number, i.pipeline, i.checkpoint, i.kind, i.began_ms, i.detected_ms, i.ended_ms, i.quiet_ms, i.reopened, i.facts, i.state,
           coalesce((select json_agg(json_build_object('atMs', n.at_ms, 'by', n.by, 'kind', n.kind, 'text', n.text) order by n.number)
                       from incident_note n where n.incident = i.number), '[]'::json) as notes,
           (count(*) over ())::int as of
      from incident i
     where i.pipeline = any(${listOf(tx, pipelines)})
       and i.began_ms < ${span.toMs} and coalesce(i.ended_ms >= ${span.fromMs}::int8, true)
     order by i.began_ms, i.number limit ${limit}`;
  return { rows, more: (rows[0]?.of ?? 0) - rows.length };
}

export interface LostRangeRow {
  readonly target: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly n: number;
  /** Of all there are, those beyond the limit among them. */
  readonly ranges: number;
  readonly canaries: number;
}

/** Rows that are unnested for one incident. */
const CANARIES_MAX = 1_000_000;

/**
 * Planned canaries of one verdict in [fromMs, toMs], as ranges of a target: one ends where a canary arrived, or where more than
 * `gapMs` lie between two slots (all went well between, so that nothing is kept of it).
 */
export async function readRanges(
  tx: Tx,
  at: { readonly pipeline: number; readonly checkpoint: number },
  asked: ReportSpan & {
    readonly verdict: Verdict;
    readonly drill: number;
    readonly gapMs: number;
    readonly perRow: number;
    readonly limit: number;
  },
): Promise<LostRangeRow[]> {
  const rowsMax = Math.max(200, Math.floor(CANARIES_MAX / Math.max(1, asked.perRow)));
  return await tx<LostRangeRow[]>`
    with r as (
      select m.slot, m.verdicts, b.targets from mark m
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
       where m.pipeline = ${at.pipeline} and m.checkpoint = ${at.checkpoint} and m.exceptional and m.part < 100000
         and m.slot >= ${asked.fromMs} and m.slot <= ${asked.toMs} and m.verdicts is not null
       order by m.slot limit ${rowsMax}),
    c as (
      select u.target, r.slot, u.verdict = ${VERDICTS.indexOf(asked.verdict)}::int as hit
        from r cross join lateral unnest(r.targets, r.verdicts) as u(target, verdict)
       where u.target <> ${asked.drill}),
    g as (
      select *, case when hit and lag(hit) over w and slot - lag(slot) over w <= ${asked.gapMs}::int8 then 0 else 1 end as begins
        from c window w as (partition by target order by slot)),
    i as (
      select *, sum(begins) over (partition by target order by slot rows unbounded preceding) as island from g)
    select target, min(slot) as from_ms, max(slot) as to_ms, count(*)::int as n,
           (count(*) over ())::int as ranges, (sum(count(*)) over ())::int as canaries
      from i where hit
     group by target, island
     order by 2, 1 limit ${asked.limit}`;
}

export interface InventoryRow {
  readonly number: number;
  readonly name: string;
  readonly state: string;
}

/** Every target of a pipeline but its drill, by name. */
export async function readInventory(tx: Tx, pipeline: number): Promise<InventoryRow[]> {
  return await tx<InventoryRow[]>`
    select number, name, state from target where pipeline = ${pipeline} and state <> 'drill' order by name`;
}

/**
 * Targets with a canary that left, or may have, in the span; of the newest rows, as many as hold a million canaries. `from_ms`: the
 * oldest slot that was looked at; null: none is kept.
 */
export async function readSentTargets(
  tx: Tx,
  pipeline: number,
  span: ReportSpan & { readonly perRow: number },
): Promise<{ readonly from_ms: number | null; readonly targets: readonly number[] }> {
  const rowsMax = Math.max(200, Math.floor(CANARIES_MAX / Math.max(1, span.perRow)));
  const [row] = await tx<{ from_ms: number | null; targets: number[] | null }[]>`
    with r as (
      select slot, targets, sendings from beat
       where pipeline = ${pipeline} and slot >= ${span.fromMs} and slot < ${span.toMs} and kind <> 'test'
       order by slot desc limit ${rowsMax})
    select (select min(slot) from r) as from_ms,
           (select json_agg(distinct u.target)
              from r cross join lateral unnest(r.targets, r.sendings) as u(target, sending)
             where u.sending = any(${listOf(tx, LEFT)})) as targets`;
  return { from_ms: row?.from_ms ?? null, targets: row?.targets ?? [] };
}
