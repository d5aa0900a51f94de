/** Sigma, as YAML: a filter for the rules that a canary trips, and the tripwire as a rule of its own. Its values ignore case. */
import { createHash } from 'node:crypto';
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

const name = (field: Exclude<Field, { kind: 'line' }>): string => {
  if (field.kind === 'json') return keysOf(field.path).join('.');
  if (field.kind === 'process') return 'process.name';
  return { user: 'userPrincipalName', client: 'appId', source: 'ipAddress', agent: 'userAgent' }[field.what];
};

const MODIFIERS = { is: '', begins: '|startswith', contains: '|contains' } as const;

/** Sigma's own escapes first, then YAML's. */
const scalar = (text: string): string => quoted(text.replace(/[\\*?]/g, '\\$&'));

/** A map of fields, and the words that a line must hold all. Both where there are both: a list would mean either. */
function selections(prefix: string, conditions: readonly Condition[]): { yaml: string[]; all: string } {
  const fields = new Map<string, string[]>();
  const words: string[] = [];
  for (const { field, test, value } of conditions) {
    if (field.kind === 'line') words.push(`      - ${scalar(value)}`);
    else {
      const key = `${name(field)}${MODIFIERS[test]}`;
      fields.set(key, [...(fields.get(key) ?? []), value]);
    }
  }
  const yaml = [
    ...(fields.size > 0
      ? [`  ${prefix}:`, ...[...fields].flatMap(([key, values]) => lines(key, values))]
      : []),
    ...(words.length > 0 ? [`  ${prefix}_line:`, '    "|all":', ...words] : []),
  ];
  const parts = [...(fields.size > 0 ? [prefix] : []), ...(words.length > 0 ? [`${prefix}_line`] : [])];
  return { yaml, all: parts.length > 1 ? `(${parts.join(' and ')})` : parts.join('') };
}

/** A key of a map stands once: what is asked of one field twice is asked for as a list, of which all must hold. */
function lines(key: string, values: readonly string[]): string[] {
  const [first = ''] = values;
  if (values.length === 1) return [`    ${quoted(key)}: ${scalar(first)}`];
  return [`    ${quoted(`${key}|all`)}:`, ...values.map(value => `      - ${scalar(value)}`)];
}

/** The same pipeline has the same rules, whoever prints them. */
function idOf(what: string, pipeline: string): string {
  const hex = createHash('sha256').update(`coalmine ${what} ${pipeline}`).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function logsource({ kind, format }: CanaryRecord): string[] {
  if (kind === 'sign-in') return ['  product: azure', '  service: signinlogs'];
  if (kind === 'line' && format === 'sshd') return ['  product: linux', '  service: sshd'];
  return ['  category: authentication'];
}

const ASSUMES = {
  json: 'the event’s own field names, and rules of the category authentication: change logsource to that of your rules',
  line: 'rules that search the line for keywords: change logsource to that of your rules',
  'sign-in': 'Microsoft Entra’s names: change them and logsource to those of your rules',
} as const;

export function sigma(record: CanaryRecord): SiemText {
  const { pipeline, conditions, kind } = record;
  const canary = selections('canary', conditions);
  const identity = selections('identity', identityOf(record).map(asTripwire));
  const source = ['logsource:', ...logsource(record)];
  const exclusion = [
    `title: ${quoted(`coalmine canaries of ${pipeline}`)}`,
    `id: ${idOf('filter', pipeline)}`,
    'description: A blind spot, kept narrow. Run its tripwire beside it.',
    ...source,
    'filter:',
    '  rules: any',
    ...canary.yaml,
    `  condition: not ${canary.all}`,
  ];
  const tripwire = [
    `title: ${quoted(`Use of the canary identity of ${pipeline} that coalmine did not make`)}`,
    `id: ${idOf('tripwire', pipeline)}`,
    'status: experimental',
    'description: Only coalmine uses this identity. Anybody else who does is hiding in its exclusion, or trying to.',
    ...source,
    'detection:',
    ...identity.yaml,
    ...canary.yaml,
    `  condition: ${identity.all} and not ${canary.all}`,
    'level: high',
  ];
  return {
    siem: 'sigma',
    title: 'Sigma (YAML)',
    assumes: ASSUMES[kind],
    exclusion: exclusion.join('\n'),
    tripwire: tripwire.join('\n'),
  };
}
