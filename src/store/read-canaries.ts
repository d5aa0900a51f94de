/**
 * Reading single canaries out of the ledger's arrays, newest first. The order (slot, part, position, checkpoint) is that
 * of the primary key of `mark`, read backwards, so a page costs what it holds and not what lies behind it.
 */
import type { Sql } from './open.ts';

/** One canary at one checkpoint, as it is kept. Offsets are milliseconds from `due_ms`; codes as in the domain. */
export interface CanaryRow {
  readonly checkpoint: number;
  readonly slot: number;
  readonly part: number;
  /** In the row's arrays, from 1. */
  readonly position: number;
  readonly index: number;
  readonly kind: string;
  readonly generation: number;
  readonly due_ms: number;
  readonly committed_ms: number;
  readonly restart_ms: number | null;
  readonly target: number;
  readonly sending: number | null;
  readonly first_off: number | null;
  readonly last_off: number | null;
  readonly attempts: number | null;
  readonly reason: string | null;
  readonly verdict: number | null;
  readonly seen_off: number | null;
  readonly seen_after_off: number | null;
  readonly flags: number | null;
  readonly note: unknown;
}

/** Where a page ended. */
export interface CanaryKey {
  readonly slot: number;
  readonly part: number;
  readonly position: number;
  readonly checkpoint: number;
}

export interface CanaryFilter {
  readonly pipeline: number;
  readonly checkpoint: number;
  /** Slots in [fromMs, toMs). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly target: number | null;
  /** Codes of VERDICTS; null: all. */
  readonly verdicts: readonly number[] | null;
  /** Number of the pseudo-target to leave out; null: it stays. */
  readonly without: number | null;
  /** Only what comes after this key, which may be another checkpoint's. */
  readonly after: CanaryKey | null;
  /** Every wanted verdict is an exception, and no drill is wanted: the partial index holds all there is. */
  readonly exceptional: boolean;
  readonly limit: number;
}

const columns = `m.checkpoint, m.slot, m.part, u.position::int as position, b.index, b.kind, b.generation, b.due_ms,
  b.committed_ms, b.restart_ms, u.target, u.sending, u.first_off, u.last_off, u.attempts,
  b.reasons->>(u.position - 1)::text as reason, u.verdict, u.seen_off, u.seen_after_off, u.flags,
  m.notes->(u.position - 1)::text as note`;

const elements = `unnest(b.targets, b.sendings, b.first_offs, b.last_offs, b.attempts, m.verdicts, m.seen_offs,
    m.seen_after_offs, m.flags) with ordinality
  as u(target, sending, first_off, last_off, attempts, verdict, seen_off, seen_after_off, flags, position)`;

/** One page of one checkpoint's canaries. Rows without a match are left out by their arrays before they are unnested. */
export async function listCanaries(sql: Sql, f: CanaryFilter): Promise<CanaryRow[]> {
  const codes = f.verdicts === null ? null : JSON.stringify(f.verdicts);
  const wanted = sql`array(select json_array_elements_text(${codes ?? '[]'}::text::json)::smallint)`;
  const after = f.after ?? { slot: f.toMs, part: 0, position: 0, checkpoint: 0 };
  return await sql<CanaryRow[]>`
    select ${sql.unsafe(columns)}
      from mark m
      join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
     cross join lateral ${sql.unsafe(elements)}
     where m.pipeline = ${f.pipeline} and m.checkpoint = ${f.checkpoint}
       and m.slot >= ${f.fromMs} and m.slot < ${f.toMs}
       and (m.slot, m.part) <= (${after.slot}::int8, ${after.part}::int)
       and (m.slot, m.part, u.position, m.checkpoint)
           < (${after.slot}::int8, ${after.part}::int, ${after.position}::int8, ${after.checkpoint}::int)
       ${f.exceptional ? sql`and m.exceptional` : sql``}
       ${f.target === null ? sql`` : sql`and b.targets @> array[${f.target}::int] and u.target = ${f.target}`}
       ${f.without === null ? sql`` : sql`and u.target <> ${f.without}`}
       ${
         codes === null
           ? sql``
           : sql`and coalesce(m.verdicts, '{0}') && ${wanted} and coalesce(u.verdict, 0) = any(${wanted})`
       }
     order by m.slot desc, m.part desc, u.position desc
     limit ${f.limit}`;
}

/** One canary at all of its checkpoints; empty: the ledger doesn't know it (any more). */
export async function readCanary(
  sql: Sql,
  name: {
    readonly pipeline: number;
    readonly slot: number;
    readonly index: number;
    readonly target: number;
  },
): Promise<CanaryRow[]> {
  return await sql<CanaryRow[]>`
    select ${sql.unsafe(columns)}
      from beat b
      join mark m on m.pipeline = b.pipeline and m.slot = b.slot and m.part = b.part
     cross join lateral ${sql.unsafe(elements)}
     where b.pipeline = ${name.pipeline} and b.slot = ${name.slot} and b.index = ${name.index}
       and u.target = ${name.target}
     order by m.checkpoint`;
}

/** Where a valid name that no beat knows was seen, if it is parked. */
export async function readOrphan(
  sql: Sql,
  name: { readonly slot: number; readonly index: number; readonly target: number },
): Promise<{ pipeline: number; checkpoint: number; seen_ms: number }[]> {
  return await sql<{ pipeline: number; checkpoint: number; seen_ms: number }[]>`
    select pipeline, checkpoint, seen_ms from orphan
     where target = ${name.target} and slot = ${name.slot} and index = ${name.index} limit 20`;
}
