/**
 * Queries of the engine's step `detect`. A detector's row is locked while it is fed, and its cursor moves in the same
 * transaction as what it concluded: nothing is fed twice, out of order or late, whoever crashes.
 */
import type { Objective, TrialRow } from '../domain/trials.ts';
import type { Watch } from '../domain/watermark.ts';
import type { CheckpointKey } from './lease.ts';
import type { Sql, Tx } from './open.ts';

export interface DetectorRow<State = unknown> {
  readonly objective: Objective;
  /** Every beat up to here has been fed or left out; null: none yet. */
  readonly fed_ms: number | null;
  readonly state: State;
  readonly log_threshold: number;
}

/**
 * Locks a checkpoint's detectors (0: the first hop's) and reads them with the watch as it stands. Null: another replica is
 * feeding them. Missing ones are made, with the state null.
 */
export async function lockDetectors<State>(
  tx: Tx,
  key: CheckpointKey,
  objectives: readonly Objective[],
): Promise<{ readonly detectors: DetectorRow<State | null>[]; readonly watch: Watch | null } | null> {
  const read = async () =>
    await tx<(DetectorRow<State | null> & { watermark: Watch | null })[]>`
      select d.objective, d.fed_ms, nullif(d.state, '{}') as state, d.log_threshold, c.watermark
        from detector d
        left join checkpoint c on c.pipeline = d.pipeline and c.number = d.checkpoint
       where d.pipeline = ${key.pipeline} and d.checkpoint = ${key.checkpoint}
       order by d.objective
         for update of d skip locked`;
  let rows = await read();
  if (rows.length < objectives.length) {
    const made = await tx`
      insert into detector (pipeline, checkpoint, objective, state, log_threshold)
      select ${key.pipeline}, ${key.checkpoint}, o, '{}', 0
        from json_array_elements_text(${JSON.stringify(objectives)}::text::json) o
      on conflict do nothing returning 1`;
    if (made.length === 0) return null;
    rows = await read();
    if (rows.length < objectives.length) return null;
  }
  return {
    detectors: rows.map(({ watermark: _, ...d }) => d),
    watch: rows[0]?.watermark ?? null,
  };
}

export interface FeedRow extends TrialRow {
  readonly part: number;
  readonly generation: number;
}

/** Which beats a detector may be fed next. */
export interface FeedSpan {
  readonly objective: Objective;
  /** Exclusive. */
  readonly after_ms: number;
  /** Inclusive: no later slot can be decided by now. */
  readonly until_ms: number;
  /** Index of the planned canaries that count: those of before a step backwards of the clock have been fed, or are void. */
  readonly round: number;
}

const FEED_COLUMNS = `b.slot, b.part, b.generation, b.due_ms, b.restart_ms, b.targets, b.sendings, b.last_offs`;

/** Planned beats of each span at a checkpoint, by slot, at most `limit` rows each. */
export async function readFeed(
  tx: Tx,
  key: CheckpointKey,
  spans: readonly FeedSpan[],
  limit: number,
): Promise<(FeedRow & { readonly objective: Objective })[]> {
  if (spans.length === 0) return [];
  const [row] = await tx<{ rows: (FeedRow & { objective: Objective })[] | null }[]>`
    with s as (
      select * from json_to_recordset(${JSON.stringify(spans)}::text::json)
        as x(objective text, after_ms int8, until_ms int8, round int)),
    r as (
      select s.objective, f.* from s cross join lateral (
        select ${tx.unsafe(FEED_COLUMNS)}, m.next_due_ms, m.seen_offs, m.seen_after_offs, m.flags
          from mark m join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
         where m.pipeline = ${key.pipeline} and m.checkpoint = ${key.checkpoint} and b.kind = 'planned'
           and m.slot > s.after_ms and m.slot <= s.until_ms and b.index = s.round
         order by m.slot, m.part limit ${limit}) f)
    select json_agg(r order by r.objective, r.slot, r.part) as rows from r`;
  return row?.rows ?? [];
}

/** The same for the first hop, which has no marks. */
export async function readSent(
  tx: Tx,
  key: CheckpointKey,
  span: FeedSpan,
  limit: number,
): Promise<FeedRow[]> {
  const [row] = await tx<{ rows: FeedRow[] | null }[]>`
    with r as (
      select ${tx.unsafe(FEED_COLUMNS)}, null as next_due_ms, null as seen_offs, null as seen_after_offs, null as flags
        from beat b
       where b.pipeline = ${key.pipeline} and b.kind = 'planned' and b.index = ${span.round}
         and b.slot > ${span.after_ms} and b.slot <= ${span.until_ms}
       order by b.slot, b.part limit ${limit})
    select json_agg(r order by r.slot, r.part) as rows from r`;
  return row?.rows ?? [];
}

/** What these rows' canaries have been found at other checkpoints: bits of FLAG, ORed over them. */
export async function readFlagsAt(
  tx: Tx,
  pipeline: number,
  checkpoints: readonly number[],
  rows: readonly { readonly slot: number; readonly part: number }[],
): Promise<Map<string, number[]>> {
  if (checkpoints.length === 0 || rows.length === 0) return new Map();
  const found = await tx<{ slot: number; part: number; flags: string }[]>`
    select m.slot, m.part, array_to_json(m.flags)::text as flags
      from json_to_recordset(${JSON.stringify(rows.map(({ slot, part }) => ({ slot, part })))}::text::json) as k(slot int8, part int)
      join mark m on m.pipeline = ${pipeline} and m.slot = k.slot and m.part = k.part and m.flags is not null
       and m.checkpoint = any(array(select json_array_elements_text(${JSON.stringify(checkpoints)}::text::json)::int))`;
  const out = new Map<string, number[]>();
  for (const { slot, part, flags } of found) {
    const known = out.get(`${slot} ${part}`) ?? [];
    for (const [i, f] of (JSON.parse(flags) as number[]).entries()) known[i] = (known[i] ?? 0) | f;
    out.set(`${slot} ${part}`, known);
  }
  return out;
}

/** Moves detectors on: the caller holds their lock. */
export async function saveDetectors(
  tx: Tx,
  key: CheckpointKey,
  rows: readonly DetectorRow<unknown>[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    update detector d set fed_ms = u.fed_ms, state = u.state, log_threshold = greatest(d.log_threshold, u.log_threshold)
      from json_to_recordset(${JSON.stringify(rows)}::text::json)
        as u(objective text, fed_ms int8, state jsonb, log_threshold float8)
     where d.pipeline = ${key.pipeline} and d.checkpoint = ${key.checkpoint} and d.objective = u.objective`;
}

/** After a step of the clock backwards slots come again, under another index: they are fed from here on. */
export async function rewindDetectors(sql: Sql, nowMs: number): Promise<void> {
  await sql`update detector set fed_ms = ${nowMs} where fed_ms > ${nowMs}`;
}
