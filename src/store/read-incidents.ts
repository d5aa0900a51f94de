/** Reading incidents for people: pages of them, how many are open, and how far each notifier is with what it must tell. */
import type { IncidentKind } from '../domain/incident.ts';
import type { IncidentWithNotes } from './incident.ts';
import type { Sql, Tx } from './open.ts';

export interface IncidentsAsked {
  readonly pipelines: readonly number[];
  /** null: of every kind. */
  readonly kinds: readonly IncidentKind[] | null;
  /** null: both. */
  readonly state: 'open' | 'ended' | null;
  /** Only those that last, or ended since then; null: all. */
  readonly sinceMs: number | null;
  /** Only those detected by then; null: all. */
  readonly detectedByMs: number | null;
  /** Only numbers below this; null: from the newest on. */
  readonly before: number | null;
  readonly limit: number;
}

/** Newest first. Of the notes only the newest that took it is read. */
export async function readIncidentPage(sql: Sql | Tx, asked: IncidentsAsked): Promise<IncidentWithNotes[]> {
  const { state, sinceMs, detectedByMs, before } = asked;
  const kinds = asked.kinds === null ? null : JSON.stringify(asked.kinds);
  return await sql<IncidentWithNotes[]>`
    select i.number, i.pipeline, i.checkpoint, i.kind, i.began_ms, i.detected_ms, i.ended_ms, i.quiet_ms, i.reopened,
           i.facts, i.state,
           coalesce((select json_build_array(json_build_object('atMs', n.at_ms, 'by', n.by, 'kind', n.kind, 'text', n.text))
                       from incident_note n where n.incident = i.number and n.kind = 'ack'
                      order by n.number desc limit 1), '[]'::json) as notes
      from incident i
     where i.pipeline = any(array(select json_array_elements_text(${JSON.stringify(asked.pipelines)}::text::json)::int))
       and (${kinds}::text is null or i.kind = any(array(select json_array_elements_text(${kinds}::text::json))))
       and (${state}::text is null or (i.ended_ms is null) = (${state}::text = 'open'))
       and (${sinceMs}::int8 is null or i.ended_ms is null or i.ended_ms >= ${sinceMs}::int8)
       and (${detectedByMs}::int8 is null or i.detected_ms <= ${detectedByMs}::int8)
       and (${before}::int is null or i.number < ${before}::int)
     order by i.number desc limit ${asked.limit}`;
}

export interface OpenCount {
  readonly pipeline: number;
  readonly kind: IncidentKind;
  readonly n: number;
}

/** Open incidents by pipeline and kind; those without any are absent. */
export async function countOpenIncidents(
  sql: Sql | Tx,
  { pipelines, detectedByMs }: Pick<IncidentsAsked, 'pipelines' | 'detectedByMs'>,
): Promise<OpenCount[]> {
  return await sql<OpenCount[]>`
    select pipeline, kind, count(*)::int as n from incident
     where ended_ms is null
       and pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))
       and (${detectedByMs}::int8 is null or detected_ms <= ${detectedByMs}::int8)
     group by 1, 2 order by 1, 2`;
}

export interface NotifierState {
  readonly notifier: string;
  /** Notices that wait to be delivered, for a later attempt too. */
  readonly waiting: number;
  /** Notices given up since `failedSinceMs`. */
  readonly failed: number;
}

/** Of every notifier that the outbox knows of; those without either are absent. */
export async function readNotifierStates(sql: Sql | Tx, failedSinceMs: number): Promise<NotifierState[]> {
  return await sql<NotifierState[]>`
    select notifier, (count(*) filter (where state = 'waiting'))::int as waiting,
           (count(*) filter (where state = 'failed'))::int as failed
      from outbox
     where state = 'waiting' or (state = 'failed' and done_ms >= ${failedSinceMs})
     group by 1 order by 1`;
}
