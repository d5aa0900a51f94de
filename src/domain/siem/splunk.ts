/**
 * Splunk, in SPL. Only `where` compares exactly: in `search` an asterisk is a wildcard that can't be escaped. A comparison with a
 * field that isn't there is null, and so is its negation: `coalesce` keeps such records from slipping through.
 */
import {
  asTripwire,
  type CanaryRecord,
  type Condition,
  type Field,
  identityOf,
  type SiemText,
} from './condition.ts';

/** A string of `eval` and `where`. It knows no escape for control characters: they become spaces. */
const literal = (text: string): string =>
  `"${text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]/gu, ' ').replace(/[\\"]/g, '\\$&')}"`;

/** A regular expression of that text without a single backslash: what can't be written so stands for any character. */
const pattern = (text: string): string =>
  `"${text
    .replace(/[\\"^\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]/gu, '\0')
    .replace(/[.*+?$()[\]{}|]/g, c => (c === '[' ? '[[]' : c === ']' ? '[]]' : `[${c}]`))
    .replaceAll('\0', '.')}"`;

/** Lists are named `key{}`. A field name in single quotes can't hold one. */
function fieldName(path: readonly (string | number)[]): string {
  let name = '';
  for (const step of path) name += typeof step === 'number' ? '{}' : `${name === '' ? '' : '.'}${step}`;
  return name.replace(/['\\\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]/gu, '_');
}

function nameOf(field: Field): string {
  if (field.kind === 'json') return `'${fieldName(field.path)}'`;
  if (field.kind === 'line') return '_raw';
  if (field.kind === 'process') return 'process';
  return { user: 'user', client: 'app', source: 'src', agent: 'user_agent' }[field.what];
}

function compare({ field, test, value }: Condition, anyCase: boolean): string {
  const given = `coalesce(${nameOf(field)},"")`;
  const found = anyCase ? `lower(${given})` : given;
  const wanted = anyCase ? value.toLowerCase() : value;
  if (test === 'is') return `${found}==${literal(wanted)}`;
  if (test === 'begins') return `substr(${found},1,${[...wanted].length})==${literal(wanted)}`;
  return `match(${found},${pattern(wanted)})`;
}

const ASSUMES = {
  json: 'fields extracted from JSON (KV_MODE=json or INDEXED_EXTRACTIONS); a quote in a field’s name is written _',
  line: '_raw, and `process` as the add-on for Unix extracts it',
  'sign-in': 'CIM’s names, as the provider’s add-on gives them',
} as const;

export function splunk(record: CanaryRecord): SiemText {
  const not = `| where NOT (\n    ${record.conditions.map(c => compare(c, c.role === 'token')).join('\n    AND ')})`;
  const identity = identityOf(record).map(c => compare(asTripwire(c), true));
  return {
    siem: 'splunk',
    title: 'Splunk (SPL)',
    assumes: ASSUMES[record.kind],
    exclusion: not,
    tripwire: ['index=YOUR_INDEX', `| where ${identity.join(' AND ')}`, not].join('\n'),
  };
}
