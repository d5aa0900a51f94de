/** An incident in the API's spelling: what `/api/v1/incidents` answers, and what a notice carries as its details. */
import {
  acknowledged,
  INCIDENT_KINDS,
  type Incident,
  type IncidentNote,
  type LossFacts,
  severityOf,
} from './incident.ts';
import { titleOf } from './incident-words.ts';

/** Times are Unix milliseconds, shares fractions. */
export const incidentJson = (incident: Incident) => ({
  id: incident.id,
  kind: incident.kind,
  concerns: INCIDENT_KINDS[incident.kind].concerns,
  severity: severityOf(incident),
  title: titleOf(incident),
  pipeline: { name: incident.pipeline.name, title: incident.pipeline.title },
  checkpoint: incident.checkpoint,
  state: incident.state,
  acknowledged: acknowledged(incident),
  began_ms: incident.beganMs,
  detected_ms: incident.detectedMs,
  ended_ms: incident.endedMs,
  reopened: incident.reopened,
  loss: incident.loss && lossJson(incident.loss),
  condition: incident.condition && {
    reason: incident.condition.reason,
    count: incident.condition.count,
    sample: incident.condition.sample ?? null,
  },
});

export const noteJson = (note: IncidentNote) => ({
  at_ms: note.atMs,
  by: note.by,
  kind: note.kind,
  text: note.text,
});

const lossJson = (loss: LossFacts) => ({
  phase: loss.phase,
  counts: { ...loss.counts },
  hop: { after: loss.hop.after, checkpoint: loss.hop.checkpoint },
  checkpoints: [...loss.checkpoints],
  targets: { touched: [...loss.targets.touched], n: loss.targets.n, of: loss.targets.of },
  first_ms: loss.firstMs,
  last_ms: loss.lastMs,
  rate: { share: loss.rate.share, low: loss.rate.low, high: loss.rate.high, n: loss.rate.n },
  real_events: loss.realEvents && {
    n: loss.realEvents.n,
    low: loss.realEvents.low,
    high: loss.realEvents.high,
  },
  held_until_ms: loss.heldUntilMs,
  holds_ms: loss.holdsMs,
  hunt: {
    event_from_ms: loss.hunt.eventFromMs,
    event_to_ms: loss.hunt.eventToMs,
    ingest_from_ms: loss.hunt.ingestFromMs,
    ingest_to_ms: loss.hunt.ingestToMs,
    query: loss.hunt.query,
  },
  pattern: loss.pattern && { name: loss.pattern.name, evidence: loss.pattern.evidence },
  objective: { on_time: loss.objective.onTime, delivered: loss.objective.delivered },
  on_time_within_ms: loss.onTimeWithinMs,
  lost_after_ms: loss.lostAfterMs,
});
