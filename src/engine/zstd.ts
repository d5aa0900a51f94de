/**
 * Zstandard (RFC 8878) as a stream, block by block: any number of frames, skippable ones too. fzstd decodes the
 * blocks. The frames are walked here, because fzstd checks no content checksum and sets aside whatever window a
 * header claims. One path on every runtime, since Node 20 has no zstd of its own.
 */
import { Decompress } from 'fzstd';
import { type ByteReader, copied, UnpackError } from './byte-reader.ts';
import { createXxh64, type Xxh64 } from './xxh64.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const BLOCK_MAX = 128 * 1024;
/** The most the zstd command takes without being asked for more; and what RFC 8878 §3.1.1.1.2 wants of everyone. */
const WINDOW_MAX = 128 * 2 ** 20;
const WINDOW_ALWAYS = 8 * 2 ** 20;
/** fzstd moves its window once a block. Beyond this much, and this much per byte of data, that is an attack. */
const MOVED_FREE = 2 ** 30;
const MOVED_PER_BYTE_MAX = 16_384;

interface FrameHeader {
  readonly bytes: Uint8Array;
  readonly windowBytes: number;
  readonly contentBytes: number | undefined;
  readonly hasChecksum: boolean;
}

/**
 * What the frames hold; throws UnpackError. `bytesMax` bounds only what a header may make us set aside: how
 * much comes out is for the caller to count.
 */
export async function* unzstd(reader: ByteReader, bytesMax: number): AsyncGenerator<Uint8Array> {
  const windowMax = Math.min(WINDOW_MAX, Math.max(WINDOW_ALWAYS, bytesMax));
  const work = createWorkLimit();
  while ((await reader.peek(1)).length > 0) {
    const at = reader.offset();
    const magic = uint(await reader.take(4));
    if (magic >>> 4 === SKIPPABLE >>> 4) await skip(reader, uint(await reader.take(4)));
    else if (magic === MAGIC) yield* unzstdFrame(reader, await readHeader(reader), windowMax, work);
    else throw new UnpackError('corrupt', `expected a zstd frame at byte ${at}`);
  }
}

async function* unzstdFrame(
  reader: ByteReader,
  header: FrameHeader,
  windowMax: number,
  work: ReturnType<typeof createWorkLimit>,
): AsyncGenerator<Uint8Array> {
  if (header.windowBytes > windowMax) {
    const window = `a zstd frame asks for a window of ${header.windowBytes} bytes`;
    throw new UnpackError('too large', `${window}; ${windowMax} are allowed here`);
  }
  const blockMax = Math.min(BLOCK_MAX, header.windowBytes);
  const hash = header.hasChecksum ? createXxh64() : undefined;
  const ready: Uint8Array[] = [];
  const decoder = new Decompress(bytes => ready.push(bytes));
  let content = 0;
  let pending = header.bytes;
  for (let isLast = false; !isLast; ) {
    const blockHeader = uint(await reader.take(3));
    isLast = (blockHeader & 1) === 1;
    const size = blockHeader >>> 3;
    if (size > blockMax)
      throw new UnpackError('corrupt', `a zstd block before byte ${reader.offset()} is too long`);
    const body = await reader.take(((blockHeader >>> 1) & 3) === 1 ? 1 : size);
    const block = joined(pending, littleEndian(blockHeader, 3), body);
    pending = new Uint8Array(0);
    const checksum = isLast && hash ? copied(await reader.take(4)) : new Uint8Array(0);
    decode(decoder, isLast ? joined(block, checksum) : block, isLast, reader.offset());
    for (const bytes of ready.splice(0)) {
      content += bytes.length;
      hash?.update(bytes);
      work.count(header.windowBytes, block.length + bytes.length);
      if (bytes.length > 0) yield bytes;
    }
    if (isLast) checkEnd(header, content, hash, checksum, reader.offset());
  }
}

function decode(decoder: Decompress, bytes: Uint8Array, isLast: boolean, offset: number): void {
  try {
    decoder.push(bytes, isLast);
  } catch (cause) {
    throw new UnpackError('corrupt', `the zstd block before byte ${offset} can't be decoded`, { cause });
  }
}

function checkEnd(
  header: FrameHeader,
  content: number,
  hash: Xxh64 | undefined,
  checksum: Uint8Array,
  at: number,
): void {
  if (header.contentBytes !== undefined && header.contentBytes !== content) {
    const claims = `a zstd frame that ends at byte ${at} claims to hold ${header.contentBytes} bytes`;
    throw new UnpackError('corrupt', `${claims}, and holds ${content}`);
  }
  if (hash && Number(hash.digest() & 0xffffffffn) !== uint(checksum)) {
    throw new UnpackError('corrupt', `the checksum of the zstd frame that ends at byte ${at} does not match`);
  }
}

/** RFC 8878 §3.1.1.1, without the magic number, which has been read. */
async function readHeader(reader: ByteReader): Promise<FrameHeader> {
  const [descriptor = 0] = await reader.peek(1);
  const isSingleSegment = (descriptor & 32) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag > 0 ? 1 << sizeFlag : isSingleSegment ? 1 : 0;
  const sizeAt = (isSingleSegment ? 1 : 2) + dictionaryBytes;
  const bytes = await reader.take(sizeAt + sizeBytes);
  const dictionary = uint(bytes.subarray(sizeAt - dictionaryBytes, sizeAt));
  if (dictionary !== 0) {
    throw new UnpackError('unsupported', `a zstd frame needs dictionary ${dictionary}; unpack it before`);
  }
  const contentBytes = sizeBytes > 0 ? uint(bytes.subarray(sizeAt)) + (sizeFlag === 1 ? 256 : 0) : undefined;
  const base = 2 ** (10 + (bytes[1]! >>> 3));
  const windowBytes = isSingleSegment ? contentBytes! : base + (base / 8) * (bytes[1]! & 7);
  const hasChecksum = (descriptor & 4) !== 0;
  return { bytes: joined(littleEndian(MAGIC, 4), bytes), windowBytes, contentBytes, hasChecksum };
}

/** Bounds the work of many small blocks under a large window. */
function createWorkLimit() {
  let moved = 0;
  let data = 0;
  function count(windowBytes: number, dataBytes: number): void {
    moved += windowBytes;
    data += dataBytes;
    if (moved <= MOVED_FREE + MOVED_PER_BYTE_MAX * data) return;
    throw new UnpackError(
      'too large',
      'zstd blocks are too small for their window; compress with a smaller one',
    );
  }
  return { count };
}

async function skip(reader: ByteReader, count: number): Promise<void> {
  for (let left = count; left > 0; left -= BLOCK_MAX) await reader.take(Math.min(left, BLOCK_MAX));
}

/** Little endian. Above 2⁵³ inexact, which is too large anyway. */
const uint = (bytes: Uint8Array): number => bytes.reduceRight((value, byte) => value * 256 + byte, 0);

const littleEndian = (value: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (value >>> (8 * i)) & 255);

function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
