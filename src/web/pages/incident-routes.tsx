/** The incidents' addresses: the list, one incident, and its two forms. Forms are refused from elsewhere. */
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { INCIDENT_KINDS, type IncidentKind } from '../../domain/incident.ts';
import { NOTE_CHARS_MAX, type Saying } from '../../domain/incident-note.ts';
import type { IncidentBars } from '../../engine/incident-bars.ts';
import type { IncidentQuery, IncidentStory, IncidentPage as Incidents } from '../../engine/incidents.ts';
import { type Filters, IncidentListPage, listTitle, queryOf } from './incident-list.tsx';
import { IncidentPage, incidentTitle } from './incident-page.tsx';
import { incidentPath } from './incident-text.ts';
import type { Frame } from './layout.tsx';
import { sameOrigin } from './same-origin.ts';
import { NotFound, send } from './send.tsx';

/** Incidents as a request may read and write them. */
export interface IncidentDesk {
  page(request: Request, only: readonly string[], query: IncidentQuery): Promise<Incidents>;
  /** null: there is none that may be read. */
  story(
    request: Request,
    only: readonly string[],
    id: number,
  ): Promise<{ readonly story: IncidentStory; readonly drawn: IncidentBars | null } | null>;
  /** Throws Problem. */
  say(request: Request, id: number, said: Saying): Promise<void>;
  mayWrite(request: Request): boolean;
  /** Whether it may see whom people were told through, and their notes. */
  isInternal(request: Request): boolean;
}

export interface IncidentRoutesOptions {
  readonly desk: IncidentDesk;
  readonly pipelines: readonly { readonly name: string; readonly title: string }[];
  readonly frameOf: (c: Context, path: string) => Pick<Frame, 'path' | 'version' | 'refresh'>;
  /** Names of the pipelines that may be read, or what a browser is to be asked. */
  readonly namesFor: (c: Context) => readonly string[] | Response;
}

const BODY_BYTES_MAX = 65_536;
const OPEN_MAX = 100;
const ENDED_MAX = 50;
const NUMBER = /^[1-9]\d{0,8}$/;

export function mountIncidents(app: Hono, options: IncidentRoutesOptions): void {
  const { desk, frameOf, namesFor } = options;
  app.get('/incidents', async c => {
    const names = namesFor(c);
    if (names instanceof Response) return names;
    const filters = filtersOf(c, names);
    const asked = c.req.query('before') ?? '';
    const before = NUMBER.test(asked) ? Number(asked) : null;
    const only = filters.pipeline === null ? names : [filters.pipeline];
    const kinds = filters.kind === null ? {} : { kinds: [filters.kind as IncidentKind] };
    const read = (state: 'open' | 'ended', limit: number, from: number | null) =>
      desk.page(c.req.raw, only, { ...kinds, state, limit, ...(from === null ? {} : { before: from }) });
    const ended = await read('ended', filters.state === 'open' ? 1 : ENDED_MAX, before);
    const open = filters.state === 'ended' || before !== null ? null : await read('open', OPEN_MAX, null);
    const props = {
      filters,
      pipelines: options.pipelines.filter(p => names.includes(p.name)),
      nowMs: ended.asOfMs,
      open: open?.incidents ?? [],
      moreOpen: open !== null && open.next !== null,
      ended: ended.incidents,
      next: filters.state === 'open' ? null : ended.next,
      before,
    };
    const query = { ...queryOf(filters), ...(before === null ? {} : { before: asked }) };
    const frame = { ...frameOf(c, '/incidents'), asOfMs: ended.asOfMs, windowMs: null, fields: true, query };
    return send(c, { ...frame, title: listTitle(props) }, <IncidentListPage {...props} />);
  });

  app.get('/incidents/:id', async c => {
    const names = namesFor(c);
    if (names instanceof Response) return names;
    const id = c.req.param('id');
    const found = NUMBER.test(id) ? await desk.story(c.req.raw, names, Number(id)) : null;
    const frame = { ...frameOf(c, incidentPath(Number(id))), windowMs: null, fields: true };
    if (!found) return notFound(c, { ...frame, path: '/incidents', asOfMs: await nowOf(desk, c) });
    const props = {
      ...found,
      mayWrite: desk.mayWrite(c.req.raw),
      isInternal: desk.isInternal(c.req.raw),
    };
    const title = incidentTitle(found.story.incident);
    return send(c, { ...frame, title, asOfMs: found.story.asOfMs }, <IncidentPage {...props} />);
  });

  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError: c => c.text('413: the note is too long\n', 413),
  });
  app.post('/incidents/:id/:what{notes|ack}', sameOrigin, limit, async c => {
    const id = c.req.param('id');
    if (!NUMBER.test(id)) return c.text('404: there is no such incident\n', 404);
    const form = new URLSearchParams(await c.req.text());
    const kind = c.req.param('what') === 'ack' ? 'ack' : 'note';
    const text = (form.get('text') ?? '').trim();
    if (kind === 'note' && (text === '' || text.length > NOTE_CHARS_MAX))
      return c.text(`400: expected a note of 1 to ${NOTE_CHARS_MAX} characters; go back and mend it\n`, 400);
    await desk.say(c.req.raw, Number(id), { kind, text, by: form.get('by') ?? '' });
    return c.redirect(`${incidentPath(Number(id))}${kind === 'note' ? '#notes' : ''}`, 303);
  });
}

const nowOf = async (desk: IncidentDesk, c: Context): Promise<number> =>
  (await desk.page(c.req.raw, [], { limit: 1 })).asOfMs;

function filtersOf(c: Context, names: readonly string[]): Filters {
  const [pipeline = '', kind = '', state = ''] = ['pipeline', 'kind', 'state'].map(k => c.req.query(k) ?? '');
  return {
    pipeline: names.includes(pipeline) ? pipeline : null,
    kind: Object.hasOwn(INCIDENT_KINDS, kind) ? kind : null,
    state: state === 'open' || state === 'ended' ? state : null,
  };
}

const notFound = (c: Context, frame: Omit<Frame, 'title'>): Response =>
  send(
    c,
    { ...frame, title: 'No such incident · coalmine' },
    <NotFound title="No such incident">
      There is no such incident, or it may not be read. <a href="/incidents">All incidents</a>
    </NotFound>,
    404,
  );
