// Pages through PagerDuty's Events API v2: one alert for each incident, opened, updated and resolved by its dedup_key.
//
// A summary (it began and ended before anybody could be told) becomes a change event. An info-level alert that is resolved
// at once would do on services that go by severity, but on others every alert pages: a change event never does, and stands
// on the service's time line all the same. A test is an alert, since that is what it tests, and is resolved at once.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { secret } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import type { Notice, Notifier, Receipt } from '../contracts/notifier.ts';
import type { Json } from '../contracts/observer.ts';
import { notifierOf } from './lib/deliver.ts';
import { type Channel, send } from './lib/http.ts';
import { factsOf, headline, isoTime, linkOf, textOf } from './lib/notice.ts';
import { scrubber } from './lib/scrub.ts';
import { plainUrl, timeout } from './lib/settings.ts';
import { cut, oneLine } from './lib/text.ts';

const schema = z.strictObject({
  routing_key: secret
    .regex(/^[0-9A-Za-z]{32}$/, 'expected the 32 letters and digits of an Events API v2 integration key')
    .describe('Integration key of a service or an event orchestration: Events API v2'),
  url: plainUrl
    .regex(/\/v2\/enqueue$/, 'expected a URL that ends in /v2/enqueue')
    .default('https://events.pagerduty.com/v2/enqueue')
    .describe('Where events are taken; in the EU service region https://events.eu.pagerduty.com/v2/enqueue'),
  timeout,
});
type Settings = z.output<typeof schema>;

const SUMMARY_MAX = 1024;
const SOURCE_MAX = 255;
const DEDUP_KEY_MAX = 255;
/** 100 KB at most in UTF-8, of the 512 KB that an event may have. */
const TEXT_MAX = 8000;
const FACTS_MAX = 50;

/** The incident's own id; where that is too long, its hash. */
const dedupKeyOf = ({ incident }: Notice): string =>
  incident.length <= DEDUP_KEY_MAX ? incident : createHash('sha256').update(incident).digest('hex');

const detailsOf = (notice: Notice): { readonly [key: string]: Json } => ({
  text: textOf(notice, TEXT_MAX),
  ...Object.fromEntries(factsOf(notice, FACTS_MAX).map(({ label, value }) => [label, value])),
  event: notice.event,
  notice_id: notice.id,
  ...(notice.chainHead === null ? {} : { chain_head: notice.chainHead }),
});

const linksOf = (notice: Notice) => {
  const href = linkOf(notice);
  return href === undefined ? {} : { links: [{ href, text: 'The incident in coalmine' }] };
};

const triggerOf = (notice: Notice) => ({
  event_action: 'trigger',
  dedup_key: dedupKeyOf(notice),
  payload: {
    summary: headline(notice, SUMMARY_MAX),
    source: cut(oneLine(notice.pipeline.name), SOURCE_MAX),
    severity: notice.event === 'test' ? 'info' : notice.severity,
    timestamp: isoTime(notice.detectedMs),
    ...(notice.checkpoint === null ? {} : { component: cut(oneLine(notice.checkpoint), SOURCE_MAX) }),
    group: 'coalmine',
    class: notice.kind,
    custom_details: detailsOf(notice),
  },
  client: 'coalmine',
  ...(linkOf(notice) === undefined ? {} : { client_url: linkOf(notice) }),
  ...linksOf(notice),
});

const resolveOf = (notice: Notice) => ({ event_action: 'resolve', dedup_key: dedupKeyOf(notice) });

const changeOf = (notice: Notice) => ({
  payload: {
    summary: headline(notice, SUMMARY_MAX),
    source: cut(oneLine(notice.pipeline.name), SOURCE_MAX),
    timestamp: isoTime(notice.endedMs ?? notice.atMs),
    custom_details: detailsOf(notice),
  },
  ...linksOf(notice),
});

const create = (s: Settings, ctx: Context): Notifier => {
  const scrub = scrubber([s.routing_key]);
  const advise = ({ status }: { readonly status: number }) =>
    [400, 401, 403].includes(status)
      ? 'check routing_key: the integration key of an Events API v2 integration'
      : undefined;
  const channel: Channel = { ctx, name: 'PagerDuty', timeoutMs: s.timeout, scrub, advise };
  const post = (url: string, event: object, signal: AbortSignal) =>
    send(channel, { url, body: JSON.stringify({ routing_key: s.routing_key, ...event }) }, signal);
  return notifierOf(scrub, async (notice, _previous, signal): Promise<Receipt> => {
    if (notice.event === 'summary') {
      await post(s.url.replace(/enqueue$/, 'change/enqueue'), changeOf(notice), signal);
      return {};
    }
    if (notice.event !== 'resolved') await post(s.url, triggerOf(notice), signal);
    if (notice.event === 'resolved' || notice.event === 'test') await post(s.url, resolveOf(notice), signal);
    return { dedup_key: dedupKeyOf(notice) };
  });
};

export default defineNotifier({
  kind: 'pagerduty',
  summary: 'Pages through PagerDuty (Events API v2)',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { repeatEveryMs: null },
  create,
});
