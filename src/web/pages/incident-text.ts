/** An incident in the short words of a page: what, since when, how far it has got. */
import { INCIDENT_KINDS, type Incident, type Severity, severityOf } from '../../domain/incident.ts';
import { KIND_WORDS } from '../../domain/incident-kind-words.ts';
import { firstLine, leftLine } from '../../domain/incident-loss-words.ts';
import { titleOf } from '../../domain/incident-words.ts';
import { clip } from '../../domain/saying.ts';
import { formatDuration } from '../../domain/words.ts';
import type { PipelineState } from '../../engine/overview.ts';
import { sentence } from './parts.tsx';
import { count, when } from './when.ts';

export const incidentPath = (id: number): string => `/incidents/${id}`;

const capital = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;

/** The time that a title ends with; a page says it apart, in its own form. */
const WHEN = / (?:since|from) \d{4}-\d\d-\d\d \d\d:\d\d(?: to [\d: -]+)? UTC(?=; all came back$|$)/;

/** `Canaries of web-1 have been lost between archive and loki`: the title without pipeline and time. */
export const headlineOf = (incident: Incident): string =>
  capital(
    titleOf({ ...incident, pipeline: { ...incident.pipeline, title: '' } })
      .replace(/^: /, '')
      .replace(WHEN, ''),
  );

export const kindWord = (kind: string): string => kind.replaceAll('_', ' ');

const SEVERITY_WORDS: Readonly<Record<Severity, string>> = {
  critical: 'Critical',
  error: 'Error',
  warning: 'Warning',
  info: 'For information',
};
export const severityWord = (incident: Incident): string => SEVERITY_WORDS[severityOf(incident)];

/** The sign and colour it is shown in: those of the state that it puts a pipeline in. */
export function signOf({ kind, state, loss }: Incident): PipelineState {
  if (state === 'ended') return 'healthy';
  if (loss !== null) return severityOf({ kind, loss }) === 'critical' ? 'losing' : 'late';
  if (kind === 'blind' || kind === 'vanished' || kind === 'false_absence') return 'blind';
  if (kind === 'not_proven') return 'not_yet_proven';
  if (INCIDENT_KINDS[kind].severity === 'critical' || kind === 'altered') return 'losing';
  return INCIDENT_KINDS[kind].severity === 'info' ? 'not_yet_proven' : 'silent';
}

export const lastedMs = ({ beganMs, endedMs }: Incident, nowMs: number): number =>
  Math.max(0, (endedMs ?? nowMs) - beganMs);

/** `22 min`: in whole seconds, since it is counted on. */
export const lastedWords = (incident: Incident, nowMs: number): string =>
  formatDuration(Math.floor(lastedMs(incident, nowMs) / 1_000) * 1_000);

/** `since 11:41`; `11:41 to 12:03`. */
export function spanWords(incident: Incident, nowMs: number): string {
  const began = when(incident.beganMs, nowMs);
  return incident.endedMs === null ? `since ${began}` : `${began} to ${when(incident.endedMs, nowMs)}`;
}

const REASON_CHARS_MAX = 100;

/** `34 lost, 15 overdue of 1,440`, or what was observed; null: nothing is known. */
export function missingWords({ loss, condition }: Incident): string | null {
  if (loss === null) return condition && clip(condition.reason, REASON_CHARS_MAX);
  const { counts } = loss;
  const parts = (['refused', 'lost', 'overdue', 'recovered', 'late'] as const)
    .filter(key => counts[key] > 0)
    .map(key => `${count(counts[key])} ${key === 'recovered' ? 'came back' : key}`);
  return `${parts.join(', ') || 'none missing'} of ${count(counts.scheduled)}`;
}

/** What to do first, or what is left to do; null: nothing. */
export function todoOf(incident: Incident): { readonly label: string; readonly words: string } | null {
  const { loss, kind, state, pipeline } = incident;
  const line =
    loss === null
      ? kind === 'loss' || kind === 'refused' || state === 'ended'
        ? null
        : `First: ${KIND_WORDS[kind].first}`
      : state === 'open'
        ? firstLine({ loss, pipeline })
        : leftLine(loss);
  const [, label, words] = /^([A-Z][a-z ]+): (.+)$/s.exec(line ?? '') ?? [];
  return label && words ? { label, words: sentence(words) } : null;
}

/** `Alex`; null: nobody. */
export const takenBy = (incident: Incident): Incident['notes'][number] | null =>
  incident.notes.findLast(n => n.kind === 'ack') ?? null;
