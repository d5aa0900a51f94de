import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonical,
  differences,
  hashOf,
  type LinkContent,
  linkHash,
  unexplained,
} from '../../src/domain/chain.ts';

const link: LinkContent = {
  storeId: 'store',
  pipeline: 'ssh',
  checkpoint: 'loki',
  number: 7,
  hourMs: 3_600_000,
  sealedMs: 7_300_000,
  counts: { on_time: 3, lost: 1 },
  delaysHash: 'd',
};

describe('the encoding', () => {
  test('is written down: anybody can recompute a link with SHA-256 and this line', () => {
    const text = '["coalmine link 1","p","store","ssh",7,"loki",3600000,7300000,{"lost":1,"on_time":3},"d"]';
    expect(linkHash('p', link)).toBe(createHash('sha256').update(text).digest('hex'));
    expect(linkHash(null, link)).toBe(createHash('sha256').update(text.replace('"p"', 'null')).digest('hex'));
  });

  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const turned = (v: unknown): unknown =>
          Array.isArray(v)
            ? v.map(turned)
            : typeof v === 'object' && v !== null
              ? Object.fromEntries(
                  Object.entries(v)
                    .reverse()
                    .map(([k, inner]) => [k, turned(inner)]),
                )
              : v;
        expect(canonical(turned(value))).toBe(canonical(value));
      }),
    );
  });

  test('loses nothing: what was encoded can be read back', () => {
    fc.assert(
      // A negative zero is a zero: JSON has one.
      fc.property(fc.jsonValue(), value => {
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('every part counts, and none can be moved into its neighbour', () => {
    const text = fc.string({ unit: 'binary-ascii', maxLength: 4 });
    const small = fc.integer({ min: 0, max: 2 });
    const contents = fc.record({
      previous: fc.option(text),
      storeId: text,
      pipeline: text,
      checkpoint: text,
      number: small,
      hourMs: small,
      sealedMs: small,
      counts: fc.dictionary(text, small, { maxKeys: 2 }),
      delaysHash: text,
    });
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    fc.assert(
      fc.property(contents, contents, ({ previous, ...a }, { previous: before, ...b }) => {
        const same = previous === before && isDeepStrictEqual(plain(a), plain(b));
        expect(linkHash(previous, a) === linkHash(before, b)).toBe(same);
      }),
      { numRuns: 500 },
    );
    for (const [key, value] of Object.entries(link)) {
      const other =
        typeof value === 'number' ? value + 1 : typeof value === 'string' ? `${value}x` : { on_time: 4 };
      expect(linkHash('p', { ...link, [key]: other }), key).not.toBe(linkHash('p', link));
    }
    expect(hashOf({ zero: 0, buckets: [[1, 2]] })).not.toBe(hashOf({ zero: 0, buckets: [[1, 3]] }));
  });
});

describe('what an hour may come to say', () => {
  const before = {
    on_time: 50,
    late: 2,
    lost: 5,
    missed_here: 2,
    unproven: 3,
    refused: 1,
    unsent: 1,
    drill_lost: 4,
  };

  test.each<[string, Record<string, number>]>([
    ['nothing new', {}],
    ['lost ones came back', { lost: 2, recovered: 3 }],
    ['all lost ones came back', { lost: 0, recovered: 5 }],
    ['some were seen further down', { lost: 3, missed_here: 4 }],
    ['one that was missed here is here', { missed_here: 1, recovered: 1 }],
    ['late ones were in time after all', { late: 0, on_time: 51, delivered: 1 }],
    ['beats were skipped', { unsent: 4 }],
    ['a withheld canary was seen', { drill_lost: 3, drill_seen: 1 }],
  ])('%s', (_, by) => expect(unexplained(before, { ...before, ...by })).toBeNull());

  test.each<[string, Record<string, number>, RegExp]>([
    ['lost ones forgotten', { lost: 0 }, /fewer canaries than before: -5/],
    ['lost ones made unproven', { lost: 0, unproven: 8 }, /unproven went from 3 to 8/],
    ['lost ones made unsent', { lost: 0, unsent: 6 }, /fewer canaries/],
    ['losses invented', { lost: 6, on_time: 49 }, /on_time went from 50 to 49/],
    ['arrivals invented', { on_time: 500 }, /more canaries than before: \+450/],
    ['refusals gone', { refused: 0, on_time: 51 }, /refused went from 1 to 0/],
    ['missed here out of the late', { late: 1, missed_here: 3 }, /missed_here went from 2 to 3/],
    ['a drill forgotten', { drill_lost: 3 }, /fewer drills/],
    ['a bucket nobody knows', { harmless: 1 }, /harmless went from 0 to 1/],
  ])('%s', (_, by, says) => expect(unexplained(before, { ...before, ...by })).toMatch(says));

  test('an hour that was lived twice has more, and never less', () => {
    expect(
      unexplained(before, { ...before, on_time: 90, lost: 7, refused: 2 }, { livedTwice: true }),
    ).toBeNull();
    expect(unexplained(before, { ...before, refused: 0 }, { livedTwice: true })).toMatch(/refused/);
    expect(unexplained(before, { ...before, lost: 0 }, { livedTwice: true })).toMatch(/fewer/);
  });

  test('differences are named by bucket', () => {
    expect(
      differences({ lost: 3, late: 1 }, { lost: 2, late: 1, on_time: 1 }, { one: 'here', other: 'there' }),
    ).toBe('lost 3 here, 2 there; on_time 0 here, 1 there');
  });
});
