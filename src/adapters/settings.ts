// Setting types that adapters share. Durations are written as people write them and come out in milliseconds.
import { z } from 'zod';
import { DURATION_EXPECTED, DURATION_PATTERN, parseDuration } from '../domain/words.ts';

/** `250ms`, `10s`, `1h30m`; out come milliseconds. */
export const duration = z
  .string()
  .regex(new RegExp(DURATION_PATTERN), `expected ${DURATION_EXPECTED}`)
  .transform(text => parseDuration(text));

/** How long something may take, between 1ms and 10m; `usual` unless given. */
export const timeoutOf = (usual: string) =>
  duration.refine(ms => ms >= 1 && ms <= 600_000, 'expected between 1ms and 10m').prefault(usual);

/** Text that is never shown: pages and printed settings leave out what the JSON schema marks `writeOnly`. */
export const secret = z.string().min(1).max(65_536).meta({ writeOnly: true });

export const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'expected a URL that begins with https:// or http://',
});

/** A name that may stand before the colon of an HTTP header (RFC 9110 token). */
export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected the name of an HTTP header');

/** A value that may stand after it: visible ASCII and spaces. */
export const headerValue = z
  .string()
  .max(8192)
  .regex(/^[\x20-\x7e]*$/, 'expected printable ASCII');
