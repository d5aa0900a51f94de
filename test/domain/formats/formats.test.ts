import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formats } from '../../../src/domain/formats/index.ts';
import { all, anyInput, ecs, input, ocsf } from './input.ts';

test('the formats by name', () => {
  expect([...formats].map(([name, format]) => [name, format.name])).toEqual([
    ['ocsf', 'ocsf'],
    ['ecs', 'ecs'],
    ['sshd', 'sshd'],
  ]);
});

describe.each(all)('%s', (_, format) => {
  test('any event is one line with the token once unbroken, and JSON says the same as the text', () => {
    fc.assert(
      fc.property(anyInput, any => {
        const { text, json, timeMs, parts } = format.write(any);
        expect(text).not.toMatch(/[\r\n]/);
        expect(text.split(any.token)).toHaveLength(2);
        expect(timeMs).toBe(any.nowMs);
        if (json) expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(json)));
        expect(json === undefined).toBe(parts !== undefined);
      }),
    );
  });

  test('the significant fields are the same whenever the attempt is made, and hold the token whole', () => {
    fc.assert(
      fc.property(anyInput, fc.integer({ min: 0, max: 4e12 }), (any, nowMs) => {
        const { fields } = format.write(any);
        expect(format.write({ ...any, nowMs }).fields).toEqual(fields);
        expect(Object.values(fields)).toContain(any.token);
      }),
    );
  });
});

test.each([
  ['ocsf', ocsf],
  ['ecs', ecs],
])('%s carries hard fields on request, outside of the significant ones', (_, format) => {
  const plain = format.write(input);
  const hard = format.write({ ...input, hard: true });
  expect(plain.hardFields).toBeUndefined();
  expect(hard.fields).toEqual(plain.fields);
  const values = Object.values(hard.hardFields ?? {});
  expect(values.filter(v => v.endsWith('#end')).map(v => Buffer.byteLength(v))).toEqual([
    1025, 8193, 32769, 65537,
  ]);
  expect(values).toContain('9007199254740994');
  expect(values).toContain('innermost');
  expect(hard.text).not.toMatch(/[\r\n]/);
});
