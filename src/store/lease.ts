/**
 * The fenced lease of a checkpoint: whoever holds it looks and settles there. Expiry is judged by the database's clock,
 * so replicas with different clocks agree; the fence makes a holder that fell asleep harmless.
 */
import type { Sql, Tx } from './open.ts';

export interface CheckpointKey {
  readonly pipeline: number;
  readonly checkpoint: number;
}

/** A checkpoint that is wanted by a replica on this generation of its pipeline; null: whatever the generation. */
export interface WantedCheckpoint extends CheckpointKey {
  readonly generation: number | null;
}

export interface Lease extends CheckpointKey {
  readonly fence: number;
}

/** Somebody else holds the checkpoint now: drop the work, its next holder does it again. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** The database's clock in milliseconds. */
const DB_NOW = `(extract(epoch from clock_timestamp()) * 1000)::int8`;

/**
 * Says that we live, and takes the checkpoints whose holder doesn't. Returns all that are ours. One heartbeat renews every
 * lease: an idle store sees one small update, not one for each checkpoint. Who runs an older configuration gets nothing: it
 * wouldn't recognise the newer one's canaries.
 */
export async function acquireLeases(
  sql: Sql,
  options: { readonly self: string; readonly leaseMs: number; readonly wanted: readonly WantedCheckpoint[] },
): Promise<Lease[]> {
  const { self, leaseMs, wanted } = options;
  return await sql<Lease[]>`
    with heartbeat as (
      insert into replica (self, seen_ms) values (${self}, ${sql.unsafe(DB_NOW)})
      on conflict (self) do update set seen_ms = excluded.seen_ms),
    alive as (
      select self from replica where seen_ms > ${sql.unsafe(DB_NOW)} - ${leaseMs}::int8),
    w as (
      select x.pipeline, x.checkpoint
        from json_to_recordset(${JSON.stringify(wanted)}::text::json) as x(pipeline int, checkpoint int, generation int)
        join pipeline p on p.number = x.pipeline and p.generation = coalesce(x.generation, p.generation)),
    taken as (
      update checkpoint c set holder = ${self}, fence = c.fence + 1
        from w
       where c.pipeline = w.pipeline and c.number = w.checkpoint
         and (c.holder is null or (c.holder <> ${self} and c.holder not in (select self from alive)))
      returning c.pipeline, c.number as checkpoint, c.fence)
    select pipeline, checkpoint, fence from taken
    union all
    select c.pipeline, c.number, c.fence from checkpoint c
      join w on c.pipeline = w.pipeline and c.number = w.checkpoint
     where c.holder = ${self}`;
}

/** Ends the lease for work under way; its holder may take it again. */
export async function fenceOff(sql: Sql | Tx, lease: Lease): Promise<void> {
  await sql`
    update checkpoint set fence = fence + 1
     where pipeline = ${lease.pipeline} and number = ${lease.checkpoint} and fence = ${lease.fence}`;
}

/** Gives leases back at shutdown, so that another replica need not wait for our heartbeat to grow old. */
export async function releaseLeases(sql: Sql, self: string): Promise<void> {
  await sql`
    with gone as (delete from replica where self = ${self})
    update checkpoint set holder = null where holder = ${self}`;
}

/** Which of these checkpoints have evidence waiting in their inbox. */
export async function readFilledInboxes(sql: Sql, pipelines: readonly number[]): Promise<CheckpointKey[]> {
  if (pipelines.length === 0) return [];
  return await sql<CheckpointKey[]>`
    select pipeline, number as checkpoint from checkpoint c
     where c.pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))
       and exists (select from sighting s where s.pipeline = c.pipeline and s.checkpoint = c.number)`;
}
