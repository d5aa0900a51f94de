/** Elastic, in its two languages: KQL for exceptions and filters, ES|QL for rules. */
import {
  asTripwire,
  type CanaryRecord,
  type Condition,
  type Field,
  identityOf,
  keysOf,
  quoted,
  type SiemText,
} from './condition.ts';

function keys(field: Field): readonly string[] {
  if (field.kind === 'json') return keysOf(field.path);
  if (field.kind === 'line') return ['message'];
  if (field.kind === 'process') return ['process', 'name'];
  return {
    user: ['user', 'name'],
    client: ['azure', 'signinlogs', 'properties', 'app_id'],
    source: ['source', 'ip'],
    agent: ['user_agent', 'original'],
  }[field.what];
}

const UNWRITABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]/gu;

/** Outside of quotes. What has no escape there becomes a wildcard for itself. */
const bare = (text: string): string =>
  text.replace(/[\\():<>"*{}]/g, '\\$&').replace(/[\s\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]+/gu, '*');

/** In quotes nothing is a wildcard; on text it asks for the words in that order. */
function kql({ field, test, value }: Condition): string {
  const name = bare(keys(field).join('.'));
  if (test === 'is') return `${name} : ${quoted(value)}`;
  if (test === 'begins') return `${name} : ${bare(value)}*`;
  return field.kind === 'line' ? `${name} : ${quoted(value)}` : `${name} : *${bare(value)}*`;
}

const column = (field: Field): string =>
  keys(field)
    .map(key => (/^[A-Za-z_@][A-Za-z0-9_]*$/.test(key) ? key : `\`${clean(key).replaceAll('`', '``')}\``))
    .join('.');

/** A name can't hold these, whatever quotes it. */
const clean = (key: string): string => key.replace(UNWRITABLE, '_');

/** ES|QL's strings know no escape for control characters: they become spaces. */
const literal = (text: string): string => quoted(text.replace(UNWRITABLE, ' '));

function esql({ field, test, value }: Condition, anyCase: boolean): string {
  const found = anyCase ? `TO_LOWER(${column(field)})` : column(field);
  const wanted = anyCase ? value.toLowerCase() : value;
  if (test === 'is') return `${found} == ${literal(wanted)}`;
  if (test === 'begins') return `STARTS_WITH(${found}, ${literal(wanted)})`;
  return `${found} LIKE ${literal(`*${wanted.replace(/[\\*?]/g, '\\$&')}*`)}`;
}

const ASSUMES = {
  json: 'the event’s fields as fields of the document, as keywords',
  line: 'the line in `message`',
  'sign-in': 'ECS, and the client as the Azure integration names it',
} as const;

export function elastic(record: CanaryRecord): SiemText[] {
  const { conditions, kind } = record;
  const narrow = conditions.map(kql).join(' and ');
  const identity = identityOf(record).map(asTripwire);
  // A comparison with a field that isn't there is null, and so is its negation.
  const not = `| WHERE NOT COALESCE(\n    ${conditions.map(c => esql(c, c.role === 'token')).join('\n    AND ')}, FALSE)`;
  return [
    {
      siem: 'elastic',
      title: 'Elastic (KQL)',
      assumes: ASSUMES[kind],
      exclusion: `not (${narrow})`,
      tripwire: `${identity.map(kql).join(' and ')} and not (${narrow})`,
    },
    {
      siem: 'elastic',
      title: 'Elastic (ES|QL)',
      assumes: ASSUMES[kind],
      exclusion: not,
      tripwire: `FROM logs-*\n| WHERE ${identity.map(c => esql(c, true)).join(' AND ')}\n${not}`,
    },
  ];
}
