import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UnpackError, type UnpackOptions, type UnpackReason, unpack } from '../../src/engine/unpack.ts';

const line = 'canary coalmine1aajgocjqgcsr5qahswl3xt4sjqe2egb2624muw7y arrived\n';
const TEXT = line.repeat(3);
const QUIET = 'all quiet in the mine; '.repeat(20_000);
const from64 = (text: string) => Buffer.from(text, 'base64');

/** Made with the `zstd` command, 1.5: TEXT, with a checksum and without; QUIET (four blocks); TEXT with a dictionary. */
const ZSTD = from64(
  'KLUv/STDJQIAEoQOEZB9UPriCFG+5O6VBRhni3ABYDH9rP3Q0c6yjDNSY4NVeAvmJO7rvhp7VatQ0Qb/BZtPxqcqdPvzVQEAwSfSEAWC8IMU',
);
const ZSTD_UNCHECKED = from64(
  'KLUv/SDDJQIAEoQOEZB9UPriCFG+5O6VBRhni3ABYDH9rP3Q0c6yjDNSY4NVeAvmJO7rvhp7VatQ0Qb/BZtPxqcqdPvzVQEAwSfSEAU=',
);
const ZSTD_QUIET = from64(
  'KLUv/aTgBAcA/AAAuGFsbCBxdWlldCBpbiB0aGUgbWluZTsgAQDN/zWfTUwAAAhpAQD8/zkQAkwAAAh0AQD8/zkQAk0AAAh0AQDcBDkQAljvI9g=',
);
const ZSTD_DICTIONARY = from64(
  'KLUv/SeedNpTw90BABNEDApYGA7CMAQE3uw26lt24jDNXFH22sOnLnuQK2KZ4lyR4nAiBGGmgqgJcSgg8DCkQpQBAMEn0hAFgvCDFA==',
);
const SKIPPABLE = Buffer.from([0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const GZIP = gzipSync(TEXT);

/** Hands out one buffer again and again, as a reader of files does. */
async function* chunks(input: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < input.length; at += size) {
    const part = input.subarray(at, at + size);
    buffer.fill(0xee).set(part);
    yield buffer.subarray(0, part.length);
  }
}

async function text(input: Uint8Array, options: Partial<UnpackOptions> = {}, size = 65_536): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of unpack(chunks(input, size), { bytesMax: 10_000_000, ...options }))
    parts.push(Buffer.from(chunk));
  return Buffer.concat(parts).toString();
}

async function reasonOf(promise: Promise<string>): Promise<UnpackReason | string> {
  return promise.then(
    whole => `read ${whole.length} characters`,
    error => (error instanceof UnpackError ? error.reason : String(error)),
  );
}

describe('unpacking', () => {
  test.each([
    ['plain text', Buffer.from(TEXT), TEXT],
    ['nothing', Buffer.alloc(0), ''],
    ['one byte', Buffer.from('x'), 'x'],
    ['gzip', GZIP, TEXT],
    ['gzip of nothing', gzipSync(''), ''],
    [
      'gzip members in a row',
      Buffer.concat([GZIP, gzipSync(''), gzipSync(QUIET), GZIP]),
      TEXT + QUIET + TEXT,
    ],
    ['gzip, padded with zeros', Buffer.concat([GZIP, Buffer.alloc(600)]), TEXT],
    ['zstd', ZSTD, TEXT],
    ['zstd without a checksum', ZSTD_UNCHECKED, TEXT],
    ['zstd of several blocks', ZSTD_QUIET, QUIET],
    [
      'zstd frames in a row',
      Buffer.concat([SKIPPABLE, ZSTD, ZSTD_QUIET, SKIPPABLE, ZSTD_UNCHECKED]),
      TEXT + QUIET + TEXT,
    ],
  ])('%s, in chunks of any size', async (_, input, expected) => {
    for (const size of [1, 2, 3, 17, 1_000, 65_536]) expect(await text(input, {}, size)).toBe(expected);
  });

  test('the body of a request, as its Content-Encoding says, and what is packed in it', async () => {
    expect(await text(GZIP, { contentEncoding: 'gzip' })).toBe(TEXT);
    expect(await text(ZSTD, { contentEncoding: 'ZSTD' })).toBe(TEXT);
    expect(await text(gzipSync(ZSTD), { contentEncoding: 'x-gzip' })).toBe(TEXT);
    expect(await text(Buffer.from(TEXT), { contentEncoding: 'identity' })).toBe(TEXT);
    expect(await reasonOf(text(Buffer.from(TEXT), { contentEncoding: 'gzip' }))).toBe('corrupt');
    expect(await reasonOf(text(Buffer.from(TEXT), { contentEncoding: 'zstd' }))).toBe('corrupt');
    expect(await reasonOf(text(Buffer.alloc(0), { contentEncoding: 'gzip' }))).toBe('truncated');
    expect(await reasonOf(text(GZIP, { contentEncoding: 'br' }))).toBe('unsupported');
  });
});

describe('what is not whole is an error', () => {
  test.each([
    ['gzip', GZIP],
    ['a second gzip member', Buffer.concat([gzipSync('x'), GZIP])],
    ['zstd', ZSTD],
    ['zstd without a checksum', ZSTD_UNCHECKED],
    ['a second zstd frame', Buffer.concat([ZSTD_UNCHECKED, ZSTD])],
  ])('%s, cut anywhere', async (_, input) => {
    const boundaries = [gzipSync('x').length, ZSTD_UNCHECKED.length];
    for (let length = 4; length < input.length; length++) {
      if (boundaries.includes(length)) continue;
      expect(await reasonOf(text(input.subarray(0, length))), `${length}`).toBe('truncated');
    }
  });

  test.each([
    ['gzip', GZIP, 10],
    ['zstd', ZSTD, 4],
  ])('%s with any bit of its data turned over never reads as something else', async (_, input, from) => {
    for (let bit = from * 8; bit < input.length * 8; bit++) {
      const damaged = Buffer.from(input);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const read = await text(damaged).catch(error => error);
      if (read !== TEXT) expect(read, `bit ${bit}`).toBeInstanceOf(UnpackError);
    }
  });

  test.each([
    ['text after gzip', Buffer.concat([GZIP, Buffer.from(TEXT)])],
    [
      'gzip after padding, which zlib would silently leave out',
      Buffer.concat([GZIP, Buffer.alloc(10), GZIP]),
    ],
    ['text after zstd', Buffer.concat([ZSTD, Buffer.from(TEXT)])],
    ['a zstd frame that holds less than it says', Buffer.from(ZSTD_UNCHECKED).fill(0xc4, 5, 6)],
  ])('%s', async (_, input) => {
    for (const size of [1, 10, 65_536]) expect(await reasonOf(text(input, {}, size))).toBe('corrupt');
  });

  test.each([
    ['xz', from64('/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ADCAEVdADE=')],
    ['bzip2', from64('QlpoOTFBWSZTWV5y9K4AACBZgAAQQAA/gD73v+AgAGo=')],
    ['lz4', Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x64])],
    ['zip', Buffer.from('PK\x03\x04\x14')],
    ['Parquet', Buffer.from('PAR1\x15\x04')],
    ['zstd that needs a dictionary', ZSTD_DICTIONARY],
  ])('%s is refused, not searched', async (_, input) => {
    expect(await reasonOf(text(input))).toBe('unsupported');
  });
});

describe('bounds', () => {
  test('size: plain, gzip and zstd, to the byte', async () => {
    for (const input of [Buffer.from(QUIET), gzipSync(QUIET), ZSTD_QUIET]) {
      expect(await reasonOf(text(input, { bytesMax: QUIET.length - 1 }))).toBe('too large');
      expect(await text(input, { bytesMax: QUIET.length })).toBe(QUIET);
    }
  });

  test('ratio, once there is more than a mebibyte', async () => {
    expect(await text(gzipSync(QUIET), { ratioMax: 10 })).toBe(QUIET);
    const bomb = gzipSync(Buffer.alloc(4_000_000, 'a'));
    expect(await reasonOf(text(bomb, { ratioMax: 100 }))).toBe('too large');
    expect((await text(bomb, { ratioMax: 2_000 })).length).toBe(4_000_000);
  });

  test('memory: a zstd window is refused before it is set aside', async () => {
    // Magic, no flags, window descriptor of 2^10+20 bytes, then an empty last block (RFC 8878 §3.1.1).
    const withWindow = (log: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 1, 0, 0]);
    expect(await reasonOf(text(withWindow(30)))).toBe('too large');
    expect(await reasonOf(text(withWindow(27)))).toBe('too large');
    expect(await text(withWindow(23), { bytesMax: 1 })).toBe('');
  });

  test('work: very many empty blocks under a large window', async () => {
    const blocks = Buffer.alloc(30_000);
    const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (23 - 10) << 3]);
    expect(await reasonOf(text(Buffer.concat([head, blocks])))).toBe('too large');
  });
});

describe('the stream it reads from', () => {
  test('its own error comes through as it is', async () => {
    const gone = new Error('the disk is gone');
    for (const input of [Buffer.from(TEXT), GZIP, ZSTD]) {
      async function* failing() {
        yield input.subarray(0, 20);
        throw gone;
      }
      const reading = (async () => {
        for await (const _ of unpack(failing(), { bytesMax: 1e6 }));
      })();
      await expect(reading).rejects.toBe(gone);
    }
  });

  test('is closed when the reader stops, and when unpacking fails', async () => {
    for (const [input, options] of [
      [Buffer.from(QUIET), { bytesMax: 1e6 }],
      [gzipSync(QUIET), { bytesMax: 1e6 }],
      [ZSTD_QUIET, { bytesMax: 1e6 }],
      [gzipSync(QUIET), { bytesMax: 10 }],
      [gzipSync(gzipSync(QUIET)), { bytesMax: 1e6, contentEncoding: 'gzip' }],
      [Buffer.from('PK\x03\x04\x14'), { bytesMax: 1e6 }],
    ] as const) {
      let isClosed = false;
      async function* endless() {
        try {
          for (;;) yield input;
        } finally {
          isClosed = true;
        }
      }
      try {
        for await (const _ of unpack(endless(), options)) break;
      } catch (error) {
        expect(error).toBeInstanceOf(UnpackError);
      }
      expect(isClosed).toBe(true);
    }
  });
});
