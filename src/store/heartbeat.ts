/** Reading whether our own work is done: when each pipeline last planned a beat, each checkpoint was last looked at, settled, judged. */
import type { Objective } from '../domain/trials.ts';
import type { Watch } from '../domain/watermark.ts';
import type { Sql } from './open.ts';

/** One checkpoint, as committed by whoever looks there. */
export interface CheckpointProgress {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly watermark: Watch;
  /** The watermark from which the oldest open row has waited to be settled; null: nothing is open. */
  readonly nextDueMs: number | null;
  /** The oldest planned beat that each detector hasn't been fed. */
  readonly unfed: readonly UnfedBeat[];
}

export interface UnfedBeat {
  readonly objective: Exclude<Objective, 'refused'>;
  readonly dueMs: number;
  readonly generation: number;
}

/** Every checkpoint of these pipelines that isn't retired. */
export async function readProgress(sql: Sql, pipelines: readonly number[]): Promise<CheckpointProgress[]> {
  return await sql<CheckpointProgress[]>`
    select c.pipeline, c.number as checkpoint, c.watermark,
           (select min(m.next_due_ms) from mark m
             where m.pipeline = c.pipeline and m.checkpoint = c.number and m.next_due_ms is not null) as "nextDueMs",
           (select coalesce(json_agg(json_build_object('objective', o.objective, 'dueMs', u.due_ms,
                                                       'generation', u.generation)), '[]')
              from (values ('on_time'), ('delivered')) as o(objective)
              left join detector d on d.pipeline = c.pipeline and d.checkpoint = c.number and d.objective = o.objective
             cross join lateral (
               select greatest(b.due_ms, b.restart_ms) as due_ms, b.generation
                 from mark m join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part
                where m.pipeline = c.pipeline and m.checkpoint = c.number and b.kind = 'planned'
                  and m.slot > coalesce(d.fed_ms, -1)
                order by m.slot limit 1) u) as unfed
      from checkpoint c
     where not c.retired
       and c.pipeline = any(array(select json_array_elements_text(${JSON.stringify(pipelines)}::text::json)::int))`;
}
