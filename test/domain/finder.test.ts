import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFinder, type FoundToken, findInText, findTokens } from '../../src/domain/finder.ts';

const A = 'coalmine1aajgocjqgcsr5qahswl3xt4sjqe2egb2624muw7y';
const B = 'coalmine1aeaaaby4l6qaaaabaw4elc3r6f7jbm563vdhyk5e';
const bytes = (text: string) => Buffer.from(text, 'utf8');

/** The rule, tried at every place, one character after the other. */
function naive(text: string): FoundToken[] {
  const isBase32 = (c: string | undefined) =>
    c !== undefined && 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567'.includes(c);
  const isAlphanumeric = (c: string | undefined) => isBase32(c) || (c !== undefined && '0189'.includes(c));
  const found: FoundToken[] = [];
  for (let i = 0; i < text.length; i++) {
    const part = text.slice(i, i + 49);
    if (part.length < 49 || part.slice(0, 9).toLowerCase() !== 'coalmine1') continue;
    if (![...part.slice(9)].every(isBase32) || isBase32(text[i + 49])) continue;
    const isEscaped = text[i - 2] === '\\' || text[i - 3] === '%';
    if (isAlphanumeric(text[i - 1]) && !isEscaped) continue;
    found.push({ offset: i, token: part.toLowerCase() });
  }
  return found;
}

function inChunks(input: Uint8Array, sizes: readonly number[]): FoundToken[] {
  const finder = createFinder();
  const found: FoundToken[] = [];
  // One buffer for all chunks, as a reader of files has it: what is kept must be a copy.
  const buffer = Buffer.alloc(Math.max(1, ...sizes));
  for (let at = 0, n = 0; at < input.length; n++) {
    const part = input.subarray(at, at + (sizes[n % sizes.length] ?? 1));
    buffer.fill(0x31).set(part);
    found.push(...finder.push(buffer.subarray(0, part.length)));
    at += part.length;
  }
  return [...found, ...finder.end()];
}

const base32 = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const run = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...base32), minLength: min, maxLength: max });
const pieces = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(A, B, A.toUpperCase(), `Coalmine1${B.slice(9)}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('coalmine1', 'coalmine', '1', 'coalmin1', A.slice(0, 30), A.slice(0, 48)),
  },
  { weight: 2, arbitrary: fc.constantFrom('"', ' ', '\\n', '\\\\n', '%3D', '0', '8', '\n', 'x', ',') },
  { weight: 1, arbitrary: run(1, 60) },
  { weight: 1, arbitrary: run(38, 42).map(body => `coalmine1${body}`) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'01 89-:{}"é日'), maxLength: 400 }) },
);
const texts = fc.array(pieces, { maxLength: 12 }).map(parts => parts.join(''));

describe('findTokens', () => {
  test('finds just what a naive search finds, however it is cut', () => {
    fc.assert(
      fc.property(
        texts,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
        (text, sizes) => {
          const input = bytes(text);
          const expected = naive(input.toString('latin1'));
          expect(findTokens(input)).toEqual(expected);
          expect(inChunks(input, sizes)).toEqual(expected);
          expect(inChunks(input, [1])).toEqual(expected);
          expect(findInText(text)).toEqual(naive(text));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('finds a token at every distance from the cut between long chunks', () => {
    for (let at = 900; at < 1_100; at++) {
      const input = bytes(`${'-'.repeat(at)}${A} ${'='.repeat(1_000)}`);
      expect(inChunks(input, [1_000]), `${at}`).toEqual([{ offset: at, token: A }]);
      const touching = bytes(`${'-'.repeat(at - 1)}x${A} ${'='.repeat(1_000)}`);
      expect(inChunks(touching, [1_000]), `${at}`).toEqual([]);
    }
  });

  test('a plain Uint8Array does as well as a Buffer, and so does a view into one', () => {
    const whole = new Uint8Array(bytes(`xxx ${A}`));
    expect(findTokens(whole)).toEqual([{ offset: 4, token: A }]);
    expect(findTokens(whole.subarray(4))).toEqual([{ offset: 0, token: A }]);
  });

  test.each([
    ['nothing', '', []],
    ['alone', A, [0]],
    ['upper case', A.toUpperCase(), [0]],
    ['mixed case', `Coalmine1${A.slice(9)}`, [0]],
    ['JSON', `{"id":"${A}"}`, [7]],
    ['JSON in JSON', JSON.stringify({ log: JSON.stringify({ m: `two\nlines\t${A}\n` }) }), [31]],
    ['CEF', `CEF:0|c|c|1|100|Logon|3|externalId=${A} suser=canary`, [35]],
    ['CSV', `1,${A},2`, [2]],
    ['a URL', `GET /?state%3D${A}%26x=1`, [14]],
    ['rsyslog control characters', `a#011${A}#012`, [5]],
    ['terminal colours', `\u001b[1;31m${A}\u001b[0m`, [7]],
    ['a \\u escape before it', `\\u003c${A}`, [6]],
    ['two in a row', `${A},${B}`, [0, 50]],
    ['a digit of no base32 after it', `${A}0`, [0]],
    ['a longer run', `${A}a`, []],
    ['a longer run in capitals', `${A}A`, []],
    ['two without a gap', A + B, []],
    ['a letter before it', `x${A}`, []],
    ['a digit before it', `9${A}`, []],
    ['cut short', A.slice(0, 48), []],
    ['cut by a stranger', `${A.slice(0, 40)}-${A.slice(41)}`, []],
  ])('%s', (_, text, offsets) => {
    expect(findTokens(bytes(text)).map(f => f.offset)).toEqual(offsets);
    expect(findInText(text).map(f => f.offset)).toEqual(offsets);
    for (const { token } of findTokens(bytes(text))) expect([A, B]).toContain(token);
  });

  test('UTF-16 in either byte order, behind its byte order mark', () => {
    const text = `\ufeff4624 ${A} häßlich 日本 ${B.toUpperCase()}\u6361`;
    const little = Buffer.from(text, 'utf16le');
    const big = Buffer.from(little).swap16();
    const expected = [
      { offset: 2 * text.indexOf(A), token: A },
      { offset: 2 * text.indexOf(B.toUpperCase()), token: B },
    ];
    for (const input of [little, big]) {
      expect(findTokens(input)).toEqual(expected);
      for (const size of [1, 3, 7, 64]) expect(inChunks(input, [size])).toEqual(expected);
    }
  });

  test('takes linear time where every byte could belong to a token', () => {
    // Two million bytes of each; a quadratic search would not come back.
    for (const text of ['a', '1', 'coalmine1', `${A}a`]) findTokens(Buffer.alloc(2_000_000, text));
  });
});
