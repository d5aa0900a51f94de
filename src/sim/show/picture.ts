/** A scenario's result as a picture that stands in a page of its own: light and dark, without scripts, named and described. */
import { count } from '../../domain/saying.ts';
import type { Bucket, ScenarioResult } from '../scenario.ts';
import { FATES, type Fate, firstSaid, speakersOf, totalOf } from './account.ts';
import { extent } from './picture-extent.ts';
import { lanes } from './picture-lanes.ts';
import { PICTURE_STYLE } from './picture-style.ts';
import { FATE_WORDS, settingLine, span, verdictLine } from './sayings.ts';
import { element, escapeXml, type Frame, lineAt, px, textAt } from './svg.ts';
import { wrap } from './text.ts';
import { dayMinute, ticksOf } from './times.ts';

const WIDTH = 960;
const LEFT = 158;
const RIGHT = WIDTH - 28;
const CHART = 150;
/** Characters, as wide as they mostly are. */
const WORDS_PER_LINE = 120;

export function pictureOf(result: ScenarioResult): string {
  const { startMs, endMs, onsetMs } = result;
  const at = (ms: number): number =>
    LEFT + ((Math.min(endMs, Math.max(startMs, ms)) - startMs) / (endMs - startMs)) * (RIGHT - LEFT);
  const frame = (top: number): Frame => ({ left: LEFT, right: RIGHT, top, at });
  const setting = settingLine(result).split(' · ');
  const chartTop = 122;
  const axisTop = chartTop + CHART;
  const lane = lanes(result, frame(axisTop + 38));
  const lanesEnd = axisTop + 38 + lane.height;
  const words = quoted(result, lanesEnd + 26);
  const wordsEnd = lanesEnd + words.height;
  const extents = extent(result, frame(wordsEnd + 14));
  const height = wordsEnd + (extents.height > 0 ? 14 + extents.height : 0) + 14;
  const parts = [
    `<title id="t">${escapeXml(`${result.name}: ${result.title}`)}</title>`,
    `<desc id="d">${escapeXml(described(result))}</desc>`,
    `<style>${PICTURE_STYLE}</style>`,
    TILES,
    element('rect', { class: 'panel', x: 0.5, y: 0.5, width: WIDTH - 1, height: height - 1, rx: 5 }),
    bird(28, 14),
    textAt(70, 39, result.title, 'title'),
    textAt(70, 60, `${setting.slice(0, 2).join(' · ')}`, 'muted'),
    textAt(70, 78, `${setting.slice(2).join(' · ')}. ${verdictLine(result)}`, 'muted'),
    legend(result, LEFT, 101),
    columns(result, chartTop, at),
    axis(result, axisTop),
    onsetMs === null ? '' : onset(onsetMs, at(onsetMs), chartTop, lanesEnd),
    lane.svg,
    words.svg,
    extents.svg,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${px(height)}" width="${WIDTH}" height="${px(height)}" role="img" aria-labelledby="t d">\n${parts.filter(Boolean).join('\n')}\n</svg>\n`;
}

/** As the pages' tiles: what is late is hatched, what came back is dotted. */
const TILES =
  '<defs><pattern id="late" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="g-late" width="6" height="6"/><path class="i-late" d="M-1 7 7-1M-1 1 1-1M5 7 7 5"/></pattern>' +
  '<pattern id="recovered" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="g-recovered" width="6" height="6"/><path class="i-recovered" d="M1.5 1.5h1.6v1.6H1.5ZM4.5 4.5h1.6v1.6H4.5Z"/></pattern></defs>';

const groundOf = (fate: Fate): Readonly<Record<string, string>> =>
  fate === 'late' || fate === 'recovered' ? { fill: `url(#${fate})` } : { class: `g-${fate}` };

function legend({ buckets }: ScenarioResult, left: number, y: number): string {
  let x = left;
  const parts = FATES.filter(fate => totalOf(buckets, fate) > 0).map(fate => {
    const words = `${FATE_WORDS[fate]} ${count(totalOf(buckets, fate))}`;
    const swatch = element('rect', { ...groundOf(fate), x, y: y - 10, width: 12, height: 12 });
    const text = textAt(x + 18, y, words, fate === 'gone' ? 'strong' : '');
    x += 18 + words.length * 6.9 + 18;
    return swatch + text;
  });
  return parts.join('') + textAt(LEFT - 12, y, 'canaries sent', 'end muted');
}

/** Side by side without gaps: what changes slowly is one shape to the eye. */
function columns({ buckets, endMs }: ScenarioResult, top: number, at: (ms: number) => number): string {
  const parts: string[] = [];
  for (const [i, bucket] of buckets.entries()) {
    const x = at(bucket.fromMs);
    const width = at(buckets[i + 1]?.fromMs ?? endMs) - x;
    parts.push(columnAt(bucket, { x, width, top }));
    if (bucket.gone + bucket.recovered > 0)
      parts.push(
        element('path', {
          class: bucket.gone > 0 ? 'lost' : 'lost back',
          d: `M${px(x + width / 2 - 3)} ${top - 9}h6l-3 6Z`,
        }),
      );
  }
  return `<g class="columns">\n${parts.join('\n')}\n</g>`;
}

function columnAt(bucket: Bucket, { x, width, top }: { x: number; width: number; top: number }): string {
  if (bucket.sent === 0) return '';
  let bottom = top + CHART;
  return FATES.map(fate => {
    const height = (bucket[fate] / bucket.sent) * CHART;
    if (height <= 0) return '';
    bottom -= height;
    return element('rect', { ...groundOf(fate), x, y: bottom, width, height });
  }).join('');
}

function axis({ startMs, endMs }: ScenarioResult, y: number): string {
  const shares = [0, 0.5, 1].map(share =>
    textAt(LEFT - 12, y - share * CHART + 4.5, `${share * 100}%`, 'end muted small'),
  );
  const grid = [0.25, 0.5, 0.75].map(share =>
    lineAt('grid', LEFT, y - share * CHART, RIGHT, y - share * CHART),
  );
  const ticks = ticksOf(startMs, endMs, 8).map(({ x, label }) => {
    const across = LEFT + x * (RIGHT - LEFT);
    const tick = lineAt('tick', across, y, across, y + 5);
    // At the edges there is no room to write beneath the middle.
    if (x > 0.97) return tick;
    return tick + textAt(across, y + 19, label, x < 0.02 ? 'muted small' : 'mid muted small');
  });
  return [...grid, lineAt('base', LEFT, y + 0.5, RIGHT, y + 0.5), ...shares, ...ticks].join('\n');
}

/** The title of the notice by which people would have heard first. */
function quoted(result: ScenarioResult, y: number): { readonly svg: string; readonly height: number } {
  const said = firstSaid(result);
  if (said === null) return { svg: '', height: 0 };
  const lines = wrap(`“${said.title}”`, WORDS_PER_LINE);
  const svg = lines.map((line, i) => textAt(LEFT, y + i * 18, line));
  return {
    svg: [textAt(LEFT - 12, y, 'in its words', 'end muted'), ...svg].join('\n'),
    height: 14 + lines.length * 18,
  };
}

function onset(onsetMs: number, x: number, top: number, bottom: number): string {
  const words = `begins ${dayMinute(onsetMs)} UTC`;
  const right = x + 8 + words.length * 7 < RIGHT;
  return (
    lineAt('onset', x, top - 12, x, bottom) +
    element('rect', {
      x: right ? x + 4 : x - 8 - words.length * 7.1,
      y: top + CHART - 25,
      width: words.length * 7.1 + 6,
      height: 19,
      fill: 'var(--panel)',
    }) +
    textAt(right ? x + 8 : x - 6, top + CHART - 11, words, right ? 'strong' : 'strong end')
  );
}

const bird = (x: number, y: number): string =>
  `<g transform="translate(${x} ${y})"><path class="legs" d="M3 30.5h28M16.5 25v4.5M20 24.6v4.9"/>` +
  '<path class="bird" d="M4 21.5C9.5 20.6 12 18 13 14.2C13.8 9.6 16.6 6 21 6c3.6 0 6 2.4 6.4 5.4L30.5 13l-3.3 1.3C27 20.5 23 25.5 16.5 25.5c-3 0-5.3-.7-7-2Z"/>' +
  '<path class="wing" d="M12 19.8c4.6.8 8.4-1 9.6-5.6c-4.6-1.4-8.4 1-9.6 5.6Z"/><circle class="eye" cx="22.4" cy="10.6" r="1.25"/></g>';

/** The picture in sentences. */
function described(result: ScenarioResult): string {
  const { onsetMs, buckets } = result;
  const fates = FATES.filter(f => totalOf(buckets, f) > 0).map(
    f => `${count(totalOf(buckets, f))} ${FATE_WORDS[f]}`,
  );
  const who = speakersOf(result).map(s => {
    const when =
      s.saidMs === null || onsetMs === null ? 'nothing' : `${span(s.saidMs - onsetMs)} after it began`;
    return `${s.who}: ${when}${s.falseAlarms ? ` (${s.falseAlarms} false)` : ''}`;
  });
  const said = firstSaid(result);
  return [
    `${settingLine(result)}. ${verdictLine(result)}`,
    `Canaries: ${fates.join(', ')}.`,
    ...(onsetMs === null ? [] : [`It begins ${dayMinute(onsetMs)} UTC. First alarms: ${who.join('; ')}.`]),
    ...(said === null ? [] : [`coalmine said: ${said.title}.`]),
  ].join(' ');
}
