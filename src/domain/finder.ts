/**
 * Finds tokens in raw bytes of any format, in either case, faster than a search for their prefix: of 41 bytes
 * in a row inside a token only the first (`1`) is no base32 character, so nearly every probe that strikes one
 * rules out all the starts before it, and the search leaps up to 49 bytes at a time. Linear in the worst case.
 *
 * A token stands alone: not before another base32 character, and not after a letter or digit, save one that
 * ends an escape (the n of `\n` in JSON, `%3D` in a URL, `#011` of rsyslog, a terminal's colours).
 * UTF-16 is read where the bytes begin with its byte order mark. Not read: tokens whose own letters are escaped
 * (`\u0063oalmine1…`, which no writer of JSON does to letters), split by a line wrap, or encoded (base64).
 * UUID twins aren't searched for: a UUID counts only in a declared place.
 */
import { BASE32_VALUES } from './base32.ts';
import { TOKEN_LENGTH, TOKEN_PREFIX } from './token.ts';

export interface FoundToken {
  /** Where the token begins: bytes from the start of the stream; for `findInText`, UTF-16 units of the string. */
  readonly offset: number;
  /** The whole token in lower case, unverified. */
  readonly token: string;
}

export interface Finder {
  /** Tokens that are now certain. The chunk may be reused afterwards. */
  push(chunk: Uint8Array): FoundToken[];
  /** The token that ended with the stream, if one did. */
  end(): FoundToken[];
}

/** The `1`: the last character of the prefix, and the only one of a token's last 41 that isn't base32. */
const MARK = TOKEN_PREFIX.length - 1;
const LAST = TOKEN_LENGTH - 1;
const ONE = 0x31;
const IS_BASE32 = BASE32_VALUES.map(value => (value === 255 ? 0 : 1));
const PREFIX_BYTES = Uint8Array.from(TOKEN_PREFIX, c => c.charCodeAt(0));
/** Bytes kept between chunks: an unfinished token (49) and what stands before it (15). */
const OVERLAP = 64;
/** Below this a chunk is joined to what was kept; from it on only the seam is, and the chunk isn't copied. */
const SEAM = 4 * OVERLAP;
const BEFORE = OVERLAP - TOKEN_LENGTH;
const ALPHANUMERIC_END = /[0-9a-z]$/i;
const ESCAPE_END = /(?:\\[a-z]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|%[0-9a-f]{2}|#[0-3][0-7]{2}|\[[0-9;]*m)$/i;
const IN_TEXT = /coalmine1[a-z2-7]{40}(?![a-z2-7])/gi;

/** All tokens of a whole buffer. */
export function findTokens(bytes: Uint8Array): FoundToken[] {
  const finder = createFinder();
  return [...finder.push(bytes), ...finder.end()];
}

/** All tokens of a string. */
export function findInText(text: string): FoundToken[] {
  const found: FoundToken[] = [];
  IN_TEXT.lastIndex = 0;
  for (let match = IN_TEXT.exec(text); match; match = IN_TEXT.exec(text)) {
    if (!standsAlone(text.slice(Math.max(0, match.index - BEFORE), match.index))) continue;
    found.push({ offset: match.index, token: match[0].toLowerCase() });
  }
  return found;
}

/** For streams: chunks of any size, in memory of 64 bytes beside the chunk. */
export function createFinder(): Finder {
  let chosen: Finder | undefined;
  let first = new Uint8Array(0);

  function push(chunk: Uint8Array): FoundToken[] {
    if (chosen) return chosen.push(chunk);
    const start = first.length > 0 ? joined(first, chunk) : chunk;
    if (start.length < 2) {
      first = copied(start);
      return [];
    }
    const mark = start[0]! * 256 + start[1]!;
    chosen = mark === 0xfffe || mark === 0xfeff ? createWideFinder(mark === 0xfffe) : createByteFinder();
    return chosen.push(start);
  }
  return { push, end: () => chosen?.end() ?? [] };
}

function createByteFinder(): Finder {
  let kept = new Uint8Array(0);
  /** Offset of the first kept byte, and of the first start that isn't decided. */
  let keptAt = 0;
  let next = 0;

  function decide(bytes: Uint8Array, at: number, limit: number, found: FoundToken[]): void {
    if (at + limit <= next) return;
    search(bytes, Math.max(0, next - at), limit, at, found);
    next = at + limit;
  }
  function push(chunk: Uint8Array): FoundToken[] {
    const found: FoundToken[] = [];
    const chunkAt = keptAt + kept.length;
    const isLong = chunk.length >= SEAM;
    const seam = joined(kept, isLong ? chunk.subarray(0, SEAM) : chunk);
    decide(seam, keptAt, seam.length - TOKEN_LENGTH, found);
    if (isLong) decide(chunk, chunkAt, chunk.length - TOKEN_LENGTH, found);
    const rest = isLong ? chunk : seam;
    kept = copied(rest.subarray(-OVERLAP));
    keptAt = chunkAt + chunk.length - kept.length;
    return found;
  }
  function end(): FoundToken[] {
    const found: FoundToken[] = [];
    decide(kept, keptAt, kept.length - LAST, found);
    return found;
  }
  return { push, end };
}

/** UTF-16: searches the low bytes of those units that have no high one. */
function createWideFinder(littleEndian: boolean): Finder {
  const inner = createByteFinder();
  let odd = new Uint8Array(0);
  const doubled = (found: FoundToken[]) => found.map(({ offset, token }) => ({ offset: 2 * offset, token }));

  function push(chunk: Uint8Array): FoundToken[] {
    const bytes = odd.length > 0 ? joined(odd, chunk) : chunk;
    const units = new Uint8Array(bytes.length >> 1);
    for (let i = 0; i < units.length; i++) {
      const [low, high] = littleEndian
        ? [bytes[2 * i]!, bytes[2 * i + 1]!]
        : [bytes[2 * i + 1]!, bytes[2 * i]!];
      units[i] = high === 0 ? low : 0;
    }
    odd = copied(bytes.subarray(2 * units.length));
    return doubled(inner.push(units));
  }
  return { push, end: () => doubled(inner.end()) };
}

/**
 * Adds the tokens that begin in [from, limit), by offset from `at`. Every one must lie inside the bytes:
 * limit ≤ length − 48; one byte less unless the bytes end there, for the character after.
 */
function search(bytes: Uint8Array, from: number, limit: number, at: number, found: FoundToken[]): void {
  // Every start below `from` has been decided. Strike at the last byte a token beginning there would have,
  // and walk back to the nearest byte that is no base32 character: `struck`.
  while (from < limit) {
    const last = from + LAST;
    const back = from + MARK;
    // Six steps without a branch: where a word ends can't be predicted, and a wrong guess costs more than they do.
    const a = isBase32(bytes, last);
    const b = a & isBase32(bytes, last - 1);
    const c = b & isBase32(bytes, last - 2);
    const d = c & isBase32(bytes, last - 3);
    const e = d & isBase32(bytes, last - 4);
    const f = e & isBase32(bytes, last - 5);
    let struck = last - (a + b + c + d + e + f);
    if (f === 1) while (struck >= back && isBase32(bytes, struck) === 1) struck--;
    if (struck < back) {
      // 41 base32 characters in a row: no mark among them, so no token begins within the next 40.
      from += LAST - MARK;
      continue;
    }
    const start = struck - MARK;
    if (bytes[struck] === ONE && start < limit && isToken(bytes, start)) {
      const token = latin1(bytes.subarray(start, start + TOKEN_LENGTH)).toLowerCase();
      found.push({ offset: at + start, token });
    }
    // Nothing that begins at or before `struck` can reach past it, other than through a mark.
    from = struck + 1;
  }
}

function isToken(bytes: Uint8Array, start: number): boolean {
  for (let i = MARK - 1; i >= 0; i--) {
    if ((bytes[start + i]! | 0x20) !== PREFIX_BYTES[i]) return false;
  }
  for (let i = MARK + 1; i < TOKEN_LENGTH; i++) {
    if (isBase32(bytes, start + i) === 0) return false;
  }
  const after = start + TOKEN_LENGTH;
  if (after < bytes.length && isBase32(bytes, after) === 1) return false;
  return standsAlone(latin1(bytes.subarray(Math.max(0, start - BEFORE), start)));
}

const isBase32 = (bytes: Uint8Array, at: number): number => IS_BASE32[bytes[at]!]!;

const standsAlone = (before: string): boolean => !ALPHANUMERIC_END.test(before) || ESCAPE_END.test(before);

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** Unlike `slice`, which on a Buffer is only a view. */
const copied = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
