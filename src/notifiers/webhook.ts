// Posts each notice to a program of yours, signed as Standard Webhooks 1.0.0 says: whoever holds the secret can tell that
// it is ours, whole and fresh. Private addresses are allowed, since that is where such programs live; what keeps the
// notifier from being used to reach others is that no redirect is followed and no more than 200 characters of an answer are
// ever told.
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { secret } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import type { Notifier } from '../contracts/notifier.ts';
import { secretsIn } from './lib/credentials.ts';
import { notifierOf } from './lib/deliver.ts';
import { type Channel, send } from './lib/http.ts';
import { eventType, isoTime, noticeJson } from './lib/notice.ts';
import { scrubber, secretsOfUrl } from './lib/scrub.ts';
import { headers, secretUrl, timeout } from './lib/settings.ts';

const KEY_BYTES_MIN = 24;
const KEY_BYTES_MAX = 64;
const keyOf = (text: string): Buffer => Buffer.from(text.slice('whsec_'.length), 'base64');

const signingSecret = secret
  .regex(
    /^whsec_[A-Za-z0-9+/]+={0,2}$/,
    'expected whsec_ and base64; make one: echo whsec_$(openssl rand -base64 32)',
  )
  .refine(
    text => keyOf(text).length >= KEY_BYTES_MIN && keyOf(text).length <= KEY_BYTES_MAX,
    `expected whsec_ and ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes in base64`,
  );

const schema = z.strictObject({
  url: secretUrl.describe('Where notices are taken. Redirects are not followed'),
  secret: z
    .union([signingSecret, z.array(signingSecret).min(1).max(5)])
    .optional()
    .meta({ writeOnly: true })
    .describe(
      'Signs notices: whsec_ and 24 to 64 random bytes in base64. A list while it is being changed: each signs. Unsigned unless given',
    ),
  headers: headers.describe('Headers of every request'),
  timeout,
});
type Settings = z.output<typeof schema>;

/** The value of `webhook-signature`: one signature of each secret. `timestamp` is in Unix seconds. */
export const signatureOf = (
  secrets: readonly string[],
  message: { readonly id: string; readonly timestamp: number; readonly body: string },
): string =>
  secrets
    .map(s => createHmac('sha256', keyOf(s)).update(`${message.id}.${message.timestamp}.${message.body}`))
    .map(hmac => `v1,${hmac.digest('base64')}`)
    .join(' ');

/** An id as a header can carry it; ids of ours are plain already. */
const headerId = (id: string): string => id.replace(/[^\x21-\x7e]/g, '_');

const create = (s: Settings, ctx: Context): Notifier => {
  const secrets = s.secret === undefined ? [] : [s.secret].flat();
  const scrub = scrubber([...secretsOfUrl(s.url), ...secrets, ...secretsIn({ headers: s.headers })]);
  const channel: Channel = { ctx, name: 'webhook', timeoutMs: s.timeout, scrub };
  return notifierOf(scrub, async (notice, _previous, signal) => {
    const message = {
      id: headerId(notice.id),
      timestamp: Math.floor(ctx.clock.now() / 1000),
      body: JSON.stringify({
        type: eventType(notice),
        timestamp: isoTime(notice.atMs),
        data: noticeJson(notice),
      }),
    };
    const signed: Record<string, string> =
      secrets.length === 0 ? {} : { 'webhook-signature': signatureOf(secrets, message) };
    const own = { 'webhook-id': message.id, 'webhook-timestamp': String(message.timestamp), ...signed };
    await send(channel, { url: s.url, body: message.body, headers: { ...s.headers, ...own } }, signal);
    return {};
  });
};

export default defineNotifier({
  kind: 'webhook',
  summary: 'Posts notices to a program of yours, signed as Standard Webhooks says',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { repeatEveryMs: null },
  create,
});
