/** What came from elsewhere stays text, whatever the format; and the document is whole. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONTROLS } from '../../../src/domain/report/controls.ts';
import { type ReportDocument, text } from '../../../src/domain/report/document.ts';
import { html } from '../../../src/domain/report/html.ts';
import { markdown } from '../../../src/domain/report/markdown.ts';
import { verifiedDocument } from '../../../src/domain/report/record-section.ts';
import type { VerifiedChain } from '../../../src/domain/report/verified.ts';

const docOf = (evil: string): ReportDocument => ({
  title: evil,
  lead: [text(evil)],
  sections: [
    {
      id: 'one',
      title: evil,
      blocks: [
        { kind: 'list', items: [evil, [{ strong: evil }]] },
        { kind: 'facts', facts: [{ label: evil, value: [evil, { code: evil }] }] },
        { kind: 'table', caption: evil, head: [evil, 'n'], rows: [[evil, '1']], numbers: [1] },
        { kind: 'code', text: evil },
        text({ text: evil, ref: 'one' }),
      ],
    },
  ],
});

describe('markdown', () => {
  const line = (evil: string): string =>
    markdown({ title: 't', lead: [text(evil)], sections: [] }).split('\n')[2]!;

  test.each([
    ['a *b* [c](d) `e` <f> | g ~h~', 'a \\*b\\* \\[c\\](d) \\`e\\` &lt;f> \\| g \\~h\\~'],
    ['on_time and _this_', 'on_time and \\_this\\_'],
    ['# no heading', '\\# no heading'],
    ['- no list', '\\- no list'],
    ['1. no list', '1\\. no list'],
    ['> no quotation', '\\> no quotation'],
    ['R&D &amp; more', 'R&D &amp;amp; more'],
    ['two\nlines', 'two lines'],
    ['1,234 of 5,678 (21.7%)', '1,234 of 5,678 (21.7%)'],
  ])('%j', (evil, escaped) => expect(line(evil)).toBe(escaped));

  test('a table keeps its columns, and code its fence, whatever stands in them', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('|', '`', '\\', '\n', 'a', '*', ' ') }), evil => {
        const doc = markdown(docOf(evil));
        // As GitHub splits cells: at every bar that isn't escaped, in code too.
        const rows = doc
          .split(/^`{3,}$/m)[0]!
          .split('\n')
          .filter(l => l.startsWith('|'));
        const bars = rows.map(r => [...r.replace(/\\./g, '').matchAll(/\|/g)].length);
        expect(bars).toEqual(rows.map(() => 3));
        const fences = doc.split('\n').filter(l => /^`{3,}$/.test(l));
        expect(fences.filter(f => f === fences[0]).length % 2).toBe(0);
      }),
    );
  });

  test('links lead to headings as GitHub names them', () => {
    const doc = markdown({
      title: 'All of it',
      lead: [text({ text: 'there', ref: 'b' }, ' ', { text: 'and there', ref: 'c' })],
      sections: [
        {
          id: 'a',
          title: 'One, two → three',
          blocks: [],
          sections: [{ id: 'b', title: 'SSH (web_1)', blocks: [] }],
        },
        { id: 'c', title: 'What’s “this”?', blocks: [] },
      ],
    });
    expect(doc).toContain('[there](#11-ssh-web_1) [and there](#2-whats-this)');
  });
});

describe('html', () => {
  test('nothing becomes markup', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", 'script', '\u0000', 'x', ' ') }),
        evil => {
          const page = html(docOf(evil));
          const tags = (s: string) =>
            [...s.matchAll(/<[^>]*>/g)].map(m => m[0].replace(/aria-label="[^"]*"/, ''));
          expect(tags(page)).toEqual(tags(html(docOf('x'))));
          expect(page).not.toContain('\u0000');
        },
      ),
    );
  });
});

test('each control has its id once, names sections, and claims nothing', () => {
  expect(new Set(CONTROLS.map(c => `${c.source} ${c.id}`)).size).toBe(CONTROLS.length);
  for (const id of [
    'AU-5',
    'AU-5(2)',
    'AU-6',
    'AU-12',
    'CA-7',
    'SI-4',
    '10.7.2',
    '10.7.3',
    'CC7.2',
    'DE.CM',
    '8.2',
  ])
    expect(CONTROLS.map(c => c.id)).toContain(id);
  for (const c of CONTROLS) {
    expect(c.speaks.length).toBeGreaterThan(0);
    expect(c.asks).not.toMatch(/complian|certif|shall/i);
  }
});

describe('a verification in words', () => {
  const chain: VerifiedChain = {
    pipeline: { id: 'ssh', name: 'ssh' },
    ok: true,
    head: 'ab'.repeat(32),
    number: 7,
    sealedMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    links: 5,
    revisions: 1,
    anchor: { number: 2, sealedMs: Date.UTC(2025, 0, 1) },
    span: { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 2) },
    unsealed: 0,
    checked: { hours: 48, exceptionHours: 2, rows: 900, cut: true },
    broken: [],
    brokenMore: 0,
  };
  const base = { asOfMs: Date.UTC(2026, 0, 3), storeId: 'store' };
  const say = (v: object) => markdown(verifiedDocument({ ok: true, ...base, chains: [chain], ...v }, '1'));

  test('from where on it is verified', () => {
    expect(say({})).toMatch(
      /5, 1 of them of hours .*; verified after link 2 \(sealed 2025-01-01 00:00 UTC\), the oldest/,
    );
    expect(say({})).toMatch(/48 hours at a checkpoint whole, .* 2 older hours; the newest 900 rows/);
  });

  test('a head that isn’t there', () => {
    expect(say({ ok: false, head: null })).toMatch(
      /in none of the chains.*older than the links that are still kept/,
    );
    expect(say({ head: { pipeline: 'ssh', number: 3, sealedMs: 0 } })).toMatch(
      /is link 3 of ssh, sealed 1970-01-01/,
    );
  });

  test('what is broken is named by place and hour', () => {
    const what = 'link 4 is not what its hash was made from';
    const broken = [{ pipeline: 'ssh', checkpoint: 'loki', hourMs: Date.UTC(2026, 0, 1, 5), link: 4, what }];
    const md = say({ ok: false, chains: [{ ...chain, ok: false, broken, brokenMore: 3 }] });
    expect(md).toContain(`**loki, hour of 2026-01-01 05:00 UTC**: ${what}.`);
    expect(md).toContain('And 3 more.');
    expect(md).toContain('does not verify');
  });

  test('nothing is sealed yet', () => {
    const none = { ...chain, head: null, number: 0, links: 0, anchor: null, span: null, sealedMs: null };
    expect(say({ chains: [none] })).toContain('Nothing is sealed yet');
  });
});
