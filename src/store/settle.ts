/**
 * Queries of the engine's step `settle`. All of one settling is one transaction under a lock on the checkpoint's row, so
 * the inbox, the marks and the rollups can't part, and two judges can't work on one checkpoint.
 */
import type { Watch } from '../domain/watermark.ts';
import { type Lease, LeaseLostError } from './lease.ts';
import type { Sql, Tx } from './open.ts';
import type { InboxRow } from './sight.ts';

/** A row of `beat` with what this checkpoint knows of it; arrays are in the order of `targets`. */
export interface MarkRow {
  readonly slot: number;
  readonly part: number;
  readonly index: number;
  readonly kind: string;
  readonly generation: number;
  readonly due_ms: number;
  readonly committed_ms: number;
  readonly restart_ms: number | null;
  readonly targets: readonly number[];
  readonly sendings: readonly number[] | null;
  readonly first_offs: readonly number[] | null;
  readonly last_offs: readonly number[] | null;
  readonly attempts: readonly number[] | null;
  readonly next_due_ms: number | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly folded: boolean;
  readonly exceptional: boolean;
  readonly verdicts: readonly number[] | null;
  readonly seen_offs: readonly (number | null)[] | null;
  readonly seen_after_offs: readonly (number | null)[] | null;
  readonly flags: readonly number[] | null;
  readonly records: readonly (number | null)[] | null;
  readonly notes: Readonly<Record<string, unknown>> | null;
}

/** What settling changes in a row of `mark`. */
export type MarkUpdate = Pick<
  MarkRow,
  | 'slot'
  | 'part'
  | 'next_due_ms'
  | 'counts'
  | 'folded'
  | 'exceptional'
  | 'verdicts'
  | 'seen_offs'
  | 'seen_after_offs'
  | 'flags'
  | 'records'
  | 'notes'
>;

export interface RollupRow {
  readonly hour_ms: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly delays: unknown;
}

/** Runs one settling with the checkpoint's row locked. Throws LeaseLostError. */
export async function underLease<T>(
  sql: Sql,
  lease: Lease,
  work: (tx: Tx, watch: Watch) => Promise<T>,
): Promise<T> {
  const result = await sql.begin(async tx => {
    const [row] = await tx<{ watermark: Watch }[]>`
      select watermark from checkpoint
       where pipeline = ${lease.pipeline} and number = ${lease.checkpoint} and fence = ${lease.fence} for update`;
    if (!row)
      throw new LeaseLostError(`the lease on ${lease.pipeline}/${lease.checkpoint} went to another replica`);
    return { value: await work(tx, row.watermark) };
  });
  return result.value as T;
}

/** Empties up to `limit` rows of the inbox. */
export async function takeInbox(tx: Tx, lease: Lease, limit: number): Promise<InboxRow[]> {
  const [row] = await tx<{ rows: InboxRow[] | null }[]>`
    with d as (
      delete from sighting where ctid = any(array(
        select ctid from sighting where pipeline = ${lease.pipeline} and checkpoint = ${lease.checkpoint} limit ${limit}))
      returning slot, target, index, kind, seen_ms, seen_after_ms, ingested_ms, record, copies, look, integrity, detail)
    select json_agg(d) as rows from d`;
  return row?.rows ?? [];
}

/** Clocks of replicas differ: a sign-in may seem to begin so much after its record was seen, milliseconds. */
const CLOCKS_MS = 60_000;

/**
 * Takes parked identities that are aliases by now, as evidence, and drops those that no sending under way can explain any
 * more. Ask after `loadMarks`: whatever that found sent has its aliases here. One statement, so that both are as of one moment.
 */
export async function takeIdentities(tx: Tx, lease: Lease): Promise<InboxRow[]> {
  const [row] = await tx<{ rows: InboxRow[] | null }[]>`
    with gone as (
      delete from identity i
       where i.pipeline = ${lease.pipeline} and i.checkpoint = ${lease.checkpoint}
         and (exists (select from alias a where a.pipeline = i.pipeline and a.alias = i.identity)
              or not exists (select from beat b
                              where b.pipeline = i.pipeline and b.sendings is null and b.due_ms <= i.seen_ms + ${CLOCKS_MS}::int8))
      returning i.*),
    r as (
      select a.slot, a.target, a.index, 0 as kind, g.seen_ms, g.seen_after_ms, g.ingested_ms, g.record, g.copies, g.look,
             0 as integrity, null as detail
        from gone g join alias a on a.pipeline = g.pipeline and a.alias = g.identity)
    select json_agg(r) as rows from r`;
  return row?.rows ?? [];
}

const markColumns = `b.slot, b.part, b.index, b.kind, b.generation, b.due_ms, b.committed_ms, b.restart_ms,
  b.targets, b.sendings, b.first_offs, b.last_offs, b.attempts,
  m.next_due_ms, m.counts, m.folded, m.exceptional, m.verdicts, m.seen_offs, m.seen_after_offs, m.flags, m.records, m.notes`;

/**
 * The rows that evidence in the inbox speaks of, and the next ones whose time has come. One JSON document: JSON.parse is
 * several times faster than any parser of PostgreSQL's array literals.
 */
export async function loadMarks(
  tx: Tx,
  lease: Lease,
  wanted: {
    readonly slots: readonly number[];
    readonly dueUntilMs: number | null;
    readonly dueLimit: number;
  },
): Promise<MarkRow[]> {
  const [row] = await tx<{ rows: MarkRow[] | null }[]>`
    with k as (
      select m.slot, m.part from mark m
       where m.pipeline = ${lease.pipeline} and m.checkpoint = ${lease.checkpoint}
         and m.slot = any(array(select json_array_elements_text(${JSON.stringify(wanted.slots)}::text::json)::int8))
      union
      (select m.slot, m.part from mark m
        where m.pipeline = ${lease.pipeline} and m.checkpoint = ${lease.checkpoint}
          and m.next_due_ms <= ${wanted.dueUntilMs}::int8
        order by m.next_due_ms limit ${wanted.dueLimit})),
    r as (
      select ${tx.unsafe(markColumns)} from k
        join mark m on m.pipeline = ${lease.pipeline} and m.checkpoint = ${lease.checkpoint}
                   and m.slot = k.slot and m.part = k.part
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part)
    select json_agg(r) as rows from r`;
  return row?.rows ?? [];
}

/** Which canaries of these rows were seen at any of these checkpoints: evidence that a miss here is ours. */
export async function seenAt(
  tx: Tx,
  lease: Lease,
  checkpoints: readonly number[],
  rows: readonly { slot: number; part: number }[],
): Promise<{ slot: number; part: number; seen_offs: (number | null)[] }[]> {
  if (checkpoints.length === 0 || rows.length === 0) return [];
  const [row] = await tx<{ rows: { slot: number; part: number; seen_offs: (number | null)[] }[] | null }[]>`
    with r as (
      select m.slot, m.part, m.seen_offs from mark m
        join json_to_recordset(${JSON.stringify(rows)}::text::json) as k(slot int8, part int)
          on m.slot = k.slot and m.part = k.part
       where m.pipeline = ${lease.pipeline} and m.seen_offs is not null
         and m.checkpoint = any(array(select json_array_elements_text(${JSON.stringify(checkpoints)}::text::json)::int)))
    select json_agg(r) as rows from r`;
  return row?.rows ?? [];
}

export async function saveMarks(tx: Tx, lease: Lease, updates: readonly MarkUpdate[]): Promise<void> {
  if (updates.length === 0) return;
  await tx`
    update mark m set next_due_ms = u.next_due_ms, counts = u.counts, folded = u.folded, exceptional = u.exceptional,
                      verdicts = u.verdicts, seen_offs = u.seen_offs, seen_after_offs = u.seen_after_offs,
                      flags = u.flags, records = u.records, notes = u.notes
      from json_to_recordset(${JSON.stringify(updates)}::text::json)
        as u(slot int8, part int, next_due_ms int8, counts jsonb, folded boolean, exceptional boolean, verdicts smallint[],
             seen_offs int[], seen_after_offs int[], flags smallint[], records int[], notes jsonb)
     where m.pipeline = ${lease.pipeline} and m.checkpoint = ${lease.checkpoint} and m.slot = u.slot and m.part = u.part`;
}

export async function loadRollups(tx: Tx, lease: Lease, hours: readonly number[]): Promise<RollupRow[]> {
  if (hours.length === 0) return [];
  return await tx<RollupRow[]>`
    select hour_ms, counts, delays from rollup
     where pipeline = ${lease.pipeline} and checkpoint = ${lease.checkpoint}
       and hour_ms = any(array(select json_array_elements_text(${JSON.stringify(hours)}::text::json)::int8))`;
}

export async function saveRollups(tx: Tx, lease: Lease, rows: readonly RollupRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into rollup (pipeline, checkpoint, hour_ms, counts, delays)
    select ${lease.pipeline}, ${lease.checkpoint}, r.hour_ms, r.counts, r.delays
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(hour_ms int8, counts jsonb, delays jsonb)
    on conflict (pipeline, checkpoint, hour_ms) do update set counts = excluded.counts, delays = excluded.delays`;
}

export async function saveWatch(tx: Tx, lease: Lease, watch: Watch): Promise<void> {
  await tx`
    update checkpoint set watermark = ${JSON.stringify(watch)}::text::jsonb
     where pipeline = ${lease.pipeline} and number = ${lease.checkpoint}`;
}

/** Tells the checkpoints before this one that a canary which they miss was seen here. */
export async function tellUpstream(
  tx: Tx,
  pipeline: number,
  rows: readonly { checkpoint: number; slot: number; target: number; index: number; seen_ms: number }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, copies, look)
    select ${pipeline}, r.checkpoint, r.slot, r.target, r.index, 1, r.seen_ms, 0, 0
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as r(checkpoint int, slot int8, target int, index int, seen_ms int8)`;
}

/** Waits for settlings under way at these checkpoints; those that begin later wait for this one's commit. */
export async function awaitSettling(tx: Tx, pipeline: number, checkpoints: readonly number[]): Promise<void> {
  await tx`
    select from checkpoint
     where pipeline = ${pipeline}
       and number = any(array(select json_array_elements_text(${JSON.stringify(checkpoints)}::text::json)::int))
     order by number for share`;
}

/** Canaries that are missing at these checkpoints although their time there is over. */
export async function missingAt(
  tx: Tx,
  pipeline: number,
  checkpoints: readonly number[],
  rows: readonly { slot: number; part: number }[],
): Promise<{ checkpoint: number; slot: number; part: number; verdicts: number[] }[]> {
  if (checkpoints.length === 0 || rows.length === 0) return [];
  const [row] = await tx<
    { rows: { checkpoint: number; slot: number; part: number; verdicts: number[] }[] | null }[]
  >`
    with r as (
      select m.checkpoint, m.slot, m.part, m.verdicts from mark m
        join json_to_recordset(${JSON.stringify(rows)}::text::json) as k(slot int8, part int)
          on m.slot = k.slot and m.part = k.part
       where m.pipeline = ${pipeline} and m.verdicts is not null
         and m.checkpoint = any(array(select json_array_elements_text(${JSON.stringify(checkpoints)}::text::json)::int)))
    select json_agg(r) as rows from r`;
  return row?.rows ?? [];
}

export async function parkOrphans(
  tx: Tx,
  lease: Lease,
  rows: readonly { target: number; slot: number; index: number; seen_ms: number }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    insert into orphan (pipeline, checkpoint, target, slot, index, seen_ms)
    select ${lease.pipeline}, ${lease.checkpoint}, r.target, r.slot, r.index, r.seen_ms
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(target int, slot int8, index int, seen_ms int8)
    on conflict do nothing`;
}
