import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesWith } from '../../../src/observers/lib/lines.ts';

const NEEDLE = 'ab1';
const piece = fc.constantFrom('ab1', 'ab1xyz', 'a', 'ab', 'x', '\n', '\r\n', 'é', 'zzzzzzzz');

test('fed in any chunks, gives the lines with the needle that splitting the whole text gives', () => {
  const text = fc.array(piece, { maxLength: 60 }).map(parts => parts.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (whole, sizes) => {
      const bytes = Buffer.from(whole);
      const found: string[] = [];
      let rest: Buffer = Buffer.alloc(0);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length]!;
        const joined = Buffer.concat([rest, bytes.subarray(at, at + size)]);
        at += size;
        const { lines, consumed } = linesWith(joined, [Buffer.from(NEEDLE)], {
          lineBytesMax: 1e6,
          last: at >= bytes.length,
        });
        for (const { at: start, text: line } of lines) {
          expect(joined.subarray(start, start + Buffer.byteLength(line)).toString()).toBe(line);
          found.push(line);
        }
        rest = joined.subarray(consumed);
      }
      expect(found).toEqual(
        whole
          .split(/\r?\n/)
          .map(l => l.replace(/\r$/, ''))
          .filter(l => l.includes(NEEDLE)),
      );
    }),
    { numRuns: 500 },
  );
});

test('an overlong line comes in pieces: every needle once, none of them cut, none longer than allowed', () => {
  const token = `${NEEDLE}${'q'.repeat(46)}`;
  const filler = fc.integer({ min: 0, max: 700 });
  fc.assert(
    fc.property(fc.array(filler, { minLength: 1, maxLength: 12 }), fc.boolean(), (fillers, last) => {
      const line = Buffer.from(
        `${fillers.map((n, i) => `${'x'.repeat(n)}${i}${token}`).join('')}${last ? '' : '\n'}`,
      );
      const { lines, consumed } = linesWith(line, [Buffer.from(NEEDLE)], { lineBytesMax: 512, last });
      expect(consumed).toBe(line.length);
      const texts = lines.map(l => l.text);
      expect(texts.join('').split(token).length - 1).toBe(fillers.length);
      for (const text of texts) expect(text.length).toBeLessThanOrEqual(512);
    }),
  );
});

test('an unfinished line is left, until it is longer than allowed', () => {
  const rules = { lineBytesMax: 1024, last: false };
  const needle = Buffer.from(NEEDLE);
  expect(linesWith(Buffer.from(`x\n${NEEDLE}`), [needle], rules)).toEqual({ lines: [], consumed: 2 });
  const long = linesWith(Buffer.from(NEEDLE + 'x'.repeat(5000)), [needle], rules);
  expect(long.lines).toHaveLength(1);
  expect(long.consumed).toBeGreaterThan(3000);
});
