/** Queries of the engine's step `incident`: what a departure is made of, counted from the marks, and its row. */
import type { ConditionFacts, IncidentKind, LossFacts, Severity } from '../domain/incident.ts';
import type { Objective } from '../domain/trials.ts';
import { VERDICTS, type Verdict } from '../domain/verdict.ts';
import type { Sql, Tx } from './open.ts';

/** A sequence of a detector that is, or was, in alarm. */
export interface Alarm {
  readonly checkpoint: number;
  readonly objective: Objective;
  /** null: the checkpoint as a whole. */
  readonly target: number | null;
  readonly beganMs: number;
  readonly closedMs: number | null;
}

/** What people have been told last: what is worse than that is told again. */
export interface Told {
  readonly severity: Severity;
  readonly targets: number;
  readonly share: number;
  readonly checkpoints: number;
  readonly atMs: number;
  readonly reminders: number;
}

export interface IncidentState {
  readonly alarms: readonly Alarm[];
  readonly told: Told | null;
}

export interface IncidentRow<Facts = LossFacts | ConditionFacts> {
  readonly number: number;
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly kind: IncidentKind;
  readonly began_ms: number;
  readonly detected_ms: number;
  readonly ended_ms: number | null;
  readonly quiet_ms: number | null;
  readonly reopened: number;
  readonly facts: Facts;
  readonly state: IncidentState;
}

/** One hand at a time on a pipeline's incidents: alarms of two checkpoints may be one cause. Held until the commit. */
export async function lockIncidents(tx: Tx, pipeline: number): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtext('coalmine incident'), ${pipeline})`;
}

/** A pipeline's open incidents of these kinds, oldest first. */
export async function readOpenIncidents<Facts>(
  tx: Tx,
  pipeline: number,
  kinds: readonly IncidentKind[],
  options: { readonly lock: boolean } = { lock: false },
): Promise<IncidentRow<Facts>[]> {
  return await tx<IncidentRow<Facts>[]>`
    select number, pipeline, checkpoint, kind, began_ms, detected_ms, ended_ms, quiet_ms, reopened, facts, state
      from incident
     where pipeline = ${pipeline} and ended_ms is null
       and kind = any(array(select json_array_elements_text(${JSON.stringify(kinds)}::text::json)))
     order by number ${options.lock ? tx`for update` : tx``}`;
}

export type NewIncident = Omit<IncidentRow, 'number'>;

/** Opens an incident; null: one of this kind is open at this checkpoint. */
export async function insertIncident(tx: Tx, row: NewIncident): Promise<number | null> {
  const [made] = await tx<{ number: number }[]>`
    insert into incident (pipeline, checkpoint, kind, began_ms, detected_ms, ended_ms, quiet_ms, reopened, facts, state)
    values (${row.pipeline}, ${row.checkpoint}, ${row.kind}, ${row.began_ms}, ${row.detected_ms}, ${row.ended_ms},
            ${row.quiet_ms}, ${row.reopened}, ${JSON.stringify(row.facts)}::text::jsonb, ${JSON.stringify(row.state)}::text::jsonb)
    on conflict (pipeline, kind, checkpoint) where ended_ms is null do nothing
    returning number`;
  return made?.number ?? null;
}

export async function updateIncident(tx: Tx, row: IncidentRow): Promise<void> {
  await tx`
    update incident set checkpoint = ${row.checkpoint}, began_ms = ${row.began_ms}, ended_ms = ${row.ended_ms},
           quiet_ms = ${row.quiet_ms}, reopened = ${row.reopened}, facts = ${JSON.stringify(row.facts)}::text::jsonb,
           state = ${JSON.stringify(row.state)}::text::jsonb
     where number = ${row.number}`;
}

/** Whether somebody has taken it. */
export async function isAcknowledged(tx: Tx, incident: number): Promise<boolean> {
  const rows = await tx`select 1 from incident_note where incident = ${incident} and kind = 'ack' limit 1`;
  return rows.length > 0;
}

/** Planned canaries at a checkpoint, by slot: [from_ms, to_ms]. */
export interface IncidentSpan {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly from_ms: number;
  readonly to_ms: number;
}

const codes = (...verdicts: Verdict[]): number[] => verdicts.map(v => VERDICTS.indexOf(v));
const HOUR_MS = 3_600_000;

/** Rows of planned beats; canaries that were asked for one by one have parts in between. */
const planned = (tx: Tx) => tx`(m.part < 100000 or m.part >= 1000000)`;

/**
 * Counts by bucket, tests left out. Ordinary rows older than `keptMs` are gone: whole hours before that are read from the
 * rollups, so a long incident is counted to the hour at its beginning.
 */
export async function countSpan(tx: Tx, span: IncidentSpan, keptMs: number): Promise<Record<string, number>> {
  const hoursFrom = Math.ceil(span.from_ms / HOUR_MS) * HOUR_MS;
  const hoursTo = Math.floor(Math.min(keptMs, span.to_ms + 1) / HOUR_MS) * HOUR_MS;
  const [fromHours, toHours] = hoursTo > hoursFrom ? [hoursFrom, hoursTo] : [span.from_ms, span.from_ms];
  const rows = await tx<{ bucket: string; n: number }[]>`
    with c as (
      select m.counts from mark m
       where m.pipeline = ${span.pipeline} and m.checkpoint = ${span.checkpoint} and ${planned(tx)}
         and m.slot >= ${span.from_ms} and m.slot <= ${span.to_ms}
         and not (m.slot >= ${fromHours}::int8 and m.slot < ${toHours}::int8 and m.folded)
      union all
      select r.counts from rollup r
       where r.pipeline = ${span.pipeline} and r.checkpoint = ${span.checkpoint}
         and r.hour_ms >= ${fromHours}::int8 and r.hour_ms < ${toHours}::int8)
    select k.key as bucket, sum(k.value::int8)::int8 as n from c cross join lateral jsonb_each_text(c.counts) k
     where k.key not like 'drill%' group by 1`;
  return Object.fromEntries(rows.map(r => [r.bucket, r.n]));
}

/** Which beats of a span are read: the newest, or one of each stretch of time, so that a long span is read over its whole length. */
export interface Spread {
  readonly beatsMax: number;
  /** The first of each so many milliseconds; null: all. */
  readonly stepMs: number | null;
}

function slotsOf(tx: Tx, span: IncidentSpan, { beatsMax, stepMs }: Spread) {
  const there = tx`m.pipeline = ${span.pipeline} and m.checkpoint = ${span.checkpoint} and ${planned(tx)}`;
  if (stepMs === null)
    return tx`
      select distinct m.slot from mark m
       where ${there} and m.slot >= ${span.from_ms} and m.slot <= ${span.to_ms}
       order by m.slot desc limit ${beatsMax}`;
  return tx`
    select s.slot from generate_series(${span.from_ms}::int8, ${span.to_ms}::int8, ${stepMs}::int8) as p(ms)
      cross join lateral (
        select m.slot from mark m
         where ${there} and m.slot >= p.ms and m.slot < p.ms + ${stepMs}::int8 and m.slot <= ${span.to_ms}
         order by m.slot limit 1) s`;
}

export interface Touched {
  readonly target: number;
  /** Absent at D or L, now or until it came back. */
  readonly missing: number;
  readonly late: number;
  /** Those whose fate is known. */
  readonly decided: number;
  /** Of these, those after its first that was missing (or late, where that counts). */
  readonly after: number;
  /** Slot of the newest that is missing, back or late. */
  readonly last_ms: number;
}

/** Canaries that were missing, late or came back: the newest of a target among so many rows of those is its newest. */
const NEWEST_ROWS = 50;

/** Targets with canaries of these verdicts in the span, worst first, counted from the beats that are read. */
export async function readTouched(
  tx: Tx,
  span: IncidentSpan,
  options: {
    readonly missing: readonly Verdict[];
    /** Late ones count as touched too. */
    readonly late: boolean;
    readonly drill: number;
    readonly spread: Spread;
  },
): Promise<Touched[]> {
  const lists = {
    missing: codes(...options.missing),
    affected: codes(...options.missing, ...(options.late ? (['late'] as const) : [])),
    late: codes('late'),
    unknown: codes('pending', 'unproven', 'maybe_sent', 'unsent', 'missed_here'),
  };
  return await tx<Touched[]>`
    with s as (${slotsOf(tx, span, options.spread)}),
    r as (
      select m.slot, m.verdicts, b.targets from s
        join mark m on m.pipeline = ${span.pipeline} and m.checkpoint = ${span.checkpoint} and m.slot = s.slot
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
       where ${planned(tx)} and m.verdicts is not null),
    e as (
      select m.slot, m.verdicts, b.targets from mark m
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
       where m.pipeline = ${span.pipeline} and m.checkpoint = ${span.checkpoint} and m.exceptional and ${planned(tx)}
         and m.slot >= ${span.from_ms} and m.slot <= ${span.to_ms} and m.verdicts is not null
       order by m.slot desc limit ${NEWEST_ROWS}),
    k as (
      select array(select json_array_elements_text(l->'missing')::int) as missing,
             array(select json_array_elements_text(l->'affected')::int) as affected,
             array(select json_array_elements_text(l->'late')::int) as late,
             array(select json_array_elements_text(l->'unknown')::int) as unknown
        from (select ${JSON.stringify(lists)}::text::json as l) lists),
    c as (
      select r.slot, u.target, u.verdict from r cross join lateral unnest(r.targets, r.verdicts) as u(target, verdict)
       where u.target <> ${options.drill}),
    f as (select c.target, min(c.slot) as first_ms from c cross join k where c.verdict = any(k.affected) group by 1),
    t as (
      select c.target, (count(*) filter (where c.verdict = any(k.missing)))::int as missing,
             (count(*) filter (where c.verdict = any(k.late)))::int as late,
             (count(*) filter (where c.verdict <> all(k.unknown)))::int as decided,
             (count(*) filter (where c.verdict <> all(k.unknown) and c.slot > f.first_ms))::int as after,
             max(c.slot) filter (where c.verdict = any(k.affected)) as last_ms
        from c join f using (target) cross join k
       group by 1),
    n as (
      select u.target, max(e.slot) as last_ms
        from e cross join k cross join lateral unnest(e.targets, e.verdicts) as u(target, verdict)
       where u.verdict = any(k.affected)
       group by 1)
    select t.target, t.missing, t.late, t.decided, t.after, greatest(t.last_ms, n.last_ms) as last_ms
      from t left join n using (target) order by t.missing desc, t.late desc, t.target`;
}

/** Of the canaries that a checkpoint misses in this span (of one target, or all), the share that another misses too. */
export async function shareMissedAt(
  tx: Tx,
  span: IncidentSpan,
  other: number,
  target: number | null,
): Promise<number> {
  const missing = JSON.stringify(codes('overdue', 'lost', 'recovered', 'late'));
  const [row] = await tx<{ n: number; both: number }[]>`
    with r as (
      select b.targets, m.verdicts, coalesce(o.verdicts, array_fill(0::int2, array[cardinality(b.targets)])) as others
        from mark m
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
        left join mark o on o.pipeline = m.pipeline and o.checkpoint = ${other} and o.slot = m.slot and o.part = m.part
       where m.pipeline = ${span.pipeline} and m.checkpoint = ${span.checkpoint} and m.exceptional and ${planned(tx)}
         and m.slot >= ${span.from_ms} and m.slot <= ${span.to_ms} and m.verdicts is not null
       order by m.slot desc limit 200),
    k as (select array(select json_array_elements_text(${missing}::text::json)::int) as codes)
    select count(*)::int as n, (count(*) filter (where u.other = any(k.codes)))::int as both
      from r cross join k cross join lateral unnest(r.targets, r.verdicts, r.others) as u(target, verdict, other)
     where u.verdict = any(k.codes) and (${target}::int is null or u.target = ${target}::int)`;
  return row && row.n > 0 ? row.both / row.n : 0;
}

/** Canaries of some targets in a span, one by one and by slot: what a pattern is read from. */
export interface FateRow {
  readonly slot: number;
  readonly due_ms: number;
  readonly targets: readonly number[];
  readonly last_offs: readonly number[] | null;
  readonly verdicts: readonly number[] | null;
  readonly seen_offs: readonly (number | null)[] | null;
}

export async function readFates(tx: Tx, span: IncidentSpan, spread: Spread): Promise<FateRow[]> {
  const [row] = await tx<{ rows: FateRow[] | null }[]>`
    with s as (${slotsOf(tx, span, spread)}),
    r as (
      select b.slot, b.due_ms, b.targets, b.last_offs, m.verdicts, m.seen_offs from s
        join mark m on m.pipeline = ${span.pipeline} and m.checkpoint = ${span.checkpoint} and m.slot = s.slot
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
       where b.kind = 'planned')
    select json_agg(r order by r.slot) as rows from r`;
  return row?.rows ?? [];
}

/** A row with its notes. */
export type IncidentWithNotes = IncidentRow & {
  readonly notes: readonly {
    readonly atMs: number;
    readonly by: string;
    readonly kind: 'ack' | 'note';
    readonly text: string;
  }[];
};

const withNotes = (tx: Tx | Sql) => tx`
  select i.number, i.pipeline, i.checkpoint, i.kind, i.began_ms, i.detected_ms, i.ended_ms, i.quiet_ms, i.reopened, i.facts, i.state,
         coalesce((select json_agg(json_build_object('atMs', n.at_ms, 'by', n.by, 'kind', n.kind, 'text', n.text) order by n.number)
                     from incident_note n where n.incident = i.number), '[]'::json) as notes
    from incident i`;

export async function readIncident(sql: Sql | Tx, number: number): Promise<IncidentWithNotes | null> {
  const [row] = await sql<IncidentWithNotes[]>`${withNotes(sql)} where i.number = ${number}`;
  return row ?? null;
}

/** What somebody says of it. False: there is no such incident. */
export async function addNote(
  sql: Sql,
  incident: number,
  note: { readonly atMs: number; readonly by: string; readonly kind: 'ack' | 'note'; readonly text: string },
): Promise<boolean> {
  const rows = await sql`
    insert into incident_note (incident, at_ms, by, kind, text)
    select number, ${note.atMs}, ${note.by}, ${note.kind}, ${note.text} from incident where number = ${incident} returning 1`;
  return rows.length > 0;
}
