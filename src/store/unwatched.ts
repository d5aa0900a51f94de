/** Queries for incidents of what has left the configuration: nobody will ever say again how they go on. */
import type { IncidentKind } from '../domain/incident.ts';
import type { IncidentRow } from './incident.ts';
import type { Sql, Tx } from './open.ts';

export interface UnwatchedRow extends IncidentRow {
  readonly pipeline_name: string;
  /** null: of the pipeline as a whole. */
  readonly checkpoint_name: string | null;
  /** The pipeline itself has left, not a checkpoint alone. */
  readonly pipeline_retired: boolean;
  /** Checkpoints of the pipeline that have left. */
  readonly retired: readonly { readonly number: number; readonly name: string }[];
  /** Who was told of it. */
  readonly notifiers: readonly string[];
}

/** Pipelines with open incidents that concern a checkpoint which has left, or the pipeline, which has. */
export async function readUnwatchedPipelines(sql: Sql): Promise<number[]> {
  const rows = await sql<{ pipeline: number }[]>`
    select distinct i.pipeline from incident i join pipeline p on p.number = i.pipeline
     where i.ended_ms is null and (p.retired or exists (
       select from checkpoint c
        where c.pipeline = i.pipeline and c.retired
          and (c.number = i.checkpoint
               or i.state->'alarms' @> jsonb_build_array(jsonb_build_object('checkpoint', c.number, 'closedMs', null)))))`;
  return rows.map(r => r.pipeline);
}

const LOSSES: readonly IncidentKind[] = ['loss', 'refused'];

/** Those of one pipeline, locked. The caller holds its incidents (`lockIncidents`). */
export async function readUnwatched(tx: Tx, pipeline: number): Promise<UnwatchedRow[]> {
  const rows = await tx<UnwatchedRow[]>`
    select i.number, i.pipeline, i.checkpoint, i.kind, i.began_ms, i.detected_ms, i.ended_ms, i.quiet_ms, i.reopened, i.facts,
           i.state, p.name as pipeline_name, p.retired as pipeline_retired,
           (select c.name from checkpoint c where c.pipeline = i.pipeline and c.number = i.checkpoint) as checkpoint_name,
           (select coalesce(json_agg(json_build_object('number', c.number, 'name', c.name)), '[]') from checkpoint c where c.pipeline = i.pipeline and c.retired) as retired,
           (select coalesce(json_agg(distinct o.notifier), '[]') from outbox o where o.incident = i.number) as notifiers
      from incident i join pipeline p on p.number = i.pipeline
     where i.pipeline = ${pipeline} and i.ended_ms is null order by i.number for update of i`;
  return rows.filter(r => r.pipeline_retired || concerns(r));
}

const concerns = ({ kind, checkpoint, retired, state }: UnwatchedRow): boolean => {
  const hasLeft = (number: number) => retired.some(r => r.number === number);
  if (hasLeft(checkpoint)) return true;
  return LOSSES.includes(kind) && state.alarms.some(a => a.closedMs === null && hasLeft(a.checkpoint));
};

/** What is said of it by us, beside what people say. */
export async function addOwnNote(
  tx: Tx,
  note: { readonly incident: number; readonly atMs: number; readonly text: string },
): Promise<void> {
  await tx`
    insert into incident_note (incident, at_ms, by, kind, text)
    values (${note.incident}, ${note.atMs}, 'coalmine', 'note', ${note.text})`;
}
