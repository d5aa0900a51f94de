/** An incident as label and value, for channels that lay facts out. */
import type { Incident, LossFacts } from './incident.ts';
import { hopWords, touchedWords } from './incident-loss-words.ts';
import { clip, count, roughly, utc, utcSpan } from './saying.ts';
import { formatDuration, formatPercent } from './words.ts';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** The most telling first. A count of 0 is left out, but for what came back of what was lost. */
export function factsOf(incident: Incident, { nowMs }: { readonly nowMs: number }): Fact[] {
  const { loss, condition, checkpoint, beganMs, detectedMs, endedMs } = incident;
  const facts: (Fact | null)[] = [
    fact('Pipeline', clip(incident.pipeline.title, 200)),
    ...(loss === null ? [] : lossFacts(loss, nowMs)),
    loss === null && checkpoint !== null ? fact('Where', checkpoint) : null,
    condition === null ? null : fact('Observed', clip(condition.reason, 1000)),
    condition === null || condition.count === null ? null : fact('Counted', count(condition.count)),
    fact('Began', utc(beganMs)),
    fact('Detected', utc(detectedMs)),
    endedMs === null ? null : fact('Ended', utc(endedMs)),
    fact('Duration', formatDuration(Math.max(0, (endedMs ?? nowMs) - beganMs))),
    ...(loss === null ? [] : findings(loss, nowMs)),
  ];
  return facts.filter(f => f !== null);
}

const fact = (label: string, value: string): Fact => ({ label, value });

function lossFacts(loss: LossFacts, nowMs: number): (Fact | null)[] {
  const { counts, rate, targets, objective } = loss;
  const some = (label: string, n: number): Fact | null => (n > 0 ? fact(label, count(n)) : null);
  return [
    fact('Where', loss.phase === 'refused' ? 'refused by the first hop' : hopWords(loss)),
    targets.n === 0
      ? null
      : fact('Targets touched', `${count(targets.n)} of ${count(targets.of)}: ${touchedWords(loss, 10)}`),
    fact('Canaries', count(counts.scheduled)),
    some('Refused', counts.refused),
    some(`Lost, not back by ${utc(nowMs)}`, counts.lost),
    counts.lost > 0 || counts.recovered > 0 ? fact('Lost, then back', count(counts.recovered)) : null,
    some('Overdue', counts.overdue),
    some('Late', counts.late),
    some('Arrived', counts.arrived),
    some('Not decided yet', counts.pending),
    some('Of unknown fate', counts.unknown),
    rate.n === 0
      ? null
      : fact(
          'Rate after the first miss of each target',
          `${count(Math.round(rate.share * rate.n))} of ${count(rate.n)}: ${formatPercent(rate.share)} (95% interval ${formatPercent(rate.low)} to ${formatPercent(rate.high)})`,
        ),
    fact(
      'Objective',
      `${formatPercent(objective.onTime)} on time, ${formatPercent(objective.delivered)} delivered`,
    ),
  ];
}

function findings(loss: LossFacts, nowMs: number): (Fact | null)[] {
  const { realEvents, heldUntilMs, hunt, pattern } = loss;
  const missing = loss.counts.lost + loss.counts.overdue + loss.counts.refused;
  return [
    heldUntilMs === null || heldUntilMs <= nowMs || missing === 0
      ? null
      : fact('Held until', `${utc(heldUntilMs)}, for ${formatDuration(heldUntilMs - nowMs)} more`),
    pattern === null ? null : fact('Pattern', pattern.name),
    pattern === null ? null : fact('Evidence', pattern.evidence),
    realEvents === null || missing === 0
      ? null
      : fact(
          'Real events missing, if they fared alike',
          `about ${roughly(realEvents.n)} (${roughly(realEvents.low)} to ${roughly(realEvents.high)})`,
        ),
    fact('Hunt among events of', utcSpan(hunt.eventFromMs, hunt.eventToMs)),
    fact('Taken in', utcSpan(hunt.ingestFromMs, hunt.ingestToMs)),
    hunt.query === null ? null : fact('Query', hunt.query),
  ];
}
