/** Whether a canary arrived whole: each significant field against the record, less the declared transformations. */
import { createHash } from 'node:crypto';
import type { WrittenEvent } from './event.ts';
import type { Leaf } from './leaves.ts';
import { baseOf, inScope, type Reading, readings } from './reading.ts';

/** A declared change of a field on the way: expected, so no exception. */
export type Transform =
  | { readonly kind: 'rename'; readonly field: string; readonly to: string }
  | { readonly kind: 'drop'; readonly field: string }
  | { readonly kind: 'truncate'; readonly field: string; readonly at: number };

/** `truncated`: a proper prefix stands there. `altered`: another value does. `missing`: none does. */
export type FieldState = 'altered' | 'truncated' | 'missing';

/** Digests, since the values may hold tokens: the first 16 hex digits of the text's SHA-256. */
export interface FieldException {
  readonly path: string;
  readonly state: FieldState;
  readonly expected: string;
  readonly found?: string;
}

export interface Integrity {
  /** The gravest of the exceptions, in the order altered, truncated, missing: a wrong value misleads most. */
  readonly state: 'intact' | FieldState;
  readonly fields: readonly FieldException[];
}

/** The first 16 hex digits of SHA-256. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** A shorter prefix says too little to be called the rest of a value. */
const PREFIX_MIN = 8;

/** Whether `found` is `value` cut at `at` characters, code points, or UTF-8 bytes (less a character cut through). */
export function isCutAt(found: string, value: string, at: number): boolean {
  if (found.length >= value.length || found === '' || !value.startsWith(found)) return false;
  if (found.length === at || [...found].length === at) return true;
  const bytes = new TextEncoder().encode(found).length;
  return bytes <= at && bytes > at - 4;
}

/** What becomes of one field, from what stands at its place and what stands anywhere; undefined: intact. */
function judge(
  path: string,
  value: string,
  transforms: readonly Transform[],
  there: readonly string[],
  anywhere: () => readonly string[],
): FieldException | undefined {
  if (transforms.some(t => t.kind === 'drop' && t.field === path)) return undefined;
  const candidates = there.length > 0 ? there : anywhere();
  const cuts = transforms.flatMap(t => (t.kind === 'truncate' && t.field === path ? [t] : []));
  if (candidates.some(t => t === value || cuts.some(c => isCutAt(t, value, c.at)))) return undefined;
  const cut = candidates.find(t => t.length >= PREFIX_MIN && t.length < value.length && value.startsWith(t));
  const found = cut ?? there[0];
  const state = cut !== undefined ? 'truncated' : found !== undefined ? 'altered' : 'missing';
  return { path, state, expected: digest(value), ...(found === undefined ? {} : { found: digest(found) }) };
}

function judgeLeaves(
  leaves: readonly Leaf[],
  fields: readonly (readonly [string, string])[],
  transforms: readonly Transform[],
): FieldException[] {
  const atRoot = new Map(leaves.map(leaf => [leaf.path, leaf.text]));
  if (fields.every(([path, value]) => atRoot.get(path) === value)) return [];
  const base = baseOf(leaves, fields) ?? '';
  const scope = inScope(leaves, base);
  const texts = scope.map(leaf => leaf.text);
  const byPath = new Map<string, string[]>();
  for (const leaf of scope) byPath.set(leaf.path, [...(byPath.get(leaf.path) ?? []), leaf.text]);
  return fields.flatMap(([path, value]) => {
    // A renaming is declared as the operator sees the record: from its root, or from the event's.
    const renamed = transforms.flatMap(t => (t.kind === 'rename' && t.field === path ? [t.to] : []));
    const there = [base + path, ...renamed.flatMap(to => [base + to, to])].flatMap(p => byPath.get(p) ?? []);
    return judge(path, value, transforms, there, () => texts) ?? [];
  });
}

function judgeReading(
  reading: Reading | undefined,
  fields: readonly (readonly [string, string])[],
  transforms: readonly Transform[],
): FieldException[] {
  if (reading?.kind === 'leaves') return judgeLeaves(reading.leaves, fields, transforms);
  return fields.flatMap(([path, value]) => {
    const found = reading?.values.get(path);
    return judge(path, value, transforms, found === undefined ? [] : [found], () => []) ?? [];
  });
}

const GRAVEST_FIRST = ['altered', 'truncated', 'missing'] as const;

/**
 * Judges a record that has been recognised as `event`. A field is intact if its value stands at its path (or the
 * path it is declared to be renamed to) or, where nothing stands there, is a whole value anywhere, since
 * normalisers rename. Of several readings of a record (the line it carries, its own fields) the best counts.
 */
export function integrity(
  record: { readonly text: string },
  event: WrittenEvent,
  transforms: readonly Transform[],
): Integrity {
  const fields = Object.entries({ ...event.fields, ...event.hardFields });
  let best: FieldException[] | undefined;
  for (const reading of readings(record.text, event)) {
    const exceptions = judgeReading(reading, fields, transforms);
    if (best === undefined || exceptions.length < best.length) best = exceptions;
    if (best.length === 0) break;
  }
  best ??= judgeReading(undefined, fields, transforms);
  const states = best.map(exception => exception.state);
  return { state: GRAVEST_FIRST.find(state => states.includes(state)) ?? 'intact', fields: best };
}
