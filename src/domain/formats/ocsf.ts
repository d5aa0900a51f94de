/** OCSF 1.8.0 Authentication (class 3002), activity Logon. Source: https://schema.ocsf.io/1.8.0/classes/authentication */
import type { EventFormat, EventInput } from '../event.ts';
import { hardFields } from './hard.ts';
import { picker } from './pick.ts';

const VERSION = '1.8.0';
const CLASS_UID = 3002;
const LOGON = 1;

const event = (input: EventInput): Record<string, unknown> => ({
  activity_id: LOGON,
  activity_name: 'Logon',
  category_uid: 3,
  category_name: 'Identity & Access Management',
  class_uid: CLASS_UID,
  class_name: 'Authentication',
  type_uid: CLASS_UID * 100 + LOGON,
  type_name: 'Authentication: Logon',
  time: input.nowMs,
  severity_id: 1,
  severity: 'Informational',
  status_id: 1,
  status: 'Success',
  message: 'Synthetic sign-in by coalmine',
  is_remote: true,
  logon_type_id: 3,
  logon_type: 'Network',
  metadata: {
    version: VERSION,
    product: { name: 'coalmine', vendor_name: 'coalmine' },
    uid: input.token,
    correlation_uid: input.uuid,
    source: 'synthetic',
    labels: ['synthetic', 'coalmine-canary'],
    tags: [
      { name: 'user_agent.synthetic.type', value: 'test' },
      { name: 'slot_ms', value: String(input.slotMs) },
      { name: 'pipeline', value: input.pipeline },
      { name: 'target', value: input.target },
    ],
    logged_time: input.nowMs,
  },
  user: { name: input.user, type_id: 1, type: 'User' },
  src_endpoint: { ip: input.sourceIp, port: input.sourcePort },
  dst_endpoint: { hostname: input.host },
  service: { name: 'coalmine' },
  http_request: { user_agent: input.userAgent },
  ...(input.hard ? { unmapped: { hard: hardFields() } } : {}),
});

/** What stays the same whenever the attempt is made, and says enough to tell this event from a mention of it. */
const significant = picker([
  'metadata.uid',
  'metadata.correlation_uid',
  'metadata.tags.1.value',
  'metadata.tags.2.value',
  'metadata.tags.3.value',
  'class_uid',
  'type_uid',
  'status',
  'user.name',
  'src_endpoint.ip',
  'src_endpoint.port',
  'dst_endpoint.hostname',
  'http_request.user_agent',
]);
const hard = picker(['unmapped.hard']);

export const ocsf: EventFormat = {
  name: 'ocsf',
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
