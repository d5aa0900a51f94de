/**
 * Queries of the engine's step `alert`: the outbox. Only heads are ever claimed (per incident and notifier the lowest
 * sequence that still waits), and whatever ends a claim is conditional on holding it: a notice can't overtake another, and
 * whoever fell asleep changes nothing.
 */
import type { Notice, Receipt } from '../contracts/notifier.ts';
import { type NoticeDraft, putNotices, standIn } from './enqueue.ts';
import { toJson } from './json.ts';
import type { Sql, Tx } from './open.ts';
import { readFailing } from './read-notices.ts';

export { enqueue } from './enqueue.ts';

/** A notice that is ours to deliver until the claim runs out. */
export interface Claimed {
  readonly incident: number;
  readonly notifier: string;
  readonly sequence: number;
  /** Failed attempts so far. */
  readonly attempts: number;
  /** Names this claim: unique among all there ever were. */
  readonly claim: string;
  readonly notice: Notice;
  /** The notifier that it is delivered instead of; null: it is meant for this one. */
  readonly insteadOf: string | null;
  /** Receipt of the last notice of this incident that was delivered here. */
  readonly previous: Receipt | null;
}

/** How a claim is made. */
export interface ClaimTerms {
  readonly claim: string;
  /** It runs out after this long by the database's clock, milliseconds. */
  readonly claimMs: number;
  /** Our clock: what is due by it. */
  readonly nowMs: number;
}

const DB_NOW = `(extract(epoch from clock_timestamp()) * 1000)::int8`;
/** Rows that a channel's recovery brings forward at once, and how far off an attempt must be for it. */
const FORWARD_MAX = 1_000;
const FORWARD_FROM_MS = 60_000;
const MOVED_MAX = 1_000;
const REPEATS_MAX = 20;

const free = (sql: Sql | Tx) => sql.unsafe(`coalesce(o.claimed_until_ms <= ${DB_NOW}, true)`);

/** Nothing of the same incident and notifier waits before it, or is being repeated. */
const isHead = (sql: Sql | Tx) =>
  sql.unsafe(`
  o.state = 'waiting' and not exists (
    select from outbox p
     where p.incident = o.incident and p.notifier = o.notifier
       and ((p.state = 'waiting' and p.sequence < o.sequence) or (p.state = 'sent' and p.claimed_until_ms > ${DB_NOW})))`);

const take = (sql: Sql | Tx, { claim, claimMs }: ClaimTerms) => sql`
  update outbox o set claimed_by = ${claim}, claimed_until_ms = ${sql.unsafe(DB_NOW)} + ${claimMs}::int8
    from head h
   where o.incident = h.incident and o.notifier = h.notifier and o.sequence = h.sequence
  returning o.incident, o.notifier, o.sequence, o.attempts, o.claimed_by as claim, o.notice - 'insteadOf' as notice,
            o.notice->>'insteadOf' as "insteadOf",
            (select p.receipt from outbox p
              where p.incident = o.incident and p.notifier = o.notifier and p.sequence <= o.sequence and p.state = 'sent'
              order by p.sequence desc limit 1) as previous`;

/** Claims heads that are due, at most `n` of each notifier. */
export async function claimHeads(
  sql: Sql,
  room: readonly { readonly notifier: string; readonly n: number }[],
  terms: ClaimTerms,
): Promise<Claimed[]> {
  if (room.length === 0) return [];
  return await sql<Claimed[]>`
    with head as (
      select h.* from json_to_recordset(${JSON.stringify(room)}::text::json) as r(notifier text, n int)
       cross join lateral (
         select o.incident, o.notifier, o.sequence from outbox o
          where o.notifier = r.notifier and o.next_ms <= ${terms.nowMs} and ${free(sql)} and ${isHead(sql)}
          order by o.next_ms, o.incident limit r.n for update skip locked) h)
    ${take(sql, terms)}`;
}

/** Claims heads of notifiers that nobody has any more: theirs that have waited since `beforeMs`. */
export async function claimStranded(
  sql: Sql,
  known: readonly string[],
  beforeMs: number,
  terms: ClaimTerms,
): Promise<Claimed[]> {
  return await sql<Claimed[]>`
    with head as (
      select o.incident, o.notifier, o.sequence from outbox o
       where o.notifier not in (select json_array_elements_text(${JSON.stringify(known)}::text::json))
         and o.created_ms < ${beforeMs} and ${free(sql)} and ${isHead(sql)}
       order by o.created_ms limit ${REPEATS_MAX} for update skip locked)
    ${take(sql, terms)}`;
}

/**
 * Claims the newest delivered notice of open incidents, where it is time to say it again and nothing newer waits. Holds the
 * incidents' rows meanwhile: what is written for them after this sees the claim, and waits for its end.
 */
export async function claimRepeats(
  sql: Sql,
  { notifier, n }: { readonly notifier: string; readonly n: number },
  terms: ClaimTerms,
): Promise<Claimed[]> {
  const claimed = await sql.begin(async tx => {
    const due = tx`
      o.notifier = ${notifier} and o.state = 'sent' and o.next_ms <= ${terms.nowMs}
        and o.event not in ('resolved', 'summary') and ${free(tx)}
        and not exists (select from outbox p where p.incident = o.incident and p.notifier = o.notifier
                           and p.sequence > o.sequence and p.state in ('waiting', 'sent'))`;
    const open = await tx<{ number: number }[]>`
      select i.number from incident i
       where i.ended_ms is null and exists (select from outbox o where o.incident = i.number and ${due})
       order by i.number limit ${Math.min(n, REPEATS_MAX)} for update skip locked`;
    if (open.length === 0) return [];
    return await tx<Claimed[]>`
      with head as (
        select o.incident, o.notifier, o.sequence
          from json_array_elements_text(${JSON.stringify(open.map(i => i.number))}::text::json) as i(number)
          join outbox o on o.incident = i.number::int and ${due}
           for update of o skip locked)
      ${take(tx, terms)}`;
  });
  return claimed as unknown as Claimed[];
}

/**
 * Where an `opened` that nobody has heard is claimed and a `resolved` waits behind it, they and all between become one
 * `summary`: the last row, whose id no receiver can have seen. Returns the claims as they stand then.
 */
export async function mergeEnded(
  sql: Sql,
  claims: readonly Claimed[],
  { claim, nowMs }: Pick<ClaimTerms, 'claim' | 'nowMs'>,
): Promise<Claimed[]> {
  const opened = claims.filter(c => c.notice.event === 'opened');
  if (opened.length === 0) return [...claims];
  const keys = opened.map(({ incident, notifier, sequence }) => ({ incident, notifier, sequence }));
  const summaries = await sql<Pick<Claimed, 'incident' | 'notifier' | 'sequence' | 'attempts' | 'notice'>[]>`
    with head as (
      select o.* from json_to_recordset(${JSON.stringify(keys)}::text::json) as k(incident int, notifier text, sequence int)
        join outbox o using (incident, notifier, sequence)
       where o.claimed_by = ${claim} and o.state = 'waiting' for update of o),
    span as (
      select h.*, (select min(r.sequence) from outbox r
                    where r.incident = h.incident and r.notifier = h.notifier and r.sequence > h.sequence
                      and r.state = 'waiting' and r.event = 'resolved') as last
        from head h),
    -- What is said between in another's stead is not of this story, and must be heard.
    whole as (
      select s.* from span s
       where s.last is not null
         and not exists (select from outbox b
                          where b.incident = s.incident and b.notifier = s.notifier and b.sequence > s.sequence
                            and b.sequence < s.last and b.notice->'insteadOf' is distinct from s.notice->'insteadOf')),
    merged as (
      update outbox o set state = 'merged', done_ms = ${nowMs}, claimed_until_ms = null
        from whole w
       where o.incident = w.incident and o.notifier = w.notifier and o.sequence >= w.sequence and o.sequence < w.last
         and o.state = 'waiting')
    update outbox o set event = 'summary', notice = o.notice || '{"event": "summary"}',
                        claimed_by = w.claimed_by, claimed_until_ms = w.claimed_until_ms
      from whole w
     where o.incident = w.incident and o.notifier = w.notifier and o.sequence = w.last
    returning o.incident, o.notifier, o.sequence, o.attempts, o.notice - 'insteadOf' as notice`;
  return claims.map(c => ({
    ...c,
    ...summaries.find(s => s.incident === c.incident && s.notifier === c.notifier),
  }));
}

const mine = (sql: Sql | Tx, c: Claimed) => sql`
  incident = ${c.incident} and notifier = ${c.notifier} and sequence = ${c.sequence} and claimed_by = ${c.claim}`;

/**
 * It was delivered. `repeatMs`: it is due again then, while its incident is open. The channel works: what waits for a later
 * attempt there is due now. False: the claim had run out, so somebody delivers it again.
 */
export async function commitSent(
  sql: Sql,
  c: Claimed,
  sent: { readonly nowMs: number; readonly receipt: Receipt; readonly repeatMs: number | null },
): Promise<boolean> {
  const [row] = await sql<{ n: number }[]>`
    with done as (
      update outbox set state = 'sent', done_ms = ${sent.nowMs}, receipt = ${toJson(sent.receipt)}::text::jsonb,
                        error = null, claimed_until_ms = null, next_ms = ${sent.nowMs + (sent.repeatMs ?? 0)}
       where ${mine(sql, c)} and state in ('waiting', 'sent') returning 1),
    later as (
      select o.incident, o.notifier, o.sequence from outbox o
       where o.notifier = ${c.notifier} and o.state = 'waiting' and o.attempts > 0 and ${free(sql)}
         and o.next_ms > ${sent.nowMs + FORWARD_FROM_MS}
       limit ${FORWARD_MAX} for update skip locked),
    forward as (
      update outbox o set next_ms = ${sent.nowMs} from later l
       where o.incident = l.incident and o.notifier = l.notifier and o.sequence = l.sequence)
    select count(*)::int as n from done`;
  return row?.n === 1;
}

/** It failed, and is tried again at `nextMs`. */
export async function postpone(
  sql: Sql,
  c: Claimed,
  to: { readonly nextMs: number; readonly error: string },
): Promise<void> {
  await sql`
    update outbox set attempts = attempts + 1, next_ms = ${to.nextMs}, error = ${to.error},
                      claimed_by = null, claimed_until_ms = null
     where ${mine(sql, c)}`;
}

/** Gives the claim back, as if it had not been made. `nextMs`: not before then. */
export async function release(sql: Sql, c: Claimed, nextMs?: number): Promise<void> {
  await sql`
    update outbox set claimed_by = null, claimed_until_ms = null, next_ms = coalesce(${nextMs ?? null}::int8, next_ms)
     where ${mine(sql, c)}`;
}

/**
 * It won't be delivered: `failed`, and from here on the incident's notices for this notifier go to others too. They are the
 * first of `routes` that has a notifier which isn't failing itself. What is here in another's stead goes no further.
 * Returns who stands in; null: the claim had run out.
 */
export async function giveUp(
  sql: Sql,
  c: Claimed,
  why: { readonly nowMs: number; readonly error: string; readonly routes: readonly (readonly string[])[] },
): Promise<readonly string[] | null> {
  const standIns = await sql.begin(async tx => {
    // Sequences are drawn under this lock, here as by whoever enqueues.
    await tx`select from incident where number = ${c.incident} for update`;
    const failed = await tx`
      update outbox set state = 'failed', attempts = attempts + 1, error = ${why.error}, done_ms = ${why.nowMs},
                        claimed_until_ms = null
       where ${mine(tx, c)} and state = 'waiting' returning 1`;
    if (failed.length === 0) return { found: null };
    const [known] = await tx`
      select from outbox where incident = ${c.incident} and notice->>'insteadOf' = ${c.notifier} limit 1`;
    if (known || c.insteadOf !== null) return { found: [] };
    const failing = new Set((await readFailing(tx, why.nowMs)).map(f => f.notifier));
    const others = why.routes.map(route => route.filter(name => name !== c.notifier));
    const sound = others.map(route => route.filter(name => !failing.has(name)));
    const found = [...sound, ...others].find(route => route.length > 0) ?? [];
    for (const notifier of found) await move(tx, c, { ...why, notifier });
    return { found };
  });
  return (standIns as { found: readonly string[] | null }).found;
}

/** Writes for another notifier what this one can't deliver: one word where it hears of the incident anyway, else all that waits. */
async function move(
  tx: Tx,
  c: Claimed,
  to: { readonly notifier: string; readonly nowMs: number; readonly error: string },
): Promise<void> {
  const at = { notifier: c.notifier, error: to.error, nowMs: to.nowMs };
  const [newest] = await tx<{ notice: NoticeDraft }[]>`
    select notice - 'insteadOf' as notice from outbox
     where incident = ${c.incident} and notifier = ${to.notifier} order by sequence desc limit 1`;
  if (newest) {
    const { event } = newest.notice;
    const isOver = event === 'resolved' || event === 'summary';
    const notice = standIn({ ...newest.notice, event: isOver ? event : 'reminder' }, at);
    return await putNotices(tx, [{ incident: c.incident, notifier: to.notifier, notice }]);
  }
  const behind = await tx<{ notice: NoticeDraft }[]>`
    select notice from outbox
     where incident = ${c.incident} and notifier = ${c.notifier} and sequence > ${c.sequence} and state = 'waiting'
     order by sequence limit ${MOVED_MAX}`;
  const all = [c.notice, ...behind.map(b => b.notice)];
  await putNotices(
    tx,
    all.map(notice => ({ incident: c.incident, notifier: to.notifier, notice: standIn(notice, at) })),
  );
}

/** After a step of the clock backwards: what waits for a time that was near is due then still. */
export async function bringForward(sql: Sql, nowMs: number): Promise<void> {
  await sql`update outbox set next_ms = ${nowMs} where state = 'waiting' and next_ms > ${nowMs}`;
}
