/**
 * Requests with holes: `{{from_ms}}` in a URL, in JSON, in text. What fills a hole can't leave it: it is encoded for
 * where it stands.
 */
import type { Json, Look } from '../../contracts/observer.ts';

/** The names of holes and what they hold. `undefined` where there is nothing yet (the first page's cursor). */
export const HOLES = {
  from_s: 'start of the range, Unix seconds, rounded down',
  from_ms: 'start of the range, Unix milliseconds, inclusive',
  from_ns: 'start of the range, Unix nanoseconds, as text',
  from_iso: 'start of the range, RFC 3339, UTC',
  to_s: 'end of the range, Unix seconds, rounded up',
  to_ms: 'end of the range, Unix milliseconds, exclusive',
  to_ns: 'end of the range, Unix nanoseconds, as text',
  to_iso: 'end of the range, RFC 3339, UTC',
  time_field: 'what `by` gives for the kind of time that is asked for',
  prefix: 'what every token begins with',
  page_size: 'records of one page',
  cursor: 'where the page before said to go on; what holds only this is left out on the first page',
  offset: 'records of all the pages before',
  page: 'number of the page',
} as const;

export type Filling = Readonly<Partial<Record<keyof typeof HOLES, Json>>>;

export const rangeFilling = (look: Pick<Look, 'fromMs' | 'toMs' | 'prefix'>): Filling => ({
  from_s: Math.floor(look.fromMs / 1000),
  from_ms: look.fromMs,
  from_ns: String(BigInt(look.fromMs) * 1_000_000n),
  from_iso: new Date(look.fromMs).toISOString(),
  to_s: Math.ceil(look.toMs / 1000),
  to_ms: look.toMs,
  to_ns: String(BigInt(look.toMs) * 1_000_000n),
  to_iso: new Date(look.toMs).toISOString(),
  prefix: look.prefix,
});

const HOLE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const ONLY_HOLE = /^\{\{\s*([^{}]*?)\s*\}\}$/;

/** Names of all the holes of a template. */
export const holesOf = (template: Json): string[] =>
  [...JSON.stringify(template).matchAll(HOLE)].map(match => match[1] ?? '');

const held = (filling: Filling, name: string): Json | undefined => filling[name as keyof Filling];

/** Text with its holes filled. `encode` makes a value safe where the text will stand. */
export const fillText = (template: string, filling: Filling, encode: (value: string) => string): string =>
  template.replace(HOLE, (_, name: string) => {
    const value = held(filling, name) ?? '';
    return encode(typeof value === 'string' ? value : JSON.stringify(value));
  });

/** The inside of a JSON string. */
export const escapeJson = (value: string): string => JSON.stringify(value).slice(1, -1);

/** A parameter whose hole has nothing to hold is left out. */
export const fillUrl = (template: string, filling: Filling): string => {
  const [path = '', ...query] = template.split('?');
  const filled = fillText(path, filling, encodeURIComponent);
  if (query.length === 0) return filled;
  const parameters = query
    .join('?')
    .split('&')
    .filter(p => holesOf(p).every(name => held(filling, name) !== undefined))
    .map(p => fillText(p, filling, encodeURIComponent));
  return `${filled}?${parameters.join('&')}`;
};

/**
 * A string that is nothing but a hole becomes the value with its type; where there is nothing to hold, the field or
 * element goes. Holes inside longer strings become text. Keys aren't filled.
 */
export const fillJson = (template: Json, filling: Filling): Json | undefined => {
  if (typeof template === 'string') {
    const only = ONLY_HOLE.exec(template);
    return only ? held(filling, only[1] ?? '') : fillText(template, filling, value => value);
  }
  if (template === null || typeof template !== 'object') return template;
  if (Array.isArray(template)) {
    return (template as readonly Json[])
      .map(element => fillJson(element, filling))
      .filter(value => value !== undefined);
  }
  const fields = Object.entries(template).map(([key, value]) => [key, fillJson(value, filling)] as const);
  return Object.fromEntries(fields.filter((f): f is readonly [string, Json] => f[1] !== undefined));
};
