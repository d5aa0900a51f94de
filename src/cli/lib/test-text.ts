/** What a test canary goes through, as text for a terminal, in the manner of `curl -v`. */
import type { PipelineConfig } from '../../config/config.ts';
import { formatDuration } from '../../domain/words.ts';
import { paint, printable } from './output.ts';
import type { Hop, Story, TestEvent, TestResult } from './test-run.ts';

export function testText(event: TestEvent, pipeline: PipelineConfig): string {
  if (event.event === 'sending') return `> sending by ${pipeline.inject.kind}`;
  if (event.event === 'sent') return sentText(event.story);
  if (event.event === 'hop') return hopText(event.hop, event.story, pipeline);
  return endText(event.result, event.story);
}

function sentText(s: Story): string {
  const tries = s.attempts > 1 ? `, at attempt ${s.attempts}` : '';
  const tookMs = (s.last_attempt_ms ?? 0) - (s.first_attempt_ms ?? 0);
  const head = `> sent ${s.name} to ${printable(s.target ?? '')}`;
  const why = s.reason === null ? '' : `: ${printable(s.reason)}`;
  if (s.sending === 'accepted')
    return `${head}\n< accepted${tries}${tookMs > 0 ? ` after ${formatDuration(tookMs)}` : ''}`;
  return `${head}\n< ${s.sending ?? 'no outcome yet'}${tries}${why}`;
}

function hopText(hop: Hop, story: Story, pipeline: PipelineConfig): string {
  const config = pipeline.checkpoints.find(c => c.name === hop.checkpoint);
  const head = `  ${paint('bold', hop.checkpoint)}: `;
  if (hop.seen_at !== null) {
    const late =
      hop.verdict === 'late' && config
        ? paint('yellow', `, late: on time is ${formatDuration(config.onTimeWithinMs)}`)
        : '';
    const fields = hop.integrity === 'intact' ? '' : paint('yellow', `, fields ${hop.integrity}`);
    const copies = hop.copies > 1 ? `, ${hop.copies} copies` : '';
    return `${head}${paint('green', 'seen')} after ${formatDuration(hop.delay_ms ?? 0)}${late}${fields}${copies}`;
  }
  const lostMs = config?.lostAfterMs ?? 0;
  if (hop.verdict === 'lost')
    return `${head}${paint('red', 'lost')}: not back by ${formatDuration(lostMs)}, and every look sees others`;
  if (hop.verdict === 'missed_here') return `${head}missed here, though it was seen further down`;
  if (hop.verdict === 'unproven') return `${head}its absence can’t be proven`;
  const overdue = hop.verdict === 'overdue' ? paint('yellow', 'overdue, ') : '';
  return `${head}${overdue}not seen yet, ${sightText(hop, story)}`;
}

function sightText({ sight, lost_from_ms }: Hop, story: Story): string {
  if (!sight) return 'this checkpoint is retired';
  if (sight.state === 'not_yet_proven') return `not yet proven: ${printable(sight.reason ?? '')}`;
  if (sight.state === 'blind') return `blind: ${printable(sight.reason ?? '')}`;
  const sentMs = story.last_attempt_ms ?? story.slot_ms ?? 0;
  const aheadMs = (sight.as_of_ms ?? 0) - sentMs;
  const until =
    aheadMs > 0
      ? `accounted for until ${formatDuration(aheadMs)} after its sending`
      : 'not looked since its sending';
  return `W = ${new Date(sight.as_of_ms ?? 0).toISOString().slice(11, 23)} (${until}; lost at ${formatDuration(Math.max(0, (lost_from_ms ?? 0) - sentMs))})`;
}

function endText(result: TestResult, story: Story | null): string {
  if (result.result === 'delivered') {
    const slowest = Math.max(0, ...(story?.hops ?? []).map(h => h.delay_ms ?? 0));
    return paint('green', `delivered everywhere, the last after ${formatDuration(slowest)}`);
  }
  return `${paint(result.exit === 1 ? 'red' : 'yellow', result.result)}: ${printable(result.reason)}`;
}
