/** Where shippers put an event they don't parse, and the signs that what wraps it is an error about it. */
import type { WrittenEvent } from './event.ts';

type Branch = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Branch =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that by convention hold the original line, whole. */
const PLACES = [
  'message', // Elastic agents, Datadog, CloudWatch
  'log', // Docker, Fluent Bit
  'event.original', // ECS
  'body', // OpenTelemetry
  'body.stringValue', // OTLP
  'MESSAGE', // journald
  '_raw', // Splunk
  'msg',
  'short_message', // GELF
  'SyslogMessage', // Azure Syslog
  'RawData', // Azure custom logs
  'textPayload', // Google Cloud Logging
];

const PLACE_STEPS = PLACES.map(place => [place, ...place.split('.')] as [string, string, string?]);

/** What search APIs wrap a record in. */
const WRAPPERS = ['_source', 'result', 'attributes'];

const FAULTS = ['error', 'err', 'reason', 'exception'];
const LEVELS =
  /^(?:log\.?level|level|severity|lvl|levelname|severity_?text|severity_?level|severity_?number)$/i;
const BAD = /^(?:e|err|errors?|w|warn|warning|fatal|crit|critical|alert|emerg|emergency|panic|severe)$/i;

/** Pino and Bunyan write 40 (warn) to 60 (fatal); OpenTelemetry's severityNumber warns from 13 to 24. */
const badNumber = (key: string, level: unknown): boolean => {
  const n = Number(level);
  return /number$/i.test(key) ? n >= 13 && n <= 24 : n >= 40 && n <= 60;
};

const says = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && value !== '' && value !== 0;

/** Whether the event itself is of that level. */
const isOwn = (key: string, level: unknown, event: WrittenEvent): boolean =>
  event.json
    ? event.json[key] === level
    : event.text.toLowerCase().split(/\W+/).includes(String(level).toLowerCase());

/** Whether an object says that it's an error or a warning about what it holds, where the event doesn't itself. */
function marked(object: Branch, event: WrittenEvent): boolean {
  const isBad = (key: string, level: unknown): boolean =>
    LEVELS.test(key) && (BAD.test(String(level)) || badNumber(key, level)) && !isOwn(key, level, event);
  for (const [key, value] of Object.entries(object)) {
    const head = (key.split('.', 1)[0] as string).toLowerCase();
    if (FAULTS.includes(head) && says(value) && event.json?.[key] === undefined) return true;
    if (isBad(key, value)) return true;
    if (key === 'log' && isObject(value) && isBad('level', value.level)) return true;
  }
  return false;
}

/** The record and what a search API wrapped in it. */
const parts = (record: object): Branch[] =>
  isObject(record) ? [record, ...WRAPPERS.map(w => record[w])].filter(isObject) : [];

/** Whether the record, or what its search API wrapped, says that it's an error about the event it holds. */
export const isComplaint = (record: object, event: WrittenEvent): boolean =>
  parts(record).some(object => marked(object, event));

/** Whether the record is a program's log line in words of its own, at whatever level. */
export const isRemark = (record: object, event: WrittenEvent): boolean =>
  parts(record).some(object => {
    const words = object.msg ?? object.message;
    const own = typeof words === 'string' && event.text.includes(JSON.stringify(words));
    return typeof words === 'string' && !own && Object.keys(object).some(key => LEVELS.test(key));
  });

/** The texts at the conventional places of a record. */
export function conventionalTexts(record: object): string[] {
  const out: string[] = [];
  for (const object of parts(record))
    for (const [place, outer, inner] of PLACE_STEPS) {
      const nested = inner === undefined ? undefined : object[outer];
      for (const value of [object[place], isObject(nested) ? nested[inner as string] : undefined])
        if (typeof value === 'string') out.push(value);
    }
  return out;
}
