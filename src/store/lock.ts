/**
 * Locks on checkpoints' rows. Whoever takes several takes them in the order given, which must be everybody's: the deeper
 * down the branches the earlier, since a settling that holds one waits for those before it.
 */
import type { Watch } from '../domain/watermark.ts';
import { type CheckpointKey, type Lease, LeaseLostError } from './lease.ts';
import type { Sql, Tx } from './open.ts';

/** A lease under which something is done, and what its checkpoint's watch was when the lock was taken. */
export interface LockedLease {
  readonly lease: Lease;
  readonly watch: Watch;
}

export const lostLease = ({ pipeline, checkpoint }: CheckpointKey): LeaseLostError =>
  new LeaseLostError(`the lease on ${pipeline}/${checkpoint} went to another replica`);

/** Runs one transaction with the rows of these checkpoints locked. Those whose lease went to somebody else are left out. */
export async function underLeases<T>(
  sql: Sql,
  leases: readonly Lease[],
  work: (tx: Tx, locked: readonly LockedLease[]) => Promise<T>,
): Promise<T> {
  const result = await sql.begin(async tx => {
    const rows = await tx<{ n: number; watermark: Watch }[]>`
      select l.n::int as n, c.watermark
        from rows from (json_to_recordset(${JSON.stringify(leases)}::text::json)
               as (pipeline int, checkpoint int, fence int8)) with ordinality as l(pipeline, checkpoint, fence, n)
        join checkpoint c on c.pipeline = l.pipeline and c.number = l.checkpoint and c.fence = l.fence
       order by l.n for update of c`;
    const locked = rows.flatMap(({ n, watermark }) => {
      const lease = leases[n - 1];
      return lease ? [{ lease, watch: watermark }] : [];
    });
    return { value: await work(tx, locked) };
  });
  return result.value as T;
}

/** The same for one. Throws LeaseLostError. */
export const underLease = <T>(
  sql: Sql,
  lease: Lease,
  work: (tx: Tx, watch: Watch) => Promise<T>,
): Promise<T> =>
  underLeases(sql, [lease], async (tx, [locked]) => {
    if (!locked) throw lostLease(lease);
    return await work(tx, locked.watch);
  });

/** Waits for settlings under way at these checkpoints; those that begin later wait for this one's commit. */
export async function awaitSettling(tx: Tx, checkpoints: readonly CheckpointKey[]): Promise<void> {
  await tx`
    select from rows from (json_to_recordset(${JSON.stringify(checkpoints)}::text::json)
             as (pipeline int, checkpoint int)) with ordinality as k(pipeline, checkpoint, n)
      join checkpoint c on c.pipeline = k.pipeline and c.number = k.checkpoint
     order by k.n for share of c`;
}

export async function saveWatches(
  tx: Tx,
  watches: readonly { readonly lease: Lease; readonly watch: Watch }[],
): Promise<void> {
  if (watches.length === 0) return;
  const rows = watches.map(({ lease, watch }) => ({ ...lease, watch }));
  await tx`
    update checkpoint c set watermark = w.watch
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as w(pipeline int, checkpoint int, watch jsonb)
     where c.pipeline = w.pipeline and c.number = w.checkpoint`;
}
