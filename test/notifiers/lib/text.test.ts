import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cut,
  cutEscaped,
  escapeAngles,
  escapeHtml,
  oneLine,
  printable,
} from '../../../src/notifiers/lib/text.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 300 });
const isWellFormed = (text: string): boolean => !/\p{Cs}/u.test(text);

test('cut keeps what fits, and halves no character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.integer({ min: 1, max: 100 }),
      (text, max) => {
        const out = cut(text, max);
        expect(out.length).toBeLessThanOrEqual(max);
        if (text.length <= max) expect(out).toBe(text);
        else expect(out.endsWith('…') && text.startsWith(out.slice(0, -1))).toBe(true);
        expect(isWellFormed(out)).toBe(true);
      },
    ),
  );
});

test('cutEscaped gives the escape of a beginning, and it fits', () => {
  const readBack = (text: string) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  const marked = fc.string({ unit: fc.constantFrom('&', '<', '>', 'a', '👩', ';'), maxLength: 200 });
  fc.assert(
    fc.property(marked, fc.integer({ min: 2, max: 200 }), (text, max) => {
      const out = cutEscaped(text, max, escapeAngles);
      expect(out.length).toBeLessThanOrEqual(max);
      const read = readBack(out);
      if (read !== text) expect(text.startsWith(read.replace(/…$/, ''))).toBe(true);
      expect(out.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/[&<>]/);
      expect(isWellFormed(out)).toBe(true);
    }),
  );
});

test('printable text has no control characters but line ends and tabs, and is well formed', () => {
  fc.assert(
    fc.property(anyText, text => {
      expect(isWellFormed(printable(text))).toBe(true);
      expect(printable(text).replace(/[\t\n]/g, '')).not.toMatch(/\p{Cc}/u);
      expect(oneLine(text)).not.toMatch(/[\r\n\t\u2028\u2029]/);
    }),
  );
  expect(printable('a\r\nb\rc\u0000d')).toBe('a\nb\nc d');
});

test('escaped HTML is text in an element and in an attribute', () => {
  expect(escapeHtml(`<a href="x" id='y'>&amp;</a>`)).toBe(
    '&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;',
  );
});
