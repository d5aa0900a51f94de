// The ways to prove to an HTTP service who we are.
import { z } from 'zod';
import { basicAuth } from '../../adapters/exchange.ts';
import { secret } from '../../adapters/settings.ts';
import { SettingsError } from '../../contracts/definition.ts';
import { headerSecret, headers } from './settings.ts';

export const credentials = {
  basic: z
    .strictObject({
      username: z.string().min(1).max(1024).describe('Who we are'),
      password: secret.describe('How it knows'),
    })
    .optional()
    .describe('HTTP Basic credentials'),
  bearer_token: headerSecret.optional().describe('Token for an Authorization: Bearer header'),
  headers: headers.describe('Headers of every request'),
};
type Credentials = z.output<z.ZodObject<typeof credentials>>;

/** The headers of every request. Throws `SettingsError` where two ways are given. */
export const headersOf = (s: Credentials): Record<string, string> => {
  if (s.basic !== undefined && s.bearer_token !== undefined)
    throw new SettingsError('basic and bearer_token: expected one of them, found both');
  if (s.basic !== undefined)
    return { ...s.headers, authorization: basicAuth(s.basic.username, s.basic.password) };
  return s.bearer_token === undefined
    ? s.headers
    : { ...s.headers, authorization: `Bearer ${s.bearer_token}` };
};

/** What of them must never be told: header values whole, and without the word that says of which kind they are. */
export const secretsIn = (s: Credentials): string[] => {
  const values = Object.values(headersOf(s));
  const bare = values.map(value => value.replace(/^\S+ /, ''));
  return [s.basic?.password, ...values, ...bare].filter(v => v !== undefined);
};
