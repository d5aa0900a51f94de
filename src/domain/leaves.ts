/** A JSON value as its leaves: dotted path → scalar as text. Bounded, since records come from outside. */

export interface Leaf {
  /** Keys and array indices, joined by dots. A key that holds dots itself reads like the nested form. */
  readonly path: string;
  readonly text: string;
}

/** Past these a record isn't looked at any further. */
export const TEXT_MAX = 1024 * 1024;
const DEPTH_MAX = 16;
const LEAVES_MAX = 4096;

/** A string, or an integer that a double can't hold and that is followed by neither fraction nor exponent. */
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** The value of a JSON object or array; undefined for anything else, or over 1 MiB. Long integers become text. */
export function parseJson(text: string): object | undefined {
  if (text.length > TEXT_MAX || (text[0] !== '{' && text[0] !== '[')) return undefined;
  try {
    const value = JSON.parse(text) as object;
    if (!/\d{16}/.test(text)) return value;
    // Only now, since in text that isn't JSON an unclosed string would be sought over and over.
    return JSON.parse(text.replace(STRING_OR_LONG_INTEGER, m => (m[0] === '"' ? m : `"${m}"`))) as object;
  } catch {
    return undefined;
  }
}

const isBranch = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function collect(value: unknown, path: string, depth: number, out: Leaf[]): void {
  if (out.length >= LEAVES_MAX) return;
  if (!isBranch(value)) {
    if (value !== null && value !== undefined) out.push({ path, text: String(value) });
    return;
  }
  if (depth >= DEPTH_MAX) return;
  for (const key in value) collect(value[key], path === '' ? key : `${path}.${key}`, depth + 1, out);
}

/** All scalars but null, in document order; at most 4096, at most 16 levels down. */
export function leavesOf(value: unknown): Leaf[] {
  const out: Leaf[] = [];
  collect(value, '', 0, out);
  return out;
}

/**
 * The values at a dotted path: keys, array indices, `*` for each child. A key may hold dots itself, as in
 * `{"event.original": …}`.
 */
export function* valuesAt(value: unknown, path: string): Generator<unknown> {
  if (path === '') {
    yield value;
    return;
  }
  if (!isBranch(value)) return;
  for (let end = path.indexOf('.'); ; end = path.indexOf('.', end + 1)) {
    const key = end < 0 ? path : path.slice(0, end);
    const rest = end < 0 ? '' : path.slice(end + 1);
    if (key === '*') for (const child of Object.values(value)) yield* valuesAt(child, rest);
    else if (Object.hasOwn(value, key)) yield* valuesAt(value[key], rest);
    if (end < 0) return;
  }
}
