/** Metrics of incidents, and of the notices that tell of them. From the store, as the others. */
import { INCIDENT_KINDS } from '../domain/incident.ts';
import { type IncidentReader, openIncidents } from '../engine/incidents.ts';
import type { Engine } from '../engine/live.ts';
import { type NotifierState, readNotifierStates } from '../store/read-incidents.ts';
import type { Family } from './exposition.ts';

const FAILED_WITHIN_MS = 24 * 3_600_000;

/** Zeros too, so that an alert on it is told of the end. */
export async function incidentFamily(engine: Engine, reader: IncidentReader): Promise<Family> {
  const open = await openIncidents(engine, reader);
  const countOf = (pipeline: string, kind: string): number =>
    open.find(o => o.pipeline === pipeline && o.kind === kind)?.n ?? 0;
  return {
    name: 'coalmine_incidents_open',
    type: 'gauge',
    help: 'Incidents that are open. loss, refused, altered and vanished are of the pipeline; blind and most others our own.',
    samples: reader.only.flatMap(pipeline =>
      Object.keys(INCIDENT_KINDS).map(kind => ({
        labels: { pipeline, kind },
        value: countOf(pipeline, kind),
      })),
    ),
  };
}

/** Of every configured notifier, and of those that have left the configuration and still have something to tell. */
export async function noticeFamilies(engine: Engine): Promise<Family[]> {
  const states = await readNotifierStates(engine.sql, engine.ctx.clock.now() - FAILED_WITHIN_MS);
  const names = new Set([...Object.keys(engine.config.notify), ...states.map(s => s.notifier)]);
  const each = (of: (s: NotifierState) => number) =>
    [...names].map(notifier => {
      const state = states.find(s => s.notifier === notifier);
      return { labels: { notifier }, value: state ? of(state) : 0 };
    });
  return [
    {
      name: 'coalmine_notices_waiting',
      type: 'gauge',
      help: 'Notices not delivered yet, among them those that wait for another attempt.',
      samples: each(s => s.waiting),
    },
    {
      name: 'coalmine_notices_failed',
      type: 'gauge',
      help: 'Notices given up within the last day: somebody was not told this way.',
      samples: each(s => s.failed),
    },
  ];
}
