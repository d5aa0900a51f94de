/** The hash chain over a pipeline's rollups: what makes the record tamper-evident. Links are added here, and never changed. */
import { type Counts, canonical, hashOf, linkHash } from '../domain/chain.ts';
import type { Sql, Tx } from './open.ts';

const HOUR_MS = 3_600_000;
/** A checkpoint that is blind has concluded what it can by then: its record must not stay open to edits meanwhile. */
const BLIND_MAX_MS = 24 * HOUR_MS;

/** Hash of the newest link, hexadecimal; null: nothing is sealed yet. */
export async function readChainHead(sql: Sql | Tx, pipeline: number): Promise<string | null> {
  const [row] = await sql<{ hash: string }[]>`
    select hash from chain where pipeline = ${pipeline} order by number desc limit 1`;
  return row?.hash ?? null;
}

/** A pipeline that has hours which are over and not sealed as they are. */
export interface Unsealed {
  readonly pipeline: number;
  readonly generation: number;
  readonly retired: boolean;
  /** Every beat due up to here is planned. */
  readonly planned_to_ms: number;
}

export async function readUnsealed(sql: Sql, nowMs: number): Promise<Unsealed[]> {
  return await sql<Unsealed[]>`
    select number as pipeline, generation, retired, planned_to_ms from pipeline p
     where exists (select from rollup r
                    where r.pipeline = p.number and not r.sealed and r.hour_ms <= ${nowMs - HOUR_MS})`;
}

interface Candidate {
  readonly checkpoint: number;
  readonly id: string;
  readonly hour_ms: number;
  readonly counts: Counts;
  readonly delays: unknown;
  /** The newest link of this hour; null: none. */
  readonly known: { readonly counts: Counts; readonly delays_hash: string } | null;
}

export interface SealBounds {
  readonly nowMs: number;
  /** Only hours that have ended by then: later ones may still get canaries. */
  readonly untilMs: number;
  /** Hours of one transaction. */
  readonly limit: number;
}

/**
 * Appends links for a pipeline's whole hours: over, with every row of theirs closed, and passed by the watermark. An hour that
 * is as its newest link says gets none. `hours`: how many were looked at; null: another replica is at it. The rollups' rows
 * are locked meanwhile, so what a settling changes after this is unsealed again.
 */
export async function sealHours(
  sql: Sql,
  pipeline: number,
  bounds: SealBounds,
): Promise<{ readonly hours: number; readonly links: number } | null> {
  const done = await sql.begin(async tx => {
    const [lock] = await tx<{ ours: boolean }[]>`
      select pg_try_advisory_xact_lock(hashtext('coalmine seal'), ${pipeline}) as ours`;
    if (!lock?.ours) return { value: null };
    const whole = await readWhole(tx, pipeline, bounds);
    if (whole.length === 0) return { value: { hours: 0, links: 0 } };
    const changed = whole
      .map(c => ({ ...c, delaysHash: hashOf(c.delays) }))
      .filter(
        c => c.known?.delays_hash !== c.delaysHash || canonical(c.known.counts) !== canonical(c.counts),
      );
    await append(tx, pipeline, changed, bounds.nowMs);
    const keys = whole.map(({ checkpoint, hour_ms }) => ({ checkpoint, hour_ms }));
    await tx`
      update rollup r set sealed = true
        from json_to_recordset(${JSON.stringify(keys)}::text::json) as k(checkpoint int, hour_ms int8)
       where r.pipeline = ${pipeline} and r.checkpoint = k.checkpoint and r.hour_ms = k.hour_ms`;
    return { value: { hours: whole.length, links: changed.length } };
  });
  return done.value as { hours: number; links: number } | null;
}

async function readWhole(tx: Tx, pipeline: number, bounds: SealBounds): Promise<Candidate[]> {
  return await tx<Candidate[]>`
    select r.checkpoint, c.id, r.hour_ms, r.counts, r.delays,
           (select json_build_object('counts', l.counts, 'delays_hash', l.delays_hash) from chain l
             where l.pipeline = r.pipeline and l.checkpoint = r.checkpoint and l.hour_ms = r.hour_ms
             order by l.number desc limit 1) as known
      from rollup r
      join checkpoint c on c.pipeline = r.pipeline and c.number = r.checkpoint
     where r.pipeline = ${pipeline} and not r.sealed
       and r.hour_ms <= ${Math.min(bounds.untilMs, bounds.nowMs) - HOUR_MS}
       and (c.retired or (c.watermark->>'wMs')::numeric >= r.hour_ms + ${HOUR_MS}::int8
            or r.hour_ms <= ${bounds.nowMs - HOUR_MS - BLIND_MAX_MS}::int8)
       and not exists (select from mark m
                        where m.pipeline = r.pipeline and m.checkpoint = r.checkpoint
                          and m.slot >= r.hour_ms and m.slot < r.hour_ms + ${HOUR_MS}::int8
                          and m.next_due_ms is not null)
     order by r.hour_ms, r.checkpoint limit ${bounds.limit} for update of r skip locked`;
}

async function append(
  tx: Tx,
  pipeline: number,
  hours: readonly (Candidate & { readonly delaysHash: string })[],
  sealedMs: number,
): Promise<void> {
  if (hours.length === 0) return;
  // Read under the lock: whoever sealed before us has committed.
  const [at] = await tx<{ store_id: string; id: string; number: number; hash: string | null }[]>`
    select m.store_id, p.id, coalesce(l.number, 0) as number, l.hash
      from meta m cross join pipeline p
      left join lateral (
        select number, hash from chain where pipeline = p.number order by number desc limit 1) l on true
     where p.number = ${pipeline}`;
  if (!at) throw new Error(`the store has no identity, or no pipeline ${pipeline}`);
  let { number, hash } = at;
  const links = hours.map(h => {
    number++;
    const content = {
      storeId: at.store_id,
      pipeline: at.id,
      checkpoint: h.id,
      number,
      hourMs: h.hour_ms,
      sealedMs,
      counts: h.counts,
      delaysHash: h.delaysHash,
    };
    hash = linkHash(hash, content);
    return {
      number,
      checkpoint: h.checkpoint,
      hour_ms: h.hour_ms,
      counts: h.counts,
      delays_hash: h.delaysHash,
      hash,
    };
  });
  await tx`
    insert into chain (pipeline, number, checkpoint, hour_ms, sealed_ms, counts, delays_hash, hash)
    select ${pipeline}::int, l.number, l.checkpoint, l.hour_ms, ${sealedMs}::int8, l.counts, l.delays_hash, l.hash
      from json_to_recordset(${JSON.stringify(links)}::text::json)
        as l(number int, checkpoint int, hour_ms int8, counts jsonb, delays_hash text, hash text)`;
}

/**
 * Drops links as rollups are dropped: of each pipeline those before the first whose hour is still kept, but for one. That one
 * is the anchor: its hash is what the next was made from. A chain whose hours are all older keeps its newest link.
 */
export async function dropLinks(sql: Sql, rollupsMs: number): Promise<void> {
  await sql`
    delete from chain c
     using (select pipeline, coalesce(min(number) filter (where hour_ms >= ${rollupsMs}), max(number) + 1) - 1 as anchor
              from chain group by pipeline) k
     where c.pipeline = k.pipeline and c.number < k.anchor`;
}
