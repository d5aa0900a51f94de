/**
 * Whatever a log comes packed in becomes plain bytes, or an error: never silently fewer bytes than it holds,
 * since a scan's silence is taken as proof.
 */
import { createByteReader, UnpackError } from './byte-reader.ts';
import { unzstd } from './zstd.ts';

export { UnpackError, type UnpackReason } from './byte-reader.ts';

export interface UnpackOptions {
  /** More than this many bytes out is an error. */
  readonly bytesMax: number;
  /** More than this many bytes out for each one in is an error, from 1 MiB out on. */
  readonly ratioMax?: number;
  /** Of an HTTP body: `gzip`, `zstd` or `identity`. What is inside is then looked at like any file. */
  readonly contentEncoding?: string;
}

const RATIO_FREE_BYTES = 2 ** 20;
const GUNZIP_CHUNK_BYTES = 128 * 1024;
const HEAD_BYTES = 8;

type Packing = 'gzip' | 'zstd' | 'plain';

/** Formats that hide their text from a search. Known so that they can be refused. */
const UNREADABLE: readonly {
  readonly name: string;
  readonly magic: readonly number[];
  readonly advice: string;
}[] = [
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], advice: 'xz -dc FILE | coalmine scan -' },
  {
    name: 'bzip2',
    magic: [0x42, 0x5a, 0x68, -1, 0x31, 0x41, 0x59, 0x26],
    advice: 'bzip2 -dc FILE | coalmine scan -',
  },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], advice: 'lz4 -dc FILE | coalmine scan -' },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04], advice: 'unzip -p FILE | coalmine scan -' },
  { name: 'framed snappy', magic: [0xff, 0x06, 0, 0, 0x73, 0x4e, 0x61, 0x50], advice: 'unpack it first' },
  { name: '7z', magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], advice: '7z e -so FILE | coalmine scan -' },
  { name: 'Avro', magic: [0x4f, 0x62, 0x6a, 0x01], advice: 'turn it into JSON first' },
  { name: 'Parquet', magic: [0x50, 0x41, 0x52, 0x31, 0x15], advice: 'turn it into JSON or CSV first' },
];

/**
 * Plain bytes of a gzip (RFC 1952) or zstd (RFC 8878) stream, of several such in a row, or of anything else as
 * it is. A chunk is valid until the next is asked for, and the same is enough of `stream`. Throws UnpackError,
 * and whatever `stream` throws.
 */
export async function* unpack(
  stream: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
): AsyncGenerator<Uint8Array> {
  const declared = declaredPacking(options.contentEncoding);
  if (declared !== 'plain') {
    yield* unpack(decoded(stream, declared, options), { ...options, contentEncoding: 'identity' });
    return;
  }
  yield* decoded(stream, undefined, options);
}

function declaredPacking(contentEncoding = 'identity'): Packing {
  const name = contentEncoding.trim().toLowerCase();
  if (name === 'identity' || name === '') return 'plain';
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  if (name === 'zstd') return 'zstd';
  throw new UnpackError('unsupported', `Content-Encoding is ${contentEncoding}; expected gzip, zstd or none`);
}

async function* decoded(
  stream: AsyncIterable<Uint8Array>,
  declared: Packing | undefined,
  options: UnpackOptions,
): AsyncGenerator<Uint8Array> {
  const source = stream[Symbol.asyncIterator]();
  const reader = createByteReader(source);
  let bytesOut = 0;
  try {
    const packing = declared ?? sniff(await reader.peek(HEAD_BYTES));
    const chunks =
      packing === 'gzip'
        ? gunzip(reader.rest())
        : packing === 'zstd'
          ? unzstd(reader, options.bytesMax)
          : reader.rest();
    for await (const chunk of chunks) {
      bytesOut += chunk.length;
      checkSize(bytesOut, reader.offset(), options);
      yield chunk;
    }
  } finally {
    await source.return?.();
  }
}

function sniff(head: Uint8Array): Packing {
  const begins = (magic: readonly number[]) => magic.every((byte, i) => byte === -1 || head[i] === byte);
  if (begins([0x1f, 0x8b])) return 'gzip';
  if (begins([0x28, 0xb5, 0x2f, 0xfd])) return 'zstd';
  // A skippable frame: what pzstd writes first.
  if (begins([-1, 0x2a, 0x4d, 0x18]) && head[0]! >>> 4 === 5) return 'zstd';
  const unreadable = UNREADABLE.find(({ magic }) => begins(magic));
  if (!unreadable) return 'plain';
  const { name, advice } = unreadable;
  throw new UnpackError(
    'unsupported',
    `this is ${name}, which hides its text; expected plain, gzip or zstd: ${advice}`,
  );
}

function checkSize(
  bytesOut: number,
  bytesIn: number,
  { bytesMax, ratioMax = Number.POSITIVE_INFINITY }: UnpackOptions,
) {
  if (bytesOut > bytesMax) {
    throw new UnpackError('too large', `more than ${bytesMax} bytes when unpacked; that is the limit here`);
  }
  if (bytesOut > RATIO_FREE_BYTES && bytesOut > ratioMax * bytesIn) {
    throw new UnpackError(
      'too large',
      `unpacks to more than ${ratioMax} times its size; that is the limit here`,
    );
  }
}

/**
 * Through node:zlib, imported only now, rather than DecompressionStream: that of Workers refuses a second
 * member ("Trailing bytes"), which is what log shippers and `cat a.gz b.gz` write, and neither says how much it
 * read. Workers have node:zlib under nodejs_compat.
 */
async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { createGunzip } = await import('node:zlib');
  const gunzipper = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES });
  let failure: Error | undefined;
  let wake = () => {};
  gunzipper.on('error', error => {
    failure = error;
    wake();
  });
  gunzipper.on('readable', () => wake());
  gunzipper.on('end', () => wake());
  let bytesIn = 0;
  let textEnd = 0;

  /** Yields what can be read until `isDone` says so. */
  async function* drained(isDone: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const woken = new Promise<void>(resolve => {
        wake = resolve;
      });
      for (let chunk = gunzipper.read(); chunk !== null; chunk = gunzipper.read()) yield chunk;
      if (failure) throw gzipError(failure);
      if (isDone()) return;
      await woken;
    }
  }

  try {
    for await (const chunk of source) {
      const last = chunk.findLastIndex(byte => byte !== 0);
      if (last >= 0) textEnd = bytesIn + last + 1;
      bytesIn += chunk.length;
      if (gunzipper.readableEnded) continue;
      let isWritten = false;
      gunzipper.write(chunk, () => {
        isWritten = true;
        wake();
      });
      yield* drained(() => isWritten);
    }
    gunzipper.end();
    yield* drained(() => gunzipper.readableEnded);
    // After a member's end zlib stops at a zero byte, as padding; anything further on it would silently leave out.
    if (gunzipper.bytesWritten < textEnd) {
      throw new UnpackError(
        'corrupt',
        `after the gzip data that ends at byte ${gunzipper.bytesWritten} comes something else`,
      );
    }
  } finally {
    gunzipper.destroy();
  }
}

function gzipError(cause: Error & { code?: string }): Error {
  if (cause.code === 'Z_BUF_ERROR')
    return new UnpackError('truncated', 'the gzip data ends in the middle', { cause });
  return new UnpackError('corrupt', `the gzip data is damaged: ${cause.message}`, { cause });
}
