/** Dotted paths into JSON: `hits.hits.0._source.event.id`. Keys with dots in them are found too. */
import type { Json } from '../../contracts/observer.ts';

/**
 * All values at a path. A number picks from an array (`-1`: the last); any other segment spreads over the array's
 * elements. The empty path is the value itself.
 */
export const valuesAt = (json: Json, path: string): Json[] =>
  path === '' ? [json] : walk(json, path.split('.'));

const walk = (json: Json, segments: readonly string[]): Json[] => {
  const [head] = segments;
  if (head === undefined) return [json];
  if (json === null || typeof json !== 'object') return [];
  if (Array.isArray(json)) {
    const array: readonly Json[] = json;
    if (!/^-?\d+$/.test(head)) return array.flatMap(element => walk(element, segments));
    const element = array.at(Number(head));
    return element === undefined ? [] : walk(element, segments.slice(1));
  }
  const object = json as { readonly [key: string]: Json };
  for (let n = segments.length; n > 0; n--) {
    const key = segments.slice(0, n).join('.');
    if (!Object.hasOwn(object, key)) continue;
    const found = walk(object[key] as Json, segments.slice(n));
    if (found.length > 0) return found;
  }
  return [];
};

/** A value as a record's text: strings as they are, anything else as JSON. */
export const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

export type TimeUnit = 'iso' | 's' | 'ms' | 'us' | 'ns';
const UNIT_MS = { s: 1e3, ms: 1, us: 1e-3, ns: 1e-6 } as const;
const NO_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;

/** A time as a backend writes it, in Unix milliseconds; undefined where it can't be read. ISO without a zone is UTC. */
export const instantOf = (value: Json | undefined, unit: TimeUnit): number | undefined => {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  const ms =
    unit === 'iso'
      ? Date.parse(NO_ZONE.test(text) ? `${text.replace(' ', 'T')}Z` : text)
      : // To the microsecond first: 1.123 s is 1123 ms, not 1122.999….
        Math.floor(Number((Number(text === '' ? 'x' : text) * UNIT_MS[unit]).toFixed(3)));
  return Number.isFinite(ms) ? ms : undefined;
};
