/** Incidents for the pages, from a running engine, as far as `access` lets a request read and write them. */
import { speakerOf } from '../../domain/incident-note.ts';
import { incidentBars } from '../../engine/incident-bars.ts';
import { incidentPage, incidentStory } from '../../engine/incidents.ts';
import type { Engine } from '../../engine/live.ts';
import type { Access } from '../access.ts';
import { written } from '../api/incidents.ts';
import type { IncidentDesk } from './incident-routes.tsx';

export const deskOf = (engine: Engine, access: Access): IncidentDesk => {
  const readerOf = (request: Request, only: readonly string[]) => ({
    only,
    isPublic: !access.has(request, 'read'),
  });
  return {
    page: (request, only, query) => incidentPage(engine, readerOf(request, only), query),
    async story(request, only, id) {
      const story = await incidentStory(engine, readerOf(request, only), id);
      return story && { story, drawn: await incidentBars(engine, story.incident) };
    },
    async say(request, id, { kind, text, by }) {
      access.demand(request, 'write');
      await written(engine, id, { kind, text, by: speakerOf(by, access.who(request)) });
    },
    mayWrite: request => access.has(request, 'write'),
    isInternal: request => access.has(request, 'read'),
  };
};
