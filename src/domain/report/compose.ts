/** A report as a document: what was asked, what was found, what it is evidence for, and how to check it. */
import { titleOf } from '../incident-words.ts';
import { count, listed, plural, utc, utcSpan } from '../saying.ts';
import { CONTROLS, type Speaks } from './controls.ts';
import type { CheckpointFacts, PipelineFacts, ReportData } from './data.ts';
import { type Block, facts, list, type ReportDocument, type Section, type Text, text } from './document.ts';
import { incidentSection, troublesBlocks } from './incident-section.ts';
import { shareText } from './numbers.ts';
import { pipelineSection, targetsBlocks } from './pipeline-section.ts';
import { howToVerify, verifiedBlocks } from './record-section.ts';

export function reportDocument(data: ReportData): ReportDocument {
  return {
    title: titleText(data),
    lead: [lead(data)],
    sections: [
      { id: 'summary', title: 'Summary', blocks: summary(data) },
      {
        id: 'pipelines',
        title: 'Completeness and delay',
        blocks: [text(HOW_COUNTED)],
        sections: data.pipelines.map((p, i) => pipelineSection(p, i, data)),
      },
      incidents(data),
      { id: 'targets', title: 'Targets against the inventory', blocks: targetsBlocks(data.pipelines) },
      { id: 'controls', title: 'What this is evidence for', blocks: controls() },
      { id: 'record', title: 'The record, and how to verify it', blocks: record(data) },
      { id: 'words', title: 'How to read this', blocks: words },
    ],
  };
}

const HOW_COUNTED =
  'Every canary is counted by the time it was planned for, in whole hours, and stays in the count whatever became of it. Bounds hold for this one period, looked at once.';

const names = (pipelines: readonly PipelineFacts[]): string =>
  listed(
    pipelines.map(p => p.title),
    { max: 5 },
  );

function titleText({ asked, pipelines, incidents }: ReportData): string {
  const one = incidents.find(i => i.incident.id === asked.incident);
  if (one) return `Incident ${one.incident.id}: ${one.incident.pipeline.title}`;
  return `Completeness of logs: ${names(pipelines)}`;
}

function lead(data: ReportData): Block {
  const { asked } = data;
  const about =
    asked.incident === null
      ? asked.pipelines === null
        ? data.pipelines.length === 1
          ? `${names(data.pipelines)}, the only pipeline that is configured`
          : `all ${count(data.pipelines.length)} pipelines that are configured`
        : names(data.pipelines)
      : `incident ${asked.incident}, and the hours it lasted`;
  return facts([
    ['Asked for', `${about}, ${utcSpan(asked.sinceMs, asked.untilMs)}`],
    ['Counted', `${utcSpan(data.fromMs, data.toMs)}, whole hours`],
    ['As of', utc(data.asOfMs)],
    ['Written by', `coalmine ${data.version}, store ${data.record.storeId ?? 'unknown'}`],
  ]);
}

function summary(data: ReportData): Block[] {
  const { incidents, troubles, record, incidentsMore } = data;
  const lines: Text[] = [
    ...data.pipelines.map(pipelineLine),
    incidents.length === 0
      ? 'No incident of loss is on record for the period.'
      : [
          `${plural(incidents.length, 'incident')} of loss ${incidents.length === 1 ? 'is' : 'are'} on record: `,
          ...(incidents
            .slice(0, 5)
            .flatMap(({ incident }, i): Text[] => [
              i > 0 ? '; ' : '',
              { text: titleOf(incident), ref: `incident-${incident.id}` },
            ]) as never[]),
          incidents.length > 5 ? `; and ${count(incidents.length - 5)} more.` : '.',
        ],
    troubles.length === 0
      ? 'No trouble of coalmine’s own is on record for the period.'
      : [
          `${plural(troubles.length, 'trouble')} of coalmine’s own ${troubles.length === 1 ? 'is' : 'are'} on record: see `,
          { text: 'our own troubles', ref: 'troubles' },
          '.',
        ],
  ];
  if (incidentsMore > 0)
    lines.push(
      `There are ${count(incidentsMore)} more incidents than this report lists: ask for a shorter period.`,
    );
  lines.push(
    record.ok
      ? sealedLine(data)
      : [{ strong: 'The record does not verify.' }, ' See ', { text: 'the record', ref: 'record' }, '.'],
  );
  return [list(lines)];
}

const sealedLine = ({ record }: ReportData): Text =>
  record.chains.some(c => c.head !== null)
    ? [
        'The record behind these numbers was verified when this was written: see ',
        { text: 'the record', ref: 'record' },
        '.',
      ]
    : ['Nothing of the record is sealed yet: see ', { text: 'the record', ref: 'record' }, '.'];

/** A pipeline in a sentence: its ends are what people rely on, and all of it is told below. */
function pipelineLine(p: PipelineFacts): Text {
  const ends = p.checkpoints.filter(c => !p.checkpoints.some(o => o.after === c.name));
  return [{ strong: `${p.title}:` }, ' ', ends.map(endText).join('; '), '.'];
}

function endText(c: CheckpointFacts): string {
  if (c.accepted.n === 0) return `at ${c.name} no canary was decided, so nothing can be said`;
  const delivered = c.objectives.find(o => o.of === 'delivered');
  const met =
    delivered === undefined
      ? ''
      : {
          met: ', and the objective is met with 95% confidence',
          'not met': ', and the objective is not met, with 95% confidence',
          open: ', and whether the objective is met can’t be told with 95% confidence',
        }[delivered.is];
  return `at ${c.name} ${shareText(c.accepted)} of the canaries that the first hop took were delivered${met}`;
}

function incidents(data: ReportData): Section {
  const { asked } = data;
  const own: Section = {
    id: 'troubles',
    title: 'Our own troubles',
    blocks: troublesBlocks(data.troubles, data.asOfMs),
  };
  const none = text(
    asked.incident === null
      ? 'No incident of loss is on record for the period.'
      : 'It is not on record any more.',
  );
  const howNoted = text(
    'Cause, remediation and the other fields that nobody can measure are taken from the notes of an incident: lines that begin with “Cause:”, “Remediation:”, “Security:”, “Actions:”, “Prevention:” or “Resumed:”.',
  );
  return {
    id: 'incidents',
    title: 'Incidents',
    blocks: data.incidents.length === 0 ? [none] : [howNoted],
    sections: [...data.incidents.map(i => incidentSection(i, data)), own],
  };
}

const SECTIONS: Readonly<Record<Speaks, string>> = {
  summary: 'summary',
  pipelines: 'completeness and delay',
  incidents: 'incidents',
  targets: 'targets',
  record: 'the record',
};

const controls = (): Block[] => [
  text(
    'This report is evidence, not a verdict: it names what it speaks to, and an assessor says whether that is enough. What is asked for is put in our own words.',
  ),
  {
    kind: 'table',
    caption: 'Requirements that this report speaks to',
    head: ['Source', 'Id', 'What it asks for', 'Spoken to in'],
    rows: CONTROLS.map(c => [
      c.source,
      c.id,
      c.asks,
      c.speaks.flatMap((s, i) => [...(i > 0 ? [', '] : []), { text: SECTIONS[s], ref: s }]),
    ]),
  },
];

const record = (data: ReportData): Block[] => [...verifiedBlocks(data.record), ...howToVerify];

const words: readonly Block[] = [
  facts([
    [
      'Canary',
      'A synthetic event with a signed name, sent on the way of real events. What is said of canaries is measured; that real events fared alike is not.',
    ],
    ['Accepted', 'The first hop took it. What it refused counts as scheduled, and as the path’s fault.'],
    [
      'Lost',
      'Absent after the deadline, by complete looks that demonstrably see. Not back by then; it may still come, and then counts as recovered.',
    ],
    ['Recovered', 'Lost, and back since. It counts as delivered, and not as on time.'],
    [
      'Unproven',
      'We could not look well enough to tell. It counts as lost in the worst case, and in nothing else.',
    ],
    ['Unsent, maybe sent', 'Our own fault, and never the path’s. Counted as lost in the worst case.'],
    ['Blind', 'Nothing could be said, neither loss nor health.'],
    ['Test of the alarm', 'A canary that is registered and never sent must be found lost, again and again.'],
    [
      'At least, with 95% confidence',
      'One-sided Clopper–Pearson bound. Canaries of one beat may share their fate, so read it as the completeness of canaries on this path.',
    ],
  ]),
];
