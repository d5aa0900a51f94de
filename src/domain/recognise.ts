/**
 * Law 3: whether a record that holds a canary's name is the canary's event (a sighting) or merely mentions it
 * (an echo): a collector's error line, a query log, an access log.
 */
import type { WrittenEvent } from './event.ts';
import { afterHeaders } from './headers.ts';
import { isCutAt, type Transform } from './integrity.ts';
import { parseJson, valuesAt } from './leaves.ts';
import { baseOf, inScope, type LeavesReading, type LineReading, readings } from './reading.ts';

/** The name that was found in the record, as a token (or a backend's alias of it) and as a UUID. */
export interface FoundName {
  readonly token: string;
  readonly uuid?: string;
}

export interface Expected {
  /** The declared place: dotted path, array indices and `*` allowed. */
  readonly at?: string;
  /** The written event, rebuilt from the name. Absent on provoked pipelines, where only a place can prove. */
  readonly event?: WrittenEvent;
  readonly transforms?: readonly Transform[];
}

type Field = readonly [path: string, value: string];

/** The event's fields, parted: those that hold the name, and the others, less what is declared to be dropped. */
interface Claim {
  readonly names: readonly Field[];
  readonly others: readonly Field[];
  readonly transforms: readonly Transform[];
}

function claimOf(event: WrittenEvent, found: FoundName, transforms: readonly Transform[]): Claim {
  const wanted = [found.token, found.uuid].filter(name => name !== undefined).map(name => name.toLowerCase());
  const holdsName = ([, value]: Field): boolean => wanted.some(name => value.toLowerCase().includes(name));
  const dropped = ([path]: Field): boolean => transforms.some(t => t.kind === 'drop' && t.field === path);
  const fields = Object.entries(event.fields);
  return {
    names: fields.filter(holdsName),
    others: fields.filter(f => !holdsName(f) && !dropped(f)),
    transforms,
  };
}

/** Whether a text is a field's value, or that value truncated as declared. */
const isValue = ([path, value]: Field, text: string | undefined, transforms: readonly Transform[]): boolean =>
  text === value ||
  (text !== undefined &&
    transforms.some(t => t.kind === 'truncate' && t.field === path && isCutAt(text, value, t.at)));

function lineProves({ names, others, transforms }: Claim, reading: LineReading): boolean {
  const stands = (field: Field): boolean => isValue(field, reading.values.get(field[0]), transforms);
  return !reading.complaint && names.some(stands) && others.filter(stands).length * 2 >= others.length;
}

function leavesProve({ names, others, transforms }: Claim, reading: LeavesReading): boolean {
  const places = names.flatMap(([path, value]): Field[] => [
    [path, value],
    ...transforms.flatMap(t => (t.kind === 'rename' && t.field === path ? [[t.to, value] as const] : [])),
  ]);
  const base = baseOf(reading.leaves, places);
  // An event at the root is the record itself: what else a pipeline noted there isn't a complaint about it.
  if (reading.complaint && (reading.enveloped || base !== '')) return false;
  const texts = new Set(inScope(reading.leaves, base).map(leaf => leaf.text));
  const named = (value: string): boolean =>
    texts.has(value) || [...texts].some(text => text.toLowerCase() === value.toLowerCase());
  if (!names.some(([, value]) => named(value))) return false;
  const stands = (field: Field): boolean =>
    texts.has(field[1]) ||
    (transforms.some(t => t.kind === 'truncate' && t.field === field[0]) &&
      [...texts].some(text => isValue(field, text, transforms)));
  const standing = others.filter(stands).length;
  // An event with next to no fields looks like any mention of its name, so it must stand exactly as sent.
  if (others.length < 2) return base === '' && standing === others.length;
  return standing * 2 >= others.length;
}

function isEvent(text: string, event: WrittenEvent, claim: Claim): boolean {
  for (const reading of readings(text, event)) {
    if (reading.kind === 'line') {
      if (lineProves(claim, reading)) return true;
      // A text event's fields on their own aren't its line; only a declared place makes them a sighting.
    } else if (!event.parts && leavesProve(claim, reading)) return true;
  }
  return false;
}

/**
 * The texts at the declared place; none where the record isn't JSON or lacks it. `app` is the name that the event's own
 * syslog header would carry.
 */
export function textsAt(text: string, path: string, app: string): string[] {
  const values = afterHeaders(text, app).flatMap(body => {
    const record = parseJson(body);
    return record ? [...valuesAt(record, path)] : [];
  });
  return values.map(value => (typeof value === 'object' ? JSON.stringify(value) : String(value)));
}

/** Letters and digits of any script, and what joins them into one name. */
const BETWEEN_WORDS = /[^\p{L}\p{N}_-]+/u;

/**
 * With a declared place (`at`, or `placed` where the adapter has taken it out already) the name must be the whole
 * value there, or the value must be the event; on provoked pipelines, where the vendor decides what stands around what we
 * planted (a user agent), a whole word of it is enough. Without one, the record must be the event: its text after any
 * headers, or the text in an envelope's conventional place, or JSON in which the name and at least half of the
 * event's other significant fields are whole values. Fields are compared after the declared transformations.
 */
export function recognise(
  record: { readonly text: string; readonly placed?: readonly string[] },
  found: FoundName,
  { at, event, transforms = [] }: Expected,
): 'sighting' | 'echo' {
  const claim = event && claimOf(event, found, transforms);
  const carries = (text: string): boolean => event !== undefined && isEvent(text, event, claim as Claim);
  const names = [found.token, found.uuid].filter(name => name !== undefined).map(name => name.toLowerCase());
  const isName = (text: string): boolean => {
    const value = text.trim().toLowerCase();
    if (names.includes(value)) return true;
    return event === undefined && value.split(BETWEEN_WORDS).some(word => names.includes(word));
  };
  const declared =
    record.placed ?? (at === undefined ? undefined : textsAt(record.text, at, event?.app ?? ''));
  const seen = declared ? declared.some(text => isName(text) || carries(text)) : carries(record.text);
  return seen ? 'sighting' : 'echo';
}
