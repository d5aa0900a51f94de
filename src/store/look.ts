/** Queries of the engine's step `look`: what is open at a checkpoint, so that a look asks for no more than it must. */
import type { Bucket } from '../domain/verdict.ts';
import type { SeenBeside } from '../domain/witness.ts';
import type { CheckpointKey } from './lease.ts';
import type { Sql } from './open.ts';

/** Slots from `from_ms` to before `to_ms`. */
export interface Slots {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Beats close to each other, with canaries that miss, as those that wait for a proof of absence. */
export interface DueSpan {
  /** Slots of the first and the last. */
  readonly first: number;
  readonly last: number;
  /** The last attempt of any. */
  readonly sent: number;
}

export interface OpenCanaries {
  /** Slot of the oldest canary that isn't due by `dueByMs` and still misses. */
  readonly pending_first: number | null;
  /** Where canaries wait for a proof of absence by `dueByMs`, oldest first. */
  readonly due: readonly DueSpan[];
  /** Where in the slots of `search` canaries miss that aren't drills, due or not, oldest first. */
  readonly missing: readonly DueSpan[];
  /** The next watermark at which something must be judged. */
  readonly next_due: number | null;
  /** The next one, after `due_by_ms`, at which a canary that still misses passes a deadline. */
  readonly next_deadline: number | null;
}

export interface OpenQuestion extends CheckpointKey {
  readonly due_by_ms: number;
  /** Beats further apart than this are spans of their own. */
  readonly due_gap_ms: number;
  /** What is due after the one and by the other counts as pending. */
  readonly pending_from_ms: number;
  readonly pending_until_ms: number;
  /** What of it does; null: all that hasn't closed. */
  readonly pending_buckets: readonly Bucket[] | null;
  /** Apart from each other. */
  readonly search: readonly Slots[];
  /** Deadlines beyond this don't matter yet. */
  readonly deadline_until_ms: number;
}

/** Until it is first judged a row is due as it was planned; its canaries left up to so much later, milliseconds. */
const SENDING_MS = 10_000;

type Part = ReturnType<Sql>;

/** When the last canary of beat `b` left. */
const sentOf = (sql: Sql): Part =>
  sql`greatest(b.due_ms + coalesce((select max(o) from unnest(b.last_offs) o), 0), b.restart_ms)`;

/** Spans of the beats (slot, sent) in `beats`. */
const spansOf = (sql: Sql, beats: string): Part => sql`
  select min(slot) as first, max(slot) as last, max(sent) as sent
    from (select slot, sent, count(*) filter (where begins) over (order by slot, sent rows unbounded preceding) as n
            from (select slot, sent, slot - max(sent) over before > q.due_gap_ms as begins
                    from ${sql.unsafe(beats)}
                  window before as (order by slot, sent rows between unbounded preceding and 1 preceding)) apart) numbered
   group by n`;

/**
 * For each checkpoint, in their order: one index scan over what is due, one over what is about to be, one over the
 * exceptions. Nothing here grows with the canaries that have arrived and only wait for their row to close.
 */
export async function readOpen(sql: Sql, questions: readonly OpenQuestion[]): Promise<OpenCanaries[]> {
  if (questions.length === 0) return [];
  return await sql<OpenCanaries[]>`
    select o.* from rows from (json_to_recordset(${JSON.stringify(questions)}::text::json)
        as (pipeline int, checkpoint int, due_by_ms int8, due_gap_ms int8, pending_from_ms int8, pending_until_ms int8,
            pending_buckets json, search json, deadline_until_ms int8)) with ordinality as q
     cross join lateral (
      with due as (
        select m.slot, ${sentOf(sql)} as sent
          from mark m join beat b using (pipeline, slot, part)
         where m.pipeline = q.pipeline and m.checkpoint = q.checkpoint and m.next_due_ms <= q.due_by_ms
           and m.counts ?| array['pending', 'overdue', 'drill_open']),
      due_spans as (${spansOf(sql, 'due')}),
      waiting as (
        select m.slot, m.part, m.counts
          from mark m
         where m.pipeline = q.pipeline and m.checkpoint = q.checkpoint
           and m.next_due_ms > q.pending_from_ms and m.next_due_ms <= q.pending_until_ms
           and (q.pending_buckets is null or m.counts ?| array(select json_array_elements_text(q.pending_buckets)))),
      missed as (
        select w.slot, w.part
          from json_to_recordset(q.search) s(from_ms int8, to_ms int8)
          join waiting w on w.slot >= s.from_ms and w.slot < s.to_ms and w.counts ? 'pending'
        union
        select m.slot, m.part
          from json_to_recordset(q.search) s(from_ms int8, to_ms int8)
          join mark m on m.slot >= s.from_ms and m.slot < s.to_ms
         where m.pipeline = q.pipeline and m.checkpoint = q.checkpoint and m.exceptional
           and m.counts ?| array['overdue', 'lost', 'missed_here']),
      missing as (
        select slot, ${sentOf(sql)} as sent
          from missed join beat b using (slot, part) where b.pipeline = q.pipeline),
      missing_spans as (${spansOf(sql, 'missing')})
      select (select min(slot) from waiting) as pending_first,
             (select coalesce(json_agg(s order by first), '[]') from due_spans s) as due,
             (select coalesce(json_agg(s order by first), '[]') from missing_spans s) as missing,
             (select min(next_due_ms) from mark
               where pipeline = q.pipeline and checkpoint = q.checkpoint and next_due_ms is not null) as next_due,
             (select min(ms) from (
                select m.next_due_ms + case when m.verdicts is null
                                            then coalesce((select max(o) from unnest(b.last_offs) o), 0) else 0 end as ms
                  from mark m join beat b using (pipeline, slot, part)
                 where m.pipeline = q.pipeline and m.checkpoint = q.checkpoint
                   and m.next_due_ms > q.due_by_ms - ${SENDING_MS}::int8 and m.next_due_ms <= q.deadline_until_ms
                   and m.counts ?| array['pending', 'overdue', 'drill_open']) d
               where ms > q.due_by_ms) as next_deadline) o
     order by q.ordinality`;
}

/** So many beats are gone through on each side; an outage longer than that leaves the newest canaries seen as anchors. */
const BESIDE_MAX = 200;
/** So many canaries are enough, of one beat or several. */
const SEEN = 3;

/** For each span, in their order, the beats beside it of which something had been seen by `seenByMs`. */
export async function readSeenBeside(
  sql: Sql,
  at: CheckpointKey,
  spans: readonly DueSpan[],
  { fromMs, seenByMs }: { readonly fromMs: number; readonly seenByMs: number },
): Promise<SeenBeside[]> {
  if (spans.length === 0) return [];
  const seenIn = (side: Part, order: Part) => sql`(
    select case when count(*) > 0 then json_build_object('first', min(slot), 'last', max(slot), 'sent', max(sent)) end
      from (
        select slot, sent, sum(seen) over (order by slot ${order}, part) - seen as nearer from (
          select m.slot, m.part, o.seen, b.due_ms + coalesce((select max(o) from unnest(b.last_offs) o), 0) as sent
            from (select pipeline, slot, part, seen_offs from mark
                   where pipeline = ${at.pipeline} and checkpoint = ${at.checkpoint} and ${side}
                   order by slot ${order} limit ${BESIDE_MAX}) m
            join beat b using (pipeline, slot, part)
           cross join lateral (select count(*) as seen from unnest(m.seen_offs) o where b.due_ms + o < ${seenByMs}::int8) o
           where o.seen > 0
           order by m.slot ${order} limit ${SEEN}) near) x
     where nearer < ${SEEN})`;
  return await sql<SeenBeside[]>`
    select ${seenIn(sql`slot <= s.first and slot >= ${fromMs}::int8`, sql`desc`)} as before,
           ${seenIn(sql`slot >= s.last`, sql`asc`)} as after
      from rows from (json_to_recordset(${JSON.stringify(spans)}::text::json) as (first int8, last int8))
             with ordinality as s
     order by s.ordinality`;
}
