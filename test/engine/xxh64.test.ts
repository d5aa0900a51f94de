import { describe, expect, test } from 'vitest';
import { createXxh64 } from '../../src/engine/xxh64.ts';

const hex = (value: bigint) => value.toString(16).padStart(16, '0');

function hashed(bytes: Uint8Array, size = bytes.length): string {
  const hash = createXxh64();
  for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size));
  return hex(hash.digest());
}

describe('XXH64', () => {
  // Published with the xxHash bindings of several languages.
  test.each([
    ['', 'ef46db3751d8e999'],
    ['abc', '44bc2cf5ad770999'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
  ])('of %j', (text, expected) => {
    expect(hashed(Buffer.from(text))).toBe(expected);
  });

  // Written once by a Python program after the specification.
  test.each([
    [1, '95634172a60b7544'],
    [3, '435cad89b87c57ed'],
    [4, '1a0e3e0e8c819d91'],
    [7, '988e669dae381e5d'],
    [8, '18e05b1c4216d28a'],
    [12, 'd50a203c7de22456'],
    [31, 'b2796682d360ea94'],
    [32, 'c3d264d2d097a31a'],
    [33, '95c3633e24f60207'],
    [39, 'ff565eabd5113aff'],
    [63, '298d2597c73a0ee0'],
    [64, '9d67a260deb51bcf'],
    [100, '2600f6db943ebafc'],
    [1_000, 'd95734ff87a2fc01'],
    [65_537, '67c8e139f51d4f29'],
  ])('of %i bytes, at once and in pieces', (length, expected) => {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * i * 7 + i * 13 + 255) % 256);
    for (const size of [length, 1, 5, 33]) expect(hashed(bytes, size)).toBe(expected);
  });
});
