/** An incident's row as the words, the API and the notices know it. */
import type { CheckpointConfig, PipelineConfig } from '../config/config.ts';
import type { ConditionFacts, Incident, LossFacts } from '../domain/incident.ts';
import type { IncidentRow, IncidentWithNotes } from '../store/incident.ts';
import type { CheckpointKey } from '../store/lease.ts';

/** What is shown of the pipeline: one that has left the configuration isn't live. */
export interface IncidentPlace {
  readonly config: Pick<PipelineConfig, 'name' | 'title'>;
  readonly checkpoints: readonly {
    readonly key: Pick<CheckpointKey, 'checkpoint'>;
    readonly config: Pick<CheckpointConfig, 'name'>;
  }[];
}

export function incidentView(
  pipeline: IncidentPlace,
  row: IncidentRow & Partial<Pick<IncidentWithNotes, 'notes'>>,
): Incident {
  const isLoss = row.kind === 'loss' || row.kind === 'refused';
  const place = pipeline.checkpoints.find(c => c.key.checkpoint === row.checkpoint);
  return {
    id: row.number,
    kind: row.kind,
    pipeline: { name: pipeline.config.name, title: pipeline.config.title },
    checkpoint: place?.config.name ?? null,
    state: row.ended_ms === null ? 'open' : 'ended',
    beganMs: row.began_ms,
    detectedMs: row.detected_ms,
    endedMs: row.ended_ms,
    reopened: row.reopened,
    loss: isLoss ? (row.facts as LossFacts) : null,
    condition: isLoss ? null : (row.facts as ConditionFacts),
    notes: row.notes ?? [],
  };
}
