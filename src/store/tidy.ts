/** Queries of the engine's step `tidy`: drops what has closed and is old, and what can't be judged any more. */
import type { Sql } from './open.ts';

/** Rows of one pipeline dropped in one statement: the step comes again while there is more. */
const BATCH = 2_000;

/**
 * Drops ordinary rows after `retention.canaries`, exceptional ones after `retention.exceptions`, of all pipelines. Their
 * counts stay in the rollups; only closed and folded rows go. `fromMs`: slots before it are left alone. Returns how many
 * beats went.
 */
export async function dropOld(
  sql: Sql,
  before: { readonly fromMs: number; readonly canariesMs: number; readonly exceptionsMs: number },
): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    with old as (
      select o.* from pipeline p cross join lateral (
        select b.pipeline, b.slot, b.part from beat b
         where b.pipeline = p.number and b.slot >= ${before.fromMs} and b.slot < ${before.canariesMs}
           and not exists (select from mark m
                            where m.pipeline = b.pipeline and m.slot = b.slot and m.part = b.part
                              and (not m.folded or m.next_due_ms is not null
                                   or (m.exceptional and b.slot >= ${before.exceptionsMs})))
         order by b.slot limit ${BATCH}) o),
    marks as (
      delete from mark m using old where m.pipeline = old.pipeline and m.slot = old.slot and m.part = old.part),
    aliases as (
      delete from alias a using old where a.pipeline = old.pipeline and a.slot = old.slot),
    beats as (
      delete from beat b using old where b.pipeline = old.pipeline and b.slot = old.slot and b.part = old.part
      returning 1)
    select count(*)::int as n from beats`;
  return row?.n ?? 0;
}

/** Of one checkpoint. Of more than these the oldest are forgotten: read again, they would count twice. */
const COUNTED_MAX = 20_000;

/** Drops rollups, findings and what was parked past their retention. `readMs`: nobody reads records from before this again. */
export async function dropPast(
  sql: Sql,
  before: { readonly exceptionsMs: number; readonly rollupsMs: number; readonly readMs: number },
): Promise<void> {
  await sql`
    delete from counted where seen_ms < ${before.readMs} or ctid = any(array(
      select at from (
        select ctid as at, row_number() over (partition by pipeline, checkpoint order by seen_ms desc) as n from counted) c
       where n > ${COUNTED_MAX}))`;
  await sql`delete from rollup where hour_ms < ${before.rollupsMs}`;
  await sql`delete from finding where hour_ms < ${before.exceptionsMs}`;
  await sql`delete from orphan where seen_ms < ${before.exceptionsMs}`;
  await sql`delete from identity where seen_ms < ${before.exceptionsMs}`;
}

/** A step of the clock: deadlines of open canaries start anew (DESIGN §3). Returns how many rows. */
export async function restartDeadlines(sql: Sql, nowMs: number): Promise<number> {
  const rows = await sql`
    update beat b set restart_ms = ${nowMs}
     where exists (select from mark m
                    where m.pipeline = b.pipeline and m.slot = b.slot and m.part = b.part and m.next_due_ms is not null)
    returning 1`;
  return rows.length;
}

/** Moves a pipeline's plan to a clock that stepped. Backwards, slots come again, so planned names get a new index. */
export async function replan(
  sql: Sql,
  pipeline: number,
  to: { readonly nowMs: number; readonly backwards: boolean },
): Promise<void> {
  await sql`
    update pipeline set planned_to_ms = ${to.nowMs}, round = round + ${to.backwards ? 1 : 0} where number = ${pipeline}`;
}
