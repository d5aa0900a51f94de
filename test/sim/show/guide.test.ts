/** The guide in words: what was said, by whom, how much later; facts and assumptions apart, each fact with its source. */
import { expect, test } from 'vitest';
import { guideOf } from '../../../src/sim/show/guide.ts';
import { delay, gradual, missed, quiet } from './results.ts';

const sectionOf = (guide: string, name: string): string =>
  guide.split(/^## /m).find(part => part.startsWith(`${name}\n`)) ?? '';

test('what was learnt says who spoke when, in figures of the run', () => {
  const text = sectionOf(guideOf([gradual]), gradual.name);
  expect(text).toContain('coalmine spoke 9 min after it began, on 2 Sep 23:09 UTC: “Entra sign-ins');
  expect(text).toContain(
    'The canary with a fixed threshold spoke 1 d 7 h later and the volume alert 7 d later. The uptime check and the “last event seen” monitor said nothing.',
  );
  expect(text).toContain('In fact people noticed it 2 d 13 h after it began');
  expect(text).toContain(
    'In the end coalmine said that 5,900,000 canaries were lost and 3,100,000 had come back, on 757 of 1,000 targets, as was the truth, and called it *stall and overwrite*.',
  );
});

test('facts stand with their sources, second-hand ones say so, and assumptions come after', () => {
  const text = sectionOf(guideOf([gradual]), gradual.name);
  const [facts, assumed] = text.slice(text.indexOf('Facts:')).split('Assumed here:');
  for (const { text: words, source } of gradual.facts) {
    expect(facts).toContain(words);
    expect(facts).toContain(source);
  }
  expect(facts).toContain('*Second-hand: press, https://example.org/press*');
  for (const words of gradual.assumptions) expect(assumed).toContain(`- ${words}`);
});

test('what isn’t the truth is told, and so is what was missed', () => {
  const [first] = gradual.incidents;
  const wrong = guideOf([{ ...gradual, incidents: [{ ...first!, lost: { said: 5, truly: 6 } }] }]);
  expect(wrong).toContain('in truth “lost, not back” was 6, not 5');
  expect(guideOf([missed])).toContain('coalmine missed it.');
  expect(guideOf([{ ...gradual, falseAlarms: 2 }])).toContain('2 that nothing explains');
});

test('a quiet year: silence is right, and crying wolf is counted', () => {
  const guide = guideOf([quiet]);
  expect(guide).toContain(
    '| [quiet-year](#quiet-year) | rightly silent | rightly silent | rightly silent | 1 false | rightly silent |',
  );
  expect(sectionOf(guide, 'quiet-year')).toContain('The volume alert cried wolf once.');
});

test('the table has a row for each, and each set-up is told once', () => {
  const guide = guideOf([gradual, delay, quiet]);
  expect(guide.match(/^\| \[/gm)).toHaveLength(3);
  for (const { setUp } of gradual.others) expect(guide.split(setUp)).toHaveLength(2);
});
