// Tells a status page that speaks Atlassian Statuspage's API: an incident, and with it the status of the pipeline's component.
//
// An incident opens as `investigating`, is `identified` once it has worsened, and ends `resolved`; `monitoring`, and what
// people set, is theirs. It is known again by a mark in its metadata, which holds the incident and the last notice: whatever
// got lost on the way, no notice is told twice and no incident opened twice. One that people have resolved is not touched,
// but for a worsening, which opens another. A component that other open incidents name keeps the worst status of theirs and
// ours. What concerns coalmine itself says nothing about a pipeline: its component stays as it is.
import { z } from 'zod';
import type { Answer } from '../adapters/exchange.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import type { Notice, Notifier, Receipt } from '../contracts/notifier.ts';
import { notifierOf } from './lib/deliver.ts';
import type { Channel } from './lib/http.ts';
import { scrubber } from './lib/scrub.ts';
import { headerSecret, plainUrl, timeout } from './lib/settings.ts';
import { isOpen, markOf, type PageApi, type PageIncident, pageApi } from './lib/statuspage-api.ts';
import {
  COMPONENT_STATUSES,
  type ComponentStatus,
  IMPACTS,
  wordingOf,
  worse,
} from './lib/statuspage-words.ts';

const id = z.string().regex(/^[\w-]{1,64}$/, 'expected an id of letters, digits, _ and -');
const status = (usual: ComponentStatus) =>
  z.enum(COMPONENT_STATUSES).default(usual).describe('Status of the component for this severity');

const schema = z.strictObject({
  page_id: id.describe('The page'),
  api_key: headerSecret.describe('Key of a user of its API'),
  components: z
    .record(z.string().min(1).max(63), id)
    .default({})
    .describe('Which component stands for which pipeline, by the pipeline’s name; others get incidents only'),
  component_status: z
    .strictObject({
      critical: status('major_outage'),
      error: status('partial_outage'),
      warning: status('degraded_performance'),
      info: status('operational'),
    })
    .prefault({})
    .describe('What a component becomes, by the severity of a loss'),
  degrade_for_ours: z
    .boolean()
    .default(false)
    .describe(
      'Whether coalmine’s own troubles set the component to degraded_performance; it stays as it is unless set',
    ),
  wording: z
    .enum(['plain', 'full'])
    .default('plain')
    .describe(
      '`plain`: that events are late or missing, and since when; `full`: the notice, for a page that is not public',
    ),
  notify_subscribers: z.boolean().default(true).describe('Whether the page tells its subscribers'),
  url: plainUrl.default('https://api.statuspage.io/v1').describe('Base URL of the API'),
  timeout,
});
type Settings = z.output<typeof schema>;

/** A page's newest hundred incidents with all their updates. */
const ANSWER_BYTES_MAX = 16_777_216;

/** What the component becomes while this incident is open; undefined: nothing is said of it. */
const statusOf = (notice: Notice, s: Settings): ComponentStatus | undefined => {
  if (notice.concerns === 'loss') return s.component_status[notice.severity];
  return s.degrade_for_ours ? 'degraded_performance' : undefined;
};

const STATUS_OF_EVENT: Readonly<Partial<Record<Notice['event'], string>>> = {
  opened: 'investigating',
  worsened: 'identified',
  resolved: 'resolved',
  summary: 'resolved',
};

/** What is said of the component, given the other open incidents that name it. */
const componentOf = (notice: Notice, others: readonly PageIncident[], s: Settings) => {
  const component = s.components[notice.pipeline.name];
  const own = statusOf(notice, s);
  if (component === undefined || own === undefined || notice.event === 'summary') return {};
  const theirs = others.flatMap(i => i.components ?? []).find(c => c.id === component);
  const isOver = notice.event === 'resolved';
  if (isOver && theirs !== undefined) return {};
  const now = isOver ? 'operational' : worse(own, theirs?.status);
  return { component_ids: [component], components: { [component]: now } };
};

const updateOf = (notice: Notice, others: readonly PageIncident[], s: Settings) => {
  const at = STATUS_OF_EVENT[notice.event];
  return {
    ...(at === undefined ? {} : { status: at }),
    body: wordingOf(notice, s.wording).body,
    ...componentOf(notice, others, s),
    deliver_notifications: s.notify_subscribers && notice.event !== 'summary',
    metadata: { coalmine: { incident: notice.incident, notice: notice.id } },
  };
};

const creationOf = (notice: Notice, others: readonly PageIncident[], s: Settings) => ({
  status: 'investigating',
  ...updateOf(notice, others, s),
  name: wordingOf(notice, s.wording).name,
  impact_override: IMPACTS[statusOf(notice, s) ?? 'operational'],
});

/** Nothing of ours is open. */
const tellAnew = async (
  api: PageApi,
  notice: Notice,
  closed: PageIncident | undefined,
  others: readonly PageIncident[],
  s: Settings,
): Promise<Receipt> => {
  const isClosedByPeople = closed !== undefined && ['reminder', 'resolved'].includes(notice.event);
  if (isClosedByPeople) return { incident_id: closed.id };
  if (notice.event !== 'resolved')
    return { incident_id: (await api.create(creationOf(notice, others, s))).id };
  // The incident is gone from the page; what it did to the component may not be.
  for (const [component, now] of Object.entries(componentOf(notice, others, s).components ?? {}))
    await api.setComponent(component, now);
  return {};
};

const tell = async (
  api: PageApi,
  notice: Notice,
  previous: Receipt | null,
  s: Settings,
): Promise<Receipt> => {
  const newest = await api.newest();
  const marked = newest.filter(i => markOf(i)?.incident === notice.incident);
  const told = marked.find(i => markOf(i)?.notice === notice.id);
  if (told !== undefined) return { incident_id: told.id };
  const before = previous?.incident_id;
  const known = marked.find(isOpen) ?? marked[0] ?? newest.find(i => i.id === before);
  const own = known ?? (typeof before === 'string' ? await api.incident(before) : undefined);
  const others = newest.filter(i => isOpen(i) && i.id !== own?.id);
  if (own === undefined || !isOpen(own)) return tellAnew(api, notice, own, others, s);
  await api.update(own.id, updateOf(notice, others, s));
  return { incident_id: own.id };
};

const advise = (answer: Answer): string | undefined => {
  if (answer.status === 401 || answer.status === 403)
    return 'check api_key, and that its user may write to the page';
  return answer.status === 404 ? 'check page_id and components' : undefined;
};

const create = (s: Settings, ctx: Context): Notifier => {
  const scrub = scrubber([s.api_key]);
  const channel: Channel = {
    ctx,
    name: 'Statuspage',
    timeoutMs: s.timeout,
    scrub,
    advise,
    // Its word for too many requests.
    passing: [420],
    answerBytesMax: ANSWER_BYTES_MAX,
  };
  const at = { pageUrl: `${s.url.replace(/\/+$/, '')}/pages/${s.page_id}`, apiKey: s.api_key };
  return notifierOf(scrub, async (notice, previous, signal) => {
    const api = pageApi(channel, at, signal);
    if (notice.event !== 'test') return tell(api, notice, previous, s);
    // Nothing that the public would see.
    await api.probe(s.components[notice.pipeline.name]);
    return {};
  });
};

export default defineNotifier({
  kind: 'statuspage',
  summary: 'Tells a status page that speaks Atlassian Statuspage’s API',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { repeatEveryMs: null },
  create,
});
