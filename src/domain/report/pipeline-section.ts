/** A pipeline in a report: each checkpoint's completeness, objectives, delays, blindness and drills, in numbers and sentences. */
import { canaries, count, listed, plural, utc, utcMinute, utcMinuteSpan } from '../saying.ts';
import { formatDuration, formatPercent } from '../words.ts';
import type { CheckpointFacts, ObjectiveFacts, PipelineFacts, ReportData, TargetsFacts } from './data.ts';
import { type Block, facts, list, type Section, type Text, text } from './document.ts';
import { atLeastText, atMostText, quantileText, shareText } from './numbers.ts';

export const pipelineSection = (pipeline: PipelineFacts, i: number, data: ReportData): Section => ({
  id: `pipeline-${i + 1}`,
  title: pipeline.title,
  blocks: [
    text(
      pipeline.title === pipeline.name ? '' : `In the configuration it is called ${pipeline.name}. `,
      `A canary goes to each target ${pipeline.every}, by ${pipeline.inject}, and is looked for at ${listed(
        pipeline.checkpoints.map(c => c.name),
        { max: 12 },
      )}.`,
    ),
  ],
  sections: pipeline.checkpoints.map((c, j) => ({
    id: `pipeline-${i + 1}-${j + 1}`,
    title: `At ${c.name}`,
    blocks: checkpointBlocks(c, data),
  })),
});

function checkpointBlocks(c: CheckpointFacts, data: ReportData): Block[] {
  const head = text(
    `Seen by ${c.kind}, ${c.after === null ? 'straight after sending' : `after ${c.after}`}. On time means within ${formatDuration(c.onTimeWithinMs)}, lost means absent after ${formatDuration(c.lostAfterMs)}, by looks that see.`,
  );
  if (c.scheduled === 0)
    return [head, text('No canary was scheduled here in the period, so nothing can be said.')];
  return [
    head,
    text(`${c.sentence}.`),
    completenessTable(c),
    list([...c.objectives.map(objectiveText), ...remarks(c, data)]),
  ];
}

function completenessTable(c: CheckpointFacts): Block {
  const { accepted } = c;
  const bound =
    accepted.n === 0
      ? 'nothing can be said'
      : `at least ${atLeastText(accepted.atLeast, accepted.n)}, 95% confidence`;
  return {
    kind: 'table',
    caption: 'Completeness, three ways',
    head: ['Of', 'Which are', 'Delivered', 'Bound'],
    rows: [
      ['accepted', 'taken by the first hop, with a fate that is known', shareText(accepted), bound],
      ['scheduled', 'those, and what it refused or we did not send', shareText(c.ofScheduled), ''],
      ['worst case', 'all that is decided, what is unknown counted as lost', shareText(c.worst), ''],
    ],
  };
}

const OBJECTIVES = { on_time: 'on time', delivered: 'delivered' } as const;

/** `Objective of 99% on time: met. …` */
export function objectiveText(o: ObjectiveFacts): Text {
  const head = `Objective of ${formatPercent(o.wanted)} ${OBJECTIVES[o.of]}: `;
  const made = shareText({ n: o.n, delivered: o.n - o.missing });
  const unknown =
    o.unknown === 0 ? '' : ` Of ${canaries(o.unknown)} it can’t be told, or not yet; they are left out.`;
  if (o.n === 0) return [head, { strong: 'can’t be told.' }, ` No canary has been decided.${unknown}`];
  if (o.is === 'met')
    return [
      head,
      { strong: 'met.' },
      ` ${made}: at least ${atLeastText(o.atLeast, o.n)} with 95% confidence.${unknown}`,
    ];
  if (o.is === 'not met')
    return [
      head,
      { strong: 'not met.' },
      ` ${made}: at most ${atMostText(o.atMost, o.n)} with 95% confidence.${unknown}`,
    ];
  const few = o.missing === 0 && (o.needed === null || o.n < o.needed);
  const why = !few
    ? `between ${atLeastText(o.atLeast, o.n)} and ${atMostText(o.atMost, o.n)}, each end with 95% confidence`
    : o.needed === null
      ? 'no number of canaries can claim all'
      : `to claim it takes ${count(o.needed)} without a miss`;
  return [head, { strong: 'can’t be told with 95% confidence.' }, ` ${made}: ${why}.${unknown}`];
}

function remarks(c: CheckpointFacts, { fromMs, toMs, asOfMs }: ReportData): Text[] {
  const { delays, drills } = c;
  const out: Text[] = [];
  if (c.countedFromMs !== null && c.countedFromMs > fromMs)
    out.push(`Counted from ${utcMinute(c.countedFromMs)} on: nothing is on record here before that.`);
  if (toMs > asOfMs || (c.watermarkMs ?? 0) < Math.min(toMs, asOfMs))
    out.push(
      c.watermarkMs === null
        ? 'This checkpoint has never been seen to its end.'
        : `Accounted for until ${utc(c.watermarkMs)}; what came after was not decided when this was written.`,
    );
  out.push(
    delays.n === 0
      ? 'Delays: none measured.'
      : `Delay, counting what has not arrived: half ${quantileText(delays.p50)}, 95 in 100 ${quantileText(delays.p95)}, 99 in 100 ${quantileText(delays.p99)} (${canaries(delays.n)}).`,
  );
  out.push(...blindTexts(c));
  out.push(drillText(drills));
  return out;
}

function blindTexts({ blind }: CheckpointFacts): string[] {
  const unproven =
    blind.unproven === 0 ? '' : ` ${canaries(blind.unproven)} could not be proven lost or delivered in time.`;
  if (blind.ms === 0) return [`Blind: no time on record.${unproven}`];
  const spans = blind.spans.map(s => `${utcMinuteSpan(s.fromMs, s.toMs)} (${s.reason})`);
  const more = blind.more > 0 ? `; and ${count(blind.more)} more` : '';
  return [`Blind for ${formatDuration(blind.ms)}: ${spans.join('; ')}${more}.${unproven}`];
}

function drillText(d: CheckpointFacts['drills']): Text {
  const seen =
    d.seen === 0
      ? ''
      : ` ${canaries(d.seen)} that never left ${d.seen === 1 ? 'was' : 'were'} seen: an alarm.`;
  const open = d.open === 0 ? '' : ` ${count(d.open)} still open.`;
  const unproven = d.unproven === 0 ? '' : ` ${count(d.unproven)} could not be found while we were blind.`;
  if (d.tested === 0) return `Test of the alarm: none came due in the period.${open}`;
  return `Test of the alarm: withheld canaries came due ${plural(d.tested, 'time')}, and ${d.found === d.tested ? 'every one was' : `${count(d.found)} were`} found lost.${seen}${unproven}${open}`;
}

const NAMES_SHOWN = 100;

/** The inventory against who had canaries. */
export function targetsBlocks(pipelines: readonly PipelineFacts[]): Block[] {
  return pipelines.flatMap(p => [
    facts([
      ['Pipeline', p.title],
      ['Inventory', inventoryText(p.targets)],
      ['Looked at', lookedText(p.targets)],
      ['Had canaries', `${count(p.targets.withCanaries)} of ${count(p.targets.inventory)}`],
      ['Had none', withoutText(p.targets)],
    ]),
  ]);
}

const inventoryText = ({ inventory, quiet, retired }: TargetsFacts): string =>
  `${plural(inventory, 'target')}${quiet > 0 ? `, ${count(quiet)} of them quiet (gone from discovery)` : ''}${retired > 0 ? `; ${count(retired)} retired` : ''}`;

const lookedText = ({ lookedFromMs, lookedToMs }: TargetsFacts): string =>
  lookedFromMs === null
    ? 'nothing: single canaries of this period are no longer kept, so it can’t be told who had any'
    : `canaries of ${utcMinuteSpan(lookedFromMs, lookedToMs)}: single ones are not kept for longer`;

function withoutText({ lookedFromMs, without, withoutMore, inventory, withCanaries }: TargetsFacts): string {
  if (lookedFromMs === null) return 'can’t be told';
  if (inventory === withCanaries) return 'none: every target had canaries';
  const names = without
    .slice(0, NAMES_SHOWN)
    .map(t => (t.state === 'active' ? t.name : `${t.name} (${t.state})`));
  return withoutMore > 0 ? `${names.join(', ')} and ${count(withoutMore)} more` : names.join(', ');
}
