import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createKeyring } from '../../src/domain/token.ts';
import { type ScanFound, scanStream } from '../../src/engine/scan.ts';
import { unpack } from '../../src/engine/unpack.ts';

const keyring = createKeyring({
  signingKeys: ['correct horse battery staple'],
  storeId: 'store-a',
  epochs: [1],
});
/** The vector of token.test.ts, from Python. */
const OURS = 'coalmine1aajgocjqgcsr5qahswl3xt4sjqe2egb2624muw7y';
const FORGED = `${OURS.slice(0, -1)}a`;
const NAMELESS = `coalmine1${'a'.repeat(40)}`;
const name = { target: 4711, slot: 1_735_689_600_123, index: 7 };

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part as string);
}

describe('scanStream', () => {
  test('says what is ours, where, and shows no whole token', async () => {
    const token = OURS.slice(0, 25);
    const text = `a ${OURS.toUpperCase()} b ${FORGED} c ${NAMELESS} d`;
    const result = await scanStream(chunks(text.slice(0, 30), text.slice(30)), keyring);
    expect(result).toEqual({
      bytes: text.length,
      found: [
        { offset: 2, token, name, verdict: 'valid' },
        { offset: 54, token, name, verdict: 'forged' },
      ],
      isCut: false,
      counts: { valid: 1, forged: 1, unverified: 0 },
    });
    expect(JSON.stringify(result)).not.toContain(OURS);
  });

  test('without keys nothing is said to be valid', async () => {
    const result = await scanStream(chunks(`${NAMELESS} ${OURS} ${FORGED}`), undefined);
    expect(result.counts).toEqual({ valid: 0, forged: 0, unverified: 2 });
    expect(result.found.map(f => f.verdict)).toEqual(['unverified', 'unverified']);
  });

  test('holds no more finds than allowed, says so, and counts and tells of all', async () => {
    const told: ScanFound[] = [];
    const options = { foundMax: 2, onFound: (found: ScanFound) => void told.push(found) };
    const result = await scanStream(chunks(`${OURS}\n`.repeat(5)), keyring, options);
    expect(result.found.map(f => f.offset)).toEqual([0, 50]);
    expect(result.isCut).toBe(true);
    expect(result.counts.valid).toBe(5);
    expect(told.map(f => f.offset)).toEqual([0, 50, 100, 150, 200]);
    expect((await scanStream(chunks(`${OURS}\n`.repeat(2)), keyring, { foundMax: 2 })).isCut).toBe(false);
  });

  test('of packed bytes; and rejects when they are not whole', async () => {
    const packed = gzipSync(`${'-'.repeat(300_000)} ${OURS} `);
    const result = await scanStream(unpack(chunks(packed), { bytesMax: 1e6 }), keyring);
    expect(result).toMatchObject({ bytes: 300_051, found: [{ offset: 300_001, name, verdict: 'valid' }] });
    const cut = scanStream(unpack(chunks(packed.subarray(0, -1)), { bytesMax: 1e6 }), keyring);
    await expect(cut).rejects.toMatchObject({ reason: 'truncated' });
  });
});
