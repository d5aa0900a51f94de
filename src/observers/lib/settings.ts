/** Setting types that the observers share. */
import { z } from 'zod';
import { headerName, headerValue, timeoutOf } from '../../adapters/settings.ts';

export const timeout = timeoutOf('20s').describe('How long one request may take before the look fails');

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

/** Headers by name, which may hold secrets. */
export const headers = z.record(headerName, headerValue).default({}).meta({ writeOnly: true });
