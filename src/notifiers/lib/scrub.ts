// What a channel says may quote our own secrets back: whatever we pass on has none of them, and no canary's identity.
import { redact } from '../../adapters/redact.ts';
import { cut } from './text.ts';

/** `text` on one line without secrets and identities, at most 200 characters: its first, or its last. */
export type Scrub = (text: string, keep?: 'start' | 'end') => string;

const WORDS_CHARS_MAX = 200;
/** Shorter ones are ordinary words, and starring them out would tell more than it hides. */
const SECRET_CHARS_MIN = 4;

/** A secret as it is and as JSON, a URL or Basic credentials would have it. */
const spellings = (secret: string): string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
];

export const scrubber = (secrets: readonly (string | undefined)[]): Scrub => {
  const all = secrets.filter(s => s !== undefined && s.length >= SECRET_CHARS_MIN) as string[];
  // The longest first: what holds another would otherwise be left in part.
  const hidden = [...new Set(all.flatMap(spellings))].sort((a, b) => b.length - a.length);
  const hide = (text: string) => hidden.reduce((out, secret) => out.replaceAll(secret, '***'), text);
  // Once more at the end: white space that was taken out may have kept the parts of one apart.
  return (text, keep = 'start') => {
    const safe = hide(text).trimEnd();
    return cut(hide(redact(keep === 'end' ? safe.slice(-WORDS_CHARS_MAX) : safe)), WORDS_CHARS_MAX);
  };
};

const PART_CHARS_MIN = 8;

/** What of a URL is secret: all but its host. */
export const secretsOfUrl = (url: string): string[] => {
  const { pathname, search, searchParams } = new URL(url);
  const parts = [...pathname.split('/'), ...searchParams.values()].filter(p => p.length >= PART_CHARS_MIN);
  return [url, ...((pathname + search).length > 1 ? [pathname + search] : []), ...parts];
};
