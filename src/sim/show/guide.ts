/** The guide to the scenarios: of each what was learnt, its picture, and its grounds; facts and assumptions apart. */
import { count } from '../../domain/saying.ts';
import type { Fact, ScenarioResult } from '../scenario.ts';
import { firstSaid, isGood, mainIncident, type Speaker, speakersOf } from './account.ts';
import { LESSONS } from './lessons.ts';
import { afterCoalmine, comparedOf, noticedWords, settingLine, span, verdictLine } from './sayings.ts';
import { dayMinute } from './times.ts';

const INTRODUCTION = `# Scenarios

Incidents in which logs went missing, replayed on simulated time: what coalmine would have said, when, and how far that is from the
truth; beside it, what monitors that most places have would have said of the same events. \`coalmine simulate NAME\` shows one of them
in a terminal, \`--seed\` another course of it, \`--every\`, \`--covered\`, \`--sampling\`, \`--on-time-within\` and \`--lost-after\` what
another setting would have done.

**What is real here, and what isn’t.** Canaries, deadlines, watermarks, verdicts, detectors, incidents and their words come from the
functions that \`coalmine run\` calls. The path that loses the events is a model: built from the facts given with each scenario, and
where these leave something open, from assumptions, listed apart. The figures below are figures of the model. They say what this
kind of failure does to each kind of monitor, not what happened in any company’s data centre. The other monitors are set up as a
competent person would: how is said at the end.

This page is made by \`npm run scenarios\`.
`;

export function guideOf(results: readonly ScenarioResult[]): string {
  return [INTRODUCTION, overview(results), ...results.map(section), monitors(results)].join('\n');
}

function overview(results: readonly ScenarioResult[]): string {
  const names = results[0]?.others.map(o => o.name) ?? [];
  const rows = results.map(result => {
    const speakers = speakersOf(result);
    const cells = ['coalmine' as const, ...names].map(who =>
      cell(
        speakers.find(s => s.who === who),
        result,
      ),
    );
    return `| [${result.name}](#${result.name}) | ${cells.join(' | ')} |`;
  });
  const head = ['', 'coalmine', ...names];
  return [
    'From the beginning to the first alarm:',
    '',
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...rows,
    '',
    'Where all of a path stops at once, simple monitors are about as quick, and some are a minute quicker. What they miss is what is partial: one agent, one partition, a share that grows.',
    '',
  ].join('\n');
}

function cell(speaker: Speaker | undefined, { onsetMs }: ScenarioResult): string {
  if (!speaker) return '';
  const cried = speaker.falseAlarms ? `${count(speaker.falseAlarms)} false` : '';
  if (onsetMs === null) return cried || 'rightly silent';
  const said = speaker.afterOnsetMs === null ? 'never' : span(speaker.afterOnsetMs);
  return cried === '' ? said : `${said} (${cried})`;
}

function section(result: ScenarioResult): string {
  const { name, title, facts, assumptions } = result;
  return [
    `## ${name}`,
    '',
    `**${title}.** ${learnt(result)}`,
    '',
    `![${title}. ${verdictLine(result)}${shortly(result)}](scenarios/${name}.svg)`,
    '',
    ...(facts.length === 0 ? [] : ['Facts:', '', ...facts.map(factLine), '']),
    'Assumed here:',
    '',
    ...assumptions.map(text => `- ${text}`),
    '',
    `Run with: ${settingLine(result)} · seed ${result.options.seed}. All of it as data: [${name}.json](scenarios/${name}.json).`,
    '',
  ].join('\n');
}

const factLine = ({ text, source, standing }: Fact): string =>
  `- ${text} *${standing === 'reported' ? 'Second-hand: ' : ''}${source}*`;

function learnt(result: ScenarioResult): string {
  return [LESSONS[result.name] ?? '', told(result), others(result), extents(result)]
    .filter(Boolean)
    .join(' ');
}

function told(result: ScenarioResult): string {
  const { onsetMs, canaries, falseAlarms } = result;
  if (onsetMs === null)
    return falseAlarms === 0
      ? `Over ${count(canaries)} canaries it said nothing.`
      : `Over ${count(canaries)} canaries it raised ${count(falseAlarms)} false ${falseAlarms === 1 ? 'alarm' : 'alarms'}.`;
  const said = firstSaid(result);
  if (said === null) return 'coalmine missed it.';
  const cried = isGood(result) ? '' : ` It also raised ${count(falseAlarms)} that nothing explains.`;
  return `coalmine spoke ${span(said.atMs - onsetMs)} after it began, on ${dayMinute(said.atMs)} UTC: “${said.title}.”${cried}`;
}

function others(result: ScenarioResult): string {
  const speakers = speakersOf(result).filter(s => s.who !== 'coalmine' && s.who !== 'people, in fact');
  if (result.onsetMs === null) {
    const cried = speakers.filter(s => s.falseAlarms);
    if (cried.length === 0) return 'Nor did the other monitors.';
    return `${sentence(list(cried.map(s => `the ${called(s)} cried wolf ${times(s.falseAlarms ?? 0)}`)))}.`;
  }
  const spoke = speakers.filter(s => s.saidMs !== null).sort((a, b) => a.saidMs! - b.saidMs!);
  const silent = speakers.filter(s => s.saidMs === null);
  const noticed = noticedWords(result);
  return [
    spoke.length === 0
      ? ''
      : `${sentence(list(spoke.map((s, i) => `the ${called(s)}${i === 0 ? ' spoke' : ''} ${than(s)}`)))}.`,
    silent.length === 0 ? '' : `${sentence(list(silent.map(s => `the ${called(s)}`)))} said nothing.`,
    noticed === null ? '' : `In fact people noticed it ${noticed.after}.`,
  ]
    .filter(Boolean)
    .join(' ');
}

const than = (speaker: Speaker): string => {
  const words = afterCoalmine(speaker);
  return words === '–' ? `${span(speaker.afterOnsetMs ?? 0)} after it began` : words;
};

const NAMES: Readonly<Record<Speaker['who'], string>> = {
  coalmine: 'canary',
  'uptime check': 'uptime check',
  'last event seen': '“last event seen” monitor',
  'volume drop': 'volume alert',
  '3 in a row': 'canary with a fixed threshold',
  'people, in fact': 'people',
};
const called = ({ who }: Speaker): string => NAMES[who];

function extents(result: ScenarioResult): string {
  const main = mainIncident(result);
  if (main === null || result.onsetMs === null) return '';
  const wrong = comparedOf(main).filter(c => c.right === false);
  const { lost, recovered, targets, pattern } = main;
  const [gone, back] = [lost.said, recovered.said].map(n => (n === 0 ? 'none' : count(n))) as [
    string,
    string,
  ];
  const what =
    lost.said + recovered.said === 0
      ? 'none was lost'
      : lost.said === 0
        ? `all ${back} that it had declared lost had come back`
        : `${gone} canaries were lost and ${back} had come back`;
  const where = targets.of === 1 ? '' : `, on ${count(targets.n)} of ${count(targets.of)} targets`;
  const end = `In the end coalmine said that ${what}${where}`;
  const right =
    wrong.length === 0
      ? ', as was the truth'
      : `; in truth ${list(wrong.map(c => `“${c.what}” was ${c.truly}, not ${c.said}`))}`;
  return `${end}${right}${pattern === null ? '' : `, and called it *${pattern}*`}.`;
}

/** The picture in a few words, for who can’t see it. */
function shortly(result: ScenarioResult): string {
  const said = firstSaid(result);
  return said === null || result.onsetMs === null
    ? ''
    : ` coalmine spoke after ${span(said.atMs - result.onsetMs)}.`;
}

/** A set-up may differ between scenarios by what their traffic allows: each is told once. */
function monitors(results: readonly ScenarioResult[]): string {
  const setUps = new Map<string, Set<string>>();
  for (const { others: all } of results)
    for (const { name, setUp } of all) setUps.set(name, (setUps.get(name) ?? new Set()).add(setUp));
  const lines = [...setUps].flatMap(([name, ways]) => [...ways].map(way => `- **${name}**: ${way}`));
  return ['## How the other monitors are set up', '', ...lines, ''].join('\n');
}

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

const times = (n: number): string => (n === 1 ? 'once' : n === 2 ? 'twice' : `${count(n)} times`);
