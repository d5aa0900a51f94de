/** Queries of the engine's step `emit`: the intent before anything leaves, the outcomes after. */
import { toJson } from './json.ts';
import type { Sql } from './open.ts';

/** A row of `beat` to be: at most PART_SIZE canaries of one slot. */
export interface PlannedBeat {
  readonly pipeline: number;
  readonly slot: number;
  readonly part: number;
  readonly index: number;
  readonly kind: 'planned' | 'emit' | 'test';
  readonly generation: number;
  readonly due_ms: number;
  readonly owner: string;
  readonly committed_ms: number;
  readonly send_by_ms: number;
  readonly targets: readonly number[];
  /** Set at once for beats that are never sent: skipped ones. */
  readonly sendings?: readonly number[];
  readonly marks: readonly PlannedMark[];
}

export interface PlannedMark {
  readonly checkpoint: number;
  readonly next_due_ms: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** One step of a pipeline's plan: everything due in (fromMs, toMs] becomes a beat or is recorded as skipped. */
export interface PlanStep {
  readonly pipeline: number;
  readonly generation: number;
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Beats too old to be sent, in bulk: {checkpoint, hour of the slot, canaries}. */
export interface Skipped {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly hour_ms: number;
  readonly count: number;
}

export interface BeatKey {
  readonly pipeline: number;
  readonly slot: number;
  readonly part: number;
}

/**
 * Commits the intent of many pipelines' beats in one statement. A beat belongs to whoever moves its pipeline's plan
 * forward: the update is conditional on the old value and on the newest generation, so of several replicas one wins,
 * and one on an old configuration never does. Returns the beats that are ours.
 */
export async function commitIntent(
  sql: Sql,
  steps: readonly PlanStep[],
  beats: readonly PlannedBeat[],
  skipped: readonly Skipped[] = [],
): Promise<BeatKey[]> {
  const marks = beats.flatMap(b =>
    b.marks.map(m => ({ pipeline: b.pipeline, slot: b.slot, part: b.part, ...m })),
  );
  return await sql<BeatKey[]>`
    with step as (
      select * from json_to_recordset(${JSON.stringify(steps)}::text::json)
        as x(pipeline int, generation int, from_ms int8, to_ms int8)),
    won as (
      update pipeline p set planned_to_ms = step.to_ms from step
       where p.number = step.pipeline and p.planned_to_ms = step.from_ms and p.generation = step.generation
         and not p.retired
      returning p.number),
    skips as (
      insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, copies, look)
      select s.pipeline, s.checkpoint, s.hour_ms, 0, 0, 3, s.hour_ms, s.count, 0
        from json_to_recordset(${JSON.stringify(skipped)}::text::json)
          as s(pipeline int, checkpoint int, hour_ms int8, count int)
        join won on won.number = s.pipeline),
    b as (
      insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets)
      select r.pipeline, r.slot, r.part, r.index, r.kind, r.generation, r.due_ms, r.owner, r.committed_ms, r.send_by_ms, r.targets
        from json_to_recordset(${JSON.stringify(beats.map(({ marks: _, ...b }) => b))}::text::json)
          as r(pipeline int, slot int8, part int, index int, kind text, generation int, due_ms int8, owner text,
               committed_ms int8, send_by_ms int8, targets int[])
        join won on won.number = r.pipeline
      on conflict do nothing
      returning pipeline, slot, part),
    m as (
      insert into mark (pipeline, checkpoint, slot, part, next_due_ms, counts)
      select m.pipeline, m.checkpoint, m.slot, m.part, m.next_due_ms, m.counts
        from json_to_recordset(${JSON.stringify(marks)}::text::json)
          as m(pipeline int, checkpoint int, slot int8, part int, next_due_ms int8, counts jsonb)
        join b using (pipeline, slot, part))
    select pipeline, slot, part from b`;
}

/** Registers one canary that was asked for between beats. False: the name was taken; try the next index. */
export async function commitSingle(sql: Sql, beat: PlannedBeat): Promise<boolean> {
  const rows = await sql`
    with b as (
      insert into beat (pipeline, slot, part, index, kind, generation, due_ms, owner, committed_ms, send_by_ms, targets)
      values (${beat.pipeline}, ${beat.slot}, ${beat.part}, ${beat.index}, ${beat.kind}, ${beat.generation}, ${beat.due_ms},
              ${beat.owner}, ${beat.committed_ms}, ${beat.send_by_ms}, array[${beat.targets[0] ?? 0}::int])
      on conflict do nothing
      returning pipeline, slot, part),
    m as (
      insert into mark (pipeline, checkpoint, slot, part, next_due_ms, counts)
      select b.pipeline, m.checkpoint, b.slot, b.part, m.next_due_ms, m.counts
        from b, json_to_recordset(${JSON.stringify(beat.marks)}::text::json)
          as m(checkpoint int, next_due_ms int8, counts jsonb))
    select 1 from b`;
  return rows.length > 0;
}

/** Which of these beats are in the store and whose they are: asked when a commit's outcome is unknown. */
export async function readOwners(
  sql: Sql,
  keys: readonly BeatKey[],
): Promise<(BeatKey & { owner: string })[]> {
  return await sql<(BeatKey & { owner: string })[]>`
    select b.pipeline, b.slot, b.part, b.owner from beat b
      join json_to_recordset(${JSON.stringify(keys)}::text::json) as k(pipeline int, slot int8, part int)
        using (pipeline, slot, part)`;
}

export interface SentBeat extends BeatKey {
  readonly owner: string;
  readonly sendings: readonly number[];
  readonly first_offs: readonly number[];
  readonly last_offs: readonly number[];
  readonly attempts: readonly number[];
  readonly reasons: Readonly<Record<string, string>> | null;
  readonly aliases: readonly { alias: string; target: number; index: number }[];
}

/** Commits how the sending went. Ours only, and only once: a reaped beat stays `maybe_sent`. */
export async function commitOutcomes(sql: Sql, beats: readonly SentBeat[]): Promise<void> {
  const aliases = beats.flatMap(b => b.aliases.map(a => ({ pipeline: b.pipeline, slot: b.slot, ...a })));
  await sql`
    with x as (
      update beat b set sendings = x.sendings, first_offs = x.first_offs, last_offs = x.last_offs,
                        attempts = x.attempts, reasons = x.reasons
        from json_to_recordset(${toJson(beats.map(({ aliases: _, ...b }) => b))}::text::json)
          as x(pipeline int, slot int8, part int, owner text, sendings smallint[], first_offs int[], last_offs int[],
               attempts smallint[], reasons jsonb)
       where b.pipeline = x.pipeline and b.slot = x.slot and b.part = x.part and b.owner = x.owner and b.sendings is null)
    insert into alias (pipeline, alias, slot, target, index)
    select * from json_to_recordset(${toJson(aliases)}::text::json)
      as a(pipeline int, alias text, slot int8, target int, index int)
    on conflict do nothing`;
}

/**
 * Beats whose sender is gone: a crash in between leaves `maybe_sent` (law 1). Gone is a sender without a fresh heartbeat, or
 * one that let `send_by` pass. The drill is `withheld` whatever happened. Returns how many rows.
 */
export async function reapAbandoned(
  sql: Sql,
  options: { readonly nowMs: number; readonly leaseMs: number },
): Promise<number> {
  const { nowMs, leaseMs } = options;
  const rows = await sql`
    with alive as (
      select self from replica
       where seen_ms > (extract(epoch from clock_timestamp()) * 1000)::int8 - ${leaseMs}::int8),
    drill as (
      select number from target where state = 'drill')
    update beat b
       set sendings = array(select case when t in (select number from drill) then 4 else 2 end::smallint
                              from unnest(b.targets) with ordinality as u(t, n) order by n),
           first_offs = array_fill(0, array[cardinality(b.targets)]),
           last_offs = array_fill(least(greatest(${nowMs}::int8 - b.due_ms, 0), 2000000000)::int,
                                  array[cardinality(b.targets)]),
           attempts = array_fill(0::smallint, array[cardinality(b.targets)])
     where b.sendings is null
       and (b.send_by_ms < ${nowMs}
            or (b.committed_ms < ${nowMs - leaseMs} and b.owner not in (select self from alive)))
    returning 1`;
  return rows.length;
}

/** Moves a plan forward to what is known to have been planned in this round; never back. */
export async function raisePlan(
  sql: Sql,
  pipeline: number,
  known: { readonly round: number; readonly toMs: number },
): Promise<void> {
  await sql`
    update pipeline set planned_to_ms = greatest(planned_to_ms, ${known.toMs}::int8)
     where number = ${pipeline} and round = ${known.round}`;
}
