/**
 * JSON that jsonb takes. What backends and first hops say may hold NUL or half of a surrogate pair; PostgreSQL refuses both,
 * and one such record would blind its checkpoint for good. They become U+FFFD.
 */

/** One escape of JSON; the group: one that JSON.stringify writes only for what jsonb refuses. */
const ESCAPE = /\\(?:(u0000|ud[89a-f][0-9a-f]{2})|.)/g;

export const toJson = (value: unknown): string =>
  JSON.stringify(value).replace(ESCAPE, (found, refused?: string) => (refused ? '\\ufffd' : found));
