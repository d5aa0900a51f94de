/** A text event's line: put together from its parts, and read back from a record. */
import type { LinePart } from './event.ts';

/** Control characters, line separators and lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu;
const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;

/** Text that stays on one line: unprintable characters become the octal of their UTF-8 bytes, as sshd has it. */
export const oneLine = (text: string): string =>
  text.replace(UNPRINTABLE, c => Array.from(new TextEncoder().encode(c), octal).join(''));

/** The line; `values` holds the fields and the volatile ones by name. */
export const joinLine = (parts: readonly LinePart[], values: Readonly<Record<string, string>>): string =>
  parts.map(p => (typeof p === 'string' ? p : values['field' in p ? p.field : p.volatile])).join('');

/** What a timestamp is made of, in ISO 8601 as in Unix time. */
const TIME_RUN = /[0-9TZ:.+-]+/y;

/** Where the value that begins at `from` ends, when it isn't the expected one: where the next part begins. */
function endOf(text: string, from: number, volatile: boolean, next: string | undefined): number {
  if (!volatile) return next === undefined ? text.length : text.indexOf(next, from);
  TIME_RUN.lastIndex = from;
  const runEnd = from + (TIME_RUN.exec(text)?.[0].length ?? 0);
  if (next === undefined) return runEnd > from ? runEnd : -1;
  // The run may have swallowed the beginning of the next part ("{{time}}: …"), so step back to it.
  const end = text.lastIndexOf(next, runEnd);
  return end > from ? end : -1;
}

/**
 * The values of the fields in a line, or undefined where the line isn't one of this event: its literal text must
 * stand whole, from beginning to end. A field may differ from `fields`, but may not have grown around the
 * expected value: then it is other text around the event. Linear in the length of the line.
 */
export function matchLine(
  text: string,
  parts: readonly LinePart[],
  fields: Readonly<Record<string, string>>,
): Map<string, string> | undefined {
  const expected = (part: LinePart | undefined): string | undefined =>
    typeof part === 'object' ? ('field' in part ? fields[part.field] : undefined) : part;
  const found = new Map<string, string>();
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const want = expected(part);
    const next = expected(parts[i + 1]);
    const last = i === parts.length - 1;
    const after = at + (want?.length ?? 0);
    const asExpected = want !== undefined && text.startsWith(want, at);
    if (typeof part === 'string') {
      if (!asExpected) return undefined;
      at = after;
      continue;
    }
    const field = 'field' in part;
    const ends =
      asExpected && (last ? after === text.length : next === undefined || text.startsWith(next, after));
    const end = ends ? after : last || next !== undefined ? endOf(text, at, !field, next) : -1;
    if (end < at) return undefined;
    const value = text.slice(at, end);
    if (field) {
      if (!ends && value.includes(want ?? '')) return undefined;
      if ((found.get(part.field) ?? value) !== value) return undefined;
      found.set(part.field, value);
    }
    at = end;
  }
  return at === text.length ? found : undefined;
}
