/** Picks the lines that hold a needle out of raw bytes, at the speed of a memory search. */

export interface Line {
  /** Where the line begins in the bytes. */
  readonly at: number;
  /** The line as UTF-8, what isn't UTF-8 replaced; without its line end. */
  readonly text: string;
}

export interface Lines {
  readonly lines: readonly Line[];
  /** Everything before this is dealt with; the rest is an unfinished line. */
  readonly consumed: number;
}

const LINE_FEED = 10;
/** A piece isn't ended this close after a needle, so that no token is cut in two. */
const TOKEN_BYTES_MAX = 256;

/**
 * A line longer than `lineBytesMax` comes in pieces, each at most that long, and none of them cuts what begins with the
 * needle: nothing hides in a long line, and nothing is seen twice. `last`: the unfinished rest is a line too.
 */
export const linesWith = (
  bytes: Buffer,
  needle: Buffer,
  rules: { readonly lineBytesMax: number; readonly last: boolean },
): Lines => {
  const lines: Line[] = [];
  let at = 0;
  let hit = bytes.indexOf(needle);
  while (at < bytes.length) {
    at = Math.max(at, bytes.lastIndexOf(LINE_FEED, hit < 0 ? bytes.length : hit) + 1);
    const feed = bytes.indexOf(LINE_FEED, at);
    let end = feed < 0 ? bytes.length : feed;
    let next = feed < 0 ? bytes.length : feed + 1;
    if (end - at > rules.lineBytesMax) {
      if (feed < 0 && !rules.last && end - at <= rules.lineBytesMax + TOKEN_BYTES_MAX) break;
      end = pieceEnd(bytes, needle, at, rules.lineBytesMax);
      next = end;
    } else if (feed < 0 && !rules.last) {
      break;
    }
    if (hit >= at && hit < end) lines.push({ at, text: textOf(bytes, at, end) });
    while (hit >= 0 && hit < next) hit = bytes.indexOf(needle, next);
    at = next;
  }
  return { lines, consumed: at };
};

const pieceEnd = (bytes: Buffer, needle: Buffer, at: number, lineBytesMax: number): number => {
  const end = at + lineBytesMax;
  const hit = bytes.lastIndexOf(needle, end);
  return hit > at && hit > end - TOKEN_BYTES_MAX ? hit : end;
};

const textOf = (bytes: Buffer, at: number, end: number): string =>
  bytes.toString('utf8', at, end > at && bytes[end - 1] === 13 ? end - 1 : end);
