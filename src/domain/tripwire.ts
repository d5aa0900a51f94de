/**
 * The tripwire on a canary's identity (DESIGN §5): whether a record that holds no token of ours is a sign-in by that identity
 * that no canary can have left. Pure.
 */
import { conventionalTexts, isComplaint } from './envelope.ts';
import type { WrittenEvent } from './event.ts';
import { afterHeaders } from './headers.ts';
import { type Leaf, leavesOf, parseJson, TEXT_MAX } from './leaves.ts';
import { inScope } from './reading.ts';
import { asTripwire, type CanaryRecord, type Condition, identityOf } from './siem/condition.ts';

/** What a pipeline's canaries look like: the record that `coalmine exclusions` excludes, and the events themselves. */
export interface Shape {
  readonly record: CanaryRecord;
  /** Of two canaries that differ in all that canaries may differ in; none where the provider authors the record. */
  readonly events: readonly [WrittenEvent, WrittenEvent] | null;
}

export interface Use {
  /** Where it came from, where the record tells. */
  readonly from: string | null;
}

/** `other`: it bears another identity, or isn't a sign-in. `canary`: it says nothing that a canary doesn't say, or a piece of it. */
export type Bearing = Use | 'canary' | 'other';

/** What a search must ask for to find such records: text that stands in them as it is. */
export function needlesOf({ record }: Shape): string[] {
  return identityOf(record).map(c => {
    const { value } = asTripwire(c);
    return c.field.kind === 'line' ? value : JSON.stringify(value).slice(1, -1);
  });
}

/** What a record without a token tells of the identity, by the shapes of everything that canaries are made from here. */
export function useIn(text: string, own: Shape, others: () => readonly Shape[]): Use | null {
  if (text.length > TEXT_MAX) return null;
  const bearing = bearingOf(text, own);
  if (typeof bearing === 'string') return null;
  return others().some(o => bearingOf(text, o) === 'canary') ? null : bearing;
}

export function bearingOf(text: string, { record, events }: Shape): Bearing {
  const [identity] = identityOf(record);
  if (!identity) return 'other';
  if (events === null) return inProvidersRecord(text, identity);
  const seen: Bearing[] = [];
  for (const body of bodiesOf(text, events[0])) {
    if (typeof body === 'string')
      seen.push(record.kind === 'line' ? inLine(body, identity, events) : 'other');
    else if (record.kind === 'json') seen.push(inJson(body, record));
  }
  return seen.find(b => b === 'canary') ?? seen.find(b => b !== 'other') ?? 'other';
}

/** Its readings as a line and as JSON; what is marked as a complaint about an event isn't one. */
function* bodiesOf(text: string, event: WrittenEvent): Generator<string | readonly Leaf[]> {
  for (const body of afterHeaders(text, event.app)) {
    const json = parseJson(body);
    if (!json) yield body;
    if (!json || isComplaint(json, event)) continue;
    yield leavesOf(json);
    for (const inner of conventionalTexts(json).flatMap(t => afterHeaders(t, event.app))) {
      const nested = parseJson(inner);
      yield nested ? leavesOf(nested) : inner;
    }
  }
}

const pathOf = ({ field }: Condition): string => (field.kind === 'json' ? field.path.join('.') : '');

function inJson(leaves: readonly Leaf[], { conditions }: CanaryRecord): Bearing {
  const [identity, source, application, token] = (
    ['identity', 'source', 'application', 'token'] as const
  ).map(role => conditions.find(c => c.role === role));
  if (!identity || !source) return 'other';
  const path = pathOf(identity);
  const bearer = leaves.find(
    l =>
      (l.path === path || l.path.endsWith(`.${path}`)) &&
      l.text.toLowerCase() === identity.value.toLowerCase(),
  );
  if (!bearer) return 'other';
  const base = bearer.path.slice(0, bearer.path.length - path.length);
  const scope = inScope(leaves, base);
  const told = (c: Condition) => scope.find(l => l.path === base + pathOf(c))?.text;
  const from = told(source);
  // A sign-in says where from.
  if (from === undefined) return 'other';
  const differs = (c: Condition | undefined): boolean => {
    const value = c && told(c);
    if (c === undefined || value === undefined) return false;
    return c.test === 'is' ? value !== c.value : !value.toLowerCase().includes(c.value.toLowerCase());
  };
  // Whoever calls has found no token in it.
  return differs(source) || differs(application) || differs(token) ? { from } : 'canary';
}

/** Words and nothing else: what a program writes before who signs in. Quoted or labelled text is somebody's remark. */
const WORDS = /^(?:[A-Za-z]+ ){0,8}$/;
const WORDING_MIN = 4;
const ADDRESS = /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f:]*:[\da-f:]*:)[\da-f:]{2,45})(?![\w:])/i;

function inLine(body: string, identity: Condition, events: readonly [WrittenEvent, WrittenEvent]): Bearing {
  const bearing = alongside(body, events);
  if (bearing !== 'other') return bearing === 'canary' ? 'canary' : { from: addressIn(body) };
  const needle = asTripwire(identity).value;
  const at = body.toLowerCase().indexOf(needle.toLowerCase());
  if (at < 0 || (at > 0 && /\w/.test(body[at - 1] as string))) return 'other';
  const before = body.slice(0, at);
  const [first] = events[0].parts ?? [];
  const opening = typeof first === 'string' ? first.trim() : '';
  // A sign-in in the midst of a sentence is quoted.
  const quoted = opening.length >= WORDING_MIN && before.indexOf(opening) > 0;
  return WORDS.test(before) && !quoted ? { from: addressIn(body.slice(at)) } : 'other';
}

const addressIn = (text: string): string | null => ADDRESS.exec(text)?.[0] ?? null;

/**
 * Walks a line along the event's parts. `canary`: all of it, as far as it goes, is what a canary says. `use`: it departs from
 * that after having named the identity. `other`: before.
 */
function alongside(
  body: string,
  [one, two]: readonly [WrittenEvent, WrittenEvent],
): 'canary' | 'use' | 'other' {
  const parts = one.parts ?? [];
  let at = 0;
  let named = false;
  for (const [i, part] of parts.entries()) {
    const name = typeof part === 'object' && 'field' in part ? part.field : null;
    const fixed = name === null ? (typeof part === 'string' ? part : null) : sameIn(one, two, name);
    const rest = body.slice(at);
    if (fixed !== null) {
      if (rest.length < fixed.length && fixed.startsWith(rest)) return named ? 'canary' : 'other';
      if (!rest.startsWith(fixed)) return named ? 'use' : 'other';
      at += fixed.length;
      named ||= name === 'user';
      continue;
    }
    const next = parts[i + 1];
    const until = typeof next === 'string' ? next : null;
    const end = until === null ? -1 : body.indexOf(until, at);
    // Cut within a value that is each canary's own, or before what follows it was whole.
    if (end < 0) {
      const cut = /^\S*/.exec(rest)?.[0].length ?? 0;
      const tail = rest.slice(cut);
      if (until === null ? tail === '' : until.startsWith(tail)) return named ? 'canary' : 'other';
      return named ? 'use' : 'other';
    }
    // A token that is told whole would have been found.
    if (name === 'token') return named ? 'use' : 'other';
    at = end;
  }
  return named ? 'use' : 'other';
}

/** The value of a field that is the same in all canaries. */
const sameIn = (one: WrittenEvent, two: WrittenEvent, name: string): string | null => {
  const value = one.fields[name];
  return value !== undefined && value === two.fields[name] ? value : null;
};

const ADDRESS_KEY = /(?:^|[._-])(?:\w*ip(?:address)?|address|addr|client_ip|clientip)$/i;

/** A provider's own record: no place is known, but a value that is the identity and nothing else is no mention. */
function inProvidersRecord(text: string, identity: Condition): Bearing {
  const record = afterHeaders(text, '').flatMap(body => parseJson(body) ?? [])[0];
  if (!record) return 'other';
  const leaves = leavesOf(record);
  const wanted = identity.value.toLowerCase();
  if (!leaves.some(l => l.text.toLowerCase() === wanted)) return 'other';
  const address = leaves.find(l => ADDRESS_KEY.test(l.path) && ADDRESS.test(l.text));
  return { from: address?.text ?? null };
}
