/** Incidents in a terminal, and the exit code that they stand for. */
import { utc } from '../../domain/saying.ts';
import { formatDuration } from '../../domain/words.ts';
import { EXIT, type ExitCode, worst } from './exit.ts';
import type { IncidentAnswer, StoryAnswer } from './incident-answers.ts';
import { type Colour, columns, paint, printable } from './output.ts';

/**
 * Loss is bad news, and so is an alarm about canaries that never left; of our other troubles the news is that nothing can be
 * told. What is only for information is neither.
 */
export function exitOfIncident(
  i: Pick<IncidentAnswer, 'state' | 'kind' | 'concerns' | 'severity'>,
): ExitCode {
  if (i.state === 'ended' || i.severity === 'info') return EXIT.good;
  return i.concerns === 'loss' || i.kind === 'drill_seen' ? EXIT.bad : EXIT.unknown;
}

export const exitOfIncidents = (all: readonly IncidentAnswer[]): ExitCode => worst(all.map(exitOfIncident));

const COLOURS: Readonly<Record<IncidentAnswer['severity'], Colour>> = {
  critical: 'red',
  error: 'red',
  warning: 'yellow',
  info: 'dim',
};

const lasted = (i: IncidentAnswer, nowMs: number): string =>
  formatDuration(Math.floor(Math.max(0, (i.ended_ms ?? nowMs) - i.began_ms) / 1_000) * 1_000);

/** One line an incident. */
export function incidentsText(all: readonly IncidentAnswer[], nowMs: number): string {
  const head = ['id', 'state', 'severity', 'lasted', ''].map(h => paint('dim', h));
  const rows = all.map(i => [
    String(i.id),
    i.state === 'open' ? paint('bold', i.acknowledged ? 'open, taken' : 'open') : 'ended',
    paint(i.state === 'open' ? COLOURS[i.severity] : 'dim', i.severity),
    lasted(i, nowMs),
    printable(i.title),
  ]);
  return columns([head, ...rows]);
}

const NOTICES_MAX = 20;

/** One incident in full. */
export function storyText(s: StoryAnswer): string {
  const state = s.state === 'open' ? paint(COLOURS[s.severity], `open, ${s.severity}`) : 'ended';
  const seen =
    s.seen?.watermark_ms && s.state === 'open'
      ? `Counted from all that was visible at ${s.seen.checkpoint} until ${utc(s.seen.watermark_ms)}${s.seen.state === 'sees' ? '' : '; nothing newer can be said'}.`
      : null;
  return [
    `${paint('bold', printable(s.title))}`,
    `incident ${s.id}: ${state}`,
    '',
    printable(s.text),
    ...(seen === null ? [] : [printable(seen)]),
    ...section('Told', s.notices.slice(-NOTICES_MAX).map(noticeLine)),
    ...section('Notes', s.notes.map(noteLine)),
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', paint('dim', title), ...lines.map(l => `  ${printable(l)}`)];

function noticeLine(n: StoryAnswer['notices'][number]): string {
  const instead = n.instead_of === null ? '' : ` (instead of ${n.instead_of})`;
  const error = n.error === null || n.state === 'sent' ? '' : `: ${n.error}`;
  const done = n.done_ms === null ? '' : ` ${utc(n.done_ms)}`;
  const next = n.next_ms === null || n.attempts === 0 ? '' : `, next attempt ${utc(n.next_ms)}`;
  return `${n.notifier}: ${n.event}${instead}, ${n.state}${done}${next}${error}`;
}

const noteLine = (n: StoryAnswer['notes'][number]): string =>
  `${utc(n.at_ms)} ${n.by}${n.kind === 'ack' ? ' took it' : ''}${n.text === '' ? '' : `: ${n.text.replace(/\s+/g, ' ')}`}`;
