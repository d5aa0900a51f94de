/** Reading the outbox: what became of notices, which notifiers fail, what may be dropped. */
import type { NoticeEvent } from '../contracts/notifier.ts';
import type { Sql, Tx } from './open.ts';

const DAY_MS = 86_400_000;
/** Rows that are dropped, or read for one page, at once. */
const BATCH = 2_000;

/** What became of one notice. */
export interface NoticeRow {
  readonly notifier: string;
  readonly sequence: number;
  readonly event: NoticeEvent;
  readonly state: 'waiting' | 'sent' | 'failed' | 'merged';
  readonly createdMs: number;
  /** Not delivered before then; null unless it waits. */
  readonly nextMs: number | null;
  readonly doneMs: number | null;
  /** Failed attempts. */
  readonly attempts: number;
  /** What the last attempt failed with. */
  readonly error: string | null;
  /** The notifier that it was sent instead of. */
  readonly insteadOf: string | null;
}

/** The notices of one incident, as they were written. */
export async function readNotices(sql: Sql | Tx, incident: number): Promise<NoticeRow[]> {
  return await sql<NoticeRow[]>`
    select notifier, sequence, event, state, created_ms as "createdMs",
           case when state = 'waiting' then next_ms end as "nextMs", done_ms as "doneMs", attempts, error,
           notice->>'insteadOf' as "insteadOf"
      from outbox where incident = ${incident}
     order by created_ms, notifier, sequence limit ${BATCH}`;
}

/** A notifier that gave up on a notice within a day, and has delivered none since. */
export interface FailingNotifier {
  readonly notifier: string;
  readonly sinceMs: number;
  readonly notices: number;
  /** Of the newest. */
  readonly error: string;
}

export async function readFailing(sql: Sql | Tx, nowMs: number): Promise<FailingNotifier[]> {
  return await sql<FailingNotifier[]>`
    select f.notifier, min(f.done_ms) as "sinceMs", count(*)::int as notices,
           coalesce((array_agg(f.error order by f.done_ms desc))[1], '') as error
      from outbox f
     where f.state = 'failed' and f.done_ms > ${nowMs - DAY_MS}
       and not exists (select from outbox s
                        where s.notifier = f.notifier and s.state = 'sent' and s.done_ms >= f.done_ms)
     group by f.notifier order by f.notifier`;
}

export interface OutboxState {
  readonly waiting: number;
  /** When the oldest that waits was written; null: none waits. */
  readonly oldestMs: number | null;
  readonly failing: readonly FailingNotifier[];
}

export async function readOutbox(sql: Sql | Tx, nowMs: number): Promise<OutboxState> {
  const [row] = await sql<{ waiting: number; oldestMs: number | null }[]>`
    select count(*)::int as waiting, min(created_ms) as "oldestMs" from outbox where state = 'waiting'`;
  return { waiting: 0, oldestMs: null, ...row, failing: await readFailing(sql, nowMs) };
}

/**
 * Drops what was delivered, merged or given up before `beforeMs`, of incidents that had ended by then: a later notice needs
 * the sequence and the receipt of those before it. Returns how many; more may be left.
 */
export async function dropNotices(sql: Sql, beforeMs: number): Promise<number> {
  const dropped = await sql`
    delete from outbox where (incident, notifier, sequence) in (
      select o.incident, o.notifier, o.sequence from outbox o
       where o.state <> 'waiting' and o.done_ms < ${beforeMs}
         and not exists (select from incident i
                          where i.number = o.incident and (i.ended_ms is null or i.ended_ms >= ${beforeMs}))
         and not exists (select from outbox w
                          where w.incident = o.incident and w.notifier = o.notifier
                            and (w.state = 'waiting' or w.done_ms >= ${beforeMs}))
       limit ${BATCH})
    returning 1`;
  return dropped.length;
}
