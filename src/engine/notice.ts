/** What people are told of an incident and when: opened, worsened, reminded, resolved. Written to the outbox, never sent here. */
import type { PipelineConfig } from '../config/config.ts';
import type { Json } from '../contracts/observer.ts';
import { INCIDENT_KINDS, type Incident, type Severity, severityOf } from '../domain/incident.ts';
import { incidentJson, noteJson } from '../domain/incident-json.ts';
import { factsOf, type Telling, textOf, titleOf } from '../domain/incident-words.ts';

import { readChainHead } from '../store/chain.ts';
import { enqueue } from '../store/enqueue.ts';
import { type IncidentRow, readIncident, type Told } from '../store/incident.ts';
import type { Tx } from '../store/open.ts';
import { type IncidentPlace, incidentView } from './incident-view.ts';
import type { Engine } from './live.ts';

const HOUR_MS = 3_600_000;
/** Reminders of what nobody has taken, counted from the last that was told; then daily, and not for ever. */
const REMIND_AFTER_MS = [HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS];
const REMINDERS_MAX = 10;
/** What merely grows isn't told more often than this. */
const WORSENED_EVERY_MS = 5 * 60_000;
const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error', 'critical'];

/** What is due to be told of it now; null: nothing. */
export function dueNotice(
  row: IncidentRow,
  as: { readonly nowMs: number; readonly acknowledged: boolean },
): Telling | null {
  const { told } = row.state;
  if (row.ended_ms !== null) return told === null ? 'summary' : 'resolved';
  // While it looks over nothing new is said: it ends, or comes back.
  if (row.quiet_ms !== null) return null;
  if (told === null) return 'opened';
  const now = extentOf(row);
  if (SEVERITIES.indexOf(now.severity) > SEVERITIES.indexOf(told.severity)) return 'worsened';
  const grown =
    now.targets >= 2 * told.targets || now.share >= 2 * told.share || now.checkpoints > told.checkpoints;
  if (grown && told.targets > 0 && as.nowMs - told.atMs >= WORSENED_EVERY_MS) return 'worsened';
  const waitMs = REMIND_AFTER_MS[Math.min(told.reminders, REMIND_AFTER_MS.length - 1)] ?? HOUR_MS;
  const due = as.nowMs - told.atMs >= waitMs && told.reminders < REMINDERS_MAX;
  return due && !as.acknowledged && now.severity !== 'info' ? 'reminder' : null;
}

type Extent = Pick<Told, 'severity' | 'targets' | 'share' | 'checkpoints'>;

function extentOf({ kind, facts }: IncidentRow): Extent {
  const loss = 'counts' in facts ? facts : null;
  return {
    severity: severityOf({ kind, loss }),
    targets: loss?.targets.n ?? 0,
    share: loss?.rate.share ?? 0,
    checkpoints: loss?.checkpoints.length ?? 0,
  };
}

/**
 * Writes a notice for everybody whom this incident concerns. Returns what they will then have been told. `instead`: what is
 * said in place of when and how it came to this.
 */
export async function tell(
  engine: Engine,
  tx: Tx,
  pipeline: IncidentPlace & { readonly number: number; readonly config: Pick<PipelineConfig, 'notify'> },
  row: IncidentRow,
  event: Telling,
  instead?: string,
): Promise<Told> {
  const nowMs = engine.ctx.clock.now();
  const { concerns } = INCIDENT_KINDS[row.kind];
  const stored = await readIncident(tx, row.number);
  const incident = incidentView(pipeline, { ...row, notes: stored?.notes ?? [] });
  const { told } = row.state;
  const notice = {
    ...noticeOf(incident, event, nowMs, instead),
    url: `${engine.config.baseUrl}/incidents/${incident.id}`,
    chainHead: await readChainHead(tx, pipeline.number),
  };
  const to = pipeline.config.notify[concerns];
  await enqueue(
    tx,
    to.map(notifier => ({ incident: row.number, notifier, notice })),
  );
  const reminders = event === 'reminder' ? (told?.reminders ?? 0) + 1 : 0;
  return { ...extentOf(row), atMs: nowMs, reminders };
}

/** The notice's words; its id, sequence, link and chain head are added by who sends it on its way. */
function noticeOf(incident: Incident, event: Telling, nowMs: number, instead?: string) {
  const text = textOf(incident, event, { nowMs });
  return {
    event,
    kind: incident.kind,
    concerns: INCIDENT_KINDS[incident.kind].concerns,
    severity: severityOf(incident),
    pipeline: incident.pipeline,
    checkpoint: incident.checkpoint,
    title: titleOf(incident),
    text: instead === undefined ? text : [instead, ...text.split('\n').slice(1)].join('\n'),
    facts: factsOf(incident, { nowMs }),
    beganMs: incident.beganMs,
    detectedMs: incident.detectedMs,
    endedMs: incident.endedMs,
    atMs: nowMs,
    details: { ...incidentJson(incident), notes: incident.notes.map(noteJson) } as unknown as Json,
  };
}
