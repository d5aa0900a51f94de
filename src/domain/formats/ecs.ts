/** Elastic Common Schema 9.x, an authentication event. Source: https://www.elastic.co/docs/reference/ecs */
import type { EventFormat, EventInput } from '../event.ts';
import { hardFields } from './hard.ts';
import { picker } from './pick.ts';

const VERSION = '9.4.0';

const event = (input: EventInput): Record<string, unknown> => {
  const now = new Date(input.nowMs).toISOString();
  return {
    '@timestamp': now,
    ecs: { version: VERSION },
    message: 'Synthetic sign-in by coalmine',
    tags: ['synthetic', 'coalmine-canary'],
    // Labels are keywords without dots, so numbers are written as text.
    labels: {
      synthetic: 'true',
      canary_uuid: input.uuid,
      slot_ms: String(input.slotMs),
      pipeline: input.pipeline,
      target: input.target,
    },
    event: {
      kind: 'event',
      category: ['authentication'],
      type: ['start'],
      action: 'logged-in',
      outcome: 'success',
      id: input.token,
      created: now,
      module: 'coalmine',
      dataset: 'coalmine.canary',
      provider: 'coalmine',
    },
    user: { name: input.user },
    source: { ip: input.sourceIp, port: input.sourcePort },
    host: { name: input.host },
    // OpenTelemetry's marker of synthetic traffic, under its own name; ECS has none.
    user_agent: { original: input.userAgent, synthetic: { type: 'test' } },
    // Under a name of our own, since labels hold neither nested values nor long ones.
    ...(input.hard ? { coalmine: { hard: hardFields() } } : {}),
  };
};

/** What stays the same whenever the attempt is made, and says enough to tell this event from a mention of it. */
const significant = picker([
  'event.id',
  'labels.canary_uuid',
  'labels.slot_ms',
  'labels.pipeline',
  'labels.target',
  'event.category.0',
  'event.action',
  'event.outcome',
  'event.dataset',
  'user.name',
  'source.ip',
  'source.port',
  'host.name',
  'user_agent.original',
]);
const hard = picker(['coalmine.hard']);

export const ecs: EventFormat = {
  name: 'ecs',
  write(input) {
    const json = event(input);
    return {
      text: JSON.stringify(json),
      json,
      app: 'coalmine',
      timeMs: input.nowMs,
      fields: significant(json),
      ...(input.hard ? { hardFields: hard(json) } : {}),
    };
  },
};
