/** Queries of the engine's step `sight`: evidence, cursor and the look's end in one transaction (law 7). */
import type { Json } from '../contracts/observer.ts';
import type { Watch } from '../domain/watermark.ts';
import { type FindingRow, findingUpsert } from './finding.ts';
import { toJson } from './json.ts';
import type { CheckpointKey, Lease } from './lease.ts';
import { lostLease } from './lock.ts';
import type { Sql } from './open.ts';

/** What may lie in a checkpoint's inbox. The order is the encoding: append only. */
export const INBOX_KINDS = ['seen', 'downstream', 'gap', 'skipped', 'probe'] as const;
export type InboxKind = (typeof INBOX_KINDS)[number];

export interface InboxRow {
  readonly slot: number;
  readonly target: number;
  readonly index: number;
  readonly kind: number;
  readonly seen_ms: number;
  readonly seen_after_ms: number | null;
  readonly ingested_ms: number | null;
  readonly record: number | null;
  readonly copies: number;
  readonly look: number;
  readonly integrity: number;
  readonly detail: unknown;
}

/** An identity that stands in the declared place of a record and is no canary's yet. */
export interface IdentityRow {
  readonly identity: string;
  /** Hash of the record: tells its copies from a re-read. */
  readonly key: number;
  readonly seen_ms: number;
  readonly seen_after_ms: number | null;
  readonly ingested_ms: number | null;
  /** As in `InboxRow`, for the sighting that it may become. */
  readonly record: number | null;
  readonly copies: number;
  readonly look: number;
  readonly otherwise?: Otherwise | null;
}

/** What a record counts as if none of its identities turns out to be a canary's. */
export interface Otherwise {
  readonly identities: readonly string[];
  readonly findings: readonly FindingRow[];
  /** A use of the canaries' identity is ours if a sign-in of a slot in [`fromMs`, `toMs`] ended without our knowing its alias. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A page of a look, or its end; findings and identities beside what counts. */
export interface Evidence {
  readonly rows: readonly InboxRow[];
  readonly watch?: Watch;
  readonly cursor?: Json;
  readonly findings?: readonly FindingRow[];
  readonly identities?: readonly IdentityRow[];
}

export interface LeasedEvidence {
  readonly lease: Lease;
  readonly evidence: Evidence;
}

const inboxColumns = `pipeline, checkpoint, slot, target, index, kind, seen_ms, seen_after_ms, ingested_ms, record, copies,
  look, integrity, detail`;
const inboxTypes = `pipeline int, checkpoint int, slot int8, target int, index int, kind smallint, seen_ms int8,
  seen_after_ms int8, ingested_ms int8, record int, copies int, look int8, integrity smallint, detail jsonb`;

/**
 * Commits pages of evidence with the cursors behind them, or looks' ends with their watches, each under its lease, in one
 * statement. Locks the checkpoints' rows in the order given (lock.ts). Says which of them still had their lease.
 */
export async function commitTogether(sql: Sql, pages: readonly LeasedEvidence[]): Promise<boolean[]> {
  const states = pages.map(({ lease, evidence: { watch, cursor } }) => ({
    ...lease,
    watermark: watch ?? null,
    cursor: cursor ?? null,
  }));
  const kept = sql`join c using (pipeline, checkpoint)`;
  const done = await sql<CheckpointKey[]>`
    with e as (
      select * from rows from (json_to_recordset(${toJson(states)}::text::json) as (pipeline int, checkpoint int, fence int8, watermark jsonb, cursor jsonb))
             with ordinality as x(pipeline, checkpoint, fence, watermark, cursor, n)),
    own as (
      select c.pipeline, c.number from checkpoint c
        join e on e.pipeline = c.pipeline and e.checkpoint = c.number and e.fence = c.fence
       order by e.n for update of c),
    c as (
      update checkpoint c set watermark = coalesce(e.watermark, c.watermark), cursor = coalesce(e.cursor, c.cursor)
        from own join e on e.pipeline = own.pipeline and e.checkpoint = own.number
       where c.pipeline = own.pipeline and c.number = own.number
      returning c.pipeline, c.number as checkpoint),
    s as (${inboxInsert(
      sql,
      pages.flatMap(p => at(p.lease, p.evidence.rows)),
      kept,
    )})
    ${parking(
      sql,
      pages.flatMap(p => at(p.lease, p.evidence.identities ?? [])),
      kept,
    )}
    ${finding(
      sql,
      pages.flatMap(p => at(p.lease, p.evidence.findings ?? [])),
      kept,
    )}
    select pipeline, checkpoint from c`;
  const held = new Set(done.map(c => `${c.pipeline}/${c.checkpoint}`));
  return pages.map(({ lease }) => held.has(`${lease.pipeline}/${lease.checkpoint}`));
}

/** The same for one. Throws LeaseLostError. */
export async function commitSightings(sql: Sql, lease: Lease, evidence: Evidence): Promise<void> {
  const [isHeld] = await commitTogether(sql, [{ lease, evidence }]);
  if (!isHeld) throw lostLease(lease);
}

/** Evidence that came to us: no lease is needed, any replica may take it. */
export async function commitReceived(
  sql: Sql,
  place: CheckpointKey,
  rows: readonly InboxRow[],
  findings: readonly FindingRow[] = [],
  identities: readonly IdentityRow[] = [],
): Promise<void> {
  if (rows.length === 0 && findings.length === 0 && identities.length === 0) return;
  await sql`
    with s as (${inboxInsert(sql, at(place, rows))})
    ${parking(sql, at(place, identities))}
    ${finding(sql, at(place, findings))}
    select`;
}

const at = <Row>({ pipeline, checkpoint }: CheckpointKey, rows: readonly Row[]): (Row & CheckpointKey)[] =>
  rows.map(row => ({ pipeline, checkpoint, ...row }));

const inboxInsert = (sql: Sql, rows: readonly (InboxRow & CheckpointKey)[], where = sql``) => sql`
  insert into sighting (${sql.unsafe(inboxColumns)})
  select ${sql.unsafe(inboxColumns)}
    from json_to_recordset(${toJson(rows)}::text::json) as r(${sql.unsafe(inboxTypes)}) ${where}`;

/** One more part of a statement that begins with `with`; most have nothing to park, and nothing was found. */
function parking(sql: Sql, identities: readonly (IdentityRow & CheckpointKey)[], where = sql``) {
  if (identities.length === 0) return sql``;
  return sql`,
    i as (
      insert into identity (pipeline, checkpoint, identity, key, seen_ms, seen_after_ms, ingested_ms, record, copies, look,
                            otherwise)
      select pipeline, checkpoint, identity, key, seen_ms, seen_after_ms, ingested_ms, record, copies, look, otherwise
        from json_to_recordset(${toJson(identities)}::text::json)
          as r(pipeline int, checkpoint int, identity text, key int, seen_ms int8, seen_after_ms int8, ingested_ms int8,
               record int, copies int, look int8, otherwise jsonb)
       ${where}
      on conflict do nothing)`;
}

const finding = (sql: Sql, findings: readonly (FindingRow & CheckpointKey)[], where = sql``) =>
  findings.length === 0 ? sql`` : sql`, ${findingUpsert(sql, findings, where)}`;

/** What the store knows of these identities, all as of one moment. */
export interface KnownIdentities {
  readonly aliases: readonly { alias: string; slot: number; target: number; index: number }[];
  /** Canaries are being sent whose aliases aren't committed yet. */
  readonly sending: boolean;
  /** How many other identities are parked at this checkpoint. */
  readonly others: number;
}

/** Which of these identities are aliases of the pipeline's canaries, and whether others may still become one. */
export async function readIdentities(
  sql: Sql,
  at: CheckpointKey,
  identities: readonly string[],
): Promise<KnownIdentities> {
  if (identities.length === 0) return { aliases: [], sending: false, others: 0 };
  const [row] = await sql<[KnownIdentities]>`
    with asked as (
      select distinct json_array_elements_text(${toJson(identities)}::text::json) as identity)
    select (select coalesce(json_agg(a), '[]')
              from (select alias, slot, target, index from alias
                     where pipeline = ${at.pipeline} and alias in (select identity from asked)) a) as aliases,
           exists (select from beat where pipeline = ${at.pipeline} and sendings is null) as sending,
           (select count(*)::int from identity
             where pipeline = ${at.pipeline} and checkpoint = ${at.checkpoint}
               and identity not in (select identity from asked)) as others`;
  return row;
}
