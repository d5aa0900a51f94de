/** Reads files one after the other, a bounded piece at a time, and picks the lines of interest. */
import { readAt } from './family.ts';
import { type Line, linesWith } from './lines.ts';
import type { Read } from './places.ts';

export interface Chunk {
  readonly read: Read;
  /** Lines with what is wanted; `at` counts from the start of the file. */
  readonly lines: readonly Line[];
  /** The file is dealt with up to here: the start of a line, or of a piece of an overlong one. */
  readonly offset: number;
  /** How far this chunk brought it. */
  readonly bytes: number;
}

const CHUNK_BYTES = 1_048_576;

/**
 * Every file gives at least one chunk, the last of which has its final offset. A rotated file that was quiet at the last
 * look has an unfinished last line that nobody will finish: it counts as a line. Throws where a file ends early.
 */
export async function* chunksOf(
  reads: readonly Read[],
  rules: { readonly wanted: readonly string[]; readonly lineBytesMax: number },
): AsyncGenerator<Chunk> {
  const needles = rules.wanted.map(text => Buffer.from(text));
  for (const read of reads) {
    const { member, fromOffset } = read;
    let offset = fromOffset;
    let rest: Buffer = Buffer.alloc(0);
    do {
      const from = offset + rest.length;
      const bytes = await readAt(member, from, Math.min(CHUNK_BYTES, member.size - from));
      const end = from + bytes.length;
      if (bytes.length === 0 && end < member.size)
        throw new Error(`${member.name} became shorter while it was read`);
      const joined = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
      const last = read.abandoned && end === member.size;
      const { lines, consumed } = linesWith(joined, needles, { lineBytesMax: rules.lineBytesMax, last });
      const base = offset;
      offset += consumed;
      rest = joined.subarray(consumed);
      yield { read, lines: lines.map(({ at, text }) => ({ at: base + at, text })), offset, bytes: consumed };
    } while (offset + rest.length < member.size);
  }
}
