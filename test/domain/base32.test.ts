import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase32, encodeBase32 } from '../../src/domain/base32.ts';

describe('base32', () => {
  // RFC 4648 §10, in lower case and without padding.
  test.each([
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ])('RFC 4648 vector %j', (plain, packed) => {
    expect(encodeBase32(Buffer.from(plain))).toBe(packed);
    expect(decodeBase32(packed)).toEqual(new Uint8Array(Buffer.from(plain)));
    expect(decodeBase32(packed.toUpperCase())).toEqual(new Uint8Array(Buffer.from(plain)));
  });

  test('round trip, and agreement with the bits themselves', () => {
    const inBits = (bytes: Uint8Array) =>
      [...bytes]
        .map(byte => byte.toString(2).padStart(8, '0'))
        .join('')
        .match(/.{1,5}/g)
        ?.map(five => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
        .join('') ?? '';
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
        expect(encodeBase32(bytes)).toBe(inBits(bytes));
        expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each(['m', 'mzx', 'mzxw6y', '1aaaaaaa', 'aaaaaaa=', 'aaaaaaä', 'aaaaaaaı', 'mz', 'mzxw6ytbo'])(
    'refuses %j',
    text => {
      expect(decodeBase32(text)).toBeUndefined();
    },
  );
});
