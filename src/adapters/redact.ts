// What the world says may quote our canary back; a reason that we log or store never holds a whole identity.

import { TOKEN_PREFIX } from '../domain/token.ts';

const UUID8 = '[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
const IDENTITIES = new RegExp(`${TOKEN_PREFIX}[0-9a-z]+|${UUID8}`, 'gi');
const REASON_CHARS_MAX = 300;

/** `text` on one line, without tokens or UUIDv8s, cut to what a person reads. */
export const redact = (text: string): string => {
  const safe = text
    .slice(0, 16 * REASON_CHARS_MAX)
    .replace(IDENTITIES, '[canary]')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return safe.length > REASON_CHARS_MAX ? `${safe.slice(0, REASON_CHARS_MAX)}…` : safe;
};
