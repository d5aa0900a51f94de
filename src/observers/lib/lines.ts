/** Picks the lines that hold one of some needles out of raw bytes, at the speed of a memory search. */

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
 * A line longer than `lineBytesMax` comes in pieces, each at most that long, and none of them cuts what begins with a
 * needle: nothing hides in a long line, and nothing is seen twice. `last`: the unfinished rest is a line too.
 */
export const linesWith = (
  bytes: Buffer,
  needles: readonly Buffer[],
  rules: { readonly lineBytesMax: number; readonly last: boolean },
): Lines => {
  const lines: Line[] = [];
  let at = 0;
  // Of each needle the next place: what is rare isn't sought again and again.
  const hits = needles.map(needle => bytes.indexOf(needle));
  let hit = nearest(hits);
  while (at < bytes.length) {
    at = Math.max(at, bytes.lastIndexOf(LINE_FEED, hit < 0 ? bytes.length : hit) + 1);
    const feed = bytes.indexOf(LINE_FEED, at);
    let end = feed < 0 ? bytes.length : feed;
    let next = feed < 0 ? bytes.length : feed + 1;
    if (end - at > rules.lineBytesMax) {
      if (feed < 0 && !rules.last && end - at <= rules.lineBytesMax + TOKEN_BYTES_MAX) break;
      end = pieceEnd(bytes, needles, at, rules.lineBytesMax);
      next = end;
    } else if (feed < 0 && !rules.last) {
      break;
    }
    if (hit >= at && hit < end) lines.push({ at, text: textOf(bytes, at, end) });
    for (const [i, needle] of needles.entries())
      if ((hits[i] as number) >= 0 && (hits[i] as number) < next) hits[i] = bytes.indexOf(needle, next);
    hit = nearest(hits);
    at = next;
  }
  return { lines, consumed: at };
};

const nearest = (hits: readonly number[]): number => {
  const found = hits.filter(hit => hit >= 0);
  return found.length > 0 ? Math.min(...found) : -1;
};

const pieceEnd = (bytes: Buffer, needles: readonly Buffer[], at: number, lineBytesMax: number): number => {
  const end = at + lineBytesMax;
  const cuts = needles
    .map(needle => bytes.lastIndexOf(needle, end))
    .filter(hit => hit > at && hit > end - TOKEN_BYTES_MAX);
  return Math.min(end, ...cuts);
};

const textOf = (bytes: Buffer, at: number, end: number): string =>
  bytes.toString('utf8', at, end > at && bytes[end - 1] === 13 ? end - 1 : end);
