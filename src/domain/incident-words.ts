/**
 * An incident as a colleague would tell it: a title, a few short lines in the order in which somebody woken at three needs
 * them, and the same as facts. Plain text; channels add their own markup.
 */
import { acknowledged, type Incident, type LossFacts } from './incident.ts';
import { KIND_WORDS, REAL_EVENTS } from './incident-kind-words.ts';
import {
  countsLine,
  firstLine,
  huntLines,
  leftLine,
  meaningLine,
  outcomeLine,
  patternLine,
  rateLine,
  realEventsLine,
  timeLeftLine,
  whereLine,
} from './incident-loss-words.ts';
import { canaries, clip, count, plural, utc, utcMinute, utcMinuteSpan, utcSpan } from './saying.ts';
import { formatDuration } from './words.ts';

export { factsOf } from './incident-facts.ts';

/** Why people are told; as a notice's event, but for `test`. */
export type Telling = 'opened' | 'worsened' | 'reminder' | 'resolved' | 'summary';

export interface TellingContext {
  /** When it is told. */
  readonly nowMs: number;
  /** What was told last; for `worsened`. */
  readonly earlier?: Incident | null;
}

const TITLE_MAX = 200;
const SAMPLE_MAX = 300;

/** What is wrong, where and since when: one line of at most 200 UTF-16 units. */
export function titleOf(incident: Incident): string {
  const whole = titleWith(incident, TITLE_MAX);
  return whole.length <= TITLE_MAX ? whole : clip(titleWith(incident, 24), TITLE_MAX);
}

function titleWith(incident: Incident, nameMax: number): string {
  const { beganMs, endedMs, loss, state } = incident;
  const pipeline = clip(incident.pipeline.title, nameMax === TITLE_MAX ? nameMax : 2 * nameMax);
  const when =
    state === 'open'
      ? `since ${utcMinute(beganMs)}`
      : `from ${utcMinuteSpan(beganMs, Math.max(beganMs, endedMs ?? beganMs))}`;
  const what = loss === null ? conditionTitle(incident, nameMax) : lossTitle(loss, state === 'open', nameMax);
  const end = loss !== null && allBack(loss) && state === 'ended' ? '; all came back' : '';
  return `${pipeline}: ${what} ${when}${end}`;
}

const allBack = ({ phase, counts }: LossFacts): boolean =>
  phase === 'lost' && counts.lost === 0 && counts.recovered > 0;

function lossTitle(loss: LossFacts, open: boolean, nameMax: number): string {
  const who = `canaries${ofTargets(loss, nameMax)}`;
  if (loss.phase === 'refused') return `the first hop ${open ? 'has refused' : 'refused'} ${who}`;
  const { after, checkpoint } = loss.hop;
  const where = `between ${after === null ? 'sending' : clip(after, nameMax)} and ${clip(checkpoint, nameMax)}`;
  const late = loss.phase === 'overdue';
  if (open) return `${who} have been ${late ? 'overdue' : 'lost'} ${where}`;
  return `${who} were ${late ? 'late' : allBack(loss) ? 'held up' : 'lost'} ${where}`;
}

function ofTargets({ targets: { touched, n, of } }: LossFacts, nameMax: number): string {
  if (n === 1 && touched[0] !== undefined) return ` of ${clip(touched[0], nameMax)}`;
  if (n === 0) return '';
  return n === of ? ` of all ${plural(of, 'target')}` : ` of ${count(n)} of ${plural(of, 'target')}`;
}

function conditionTitle({ kind, checkpoint, state }: Incident, nameMax: number): string {
  if (kind === 'loss' || kind === 'refused') return 'canaries are missing';
  const at = checkpoint === null ? '' : ` at ${clip(checkpoint, nameMax)}`;
  return KIND_WORDS[kind][state === 'open' ? 'lasting' : 'over'].replace('{at}', () => at);
}

/** A few short lines, whole: whoever gets only these can act on them. */
export function textOf(incident: Incident, telling: Telling, context: TellingContext): string {
  const over = telling === 'resolved' || telling === 'summary';
  const body =
    incident.loss === null
      ? conditionLines(incident, over)
      : lossLines(incident, incident.loss, over, context);
  const lines = [...opening(incident, telling, context), ...body];
  return lines.filter(line => line !== null && line !== '').join('\n');
}

function opening(incident: Incident, telling: Telling, { nowMs, earlier }: TellingContext): string[] {
  const lasted = formatDuration(Math.max(0, (incident.endedMs ?? nowMs) - incident.beganMs));
  switch (telling) {
    case 'opened':
      return [];
    case 'reminder':
      return [`Still open after ${lasted}. ${takenLine(incident)}`];
    case 'worsened':
      return [`It got worse. ${earlier ? changes(earlier, incident) : ''}`.trim()];
    case 'summary':
      return [`It began and ended before you could be told. It lasted ${lasted}.`];
    case 'resolved':
      return [`It is over since ${utc(incident.endedMs ?? nowMs)}, after ${lasted}.`];
  }
}

function takenLine(incident: Incident): string {
  const taken = incident.notes.findLast(n => n.kind === 'ack');
  return acknowledged(incident) && taken
    ? `${clip(taken.by, 80)} took it at ${utc(taken.atMs)}.`
    : 'Nobody has taken it yet.';
}

/** What is new since it was told last. */
function changes(before: Incident, now: Incident): string {
  const parts: string[] = [];
  if (before.loss && now.loss) {
    const [was, is] = [before.loss, now.loss];
    if (was.phase === 'overdue' && is.phase === 'lost') parts.push('What was overdue is now lost.');
    for (const key of ['refused', 'lost', 'overdue'] as const)
      if (is.counts[key] > was.counts[key])
        parts.push(`${canaries(is.counts[key])} ${key} now, ${count(was.counts[key])} when last told.`);
    if (is.targets.n > was.targets.n)
      parts.push(`${plural(is.targets.n, 'target')} touched now, ${count(was.targets.n)} when last told.`);
    if (is.pattern !== null && is.pattern.name !== was.pattern?.name && was.pattern !== null)
      parts.push(`It looked like ${was.pattern.name} then.`);
  }
  const [was, is] = [before.condition?.count ?? null, now.condition?.count ?? null];
  if (was !== null && is !== null && is > was) parts.push(`${count(is)} now, ${count(was)} when last told.`);
  return parts.join(' ');
}

function whenLine({ beganMs, detectedMs, endedMs, reopened, state }: Incident): string {
  const after = detectedMs - beganMs;
  const later = after > 0 ? `, ${formatDuration(after)} later` : '';
  const began =
    state === 'open'
      ? `Since ${utc(beganMs)}`
      : `From ${utcSpan(beganMs, Math.max(beganMs, endedMs ?? beganMs))}`;
  const again = reopened > 0 ? ` It ended and came back ${plural(reopened, 'time')}.` : '';
  return `${began}; detected ${utc(detectedMs)}${later}.${again}`;
}

function lossLines(
  incident: Incident,
  loss: LossFacts,
  over: boolean,
  { nowMs }: TellingContext,
): (string | null)[] {
  const open = !over;
  return [
    over ? outcomeLine(loss, nowMs) : null,
    countsLine(loss, open),
    rateLine(loss),
    whereLine(loss),
    whenLine(incident),
    open ? timeLeftLine(loss, nowMs) : null,
    patternLine(loss),
    realEventsLine(loss, open),
    ...huntLines(loss),
    open ? `${meaningLine(loss)} ${REAL_EVENTS}` : null,
    open ? firstLine({ loss, pipeline: incident.pipeline }) : leftLine(loss),
  ];
}

function conditionLines(incident: Incident, over: boolean): (string | null)[] {
  const { kind, condition, checkpoint } = incident;
  if (kind === 'loss' || kind === 'refused') return [whenLine(incident)];
  const words = KIND_WORDS[kind];
  const sample = sampleText(condition?.sample);
  return [
    over ? null : words.means,
    words.isNot,
    condition === null ? null : sentence(`Observed: ${condition.reason}`),
    checkpoint === null ? null : `Where: ${checkpoint}.`,
    whenLine(incident),
    sample === null ? null : `Sample: ${sample}`,
    over ? null : `First: ${words.first}`,
  ];
}

const sentence = (text: string): string => {
  const line = clip(text, 1000);
  return line === '' || /[.!?…]$/.test(line) ? line : `${line}.`;
};

const sampleText = (sample: unknown): string | null => {
  if (sample === null || sample === undefined) return null;
  return clip(typeof sample === 'string' ? sample : JSON.stringify(sample), SAMPLE_MAX);
};
