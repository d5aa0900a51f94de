/**
 * A pushed body as records: whatever shippers send (lines, NDJSON, JSON in a row, arrays, the usual envelopes). Only
 * records that hold a name are made. Pure, and never fewer tokens than the body holds: what ends up in no record brings
 * the text around it as one.
 */
import type { SeenRecord } from '../contracts/observer.ts';
import { findInText, findTokens } from '../domain/finder.ts';
import { parseJson, valuesAt } from '../domain/leaves.ts';
import { TOKEN_PREFIX } from '../domain/token.ts';
import { parsedValues } from './json-values.ts';
import { type Piece, piecesOf } from './pieces.ts';

const TOKEN_MARK = new RegExp(TOKEN_PREFIX, 'i');
/** A UUIDv8: the other form of a name, which counts in a declared place only. */
const UUID_MARK = /-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/i;
/** Bytes on either side of a token that no record took. */
const AROUND_BYTES = 128 * 1024;

/**
 * `at`: the declared place, a dotted path; with one, UUIDs are names too. `foreign`: so is whatever stands there, since the
 * sender's own identities may be known for a canary's.
 */
export function recordsOf(
  bytes: Uint8Array,
  at?: string,
  { foreign = false }: { readonly foreign?: boolean } = {},
): SeenRecord[] {
  const tokens = findTokens(bytes);
  const key = foreign ? at?.split('.').findLast(part => !/^(?:\*|\d+)?$/.test(part)) : undefined;
  if (tokens.length === 0 && at === undefined) return [];
  const text = textOf(bytes);
  const marks = (part: string) =>
    TOKEN_MARK.test(part) ||
    (at !== undefined && UUID_MARK.test(part)) ||
    (key !== undefined && part.includes(key));
  if (tokens.length === 0 && !marks(text)) return [];
  const records = split(text, marks)
    .filter(piece => marks(piece.text))
    .map(piece => recordOf(piece, at));
  const taken = new Set(
    records.flatMap(r => [r.text, ...(r.placed ?? [])]).flatMap(t => findInText(t).map(f => f.token)),
  );
  for (const { token, offset } of tokens) {
    if (taken.has(token)) continue;
    const around = textOf(bytes.subarray(Math.max(0, offset - AROUND_BYTES), offset + AROUND_BYTES));
    records.push({ text: around });
    for (const f of findInText(around)) taken.add(f.token);
  }
  return records;
}

function textOf(bytes: Uint8Array): string {
  const mark = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

function split(text: string, marks: (part: string) => boolean): Piece[] {
  const head = text.trimStart()[0];
  const pieces = head === '{' || head === '[' ? jsonPieces(text, marks) : undefined;
  return (
    pieces ??
    text
      .split(/\r?\n/)
      .filter(marks)
      .flatMap(line => (/^\s*[{[]/.test(line) ? jsonPieces(line, marks) : undefined) ?? [{ text: line }])
  );
}

function jsonPieces(text: string, marks: (part: string) => boolean): Piece[] | undefined {
  try {
    return parsedValues(text, marks)?.flatMap(v => [...piecesOf(v)]);
  } catch (error) {
    // What is nested deeper than the stack can be read, but not written: it stays text.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The inner record, unless only what wraps it has something at the declared place. */
function recordOf({ text, outer, ...told }: Piece, at: string | undefined): SeenRecord {
  if (at === undefined) return { text, ...told };
  const inner = placesOf(parseJson(text), at);
  if (inner.length > 0) return { text, placed: inner, ...told };
  const around = placesOf(outer, at);
  return around.length > 0 ? { text: JSON.stringify(outer), placed: around, ...told } : { text, ...told };
}

const placesOf = (value: unknown, at: string): string[] =>
  [...valuesAt(value, at)].map(v => (typeof v === 'string' ? v : JSON.stringify(v)));
