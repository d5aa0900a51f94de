import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CanaryName } from '../../src/domain/canary.ts';
import {
  createKeyring,
  decodeToken,
  decodeUuid,
  isUuidShape,
  partialToken,
  shortName,
  TOKEN_LENGTH,
  TOKEN_PREFIX,
} from '../../src/domain/token.ts';

const KEY = 'correct horse battery staple';
const START_MS = Date.UTC(2020, 0, 1);
const base = { signingKeys: [KEY], storeId: 'store-a', epochs: [1] };
const keyring = createKeyring(base);

const names: fc.Arbitrary<CanaryName> = fc.record({
  target: fc.integer({ min: 1, max: 2 ** 24 - 1 }),
  slot: fc.integer({ min: START_MS, max: START_MS + 2 ** 42 - 1 }),
  index: fc.integer({ min: 0, max: 16_383 }),
});
const name: CanaryName = { target: 4711, slot: 1_735_689_600_123, index: 7 };

/** Written once by Python's hmac and hashlib (HKDF spelt out, bits joined as text), from DESIGN §5 alone. */
const VECTORS = [
  {
    key: KEY,
    store: 'store-a',
    epoch: 1,
    name: { target: 1, slot: START_MS, index: 0 },
    token: 'coalmine1aaaacaaaaaaaaaaagjms5ytb7txzvoivtn65mdwz',
    uuid: '00000100-0000-8000-8000-009017505051',
  },
  {
    key: KEY,
    store: 'store-a',
    epoch: 1,
    name: { target: 2 ** 24 - 1, slot: START_MS + 2 ** 42 - 1, index: 16_383 },
    token: 'coalmine177777777777777777gcfmmd4ia7vvygcjn4f4yw3',
    uuid: 'ffffffff-ffff-8fff-bfff-fc5a23825276',
  },
  {
    key: KEY,
    store: 'store-a',
    epoch: 1,
    name,
    token: 'coalmine1aajgocjqgcsr5qahswl3xt4sjqe2egb2624muw7y',
    uuid: '00126709-3030-8a51-bb00-1d61e5599e27',
  },
  {
    key: KEY,
    store: 'store-a',
    epoch: 2,
    name,
    token: 'coalmine1aajgocjqgcsr5qahwdga2h5o3t3enkh6gu66z2y5',
    uuid: '00126709-3030-8a51-bb00-1e8ac25c819b',
  },
  {
    key: 'Schlüssel mit Ümlauten',
    store: 'prod/eu',
    epoch: 12,
    name: { target: 65_536, slot: 1_700_000_000_000, index: 1 },
    token: 'coalmine1aeaaaby4l6qaaaabaw4elc3r6f7jbm563vdhyk5e',
    uuid: '01000007-1c5f-8a00-8000-0530be8ab04a',
  },
];

describe('signing', () => {
  test.each(VECTORS)('known answer: $token', ({ key, store, epoch, name, token, uuid }) => {
    const keyring = createKeyring({ signingKeys: [key], storeId: store, epochs: [epoch] });
    expect(keyring.sign(name)).toEqual({ token, uuid });
    expect(keyring.verify(token)).toEqual({ kind: 'valid', name, keyIndex: 0, epoch });
    expect(keyring.verify(uuid)).toEqual({ kind: 'valid', name, keyIndex: 0, epoch });
    expect(decodeToken(token)).toEqual(name);
    expect(decodeUuid(uuid)).toEqual(name);
  });

  test('round trip, in either case', () => {
    fc.assert(
      fc.property(names, name => {
        const { token, uuid } = keyring.sign(name);
        expect(token).toMatch(/^coalmine1[a-z2-7]{40}$/);
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const valid = { kind: 'valid', name, keyIndex: 0, epoch: 1 };
        for (const text of [token, uuid, token.toUpperCase(), uuid.toUpperCase()]) {
          expect(keyring.verify(text)).toEqual(valid);
        }
        expect(decodeToken(token.toUpperCase())).toEqual(name);
        expect(decodeUuid(uuid.toUpperCase())).toEqual(name);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    { ...name, target: 0 },
    { ...name, target: 2 ** 24 },
    { ...name, target: 1.5 },
    { ...name, slot: START_MS - 1 },
    { ...name, slot: START_MS + 2 ** 42 },
    { ...name, slot: Number.NaN },
    { ...name, index: -1 },
    { ...name, index: 16_384 },
  ])('refuses a name that does not fit: %j', bad => {
    expect(() => keyring.sign(bad)).toThrow(RangeError);
  });

  test('refuses options that could not be trusted, and says why', () => {
    expect(() => createKeyring({ ...base, signingKeys: [] })).toThrow(/no signing key/);
    expect(() => createKeyring({ ...base, signingKeys: [KEY, 'short'] })).toThrow(
      /key 2 has 5 characters.*16/,
    );
    expect(() => createKeyring({ ...base, storeId: '' })).toThrow(/store id/);
    expect(() => createKeyring({ ...base, epochs: [] })).toThrow(/epoch/);
    expect(() => createKeyring({ ...base, epochs: [1.5] })).toThrow(/epoch 1.5/);
  });
});

describe('verifying', () => {
  test('a change of any one character of the identity or the MAC is found', () => {
    const { token, uuid } = keyring.sign(name);
    for (const [text, alphabet] of [
      [token, 'abcdefghijklmnopqrstuvwxyz234567'],
      [uuid, '0123456789abcdef'],
    ] as const) {
      for (let i = text === token ? TOKEN_PREFIX.length : 0; i < text.length; i++) {
        if (text[i] === '-') continue;
        for (const other of alphabet) {
          if (other === text[i]) continue;
          const changed = text.slice(0, i) + other + text.slice(i + 1);
          expect(keyring.verify(changed).kind, changed).not.toBe('valid');
        }
      }
    }
  });

  test('what is forged says which name it claims', () => {
    const { token } = keyring.sign(name);
    const end = token.endsWith('a') ? 'b' : 'a';
    expect(keyring.verify(token.slice(0, -1) + end)).toEqual({ kind: 'forged', name });
  });

  test('another store, key, epoch or target does not vouch', () => {
    const other = (change: Partial<typeof base>) => createKeyring({ ...base, ...change }).sign(name);
    for (const signed of [
      other({ storeId: 'store-b' }),
      other({ signingKeys: ['another key of some length'] }),
      other({ epochs: [2] }),
    ]) {
      expect(keyring.verify(signed.token)).toEqual({ kind: 'forged', name });
      expect(keyring.verify(signed.uuid)).toEqual({ kind: 'forged', name });
    }
    // The MAC of one target under the name of another.
    const [a, b] = [keyring.sign(name).token, keyring.sign({ ...name, target: 4712 }).token];
    expect(keyring.verify(b.slice(0, 25) + a.slice(25)).kind).toBe('forged');
  });

  test('the MAC of a UUID is no prefix of the MAC of a token', () => {
    const { token, uuid } = keyring.sign(name);
    const bits = (hex: string) => BigInt(`0x${hex}`);
    const inUuid = bits(uuid.replaceAll('-', '')) & (2n ** 42n - 1n);
    let inToken = 0n;
    for (const c of token.slice(25))
      inToken = inToken * 32n + BigInt('abcdefghijklmnopqrstuvwxyz234567'.indexOf(c));
    expect(inToken >> (120n - 42n)).not.toBe(inUuid);
  });

  test('rotation: the first key and the last epoch sign, all listed verify', () => {
    const before = keyring.sign(name);
    const after = createKeyring({
      ...base,
      signingKeys: ['a new key, and a longer one', KEY],
      epochs: [1, 2],
    });
    expect(after.verify(before.token)).toEqual({ kind: 'valid', name, keyIndex: 1, epoch: 1 });
    expect(after.verify(before.uuid)).toEqual({ kind: 'valid', name, keyIndex: 1, epoch: 1 });
    const now = after.sign(name);
    expect(after.verify(now.token)).toEqual({ kind: 'valid', name, keyIndex: 0, epoch: 2 });
    expect(keyring.verify(now.token).kind).toBe('forged');
  });

  const token = keyring.sign(name).token;
  test.each([
    '',
    'coalmine1',
    token.slice(0, -1),
    `${token}a`,
    ` ${token}`,
    token.replace('coalmine1', 'coalmine2'),
    `${token.slice(0, -1)}1`,
    `${token.slice(0, -1)}ı`,
    'coalmine1'.padEnd(TOKEN_LENGTH, 'a'),
    '00000000-0000-8000-8000-000000000000',
    '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    '{00126709-3030-8a51-bb00-1d61e5599e27}',
    '001267093030-8a51-bb00-1d61e5599e27',
  ])('malformed: %j', text => {
    expect(keyring.verify(text)).toEqual({ kind: 'malformed' });
    expect(decodeToken(text)).toBeUndefined();
    expect(decodeUuid(text)).toBeUndefined();
  });

  test('nothing throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: 'binary-ascii', minLength: 49, maxLength: 49 })),
        text => {
          expect(keyring.verify(text).kind).not.toBe('valid');
        },
      ),
    );
  });
});

describe('what may be shown', () => {
  test('names no whole token', () => {
    const { token, uuid } = keyring.sign(name);
    expect(shortName(name)).toBe('4711.1735689600123.7');
    expect(partialToken(token.toUpperCase())).toBe('coalmine1aajgocjqgcsr5qah');
    expect(keyring.verify(partialToken(token)).kind).toBe('malformed');
    expect(isUuidShape(uuid)).toBe(true);
    expect(isUuidShape('3f2504e0-4f89-41d3-9a0c-0305e82c3301')).toBe(false);
  });
});
