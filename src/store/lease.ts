/**
 * The fenced lease of a checkpoint: whoever holds it looks and settles there. Expiry is judged by the database's clock,
 * so replicas with different clocks agree; the fence makes a holder that fell asleep harmless.
 */
import type { Sql } from './open.ts';

export interface CheckpointKey {
  readonly pipeline: number;
  readonly checkpoint: number;
}

export interface Lease extends CheckpointKey {
  readonly fence: number;
}

/** Somebody else holds the checkpoint now: drop the work, its next holder does it again. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** Takes or renews the leases that are free, ours or expired. One statement for all checkpoints. */
export async function acquireLeases(
  sql: Sql,
  options: { holder: string; leaseMs: number; wanted: readonly CheckpointKey[] },
): Promise<Lease[]> {
  const { holder, leaseMs, wanted } = options;
  if (wanted.length === 0) return [];
  return await sql<Lease[]>`
    update checkpoint c
       set holder = ${holder},
           fence = case when c.holder = ${holder} then c.fence else c.fence + 1 end,
           leased_until_ms = (extract(epoch from clock_timestamp()) * 1000)::int8 + ${leaseMs}::int8
      from json_to_recordset(${JSON.stringify(wanted)}::text::json) as w(pipeline int, checkpoint int)
     where c.pipeline = w.pipeline and c.number = w.checkpoint
       and (c.holder = ${holder} or c.holder is null
            or c.leased_until_ms < (extract(epoch from clock_timestamp()) * 1000)::int8)
    returning c.pipeline, c.number as checkpoint, c.fence`;
}

/** Gives leases back at shutdown, so that another replica need not wait for them to expire. */
export async function releaseLeases(sql: Sql, holder: string): Promise<void> {
  await sql`update checkpoint set holder = null, leased_until_ms = 0 where holder = ${holder}`;
}

/** Which of these checkpoints have evidence waiting in their inbox. */
export async function readFilledInboxes(sql: Sql, pipelines: readonly number[]): Promise<CheckpointKey[]> {
  if (pipelines.length === 0) return [];
  return await sql<CheckpointKey[]>`
    select pipeline, number as checkpoint from checkpoint c
     where c.pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))
       and exists (select from sighting s where s.pipeline = c.pipeline and s.checkpoint = c.number)`;
}
