/** A scenario's result on one terminal screen, in the order in which somebody new to it asks. */
import type { Fact, Said, ScenarioResult } from '../scenario.ts';
import { firstSaid, isGood, mainIncident, speakersOf } from './account.ts';
import type { Look, Paint } from './look.ts';
import {
  afterCoalmine,
  comparedOf,
  falseWords,
  noticedWords,
  settingLine,
  span,
  verdictLine,
} from './sayings.ts';
import { chartLines } from './screen-chart.ts';
import { atMost, padTo, toAscii, wrap } from './text.ts';
import { dayMinute } from './times.ts';

const COLUMNS_MIN = 80;
const COLUMNS_MAX = 100;
/** Side by side; one above the other there is room for fewer. */
const FACT_LINES = { wide: 5, stacked: 3 };
const SAID_LINES = 3;

export function screenOf(result: ScenarioResult, asked: Look): string {
  const look = { ...asked, columns: Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, asked.columns)) };
  const parts = [
    heading(result, look),
    grounds(result, look),
    chartLines(result, look),
    saidLines(result, look),
    extentLines(result, look),
    speakerLines(result, look),
  ];
  const text = parts
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
  return look.ascii ? toAscii(text) : text;
}

function heading(result: ScenarioResult, { columns, paint }: Look): string[] {
  return [
    ...wrap(`${result.name} ${result.title}`, columns - 1).map((line, i) =>
      i === 0 ? line.replace(result.name, name => `${paint('bold', name)} `) : line,
    ),
    ...settingLines(result, columns).map(line => paint('dim', line)),
    paint(isGood(result) ? 'green' : 'red', verdictLine(result)),
  ];
}

/** Broken between its parts only. */
function settingLines(result: ScenarioResult, columns: number): string[] {
  const lines: string[] = [];
  for (const part of settingLine(result).split(' · ')) {
    const longer = lines.length === 0 ? part : `${lines.at(-1)} · ${part}`;
    if (lines.length === 0 || longer.length > columns) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** Facts and assumptions, never mixed: side by side where there is room. */
function grounds({ facts, assumptions }: ScenarioResult, { columns, paint }: Look): string[] {
  const wide = columns >= 96 && facts.length > 0;
  const width = wide ? Math.floor((columns - 3) / 2) : columns;
  const [known, assumed] = [facts.map(factText), assumptions].map(all =>
    atMost(
      all.flatMap(text => wrap(text, width - 4).map((line, i) => `${i === 0 ? '·' : ' '} ${line}`)),
      wide ? FACT_LINES.wide : FACT_LINES.stacked,
    ),
  ) as [string[], string[]];
  const sources = sourceLine(facts, columns).map(line => paint('dim', line));
  if (!wide)
    return [
      ...(known.length === 0 ? [] : [paint('bold', 'Fact'), ...known, ...sources]),
      ...(assumed.length === 0 ? [] : [paint('bold', 'Assumed here'), ...assumed]),
    ];
  const rows = Array.from({ length: Math.max(known.length, assumed.length) }, (_, i) =>
    `${padTo(known[i] ?? '', width)}   ${assumed[i] ?? ''}`.trimEnd(),
  );
  return [`${padTo(paint('bold', 'Fact'), width)}   ${paint('bold', 'Assumed here')}`, ...rows, ...sources];
}

const factText = ({ text, standing }: Fact): string =>
  standing === 'reported' ? `Second-hand: ${text}` : text;

/** By name; their addresses stand in the guide and in `--json`. */
function sourceLine(facts: readonly Fact[], columns: number): string[] {
  const names = new Set(facts.map(f => f.source.replace(/[\s,:(<]*https?:\/\/\S+/g, '').trim()));
  return names.size === 0 ? [] : atMost(wrap(`Sources: ${[...names].join('; ')}`, columns - 2), 2);
}

function saidLines(result: ScenarioResult, look: Look): string[] {
  const { paint, columns } = look;
  const first = firstSaid(result) ?? result.said[0] ?? null;
  const head = paint('bold', 'coalmine said');
  if (first === null) return [`${head} nothing.`];
  const words = first.text.split('\n').flatMap(line => wrap(line, columns - 6));
  const rest = result.said.filter(s => s !== first);
  const last = (event: Said['event']): Said | undefined => rest.findLast(s => s.event === event);
  return [
    `${head} at ${dayMinute(first.atMs)}`,
    ...wrap(first.title, columns - 2).map(line => `  ${paint('yellow', line)}`),
    ...atMost(words, SAID_LINES).map(line => `  ${look.ascii ? '|' : '│'} ${line}`),
    ...laterLine(last('resolved') ?? last('worsened'), columns),
  ];
}

function laterLine(said: Said | undefined, columns: number): string[] {
  if (said === undefined) return [];
  const lines = said.text.split('\n').slice(0, 2).join(' ');
  return atMost(
    wrap(`${dayMinute(said.atMs)} ${said.event}: ${lines}`, columns - 6).map(
      (l, i) => `  ${i === 0 ? '' : '  '}${l}`,
    ),
    2,
  );
}

function extentLines(result: ScenarioResult, { paint, ascii }: Look): string[] {
  const main = mainIncident(result);
  if (main === null) return [];
  const rows = comparedOf(main).map(({ what, said, truly, right }) => [
    what,
    said,
    truly,
    right ? paint('green', ascii ? 'right' : '✓ right') : paint('red', ascii ? 'WRONG' : '✗ wrong'),
  ]);
  const more = result.incidents.length - 1;
  const pattern = main.pattern === null ? '' : `: ${main.pattern}`;
  return [
    `${paint('bold', 'Extent')}${pattern}, ${main.hop}${more > 0 ? `; ${more} more incident${more === 1 ? '' : 's'} in --json` : ''}`,
    ...table([['', 'coalmine says', 'in truth', ''], ...rows], paint),
  ];
}

function speakerLines(result: ScenarioResult, { paint }: Look): string[] {
  const noticed = noticedWords(result);
  const never = result.onsetMs === null ? '–' : paint('red', 'never');
  const rows = speakersOf(result).map(s => [
    s.who === 'coalmine' ? paint('bold', s.who) : s.who,
    s.saidMs === null ? never : s.who === 'people, in fact' ? (noticed?.at ?? '') : dayMinute(s.saidMs),
    s.afterOnsetMs === null ? '–' : span(s.afterOnsetMs),
    afterCoalmine(s),
    s.falseAlarms ? paint('red', falseWords(s.falseAlarms)) : falseWords(s.falseAlarms),
  ]);
  const head = ['', 'first alarm', 'after onset', 'than coalmine', 'false alarms'];
  return [`${paint('bold', 'On the same events')}, in UTC`, ...table([head, ...rows], paint)];
}

function table(rows: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map(row => padTo(row[i] ?? '', 0).replace(ESCAPES, '').length)),
  );
  return rows.map((row, r) => {
    const line = `  ${row.map((cell, i) => padTo(cell, widths[i] ?? 0)).join('   ')}`.trimEnd();
    return r === 0 ? paint('dim', line) : line;
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours are
const ESCAPES = /\u001b\[\d+m/g;
