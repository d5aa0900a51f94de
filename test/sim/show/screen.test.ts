/** The screen as somebody reads it who has never seen one: within its width, in order, and true without colour. */
import { describe, expect, test } from 'vitest';
import type { ScenarioResult } from '../../../src/sim/scenario.ts';
import { isGood } from '../../../src/sim/show/account.ts';
import type { Look } from '../../../src/sim/show/look.ts';
import { screenOf } from '../../../src/sim/show/screen.ts';
import { delay, gradual, missed, quiet } from './results.ts';

const plain = (columns: number, ascii = false): Look => ({ columns, ascii, paint: (_, text) => text });
const ALL: [string, ScenarioResult][] = [gradual, delay, quiet].map(r => [r.name, r]);
ALL.push(['missed', missed]);

describe.each(ALL)('%s', (_, result) => {
  test.each([80, 100, 240])('fits into %d columns and one screen', columns => {
    const lines = screenOf(result, plain(columns)).split('\n');
    expect(lines.filter(line => [...line].length > Math.min(columns, 100))).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(columns < 100 ? 56 : 50);
    expect(lines.filter(line => /\s$/.test(line))).toEqual([]);
  });

  test('in ASCII it is ASCII, and says the same', () => {
    const text = screenOf(result, plain(80, true));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
    expect(text).toMatch(/^[\u0000-\u007f]*$/);
    expect(text).not.toContain('?');
    expect(text.split('\n').length).toBe(screenOf(result, plain(80)).split('\n').length);
  });

  test('colours add nothing to the words', () => {
    const coloured = screenOf(result, {
      ...plain(80),
      paint: (c, t) => (c === 'plain' ? t : `\u001b[1m${t}\u001b[22m`),
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours are
    const bare = coloured.replace(/\u001b\[\d+m/g, '').replace(/ +$/gm, '');
    expect(bare).toBe(screenOf(result, plain(80)));
  });
});

test('it says when it began, who spoke when, and how much later', () => {
  const text = screenOf(gradual, plain(100));
  expect(text).toContain('▲ 2 Sep 23:00 it begins');
  expect(text).toContain('coalmine says so, 9 min later');
  expect(text).toContain(gradual.said[0]!.title.slice(0, 60));
  expect(text).toMatch(/3 in a row +4 Sep 06:00 +1 d 7 h +1 d 7 h later +none/);
  expect(text).toMatch(/volume drop +9 Sep 23:00 +7 d +7 d later +1/);
  expect(text).toMatch(/uptime check +never/);
  expect(text).toContain('61.2% (95%: 59.8% to 62.6%)');
  expect(text).toContain('stall and overwrite');
});

test('a second-hand fact says so; facts and assumptions stand apart', () => {
  const text = screenOf({ ...gradual, facts: gradual.facts.slice(2) }, plain(80));
  expect(text).toContain('Second-hand: Part of the data could not be recovered.');
  expect(text.indexOf('Assumed here')).toBeGreaterThan(text.indexOf('Second-hand'));
});

test('the chart is the shares: half gone is half of the rows', () => {
  const half = {
    ...gradual,
    buckets: gradual.buckets.map(b => ({ ...b, sent: 10, onTime: 6, late: 0, recovered: 0, gone: 4 })),
  };
  const rows = screenOf(half, plain(80, true))
    .split('\n')
    .filter(line => /^ *(\d+%)? \|[.#]/.test(line));
  expect(rows.map(row => row.at(-1))).toEqual(['.', '.', '#', '#', '#']);
});

test('a loss too small for a cell has its mark above', () => {
  const buckets = gradual.buckets.map((b, i) => ({
    ...b,
    sent: 1_000,
    onTime: i === 50 ? 999 : 1_000,
    late: 0,
    recovered: 0,
    gone: i === 50 ? 1 : 0,
  }));
  expect(screenOf({ ...gradual, buckets }, plain(100, true)).match(/^ +v$/m)).not.toBeNull();
});

test('a number that isn’t the truth is called wrong', () => {
  const [first] = gradual.incidents;
  const wrong = { ...gradual, incidents: [{ ...first!, lost: { said: 5, truly: 6 } }] };
  expect(screenOf(wrong, plain(80))).toMatch(/lost, not back +5 +6 +✗ wrong/);
});

test.each([
  [gradual, true],
  [quiet, true],
  [missed, false],
  [{ ...quiet, falseAlarms: 1 }, false],
  [{ ...gradual, falseAlarms: 1 }, false],
])('good news is: found, and nothing false said', (result, good) => {
  expect(isGood(result)).toBe(good);
});

test('an alarm before it began doesn’t find it', () => {
  const early = { ...gradual.said[0]!, atMs: gradual.onsetMs! - 1 };
  expect(isGood({ ...gradual, said: [early] })).toBe(false);
});
