// The part of Atlassian Statuspage's API that is needed: a page's newest incidents, and writing one.
import { z } from 'zod';
import { Retry } from '../../contracts/notifier.ts';
import { ask, type Channel, refusal } from './http.ts';

const Incident = z.object({
  id: z.string(),
  status: z.string(),
  metadata: z.unknown(),
  components: z.array(z.object({ id: z.string(), status: z.string() })).nullish(),
});
export type PageIncident = z.output<typeof Incident>;

/** What we leave in an incident's metadata to know it again. */
const Mark = z.object({ coalmine: z.object({ incident: z.string(), notice: z.string() }) });
export const markOf = (incident: PageIncident): { incident: string; notice: string } | undefined =>
  Mark.safeParse(incident.metadata).data?.coalmine;

/** An incident that isn't over. */
export const isOpen = (incident: PageIncident): boolean =>
  ['investigating', 'identified', 'monitoring'].includes(incident.status);

/** How many of the newest incidents are looked through, as many as the API gives at once. */
const INCIDENTS_MAX = 100;

export interface PageApi {
  /** The newest incidents, open or over. */
  newest(): Promise<readonly PageIncident[]>;
  /** One; undefined where there is none such. */
  incident(id: string): Promise<PageIncident | undefined>;
  create(incident: object): Promise<PageIncident>;
  update(id: string, incident: object): Promise<void>;
  setComponent(id: string, status: string): Promise<void>;
  /** Asks for what a notice would need, and changes nothing. */
  probe(componentId: string | undefined): Promise<void>;
}

export const pageApi = (
  channel: Channel,
  at: { readonly pageUrl: string; readonly apiKey: string },
  signal: AbortSignal,
): PageApi => {
  /** The text of a yes; undefined for a 404 where that is an answer. */
  const call = async (method: string, path: string, given: { body?: object; orNone?: boolean } = {}) => {
    const url = `${at.pageUrl}${path}`;
    const type: Record<string, string> =
      given.body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { authorization: `OAuth ${at.apiKey}`, 'user-agent': 'coalmine', ...type };
    const sent = given.body === undefined ? {} : { body: JSON.stringify(given.body) };
    const answer = await ask(channel, { url, method, headers, ...sent }, signal);
    if (answer.status >= 200 && answer.status < 300) return answer.text;
    if (answer.status === 404 && given.orNone) return undefined;
    throw refusal(channel, answer, url);
  };
  const read = <T>(schema: z.ZodType<T>, text = ''): T => {
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      throw new Retry(`${channel.name}: its answer is not what its API promises: ${channel.scrub(text)}`);
    }
  };
  const one = (id: string) => `/incidents/${encodeURIComponent(id)}`;
  const component = (id: string) => `/components/${encodeURIComponent(id)}`;
  return {
    async newest() {
      return read(z.array(Incident), await call('GET', `/incidents?limit=${INCIDENTS_MAX}`));
    },
    async incident(id) {
      const text = await call('GET', one(id), { orNone: true });
      return text === undefined ? undefined : read(Incident, text);
    },
    create: async incident => read(Incident, await call('POST', '/incidents', { body: { incident } })),
    async update(id, incident) {
      await call('PATCH', one(id), { body: { incident } });
    },
    async setComponent(id, status) {
      await call('PATCH', component(id), { body: { component: { status } } });
    },
    async probe(id) {
      await call('GET', id === undefined ? '/incidents?limit=1' : component(id));
    },
  };
};
