/**
 * What the step `settle` takes and gives back, for many checkpoints at once: the inbox, and the marks that it speaks of.
 * All of one settling is one transaction under locks on the checkpoints' rows (lock.ts), so inbox, marks and rollups can't
 * part, and two judges can't work on one checkpoint.
 */
import { SENDINGS, type Sending } from '../domain/canary.ts';
import type { SettlementRow } from '../domain/row.ts';
import type { FindingRow } from './finding.ts';
import type { CheckpointKey } from './lease.ts';
import type { Tx } from './open.ts';
import type { InboxRow } from './sight.ts';

/** A row of `beat` with what this checkpoint knows of it; arrays are in the order of `targets`. */
export interface MarkRow extends SettlementRow {
  readonly part: number;
  readonly kind: string;
  readonly generation: number;
  readonly committed_ms: number;
  readonly exceptional: boolean;
}

/** What settling changes in a row of `mark`. */
export type MarkUpdate = CheckpointKey &
  Pick<
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

/** Rows of several checkpoints. */
export class ByCheckpoint<Row> {
  readonly #rows: ReadonlyMap<string, readonly Row[]>;

  constructor(rows: readonly (CheckpointKey & { readonly rows: readonly Row[] | null })[]) {
    this.#rows = new Map(rows.map(r => [`${r.pipeline}/${r.checkpoint}`, r.rows ?? []]));
  }

  of({ pipeline, checkpoint }: CheckpointKey): readonly Row[] {
    return this.#rows.get(`${pipeline}/${checkpoint}`) ?? [];
  }
}

type Grouped<Row> = (CheckpointKey & { readonly rows: readonly Row[] | null })[];

const keysOf = (places: readonly CheckpointKey[]): string =>
  JSON.stringify(places.map(({ pipeline, checkpoint }) => ({ pipeline, checkpoint })));

/** Empties up to `limit` rows of each inbox. */
export async function takeInboxes(
  tx: Tx,
  places: readonly CheckpointKey[],
  limit: number,
): Promise<ByCheckpoint<InboxRow>> {
  const rows = await tx<Grouped<InboxRow>>`
    with d as (
      delete from sighting where ctid = any(array(
        select s.at from json_to_recordset(${keysOf(places)}::text::json) as p(pipeline int, checkpoint int)
         cross join lateral (
          select ctid as at from sighting
           where pipeline = p.pipeline and checkpoint = p.checkpoint limit ${limit}) s))
      returning *)
    select d.pipeline, d.checkpoint, json_agg(r) as rows
      from d cross join lateral (
        select d.slot, d.target, d.index, d.kind, d.seen_ms, d.seen_after_ms, d.ingested_ms, d.record, d.copies, d.look,
               d.integrity, d.detail) r
     group by 1, 2`;
  return new ByCheckpoint(rows);
}

/** Clocks of replicas differ: a sign-in may seem to begin so much after its record was seen, milliseconds. */
const CLOCKS_MS = 60_000;

const codeOf = (sending: Sending): number => SENDINGS.indexOf(sending);

/** What became of identities that were parked. */
export interface TakenIdentities {
  /** Those that are aliases by now, as evidence. */
  readonly claimed: ByCheckpoint<InboxRow>;
  /** What records count as that nobody claimed. */
  readonly findings: readonly (FindingRow & CheckpointKey)[];
}

/**
 * Takes parked identities that are aliases by now, and drops those that no sending under way can explain any more. Ask after
 * `loadMarks`: whatever that found sent has its aliases here. One statement, so that all is as of one moment.
 */
export async function takeIdentities(tx: Tx, places: readonly CheckpointKey[]): Promise<TakenIdentities> {
  if (places.length === 0) return { claimed: new ByCheckpoint([]), findings: [] };
  const rows = await tx<(Grouped<InboxRow>[number] & { findings: readonly FindingRow[] | null })[]>`
    with gone as (
      delete from identity i
       using json_to_recordset(${keysOf(places)}::text::json) as p(pipeline int, checkpoint int)
       where i.pipeline = p.pipeline and i.checkpoint = p.checkpoint
         and (exists (select from alias a where a.pipeline = i.pipeline and a.alias = i.identity)
              or not exists (select from beat b
                              where b.pipeline = i.pipeline and b.sendings is null and b.due_ms <= i.seen_ms + ${CLOCKS_MS}::int8))
      returning i.*),
    claimed as (
      select g.pipeline, g.checkpoint, json_agg(r) as rows
        from gone g join alias a on a.pipeline = g.pipeline and a.alias = g.identity
       cross join lateral (
        select a.slot, a.target, a.index, 0 as kind, g.seen_ms, g.seen_after_ms, g.ingested_ms, g.record, g.copies, g.look,
               0 as integrity, null as detail) r
       group by 1, 2),
    unclaimed as (
      select g.pipeline, g.checkpoint, json_agg(f) as findings
        from gone g cross join lateral jsonb_array_elements(g.otherwise->'findings') f
       where not exists (
         select from alias o
          where o.pipeline = g.pipeline and o.alias in (select jsonb_array_elements_text(g.otherwise->'identities')))
         and not (f->>'kind' = 'identity_used' and exists (
           select from beat b
            where b.pipeline = g.pipeline
              and b.slot between (g.otherwise->>'fromMs')::int8 and (g.otherwise->>'toMs')::int8
              and (b.sendings is null or b.sendings && array[${codeOf('refused')}, ${codeOf('maybe_sent')}]::int2[]
                   or 1 < any(b.attempts))))
       group by 1, 2)
    select pipeline, checkpoint, rows, findings from claimed full join unclaimed using (pipeline, checkpoint)`;
  return {
    claimed: new ByCheckpoint(rows),
    findings: rows.flatMap(({ pipeline, checkpoint, findings }) =>
      (findings ?? []).map(f => ({ pipeline, checkpoint, ...f })),
    ),
  };
}

const markColumns = `b.slot, b.part, b.index, b.kind, b.generation, b.due_ms, b.committed_ms, b.restart_ms,
  b.targets, b.sendings, b.first_offs, b.last_offs, b.attempts,
  m.next_due_ms, m.counts, m.folded, m.exceptional, m.verdicts, m.seen_offs, m.seen_after_offs, m.flags, m.records, m.notes`;

export interface WantedMarks extends CheckpointKey {
  /** Those that evidence speaks of. */
  readonly slots: readonly number[];
  /** And the next ones whose time has come by then; null: none. */
  readonly due_until_ms: number | null;
  /** Of these only what comes after this one. */
  readonly due_after?: DueKey | null;
}

/** Where a row stands in the order in which they are due. */
export type DueKey = { readonly next_due_ms: number } & Pick<MarkRow, 'slot' | 'part'>;

/** Negative: `a` is due before `b`. */
export const byDue = (a: DueKey, b: DueKey): number =>
  a.next_due_ms - b.next_due_ms || a.slot - b.slot || a.part - b.part;

/**
 * The rows that are wanted at each checkpoint, at most `dueLimit` of them for their time alone. One JSON document each:
 * JSON.parse is several times faster than any parser of PostgreSQL's array literals.
 */
export async function loadMarks(
  tx: Tx,
  wanted: readonly WantedMarks[],
  dueLimit: number,
): Promise<ByCheckpoint<MarkRow>> {
  if (wanted.length === 0) return new ByCheckpoint([]);
  const asked = wanted.map(({ due_after, ...w }) => ({
    ...w,
    after_ms: due_after?.next_due_ms ?? -1,
    after_slot: due_after?.slot ?? 0,
    after_part: due_after?.part ?? 0,
  }));
  const rows = await tx<Grouped<MarkRow>>`
    select q.pipeline, q.checkpoint, found.rows
      from json_to_recordset(${JSON.stringify(asked)}::text::json)
             as q(pipeline int, checkpoint int, slots json, due_until_ms int8, after_ms int8, after_slot int8, after_part int)
     cross join lateral (
      with k as (
        select m.slot, m.part from mark m
         where m.pipeline = q.pipeline and m.checkpoint = q.checkpoint
           and m.slot = any(array(select json_array_elements_text(q.slots)::int8))
        union
        (select m.slot, m.part from mark m
          where m.pipeline = q.pipeline and m.checkpoint = q.checkpoint and m.next_due_ms <= q.due_until_ms
            and (m.next_due_ms, m.slot, m.part) > (q.after_ms, q.after_slot, q.after_part)
          order by m.next_due_ms, m.slot, m.part limit ${dueLimit})),
      r as (
        select ${tx.unsafe(markColumns)} from k
          join mark m on m.pipeline = q.pipeline and m.checkpoint = q.checkpoint and m.slot = k.slot and m.part = k.part
          join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part)
      select json_agg(r) as rows from r) found`;
  return new ByCheckpoint(rows);
}

export async function saveMarks(tx: Tx, updates: readonly MarkUpdate[]): Promise<void> {
  if (updates.length === 0) return;
  await tx`
    update mark m set next_due_ms = u.next_due_ms, counts = u.counts, folded = u.folded, exceptional = u.exceptional,
                      verdicts = u.verdicts, seen_offs = u.seen_offs, seen_after_offs = u.seen_after_offs,
                      flags = u.flags, records = u.records, notes = u.notes
      from json_to_recordset(${JSON.stringify(updates)}::text::json)
        as u(pipeline int, checkpoint int, slot int8, part int, next_due_ms int8, counts jsonb, folded boolean,
             exceptional boolean, verdicts smallint[], seen_offs int[], seen_after_offs int[], flags smallint[],
             records int[], notes jsonb)
     where m.pipeline = u.pipeline and m.checkpoint = u.checkpoint and m.slot = u.slot and m.part = u.part`;
}
