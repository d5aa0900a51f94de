/** The picture: well-formed, named, without scripts or anything from elsewhere, and as tall as the shares. */
import { expect, test } from 'vitest';
import type { ScenarioResult } from '../../../src/sim/scenario.ts';
import { pictureOf } from '../../../src/sim/show/picture.ts';
import { delay, gradual, missed, quiet } from './results.ts';

const ALL: [string, ScenarioResult][] = [gradual, delay, quiet].map(r => [r.name, r]);
ALL.push(['missed', missed]);

/** Every element is closed in order; enough of XML for what has no comments and no CDATA. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, close, name, , self] of svg.matchAll(
    /<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (close) expect(open.pop()).toBe(name);
    else if (!self) open.push(name!);
  }
  expect(open).toEqual([]);
  const text = svg
    .replace(/<style>[^<]*<\/style>/, '')
    .replace(/<\/?[a-zA-Z]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, '');
  expect(text).not.toMatch(/[<>]|&(?!#\d+;)/);
}

test.each(ALL)('%s: well-formed, named and described, nothing from elsewhere', (_, result) => {
  const svg = pictureOf(result);
  expectWellFormed(svg);
  expect(svg).toMatch(/role="img" aria-labelledby="t d"/);
  expect(svg).toMatch(/<title id="t">[^<]{10,}<\/title>\n<desc id="d">[^<]{40,}<\/desc>/);
  expect(svg).toContain('prefers-color-scheme:dark');
  expect(svg).not.toMatch(/<script|\son\w+=|href=|<image|@import|NaN|undefined|Infinity/);
  expect(svg.length).toBeLessThan(60_000);
});

test('what comes from a scenario can’t become markup', () => {
  const svg = pictureOf({
    ...gradual,
    title: '<script>"&\'',
    said: gradual.said.map(s => ({ ...s, title: '</text><a>' })),
  });
  expectWellFormed(svg);
  expect(svg).not.toContain('<script');
});

test('the columns are as tall as the shares', () => {
  const buckets = gradual.buckets.map(b => ({ ...b, sent: 8, onTime: 2, late: 2, recovered: 3, gone: 1 }));
  const svg = pictureOf({ ...gradual, buckets });
  const columns = /<g class="columns">([\s\S]*?)<\/g>/.exec(svg)![1]!;
  const heights = [...columns.matchAll(/height="([\d.]+)"/g)].slice(0, 4).map(m => Number(m[1]));
  const yOf = (label: string): number => Number(new RegExp(`y="([\\d.]+)"[^>]*>${label}<`).exec(svg)![1]);
  const sum = yOf('0%') - yOf('100%');
  expect(heights.map(h => h / sum)).toEqual([2, 2, 3, 1].map(n => expect.closeTo(n / 8, 2)));
});

test('its description says what the picture shows', () => {
  const desc = /<desc id="d">([^<]*)/.exec(pictureOf(gradual))![1]!;
  expect(desc).toContain('coalmine: 9 min after it began');
  expect(desc).toContain('uptime check: nothing');
  expect(desc).toContain('volume drop: 7 d after it began (1 false)');
});
