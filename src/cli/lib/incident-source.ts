/** Incidents for the verbs: from the store beside a running coalmine, or from the running one where the store can't be reached. */
import type { Config } from '../../config/config.ts';
import { incidentJson, noteJson } from '../../domain/incident-json.ts';
import { incidentPage, incidentStory, sayOf } from '../../engine/incidents.ts';
import { storyJson } from '../../web/api/incidents.ts';
import { CliError, usageError } from './exit.ts';
import {
  type IncidentAnswer,
  type IncidentSource,
  LIST_MAX,
  type NoteAnswer,
  type StoryAnswer,
} from './incident-answers.ts';
import { readEngine } from './read-engine.ts';
import { findServer, type Server } from './server.ts';
import { withStore } from './store.ts';

const WITHIN_MS = 30_000;

/** Throws CliError where neither the store nor a server answers. */
export async function withIncidents<T>(
  config: Config,
  work: (source: IncidentSource) => Promise<T>,
): Promise<T> {
  // What the work itself finds wrong isn't for the server to say again.
  let begun = false;
  try {
    return await withStore(config, async ({ sql }) => {
      const { engine } = await readEngine(sql, config);
      begun = true;
      return await work(storeSource(engine));
    });
  } catch (error) {
    if (!(error instanceof CliError) || begun) throw error;
    const server = await findServer(config);
    if (!server) throw error;
    return await work(serverSource(server));
  }
}

type ReadOnlyEngine = Awaited<ReturnType<typeof readEngine>>['engine'];

function storeSource(engine: ReadOnlyEngine): IncidentSource {
  const reader = { only: engine.pipelines.map(p => p.config.name), isPublic: false };
  const unknown = (id: number) => usageError(`there is no incident ${id}: \`coalmine incidents\` lists them`);
  return {
    async list({ pipeline, ...asked }) {
      const only = pipeline === undefined ? reader.only : [pipeline];
      const page = await incidentPage(engine, { ...reader, only }, { ...asked, limit: LIST_MAX });
      return { data: page.incidents.map(incidentJson), more: page.next !== null };
    },
    async story(id) {
      const story = await incidentStory(engine, reader, id);
      if (!story) throw unknown(id);
      return storyJson(story) as StoryAnswer;
    },
    async say(id, saying) {
      const said = await sayOf(engine, id, saying);
      if (said === 'unknown') throw unknown(id);
      if (said === 'full') throw usageError(`incident ${id} has as many notes as it may have`);
      return noteJson(said);
    },
  };
}

function serverSource(server: Server): IncidentSource {
  return {
    async list({ pipeline, state, sinceMs }) {
      const query = new URLSearchParams({
        state,
        limit: String(LIST_MAX),
        ...(pipeline === undefined ? {} : { pipeline }),
        ...(sinceMs === undefined ? {} : { since: String(sinceMs) }),
      });
      const answer = await server.ask(`/api/v1/incidents?${query}`, { scope: 'read', withinMs: WITHIN_MS });
      const { data, next } = answer as { data: IncidentAnswer[]; next: string | null };
      return { data, more: next !== null };
    },
    async story(id) {
      return (await server.ask(`/api/v1/incidents/${id}`, {
        scope: 'read',
        withinMs: WITHIN_MS,
      })) as StoryAnswer;
    },
    async say(id, { kind, by, text }) {
      const path = `/api/v1/incidents/${id}/${kind === 'ack' ? 'ack' : 'notes'}`;
      const body = { by, text };
      return (await server.ask(path, {
        method: 'POST',
        scope: 'write',
        withinMs: WITHIN_MS,
        body,
      })) as NoteAnswer;
    },
  };
}
