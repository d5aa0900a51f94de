/** Setting types that the observers share. Durations are written as people write them and come out in milliseconds. */
import { z } from 'zod';
import { DURATION_EXPECTED, DURATION_PATTERN, parseDuration } from '../../domain/words.ts';

export const timeout = z
  .string()
  .regex(new RegExp(DURATION_PATTERN), `expected ${DURATION_EXPECTED}`)
  .transform(parseDuration)
  .refine(ms => ms >= 1 && ms <= 600_000, 'expected between 1ms and 10m')
  .prefault('20s')
  .describe('How long one request may take before the look fails');

export const bodyBytesMax = z
  .int()
  .min(1024)
  .max(268_435_456)
  .default(33_554_432)
  .describe('Bytes of one answer, decompressed, at most; a longer one fails the look');

export const pagesMax = z
  .int()
  .min(1)
  .max(100_000)
  .default(1000)
  .describe('Pages of one look, at most; more is a truncated look');

/** Text that is never shown: pages and printed settings leave out what the JSON schema marks `writeOnly`. */
export const secret = z.string().min(1).max(65_536).meta({ writeOnly: true });

export const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'expected a URL that begins with https:// or http://',
});

/** Headers by name (RFC 9110 token), values in printable ASCII. */
export const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected the name of an HTTP header'),
    z
      .string()
      .max(8192)
      .regex(/^[\x20-\x7e]*$/, 'expected printable ASCII'),
  )
  .default({})
  .meta({ writeOnly: true });
