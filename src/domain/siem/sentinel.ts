/** Microsoft Sentinel, in KQL. A string there is never null, so `not` says what it seems to say. */
import {
  asTripwire,
  type CanaryRecord,
  type Condition,
  type Field,
  identityOf,
  quoted,
  type SiemText,
} from './condition.ts';

function column(field: Field): string {
  switch (field.kind) {
    case 'json':
      return `tostring(Event${field.path.map(step => `[${typeof step === 'number' ? step : quoted(step)}]`).join('')})`;
    case 'line':
      return 'SyslogMessage';
    case 'process':
      return 'ProcessName';
    case 'sign-in':
      return { user: 'UserPrincipalName', client: 'AppId', source: 'IPAddress', agent: 'UserAgent' }[
        field.what
      ];
  }
}

const EXACT = { is: '==', begins: 'startswith_cs', contains: 'contains_cs' } as const;
const ANY_CASE = { is: '=~', begins: 'startswith', contains: 'contains' } as const;

const compare = ({ field, test, value }: Condition, by: Readonly<Record<Condition['test'], string>>) =>
  `${column(field)} ${by[test]} ${quoted(value)}`;

/** Backends may change a token's case. */
const exactly = (c: Condition) => compare(c, c.role === 'token' ? ANY_CASE : EXACT);

const TABLES = {
  json: 'YourTable_CL',
  line: 'Syslog',
  user: 'SigninLogs',
  service: 'AADServicePrincipalSignInLogs',
} as const;

const ASSUMES = {
  json: 'the event as JSON in the column RawData of YourTable_CL: put your own names there',
  line: 'the table Syslog; of another one, put its column for SyslogMessage',
  'sign-in': 'Microsoft Entra’s tables; of another provider, its table and columns',
} as const;

export function sentinel(record: CanaryRecord): SiemText {
  const { kind, format, conditions } = record;
  const parse = kind === 'json' ? ['| extend Event = parse_json(RawData)'] : [];
  const not = `| where not(\n    ${conditions.map(exactly).join('\n    and ')})`;
  const table = kind === 'sign-in' ? TABLES[format === 'user' ? 'user' : 'service'] : TABLES[kind];
  const identity = identityOf(record).map(c => compare(asTripwire(c), ANY_CASE));
  return {
    siem: 'sentinel',
    title: 'Microsoft Sentinel (KQL)',
    assumes: ASSUMES[kind],
    exclusion: [...parse, not].join('\n'),
    tripwire: [table, ...parse, `| where ${identity.join(' and ')}`, not].join('\n'),
  };
}
