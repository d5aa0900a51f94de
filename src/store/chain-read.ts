/** Reading the hash chain and all that it must agree with: rollups, and the marks that are still kept. In pages, one snapshot. */
import type { Counts } from '../domain/chain.ts';
import type { SettlementRow } from '../domain/row.ts';
import type { Sql, Tx } from './open.ts';

export interface ChainOwner {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  /** Above 0: the clock was set back, or the store restored, so an hour may have been lived twice. */
  readonly round: number;
  readonly checkpoints: readonly { readonly number: number; readonly id: string; readonly name: string }[];
}

export async function readStoreId(sql: Sql | Tx): Promise<string | null> {
  const [row] = await sql<{ store_id: string }[]>`select store_id from meta`;
  return row?.store_id ?? null;
}

/** All pipelines there ever were, retired ones too: their record goes on. */
export async function readOwners(tx: Tx): Promise<ChainOwner[]> {
  return await tx<ChainOwner[]>`
    select p.number, p.id, p.name, p.round,
           (select coalesce(json_agg(json_build_object('number', c.number, 'id', c.id, 'name', c.name) order by c.number), '[]')
              from checkpoint c where c.pipeline = p.number) as checkpoints
      from pipeline p order by p.name`;
}

export interface LinkRow {
  readonly number: number;
  readonly checkpoint: number;
  readonly hour_ms: number;
  readonly sealed_ms: number;
  readonly counts: Counts;
  readonly delays_hash: string;
  readonly hash: string;
}

const PAGE = 5_000;
/** Whoever edits a row may write anything: what isn't an object counts nothing, and is found out by its hash or its sum. */
const object = (column: string): string =>
  `case when jsonb_typeof(${column}) = 'object' then ${column} else '{}'::jsonb end`;

/** A pipeline's links in their order, page by page. */
export async function* readLinks(tx: Tx, pipeline: number): AsyncGenerator<readonly LinkRow[]> {
  let after = -1;
  for (;;) {
    const page = await tx<LinkRow[]>`
      select number, checkpoint, hour_ms, sealed_ms, ${tx.unsafe(object('counts'))} as counts, delays_hash, hash from chain
       where pipeline = ${pipeline} and number > ${after} order by number limit ${PAGE}`;
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.number ?? after;
  }
}

export interface SealedRollup {
  readonly checkpoint: number;
  readonly hour_ms: number;
  readonly counts: Counts;
  readonly delays: unknown;
  readonly sealed: boolean;
}

export async function* readRollups(tx: Tx, pipeline: number): AsyncGenerator<readonly SealedRollup[]> {
  let after = { checkpoint: -1, hour_ms: 0 };
  for (;;) {
    const page = await tx<SealedRollup[]>`
      select checkpoint, hour_ms, ${tx.unsafe(object('counts'))} as counts, delays, sealed from rollup
       where pipeline = ${pipeline} and (checkpoint, hour_ms) > (${after.checkpoint}::int, ${after.hour_ms}::int8)
       order by checkpoint, hour_ms limit ${PAGE}`;
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1) ?? after;
  }
}

/** What the kept rows of an hour sum to, tests left out, as they are in the rollup: only those that are folded. */
export interface MarkSum {
  readonly hour_ms: number;
  readonly counts: Counts;
}

const HOUR = '3600000';
const counted = `m.folded and (m.part < 100000 or not exists (
  select from beat b where b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part and b.kind = 'test'))`;

/** Hours of one checkpoint from `fromMs` on. `exceptional`: of the rows that are kept for long only. */
export async function sumHours(
  tx: Tx,
  at: { readonly pipeline: number; readonly checkpoint: number },
  span: { readonly fromMs: number; readonly toMs: number; readonly exceptional: boolean },
): Promise<MarkSum[]> {
  if (span.fromMs >= span.toMs) return [];
  return await tx<MarkSum[]>`
    select hour_ms, json_object_agg(bucket, n) as counts from (
      select m.slot - m.slot % ${tx.unsafe(HOUR)} as hour_ms, c.key as bucket, sum(case when jsonb_typeof(c.value) = 'number' then c.value::numeric else 0 end) as n
        from mark m cross join lateral jsonb_each(${tx.unsafe(object('m.counts'))}) c
       where m.pipeline = ${at.pipeline} and m.checkpoint = ${at.checkpoint}
         and m.slot >= ${span.fromMs} and m.slot < ${span.toMs}
         and ${tx.unsafe(counted)} ${span.exceptional ? tx`and m.exceptional` : tx``}
       group by 1, 2) s
     group by hour_ms order by hour_ms`;
}

/** Slot of the oldest beat since `fromMs` that is kept by nobody's exception: from there on no ordinary row was dropped. */
export async function readOldestOrdinary(tx: Tx, pipeline: number, fromMs: number): Promise<number | null> {
  const [row] = await tx<{ slot: number }[]>`
    select b.slot from beat b
     where b.pipeline = ${pipeline} and b.slot >= ${fromMs}
       and not exists (select from mark m where m.pipeline = b.pipeline and m.slot = b.slot and m.part = b.part and m.exceptional)
     order by b.slot limit 1`;
  return row?.slot ?? null;
}

/** Slot of the oldest row of a checkpoint since `fromMs` that is kept as an exception. */
export async function readOldestException(
  tx: Tx,
  at: { readonly pipeline: number; readonly checkpoint: number },
  fromMs: number,
): Promise<number | null> {
  const [row] = await tx<{ slot: number }[]>`
    select slot from mark
     where pipeline = ${at.pipeline} and checkpoint = ${at.checkpoint} and exceptional and slot >= ${fromMs}
     order by slot limit 1`;
  return row?.slot ?? null;
}

/** A row that has closed, whole: what was concluded stands beside what it was concluded from. */
export interface ClosedRow extends SettlementRow {
  readonly part: number;
  readonly generation: number;
}

/** A thousand canaries each, at most. */
const ROWS_PAGE = 200;

/** Closed rows of a checkpoint, newest first. */
export async function* readClosed(
  tx: Tx,
  at: { readonly pipeline: number; readonly checkpoint: number },
): AsyncGenerator<readonly ClosedRow[]> {
  let before = { slot: Number.MAX_SAFE_INTEGER, part: 0 };
  for (;;) {
    const [row] = await tx<{ rows: ClosedRow[] | null }[]>`
      with r as (
        select b.slot, b.part, b.index, b.generation, b.due_ms, b.restart_ms, b.targets, b.sendings, b.first_offs, b.last_offs,
               b.attempts, m.next_due_ms, m.counts, m.folded, m.verdicts, m.seen_offs, m.seen_after_offs, m.flags, m.records,
               m.notes
          from mark m
          join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
         where m.pipeline = ${at.pipeline} and m.checkpoint = ${at.checkpoint} and m.next_due_ms is null
           and (m.slot, m.part) < (${before.slot}::int8, ${before.part}::int)
         order by m.slot desc, m.part desc limit ${ROWS_PAGE})
      select json_agg(r order by r.slot desc, r.part desc) as rows from r`;
    const page = row?.rows ?? [];
    if (page.length > 0) yield page;
    if (page.length < ROWS_PAGE) return;
    before = page.at(-1) ?? before;
  }
}

/** What generations judged by: of each, the deadlines by checkpoint id. */
export async function readDeadlines(
  tx: Tx,
  pipeline: number,
): Promise<
  {
    readonly number: number;
    readonly checkpoints: readonly {
      readonly id: string;
      readonly onTimeWithinMs: number;
      readonly lostAfterMs: number;
    }[];
  }[]
> {
  return await tx`
    select number, case when jsonb_typeof(spec->'checkpoints') = 'array' then spec->'checkpoints' else '[]' end as checkpoints from generation where pipeline = ${pipeline}`;
}
