/** The small chart on the screen: what became of the canaries, by when they were sent, with onset and what was said beneath. */
import type { Bucket, ScenarioResult } from '../scenario.ts';
import { FATES, type Fate, firstSaid, inColumns, totalOf } from './account.ts';
import type { Look } from './look.ts';
import { FATE_WORDS, noticedWords, span } from './sayings.ts';
import { visibleWidth } from './text.ts';
import { dayMinute, ticksOf } from './times.ts';

const ROWS = 5;
const LABEL = 5;

interface Ink {
  readonly sign: string;
  readonly ascii: string;
  readonly colour: 'plain' | 'dim' | 'yellow' | 'green' | 'red';
}

/** Told apart by sign as well as by colour. */
const INKS: Readonly<Record<Fate, Ink>> = {
  onTime: { sign: '█', ascii: '#', colour: 'dim' },
  late: { sign: '▓', ascii: '=', colour: 'yellow' },
  recovered: { sign: '▒', ascii: '+', colour: 'green' },
  gone: { sign: '·', ascii: '.', colour: 'red' },
};

const MARKS = { signs: { gone: '▼', back: '▽' }, ascii: { gone: 'v', back: 'u' } } as const;

export function chartLines(result: ScenarioResult, look: Look): string[] {
  const width = look.columns - LABEL - 2;
  const columns = inColumns(result.buckets, width);
  const stacks = columns.map(stackOf);
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const row = ROWS - 1 - i;
    const label = row === ROWS - 1 ? '100%' : row === 0 ? '0%' : row === (ROWS - 1) / 2 ? '50%' : '';
    return `${label.padStart(LABEL)} ${look.ascii ? '|' : '│'}${runs(
      stacks.map(stack => stack[row] ?? null),
      look,
    )}`;
  });
  return [
    ...legend(result, look),
    ...lossMarks(columns, look),
    ...rows,
    ...axis(result, width, look),
    ...flags(result, width, look),
  ];
}

/** From the bottom upwards, one fate a cell, by share: what is too rare for a cell has its mark above. */
function stackOf(bucket: Bucket): Fate[] {
  if (bucket.sent === 0) return [];
  let sum = 0;
  let filled = 0;
  return FATES.flatMap(fate => {
    sum += bucket[fate];
    const to = Math.round((sum / bucket.sent) * ROWS);
    const cells = Array<Fate>(Math.max(0, to - filled)).fill(fate);
    filled = to;
    return cells;
  });
}

function runs(cells: readonly (Fate | null)[], look: Look): string {
  let text = '';
  for (let i = 0; i < cells.length; ) {
    let to = i + 1;
    while (to < cells.length && cells[to] === cells[i]) to++;
    const fate = cells[i] ?? null;
    const ink = fate === null ? null : INKS[fate];
    const sign = ink === null ? ' ' : look.ascii ? ink.ascii : ink.sign;
    text += look.paint(ink?.colour ?? 'plain', sign.repeat(to - i));
    i = to;
  }
  return text;
}

function legend({ buckets }: ScenarioResult, look: Look): string[] {
  const marks = look.ascii ? MARKS.ascii : MARKS.signs;
  const mark = (fate: Fate): string => {
    const sign = fate === 'gone' ? marks.gone : fate === 'recovered' ? marks.back : '';
    return sign === '' ? '' : look.paint('red', sign);
  };
  const words = FATES.filter(fate => totalOf(buckets, fate) > 0).map(
    fate =>
      `${look.paint(INKS[fate].colour, look.ascii ? INKS[fate].ascii : INKS[fate].sign)}${mark(fate)} ${FATE_WORDS[fate]}`,
  );
  const lines = [look.paint('bold', 'By when they were sent:')];
  for (const word of words) {
    const longer = `${lines.at(-1)}  ${word}`;
    if (visibleWidth(longer) > look.columns) lines.push(`  ${word}`);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** Above each column in which some were declared lost, however few: filled where some never came back. */
function lossMarks(columns: readonly Bucket[], look: Look): string[] {
  const { gone, back } = look.ascii ? MARKS.ascii : MARKS.signs;
  const marks = columns.map(c => (c.gone > 0 ? gone : c.recovered > 0 ? back : ' ')).join('');
  if (marks.trim() === '') return [];
  return [`${' '.repeat(LABEL + 2)}${look.paint('red', marks.trimEnd())}`];
}

function axis({ startMs, endMs }: ScenarioResult, width: number, look: Look): string[] {
  const line = Array<string>(width).fill(look.ascii ? '-' : '─');
  const labels = Array<string>(width).fill(' ');
  let free = 0;
  for (const { x, label } of ticksOf(startMs, endMs, Math.floor(width / 14))) {
    const at = Math.min(width - 1, Math.floor(x * width));
    line[at] = look.ascii ? '+' : '┬';
    if (at < free || at + label.length > width) continue;
    labels.splice(at, label.length, ...label);
    free = at + label.length + 2;
  }
  return [
    `${' '.repeat(LABEL + 1)}${look.ascii ? '+' : '└'}${line.join('')}`,
    `${' '.repeat(LABEL + 2)}${labels.join('')}`.trimEnd(),
  ];
}

/** Each on a line of its own, so that minutes apart on a chart of weeks they still can be read. */
function flags(result: ScenarioResult, width: number, look: Look): string[] {
  const { onsetMs, noticedMs, startMs, endMs } = result;
  if (onsetMs === null) return [];
  const said = firstSaid(result);
  const noticed = noticedWords(result);
  const flag = (atMs: number, words: string, colour: 'plain' | 'bold' | 'dim'): string => {
    const at = Math.min(width - 1, Math.max(0, Math.floor(((atMs - startMs) / (endMs - startMs)) * width)));
    const sign = look.ascii ? '^' : '▲';
    const left = at + 2 + words.length > width;
    const text = left
      ? `${' '.repeat(Math.max(0, at - words.length - 1))}${words} ${sign}`
      : `${' '.repeat(at)}${sign} ${words}`;
    return `${' '.repeat(LABEL + 2)}${look.paint(colour, text)}`;
  };
  return [
    flag(onsetMs, `${dayMinute(onsetMs)} it begins`, 'plain'),
    ...(said === null
      ? []
      : [
          flag(
            said.atMs,
            `${dayMinute(said.atMs)} coalmine says so, ${span(said.atMs - onsetMs)} later`,
            'bold',
          ),
        ]),
    ...(noticedMs === null || noticed === null
      ? []
      : [flag(noticedMs, `${noticed.at} people noticed in fact, ${noticed.after}`, 'plain')]),
  ];
}
