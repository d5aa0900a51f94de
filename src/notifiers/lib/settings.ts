// Setting types that the notifiers share. A chat's URL is all that is needed to write there: URLs are secrets here.
import { z } from 'zod';
import { headerName, headerValue, httpUrl, secret, timeoutOf } from '../../adapters/settings.ts';

/** How long one request, mail or run may take. */
export const timeout = timeoutOf('10s').describe(
  'How long one request, mail or run may take before it counts as failed and is tried again',
);

/** Without credentials: fetch takes none in a URL, and its complaint would quote them. */
export const plainUrl = httpUrl
  .max(4096)
  .refine(
    url => !URL.canParse(url) || (new URL(url).username === '' && new URL(url).password === ''),
    'expected a URL without user and password',
  );

/** A URL that lets whoever knows it write there. */
export const secretUrl = plainUrl.meta({ writeOnly: true });

/** A secret that stands in a header, as it is. */
export const headerSecret = secret.regex(
  /^[\x21-\x7e]+$/,
  'expected printable ASCII without spaces or line ends',
);

export const headers = z.record(headerName, headerValue).default({}).meta({ writeOnly: true });
