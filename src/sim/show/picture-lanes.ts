/** Who was unaware for how long: a lane for each who might have spoken, beneath the chart and on its time axis. */
import { plural } from '../../domain/saying.ts';
import type { ScenarioResult } from '../scenario.ts';
import { type Speaker, speakersOf } from './account.ts';
import { noticedWords, span } from './sayings.ts';
import { element, type Frame, lineAt, textAt } from './svg.ts';

const LANE = 27;
/** About that of a digit in 13 px: only decides on which side a label stands. */
const CHARACTER = 6.6;

export function lanes(
  result: ScenarioResult,
  frame: Frame,
): { readonly svg: string; readonly height: number } {
  const speakers = speakersOf(result);
  const { onsetMs } = result;
  const noticed = noticedWords(result)?.after ?? null;
  const svg = speakers.map((speaker, i) =>
    lane({ ...speaker, noticed }, onsetMs, { ...frame, top: frame.top + i * LANE }),
  );
  return { svg: svg.join('\n'), height: speakers.length * LANE };
}

function lane(
  speaker: Speaker & { readonly noticed: string | null },
  onsetMs: number | null,
  { left, right, top, at }: Frame,
): string {
  const y = top + LANE / 2;
  const us = speaker.who === 'coalmine';
  const name = textAt(left - 12, y + 4.5, speaker.who, us ? 'end strong' : 'end');
  const rule = lineAt('rule', left, y, right, y);
  const cried = speaker.falseAlarms ? plural(speaker.falseAlarms, 'false alarm') : '';
  if (onsetMs === null) {
    const words = cried === '' ? 'no false alarm' : cried;
    return [rule, name, label(left + 2, y, words, cried === '' ? '' : 'bad')].join('');
  }
  const from = at(onsetMs);
  const more = cried === '' ? '' : `; ${cried} besides`;
  if (speaker.saidMs === null)
    return [
      rule,
      name,
      lineAt('unaware on', from, y, right, y),
      label(from + 10, y, `nothing said${more}`, 'bad'),
    ].join('');
  const to = at(speaker.saidMs);
  const after = `${span(speaker.saidMs - onsetMs)} after it began`;
  const words = speaker.who === 'people, in fact' ? (speaker.noticed ?? after) : `${after}${more}`;
  const x =
    to + 11 + words.length * CHARACTER > right ? Math.max(left, to - 11 - words.length * CHARACTER) : to + 11;
  return [
    rule,
    name,
    to - from > 1 ? lineAt('unaware', from, y, to, y) : '',
    element('circle', { class: us ? 'knows us' : 'knows', cx: to, cy: y, r: us ? 6.5 : 5 }),
    label(x, y, words, us ? 'strong' : ''),
  ].join('');
}

/** On a ground of its own: it stands on the lane's line. */
const label = (x: number, y: number, words: string, classes: string): string =>
  element('rect', {
    x: x - 4,
    y: y - 9,
    width: words.length * CHARACTER + 8,
    height: 18,
    fill: 'var(--panel)',
  }) + textAt(x, y + 4.5, words, classes);
