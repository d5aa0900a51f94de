/** Into the outbox: notices get their sequence and id in the transaction that changes what they tell of. */
import type { Notice } from '../contracts/notifier.ts';
import { toJson } from './json.ts';
import type { Tx } from './open.ts';

/** A notice before it is in the outbox. */
export type NoticeDraft = Omit<Notice, 'id' | 'incident' | 'sequence'>;

export interface NoticeFor {
  /** Number of a row of `incident`. */
  readonly incident: number;
  readonly notifier: string;
  readonly notice: NoticeDraft & { readonly insteadOf?: string };
}

/** Ids stay below this: what is longer is hashed. */
const ID_CHARS_MAX = 128;
/** What the texts of one notice may have had put before them is bounded. */
const ERROR_CHARS_MAX = 300;

/**
 * Puts notices behind those that are there, each with the next sequence of its incident and notifier and an id that is
 * never used again. They are due at their `atMs`. Where a notifier has failed with an incident, those who stand in for it
 * get it too.
 *
 * The caller's transaction holds the incidents' rows (inserted, or locked for update): nobody else draws a sequence then.
 */
export async function enqueue(tx: Tx, notices: readonly NoticeFor[]): Promise<void> {
  if (notices.length === 0) return;
  const keys = notices.map(({ incident, notifier }) => ({ incident, notifier }));
  const standIns = await tx<{ incident: number; notifier: string; instead_of: string }[]>`
    select distinct on (o.incident, o.notifier) o.incident, o.notifier, k.notifier as instead_of
      from json_to_recordset(${JSON.stringify(keys)}::text::json) as k(incident int, notifier text)
      join outbox o on o.incident = k.incident and o.notice->>'insteadOf' = k.notifier
     order by o.incident, o.notifier, k.notifier`;
  const copies = standIns
    .filter(s => !notices.some(n => n.incident === s.incident && n.notifier === s.notifier))
    .flatMap(s =>
      notices
        .filter(n => n.incident === s.incident && n.notifier === s.instead_of)
        .map(n => ({
          incident: s.incident,
          notifier: s.notifier,
          notice: standIn(n.notice, { notifier: s.instead_of, error: null, nowMs: n.notice.atMs }),
        })),
    );
  await putNotices(tx, [...notices, ...copies]);
}

/** As `enqueue`, and nobody else gets any. */
export async function putNotices(tx: Tx, notices: readonly NoticeFor[]): Promise<void> {
  const put = await tx`
    with n as (
      select n.*,
             row_number() over (partition by n.incident, n.notifier order by n.place)
               + coalesce((select max(o.sequence) from outbox o
                            where o.incident = n.incident and o.notifier = n.notifier), 0) as sequence,
             m.store_id || '-' || m.epochs[cardinality(m.epochs)] as store
        from rows from (json_to_recordset(${toJson(notices)}::text::json)
               as (incident int, notifier text, notice jsonb)) with ordinality as n(incident, notifier, notice, place)
       cross join meta m),
    named as (
      select n.*, n.store || '-' || n.incident || '-' || n.notifier || '-' || n.sequence as id,
             (n.notice->>'atMs')::numeric::int8 as at_ms
        from n)
    insert into outbox (incident, notifier, sequence, event, created_ms, next_ms, notice)
    select incident, notifier, sequence, notice->>'event', at_ms, at_ms,
           notice || jsonb_build_object(
             'id', case when length(id) > ${ID_CHARS_MAX} then encode(sha256(convert_to(id, 'utf8')), 'hex') else id end,
             -- A restored store is another, but its incidents are those that receivers know.
             'incident', (select store_id from meta) || '-' || incident,
             'sequence', sequence)
      from named
    returning 1`;
  if (put.length !== notices.length)
    throw new Error(`${put.length} of ${notices.length} notices were written: the store has no identity`);
}

/** The same notice for another notifier, that says so. */
export function standIn(
  notice: NoticeDraft,
  at: { readonly notifier: string; readonly error: string | null; readonly nowMs: number },
): NoticeFor['notice'] {
  const why = at.error === null ? '' : ` (${at.error.slice(0, ERROR_CHARS_MAX)})`;
  return {
    ...notice,
    text: `The notifier "${at.notifier}" could not be told of this${why}: make sure that those who read there know.\n${notice.text}`,
    facts: [...notice.facts, { label: 'Sent instead of', value: at.notifier }],
    atMs: at.nowMs,
    insteadOf: at.notifier,
  };
}
