/** The ways in which a record can be read as one event: its line, or its leaves. */
import { conventionalTexts, isComplaint, isRemark } from './envelope.ts';
import type { WrittenEvent } from './event.ts';
import { afterHeaders } from './headers.ts';
import { type Leaf, leavesOf, parseJson, TEXT_MAX } from './leaves.ts';
import { matchLine } from './line.ts';

interface Told {
  /** The record around the event is about it: an error, a warning, a program's remark. */
  readonly complaint: boolean;
}
/** The text is a line of this event: the value of each field, by name. */
export interface LineReading extends Told {
  readonly kind: 'line';
  readonly values: ReadonlyMap<string, string>;
}
/** The text is JSON that may hold the event's fields. */
export interface LeavesReading extends Told {
  readonly kind: 'leaves';
  readonly leaves: readonly Leaf[];
  /** They are those of a JSON text that stands in the record, not of the record. */
  readonly enveloped: boolean;
}
export type Reading = LineReading | LeavesReading;

function asLine(text: string, event: WrittenEvent, complaint: boolean): LineReading | undefined {
  const values =
    text === event.text
      ? new Map(Object.entries({ ...event.fields, ...event.hardFields }))
      : event.parts && matchLine(text, event.parts, event.fields);
  return values && { kind: 'line', values, complaint };
}

/** A record's text as this event: exact first, then JSON, with one level of JSON in a conventional place. */
export function* readings(text: string, event: WrittenEvent): Generator<Reading> {
  if (text.length > TEXT_MAX) return;
  const bodies = afterHeaders(text, event.app);
  for (const body of bodies) {
    const line = asLine(body, event, false);
    if (line) yield line;
  }
  for (const body of bodies) {
    const record = parseJson(body);
    if (!record) continue;
    const complaint = isComplaint(record, event);
    for (const inner of conventionalTexts(record).flatMap(t => afterHeaders(t, event.app))) {
      const line = asLine(inner, event, complaint);
      if (line) yield line;
      const json = event.json && parseJson(inner);
      if (json) yield { kind: 'leaves', leaves: leavesOf(json), enveloped: true, complaint };
    }
    const remark = complaint || isRemark(record, event);
    yield { kind: 'leaves', leaves: leavesOf(record), enveloped: false, complaint: remark };
  }
}

/**
 * Where in the record the event's own paths begin ('' at its root, `_source.`, `records.3.`): the prefix under
 * which most of these fields stand with their values, the shortest of equals. Undefined where none does.
 */
export function baseOf(
  leaves: readonly Leaf[],
  fields: readonly (readonly [path: string, value: string])[],
): string | undefined {
  const votes = new Map<string, number>();
  for (const [path, value] of fields)
    for (const leaf of leaves) {
      if (leaf.text !== value || !leaf.path.endsWith(path)) continue;
      const base = leaf.path.slice(0, leaf.path.length - path.length);
      if (base === '' || base.endsWith('.')) votes.set(base, (votes.get(base) ?? 0) + 1);
    }
  return [...votes].sort(([a, m], [b, n]) => n - m || a.length - b.length)[0]?.[0];
}

/** The leaves that may belong to an event that begins at `base`: in a batch of records, its own record's. */
export function inScope(leaves: readonly Leaf[], base: string | undefined): readonly Leaf[] {
  const scope = /^.*(?:^|\.)\d+\./.exec(base ?? '')?.[0];
  return scope === undefined ? leaves : leaves.filter(leaf => leaf.path.startsWith(scope));
}
