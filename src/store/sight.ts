/** Queries of the engine's step `sight`: evidence, cursor and the look's end in one transaction (law 7). */
import type { Json } from '../contracts/observer.ts';
import type { Watch } from '../domain/watermark.ts';
import { toJson } from './json.ts';
import { type CheckpointKey, type Lease, LeaseLostError } from './lease.ts';
import type { Sql, Tx } from './open.ts';

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
}

export interface FindingRow {
  readonly kind: string;
  readonly at_ms: number;
  readonly count: number;
  readonly sample: unknown;
}

const inboxColumns = `slot int8, target int, index int, kind smallint, seen_ms int8, seen_after_ms int8,
  ingested_ms int8, record int, copies int, look int8, integrity smallint, detail jsonb`;

/** Commits a page of evidence with the cursor behind it, or a look's end with its watch. Throws LeaseLostError. */
export async function commitSightings(
  sql: Sql,
  lease: Lease,
  evidence: {
    readonly rows: readonly InboxRow[];
    readonly watch?: Watch;
    readonly cursor?: Json;
    readonly findings?: readonly FindingRow[];
    readonly identities?: readonly IdentityRow[];
  },
): Promise<void> {
  const { rows, watch, cursor, findings = [], identities = [] } = evidence;
  const done = await sql`
    with c as (
      update checkpoint
         set watermark = coalesce(${watch === undefined ? null : toJson(watch)}::text::jsonb, watermark),
             cursor = coalesce(${cursor === undefined ? null : toJson(cursor)}::text::jsonb, cursor)
       where pipeline = ${lease.pipeline} and number = ${lease.checkpoint} and fence = ${lease.fence}
      returning 1),
    s as (
      insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, seen_after_ms, ingested_ms, record,
                            copies, look, integrity, detail)
      select ${lease.pipeline}, ${lease.checkpoint}, r.*
        from json_to_recordset(${toJson(rows)}::text::json) as r(${sql.unsafe(inboxColumns)})
       where exists (select from c))
    ${parking(sql, lease, identities, sql`where exists (select from c)`)},
    f as (${findingUpsert(sql, lease, findings, sql`where exists (select from c)`)})
    select 1 from c`;
  if (done.length === 0)
    throw new LeaseLostError(`the lease on ${lease.pipeline}/${lease.checkpoint} went to another replica`);
}

/** Evidence that came to us: no lease is needed, any replica may take it. */
export async function commitReceived(
  sql: Sql,
  at: CheckpointKey,
  rows: readonly InboxRow[],
  findings: readonly FindingRow[] = [],
  identities: readonly IdentityRow[] = [],
): Promise<void> {
  if (rows.length === 0 && findings.length === 0 && identities.length === 0) return;
  await sql`
    with f as (${findingUpsert(sql, at, findings)})
    ${parking(sql, at, identities)}
    insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, seen_after_ms, ingested_ms, record,
                          copies, look, integrity, detail)
    select ${at.pipeline}, ${at.checkpoint}, r.*
      from json_to_recordset(${toJson(rows)}::text::json) as r(${sql.unsafe(inboxColumns)})`;
}

/** One more part of a statement that begins with `with`; most have nothing to park. */
function parking(sql: Sql, at: CheckpointKey, identities: readonly IdentityRow[], where = sql`where true`) {
  if (identities.length === 0) return sql``;
  return sql`,
    i as (
      insert into identity (pipeline, checkpoint, identity, key, seen_ms, seen_after_ms, ingested_ms, record, copies, look)
      select ${at.pipeline}, ${at.checkpoint}, r.*
        from json_to_recordset(${toJson(identities)}::text::json)
          as r(identity text, key int, seen_ms int8, seen_after_ms int8, ingested_ms int8, record int, copies int, look int8)
       ${where}
      on conflict do nothing)`;
}

const HOUR_MS = 3_600_000;

function findingUpsert(
  sql: Sql | Tx,
  at: CheckpointKey,
  findings: readonly FindingRow[],
  where = sql`where true`,
) {
  const byKey = new Map<
    string,
    { kind: string; hour_ms: number; count: number; first_ms: number; last_ms: number; sample: unknown }
  >();
  for (const f of findings) {
    const hour_ms = f.at_ms - (f.at_ms % HOUR_MS);
    const known = byKey.get(`${f.kind} ${hour_ms}`);
    if (known) {
      known.count += f.count;
      known.last_ms = Math.max(known.last_ms, f.at_ms);
    } else {
      byKey.set(`${f.kind} ${hour_ms}`, { ...f, hour_ms, first_ms: f.at_ms, last_ms: f.at_ms });
    }
  }
  return sql`
    insert into finding as f (pipeline, checkpoint, kind, hour_ms, count, first_ms, last_ms, sample)
    select ${at.pipeline}, ${at.checkpoint}, r.kind, r.hour_ms, r.count, r.first_ms, r.last_ms, r.sample
      from json_to_recordset(${toJson([...byKey.values()])}::text::json)
        as r(kind text, hour_ms int8, count int8, first_ms int8, last_ms int8, sample jsonb)
     ${where}
    on conflict (pipeline, checkpoint, kind, hour_ms) do update
      set count = f.count + excluded.count, last_ms = greatest(f.last_ms, excluded.last_ms), sample = excluded.sample`;
}

/** Things noticed outside of a look: clock steps, refused pushes, aliens. */
export async function commitFindings(
  sql: Sql | Tx,
  at: CheckpointKey,
  findings: readonly FindingRow[],
): Promise<void> {
  if (findings.length > 0) await findingUpsert(sql, at, findings);
}

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
