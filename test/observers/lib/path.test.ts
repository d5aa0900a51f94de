import { expect, test } from 'vitest';
import type { Json } from '../../../src/contracts/observer.ts';
import { instantOf, valuesAt } from '../../../src/observers/lib/path.ts';

const json: Json = { a: { b: [{ c: 1 }, { c: 2, 'd.e': 3 }], 'x.y': { z: 4 } }, 'a.q': 5, n: null };

test.each([
  ['', [json]],
  ['a.b.c', [1, 2]],
  ['a.b.-1.c', [2]],
  ['a.b.0.c', [1]],
  ['a.b.9.c', []],
  ['a.b.d.e', [3]],
  ['a.x.y.z', [4]],
  ['a.q', [5]],
  ['n', [null]],
  ['n.x', []],
  ['toString', []],
  ['a.b.length', []],
])('%s', (path, values) => expect(valuesAt(json, path)).toEqual(values));

const T = 1_700_000_000_123;
test.each([
  ['2023-11-14T22:13:20.123Z', 'iso', T],
  ['2023-11-14T22:13:20.123456789Z', 'iso', T],
  ['2023-11-14 22:13:20.123', 'iso', T],
  ['2023-11-14T23:13:20.123+01:00', 'iso', T],
  [1_700_000_000.123, 's', T],
  ['1700000000123', 'ms', T],
  [1_700_000_000_123_456, 'us', T],
  ['1700000000123456789', 'ns', T],
  ['yesterday', 'iso', undefined],
  ['', 'ms', undefined],
  ['x', 's', undefined],
  [null, 'iso', undefined],
  [true, 'ms', undefined],
] as const)('%s in %s', (value, unit, ms) => expect(instantOf(value, unit)).toBe(ms));
