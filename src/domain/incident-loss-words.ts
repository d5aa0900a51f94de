/** A loss in plain sentences: how bad, where, how long it can still be undone, what it looks like, what to do. */
import type { Incident, IncidentCounts, LossFacts } from './incident.ts';
import { canaries, count, listed, roughly, utc, utcSpan } from './saying.ts';
import { formatDuration, formatPercent } from './words.ts';

const LEFT_OUT_AT_ZERO: readonly (readonly [keyof IncidentCounts, string])[] = [
  ['refused', 'refused'],
  ['lost', 'lost'],
  ['overdue', 'overdue'],
  ['recovered', 'back after being declared lost'],
  ['late', 'late'],
  ['arrived', 'arrived'],
  ['pending', 'not decided yet'],
  ['unknown', 'of unknown fate'],
];

/** `Of 164 canaries so far: 29 lost, 12 back after being declared lost, 123 arrived.` */
export function countsLine({ counts }: LossFacts, open: boolean): string {
  const parts = LEFT_OUT_AT_ZERO.filter(([key]) => counts[key] > 0).map(
    ([key, word]) => `${count(counts[key])} ${word}`,
  );
  const of = `Of ${canaries(counts.scheduled)}${open ? ' so far' : ''}`;
  return parts.length === 0 ? `${of} none is decided.` : `${of}: ${parts.join(', ')}.`;
}

/** null: nothing is decided after the first, and what led to the incident is no rate. */
export function rateLine({ rate, phase, objective }: LossFacts): string | null {
  if (rate.n === 0) return null;
  const share = `${formatPercent(rate.share)} (95% interval ${formatPercent(rate.low)} to ${formatPercent(rate.high)})`;
  const [how, wanted] =
    phase === 'overdue'
      ? ['missing at their deadline', `${formatPercent(objective.onTime)} on time`]
      : [
          phase === 'refused' ? 'refused' : 'missing at their deadline',
          `${formatPercent(objective.delivered)} delivered`,
        ];
  const missing = count(Math.round(rate.share * rate.n));
  return `After the first miss of each target touched, ${missing} of ${canaries(rate.n)} ${rate.n === 1 ? 'was' : 'were'} ${how}: ${share}. The objective is ${wanted}.`;
}

/** `between archive and loki`. */
export const hopWords = ({ hop }: LossFacts): string =>
  `between ${hop.after ?? 'sending'} and ${hop.checkpoint}`;

/** `web-1, web-2 and 3 more`; empty where none is known. */
export const touchedWords = ({ targets }: LossFacts, max = 5): string =>
  listed(targets.touched, { max, n: targets.n });

export function whereLine(loss: LossFacts): string {
  const { after, checkpoint } = loss.hop;
  const also = loss.checkpoints.filter(c => c !== checkpoint);
  const further = also.length === 0 ? '' : `, nor at ${listed(also, { max: 5 })}`;
  const where =
    loss.phase === 'refused'
      ? 'The first hop refuses them'
      : after === null
        ? `They were sent, and not seen at ${checkpoint}${further}`
        : `Seen at ${after}, not at ${checkpoint}${further}`;
  if (loss.targets.n === 0) return `${where}.`;
  return `${where}. Targets touched: ${count(loss.targets.n)} of ${count(loss.targets.of)} (${touchedWords(loss)}).`;
}

/** How long the hop still holds its own copy; null: not known, or nothing is missing. */
export function timeLeftLine(loss: LossFacts, nowMs: number): string | null {
  const { counts, holdsMs, heldUntilMs } = loss;
  if (holdsMs === null || loss.phase === 'refused' || counts.lost + counts.overdue === 0) return null;
  const untilMs = heldUntilMs ?? loss.firstMs + holdsMs;
  const holds = `What ships to ${loss.hop.checkpoint} holds events for ${formatDuration(holdsMs)}`;
  if (untilMs > nowMs) {
    return `${holds}: restart it before ${utc(untilMs)}, in ${formatDuration(untilMs - nowMs)}, or the oldest are overwritten.`;
  }
  return `${holds}: since ${utc(untilMs)} the oldest may be gone for good.`;
}

export const patternLine = ({ pattern }: LossFacts): string | null =>
  pattern === null ? null : `It looks like ${article(pattern.name)}: ${pattern.evidence}`;

/** `by target` is an adverb; the others are things. */
const article = (name: string): string =>
  name === 'by target'
    ? 'loss by target'
    : name === 'periodic' || name === 'growing'
      ? `${name} loss`
      : `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`;

export function realEventsLine({ realEvents, counts }: LossFacts, open: boolean): string | null {
  if (realEvents === null || counts.lost + counts.refused + counts.overdue === 0) return null;
  const { n, low, high } = realEvents;
  return `If real events fared like the canaries, about ${roughly(n)} of them are missing${open ? ' so far' : ''} (${roughly(low)} to ${roughly(high)}).`;
}

/** Where real events are to be looked for again. The query stands alone on its line, whole. */
export function huntLines({ hunt }: LossFacts): string[] {
  const born = `Hunt again among events of ${utcSpan(hunt.eventFromMs, hunt.eventToMs)}`;
  const taken = `taken in ${utcSpan(hunt.ingestFromMs, hunt.ingestToMs)}`;
  return hunt.query === null ? [`${born}, ${taken}.`] : [`${born}, ${taken}:`, hunt.query];
}

/** What the words mean that were used above. */
export function meaningLine({ phase, counts, lostAfterMs, onTimeWithinMs }: LossFacts): string {
  const [onTime, lost] = [formatDuration(onTimeWithinMs), formatDuration(lostAfterMs)];
  if (phase === 'refused') return 'Refused means: the first hop said no, so it was not taken in.';
  if (phase === 'overdue' && counts.lost === 0) {
    return `Overdue means: not there ${onTime} after sending. It isn’t called lost before ${lost}.`;
  }
  return `Lost means: not there ${lost} after sending, by looks that see. It may still come.`;
}

/** What came back by now, and what has not. */
export function outcomeLine({ counts, phase }: LossFacts, nowMs: number): string {
  const declared = counts.lost + counts.recovered;
  const refused = counts.refused > 0 ? `${canaries(counts.refused)} ${were(counts.refused)} refused.` : null;
  if (declared === 0) {
    return refused ?? (phase === 'refused' ? 'None was refused in the end.' : 'None was declared lost.');
  }
  const back =
    counts.lost === 0
      ? counts.recovered === 1
        ? 'The one declared lost came back.'
        : `All ${count(counts.recovered)} declared lost came back.`
      : `Of ${canaries(declared)} declared lost, ${count(counts.recovered)} came back and ${count(counts.lost)} ${were(counts.lost)} not back by ${utc(nowMs)}.`;
  return refused === null ? back : `${back} ${refused}`;
}

const were = (n: number): string => (n === 1 ? 'was' : 'were');

/** What is left to do when it is over; null: everything came back. */
export const leftLine = ({ counts }: LossFacts): string | null =>
  counts.lost === 0
    ? null
    : 'Left to do: search there again. What isn’t back may still be on the hosts themselves.';

/** What to do first, by what it looks like. */
export function firstLine({ loss, pipeline }: { loss: LossFacts; pipeline: Incident['pipeline'] }): string {
  const hop = hopWords(loss);
  const who = touchedWords(loss, 2) || 'the targets';
  if (loss.phase === 'refused')
    return 'First: read what the first hop answers: credentials, quota, size limits, rate limits.';
  switch (loss.pattern?.name) {
    case 'outage':
      return loss.targets.n < loss.targets.of
        ? `First: restart what ships the events of ${who}. It may look healthy all the while.`
        : `First: look ${hop} at what all targets share: collector, network, credentials, disk.`;
    case 'stall then burst':
      return `First: find what stopped ${who}; it can stop again. Rules that read only the newest events have missed what came late.`;
    case 'stall and overwrite':
      return 'First: restart whatever still stalls. What was overwritten has to be taken from the hosts themselves.';
    case 'growing':
      return 'First: restart what ships the events of the targets touched. Then find what spreads, such as a rollout or a leak.';
    case 'by target':
      return `First: compare ${who} with a target that is spared: version, configuration, load, route.`;
    case 'random drop':
      return `First: look ${hop} for drops under load: full queues, rate limits, rejected or sampled events.`;
    case 'periodic':
      return `First: look ${hop} for what runs at that rhythm: log rotation, a flush, a cron job, a renewal of tokens.`;
    default:
      return `First: look ${hop} for errors, full queues and rejected events. “coalmine test ${pipeline.name}” follows one canary hop by hop.`;
  }
}
