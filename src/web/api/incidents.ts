/** `/api/v1/incidents`: what departed from the objective, what people were told, and what they say of it. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import type { IncidentNote } from '../../domain/incident.ts';
import { incidentJson, noteJson } from '../../domain/incident-json.ts';
import { NOTES_MAX, type Saying, speakerOf } from '../../domain/incident-note.ts';
import { factsOf, textOf } from '../../domain/incident-words.ts';
import {
  type IncidentReader,
  type IncidentStory,
  incidentPage,
  incidentStory,
  sayOf,
} from '../../engine/incidents.ts';
import type { Engine } from '../../engine/live.ts';
import type { Access } from '../access.ts';
import { isSameOrigin } from '../pages/same-origin.ts';
import { Problem } from '../problem.ts';
import { type ApiOptions, errors, jsonOf, newApi, notFound, wholeParam } from './api.ts';
import { instant } from './canaries.ts';
import { ackBody, incident, incidentDetail, incidentKind, note, noteBody } from './incident-schemas.ts';
import { named } from './pipelines.ts';
import { listOf } from './schemas.ts';

const LIMIT_MAX = 200;
const BODY_BYTES_MAX = 32_768;
export const INT4_MAX = 2_147_483_647;

const list = createRoute({
  method: 'get',
  path: '/incidents',
  summary: 'Incidents, newest first',
  request: {
    query: z.object({
      pipeline: z.string().optional(),
      kind: z
        .union([incidentKind.transform(k => [k]), z.array(incidentKind)])
        .optional()
        .openapi({ type: 'array', items: { type: 'string' }, description: 'May repeat.' }),
      state: z.enum(['open', 'ended']).optional(),
      since: instant.optional().openapi({ description: 'Those that last, or ended since then.' }),
      limit: wholeParam(1, LIMIT_MAX)
        .optional()
        .openapi({ type: 'integer', minimum: 1, maximum: LIMIT_MAX, description: '50 unless given.' }),
      cursor: z.string().max(100).optional(),
    }),
  },
  responses: { 200: jsonOf(listOf(incident), 'A page'), ...errors, ...notFound },
});

const params = z.object({ id: wholeParam(1, INT4_MAX).openapi({ type: 'integer' }) });

const one = createRoute({
  method: 'get',
  path: '/incidents/{id}',
  summary: 'One incident in full: in words, with what people were told and what they noted',
  request: { params },
  responses: { 200: jsonOf(incidentDetail, 'The incident'), ...errors, ...notFound },
});

const asJson = <T extends z.ZodType>(schema: T) => ({
  body: { content: { 'application/json': { schema } }, required: true },
});

const addNote = createRoute({
  method: 'post',
  path: '/incidents/{id}/notes',
  summary: 'Notes something down',
  request: { params, ...asJson(noteBody) },
  responses: { 201: jsonOf(note, 'What was written down'), ...errors, ...notFound },
});

const acknowledge = createRoute({
  method: 'post',
  path: '/incidents/{id}/ack',
  summary: 'Takes it: reminders stop',
  request: { params, ...asJson(ackBody) },
  responses: { 201: jsonOf(note, 'What was written down'), ...errors, ...notFound },
});

export const readerOf = (access: Access, request: Request): IncidentReader => ({
  only: access.readable(request),
  isPublic: !access.has(request, 'read'),
});

const unknown = (): Problem =>
  new Problem(
    'not-found',
    'expected the number of an incident that may be read: `/api/v1/incidents` lists them',
  );

export function incidentsApi({ running, access }: ApiOptions): OpenAPIHono {
  const { engine } = running;
  const app = newApi();
  app.use(
    '/incidents/*',
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: () => {
        throw new Problem('too-large', `expected a body of at most ${BODY_BYTES_MAX} bytes`);
      },
    }),
  );
  app.openapi(list, async c => {
    const query = c.req.valid('query');
    const reader = readerOf(access, c.req.raw);
    const only = query.pipeline === undefined ? reader.only : named(reader.only, query.pipeline);
    const page = await incidentPage(
      engine,
      { ...reader, only },
      {
        limit: query.limit ?? 50,
        ...(query.kind === undefined ? {} : { kinds: query.kind }),
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.since === undefined ? {} : { sinceMs: query.since }),
        ...(query.cursor === undefined ? {} : { before: readCursor(query.cursor) }),
      },
    );
    const next = page.next === null ? null : writeCursor(page.next);
    return c.json({ data: page.incidents.map(incidentJson), next }, 200);
  });
  app.openapi(one, async c => {
    const story = await incidentStory(engine, readerOf(access, c.req.raw), c.req.valid('param').id);
    if (!story) throw unknown();
    return c.json(storyJson(story), 200);
  });

  const say = async (request: Request, id: number, { by, ...said }: Omit<Saying, 'by'> & { by?: string }) => {
    demandWriter(access, request);
    return noteJson(await written(engine, id, { ...said, by: speakerOf(by, access.who(request)) }));
  };
  app.openapi(addNote, async c => {
    const body = c.req.valid('json');
    return c.json(await say(c.req.raw, c.req.valid('param').id, { ...body, kind: 'note' }), 201);
  });
  app.openapi(acknowledge, async c => {
    const body = c.req.valid('json');
    return c.json(await say(c.req.raw, c.req.valid('param').id, { text: '', ...body, kind: 'ack' }), 201);
  });
  return app;
}

/** Throws unless it may write. A browser must be on a page of ours: it may send what it knows of keys from anywhere. */
function demandWriter(access: Access, request: Request): void {
  if (request.headers.has('origin') && !isSameOrigin(request.headers))
    throw new Problem('forbidden', 'expected a request from a page of this coalmine, or from no page at all');
  access.demand(request, 'write');
}

/** What somebody says, written down. Throws Problem. */
export async function written(engine: Engine, id: number, saying: Saying): Promise<IncidentNote> {
  const note = await sayOf(engine, id, saying);
  if (note === 'full')
    throw new Problem('bad-request', `this incident has ${NOTES_MAX} notes, which is as many as it may have`);
  if (note === 'unknown') throw unknown();
  engine.ctx.log('info', 'incident.said', { incident: id, kind: note.kind, by: note.by });
  return note;
}

const cursorForm = /^i(\d{1,10})$/;
const writeCursor = (id: number): string => Buffer.from(`i${id}`).toString('base64url');

function readCursor(text: string): number {
  const id = Number(cursorForm.exec(Buffer.from(text, 'base64url').toString())?.[1] ?? Number.NaN);
  if (id >= 1 && id <= INT4_MAX) return id;
  throw new Problem(
    'bad-request',
    'expected as cursor what the page before gave as `next`; leave it out to begin anew',
  );
}

/** An incident in full, as the API tells it. */
export const storyJson = ({
  incident,
  asOfMs,
  seen,
  notices,
}: IncidentStory): z.input<typeof incidentDetail> => ({
  ...incidentJson(incident),
  as_of_ms: asOfMs,
  seen: seen && { checkpoint: seen.checkpoint, state: seen.sight.state, watermark_ms: seen.watermarkMs },
  text: textOf(incident, incident.state === 'open' ? 'opened' : 'resolved', { nowMs: asOfMs }),
  facts: factsOf(incident, { nowMs: asOfMs }),
  notices: notices.map(n => ({
    notifier: n.notifier,
    sequence: n.sequence,
    event: n.event,
    state: n.state,
    created_ms: n.createdMs,
    next_ms: n.nextMs,
    done_ms: n.doneMs,
    attempts: n.attempts,
    error: n.error,
    instead_of: n.insteadOf,
  })),
  notes: incident.notes.map(noteJson),
});
