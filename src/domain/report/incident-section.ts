/** An incident in a report: the record that an assessor asks for, its extent by the numbers, and who was told when. */
import { type Incident, severityOf } from '../incident.ts';
import { factsOf, titleOf } from '../incident-words.ts';
import { canaries, clip, count, plural, utc, utcSpan } from '../saying.ts';
import { formatDuration } from '../words.ts';
import type { IncidentFacts, NoticeFacts, ReportData } from './data.ts';
import { type Block, facts, list, type Section, type Text, text } from './document.ts';
import { recordOf, type Said } from './notes.ts';

const NOT_YET = 'Not yet recorded.';
const SAID_CHARS_MAX = 2_000;

export const incidentSection = (found: IncidentFacts, data: ReportData): Section => ({
  id: `incident-${found.incident.id}`,
  title: `Incident ${found.incident.id}`,
  blocks: [
    text({ strong: `${titleOf(found.incident)}.` }),
    recordBlock(found.incident, data),
    text('Extent, by the numbers:'),
    extentBlock(found.incident, data),
    ...lostBlocks(found),
    ...noticeBlocks(found),
    ...restBlocks(found.incident),
  ],
});

/** The fields of a record of failure, in the order of PCI DSS 10.7.3, in our own words. */
function recordBlock(incident: Incident, { asOfMs }: ReportData): Block {
  const { beganMs, detectedMs, endedMs, pipeline, checkpoint, loss } = incident;
  const { fields } = recordOf(incident.notes);
  const lastedMs = Math.max(0, (endedMs ?? asOfMs) - beganMs);
  const duration =
    endedMs === null
      ? `${formatDuration(lastedMs)} so far: since ${utc(beganMs)}, not ended by ${utc(asOfMs)}`
      : `${formatDuration(lastedMs)}: from ${utcSpan(beganMs, Math.max(beganMs, endedMs))}`;
  const flapped =
    incident.reopened > 0 ? `; it ended and came back ${plural(incident.reopened, 'time')}` : '';
  const where = loss === null ? checkpoint : loss.checkpoints.join(', ');
  return facts([
    ['Function that failed', `Delivery of log events, ${pipeline.title}${where ? `, at ${where}` : ''}`],
    ['Severity', severityOf(incident)],
    ['Duration, start and end', `${duration}${flapped}`],
    ['Detected', `${utc(detectedMs)}, ${formatDuration(Math.max(0, detectedMs - beganMs))} after it began`],
    ['Cause', saidText(fields.cause)],
    ['Remediation', saidText(fields.remediation)],
    ['Security issues that arose', saidText(fields.security)],
    ['Further actions', saidText(fields.actions)],
    ['Prevention', saidText(fields.prevention)],
    ['Monitoring resumed', resumedText(incident, fields.resumed)],
  ]);
}

const saidText = (said: readonly Said[]): string =>
  said.length === 0
    ? NOT_YET
    : said.map(s => `${sentence(clip(s.text, SAID_CHARS_MAX))} (${s.by}, ${utc(s.atMs)})`).join(' ');

const sentence = (line: string): string => (/[.!?…]$/.test(line) ? line : `${line}.`);

/** Canaries go on throughout: what ends is the departure. */
function resumedText({ endedMs }: Incident, said: readonly Said[]): string {
  const measured =
    endedMs === null
      ? 'Canaries were sent throughout; delivery is not back to its objective.'
      : `Canaries were sent throughout; delivery is back to its objective since ${utc(endedMs)}.`;
  return said.length === 0 ? measured : `${measured} ${saidText(said)}`;
}

/** Said in the record above. */
const SAID_ABOVE = new Set(['Pipeline', 'Began', 'Detected', 'Ended', 'Duration', 'Query']);

function extentBlock(incident: Incident, { asOfMs }: ReportData): Block {
  const query = incident.loss?.hunt.query ?? null;
  const entries = factsOf(incident, { nowMs: asOfMs })
    .filter(f => !SAID_ABOVE.has(f.label))
    .map((f): [string, Text] => [f.label, f.value]);
  return facts(query === null ? entries : [...entries, ['Query to hunt with', { code: query }]]);
}

const VERBS = { refused: 'refused', loss: 'lost' } as const;

function lostBlocks({ incident, lost }: IncidentFacts): Block[] {
  if (incident.loss === null) return [];
  const verb = incident.kind === 'refused' ? VERBS.refused : VERBS.loss;
  if (lost.canaries === 0)
    return [text(`No canary of it is ${verb} now: what had been is back, or was only overdue.`)];
  const more =
    lost.rangesMore > 0
      ? [text(`And ${canaries(lost.canariesMore)} more, in ${plural(lost.rangesMore, 'range')}.`)]
      : [];
  return [
    {
      kind: 'table',
      caption: `Canaries ${verb} and not back (${count(lost.canaries)}), by the time they were planned for`,
      head: ['Target', 'From', 'To', 'Canaries'],
      rows: lost.ranges.map(r => [r.target, utc(r.fromMs), utc(r.toMs), count(r.n)]),
      numbers: [3],
    },
    ...more,
  ];
}

const STATES: Readonly<Record<NoticeFacts['state'], string>> = {
  waiting: 'on its way',
  sent: 'delivered',
  failed: 'given up',
  merged: 'told in a summary',
};

function noticeBlocks({ notices, noticesMore }: IncidentFacts): Block[] {
  if (notices.length === 0) return [text('Nobody was told: no notifier is on record for it.')];
  return [
    {
      kind: 'table',
      caption: 'Who was told, and when',
      head: ['Notifier', 'What', 'Written', 'Then'],
      rows: notices.map(n => [
        n.insteadOf === null ? n.notifier : `${n.notifier}, instead of ${n.insteadOf}`,
        n.event,
        utc(n.createdMs),
        `${STATES[n.state]}${n.doneMs === null ? '' : ` ${utc(n.doneMs)}`}${n.attempts > 0 ? `, after ${plural(n.attempts, 'failed attempt')}` : ''}${n.state === 'sent' || n.error === null ? '' : `: ${clip(n.error, 200)}`}`,
      ]),
    },
    ...(noticesMore > 0 ? [text(`And ${plural(noticesMore, 'notice')} more.`)] : []),
  ];
}

/** Notes that are no field of the record. */
function restBlocks({ notes }: Incident): Block[] {
  const { rest } = recordOf(notes);
  if (rest.length === 0) return [];
  return [
    text('Also noted:'),
    list(
      rest.map(n => {
        const took = n.kind === 'ack' ? (n.text === '' ? 'took it.' : 'took it: ') : '';
        return `${utc(n.atMs)}, ${n.by}: ${took}${clip(n.text, SAID_CHARS_MAX)}`;
      }),
    ),
  ];
}

/** Coalmine's own troubles: a line each. */
export function troublesBlocks(troubles: readonly Incident[], asOfMs: number): Block[] {
  if (troubles.length === 0) return [text('None is on record for the period.')];
  return [
    text('These say nothing of the pipelines. They say when, and how far, our own word can be relied on.'),
    {
      kind: 'table',
      caption: 'Our own troubles',
      head: ['No.', 'What', 'Lasted', 'Observed'],
      rows: troubles.map(t => [
        String(t.id),
        titleOf(t),
        `${formatDuration(Math.max(0, (t.endedMs ?? asOfMs) - t.beganMs))}${t.endedMs === null ? ' so far' : ''}`,
        clip(t.condition?.reason ?? '', 200),
      ]),
    },
  ];
}
