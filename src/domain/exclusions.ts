/**
 * The narrow exclusion of a pipeline's canaries for each SIEM, and the tripwire beside it (DESIGN §5). Where identity, source,
 * application and token stand is read off an event that the format really writes, so it can't differ from what is sent.
 */
import type { EventFormat, EventInput, LinePart, WrittenEvent } from './event.ts';
import {
  type CanaryRecord,
  type Condition,
  type Field,
  ROLES,
  type Role,
  type Siem,
  type SiemText,
} from './siem/condition.ts';
import { elastic } from './siem/elastic.ts';
import { sentinel } from './siem/sentinel.ts';
import { sigma } from './siem/sigma.ts';
import { splunk } from './siem/splunk.ts';
import { TOKEN_PREFIX } from './token.ts';

export {
  type CanaryRecord,
  type Condition,
  ROLES,
  type Role,
  SIEMS,
  type Siem,
  type SiemText,
} from './siem/condition.ts';

/** A written event, as a pipeline is configured. */
export interface WrittenCanary {
  readonly pipeline: string;
  readonly format: EventFormat;
  readonly user: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** It goes in a syslog message, whose header names a program. */
  readonly syslog: boolean;
}

/** A real sign-in, whose record the provider writes. */
export interface ProvokedCanary {
  readonly pipeline: string;
  /** null: a service signs in as itself. */
  readonly user: string | null;
  readonly client: string | null;
  /** Where it comes from, where that is known. */
  readonly sourceIp: string | null;
  /** How the user agent begins, and whether the token stands in it. */
  readonly userAgent: string;
  readonly tokenInAgent: boolean;
}

/** One text for each language of the SIEMs that were asked for. */
export function exclusionTexts(record: CanaryRecord, siems: readonly Siem[]): SiemText[] {
  const texts = [sentinel(record), splunk(record), ...elastic(record), sigma(record)];
  return texts.filter(text => siems.includes(text.siem));
}

/** What the records don't tell: by so much the exclusion is wider than it should be. */
export const rolesMissing = ({ conditions }: CanaryRecord): Role[] =>
  ROLES.filter(role => !conditions.some(c => c.role === role));

/** @throws Error where the event holds no identity: there is nothing that could be excluded narrowly. */
export function recordOfWritten(canary: WrittenCanary): CanaryRecord {
  const { pipeline, format } = canary;
  const event = format.write(inputOf(canary, {}));
  const conditions = event.json ? jsonConditions(canary, event.json) : lineConditions(event);
  if (canary.syslog && !event.json)
    conditions.push({ role: 'application', field: { kind: 'process' }, test: 'is', value: event.app });
  if (!conditions.some(c => c.role === 'identity'))
    throw new Error('the event doesn’t say who signs in: put {{user}} into the template');
  return { pipeline, kind: event.json ? 'json' : 'line', format: format.name, conditions };
}

export function recordOfProvoked(canary: ProvokedCanary): CanaryRecord {
  const { pipeline, user, client, sourceIp, userAgent, tokenInAgent } = canary;
  const agent: Field = { kind: 'sign-in', what: 'agent' };
  const conditions: Condition[] = [];
  const add = (role: Role, what: 'user' | 'client' | 'source', value: string | null) => {
    if (value !== null) conditions.push({ role, field: { kind: 'sign-in', what }, test: 'is', value });
  };
  if (user === null) add('identity', 'client', client);
  else {
    add('identity', 'user', user);
    add('application', 'client', client);
  }
  add('source', 'source', sourceIp);
  const begins = tokenInAgent ? `${userAgent} ${TOKEN_PREFIX}`.trim() : userAgent;
  const role = tokenInAgent ? 'token' : 'application';
  if (begins !== '') conditions.push({ role, field: agent, test: 'begins', value: begins });
  if (tokenInAgent && userAgent !== '' && user === null)
    conditions.push({ role: 'application', field: agent, test: 'begins', value: userAgent });
  return { pipeline, kind: 'sign-in', format: user === null ? 'service' : 'user', conditions };
}

const inputOf = (
  { pipeline, user, sourceIp, userAgent }: WrittenCanary,
  other: Partial<EventInput>,
): EventInput => ({
  token: `${TOKEN_PREFIX}${'a'.repeat(40)}`,
  uuid: '00000000-0000-8000-8000-000000000000',
  slotMs: 1_700_000_000_000,
  nowMs: 1_700_000_000_500,
  target: 'target',
  host: 'target',
  sourcePort: 50_000,
  pipeline,
  user,
  sourceIp,
  userAgent,
  ...other,
});

type Path = readonly (string | number)[];

/** Where a value stands is found by writing the event anew with a mark in its place. */
function jsonConditions(canary: WrittenCanary, json: Readonly<Record<string, unknown>>): Condition[] {
  const mark = 'coalmine0mark';
  const marked: readonly (readonly [Role, Partial<EventInput>])[] = [
    ['identity', { user: mark }],
    ['source', { sourceIp: mark }],
    ['application', { userAgent: mark }],
    ['token', { token: mark }],
  ];
  const values = new Map([...scalars(json)].map(([path, text]) => [JSON.stringify(path), text]));
  return marked.flatMap(([role, change]): Condition[] => {
    const other = canary.format.write(inputOf(canary, change)).json;
    const found = [...scalars(other)].filter(([, text]) => text.includes(mark));
    // The field that holds it alone, rather than one that quotes it.
    const place = found.find(([, text]) => text === mark) ?? found[0];
    if (!place) return [];
    const [path, text] = place;
    const field: Field = { kind: 'json', path };
    if (role === 'token')
      return [{ role, field, test: text === mark ? 'begins' : 'contains', value: TOKEN_PREFIX }];
    const whole = text === mark;
    const value = whole ? (values.get(JSON.stringify(path)) ?? '') : valueIn(canary, role);
    return value === '' ? [] : [{ role, field, test: whole ? 'is' : 'contains', value }];
  });
}

const valueIn = (canary: WrittenCanary, role: Exclude<Role, 'token'>): string =>
  ({ identity: canary.user, source: canary.sourceIp, application: canary.userAgent })[role];

function* scalars(value: unknown, path: Path = []): Generator<readonly [Path, string]> {
  if (typeof value === 'object' && value !== null) {
    const isList = Array.isArray(value);
    for (const [key, inner] of Object.entries(value))
      yield* scalars(inner, [...path, isList ? Number(key) : key]);
  } else if (value !== null && value !== undefined) yield [path, String(value)];
}

/** Literal text that is at least so long says who wrote the line. */
const WORDING_MIN = 20;

function lineConditions({ parts = [], fields }: WrittenEvent): Condition[] {
  const field: Field = { kind: 'line' };
  const out: Condition[] = [];
  const put = (role: Role, name: string) => {
    const at = parts.findIndex(p => typeof p === 'object' && 'field' in p && p.field === name);
    const value = fields[name];
    if (at < 0 || value === undefined || value === '') return;
    const before = wordsOf(parts[at - 1], /\S*\s*$/);
    const after = wordsOf(parts[at + 1], /^\s*\S*/);
    if (role === 'token') out.push({ role, field, test: 'contains', value: `${before}${TOKEN_PREFIX}` });
    else {
      const broadly = role === 'identity' ? { broadly: `${value}${after}` } : {};
      out.push({ role, field, test: 'contains', value: `${before}${value}${after}`, ...broadly });
    }
  };
  put('identity', 'user');
  put('source', 'source_ip');
  put('application', 'user_agent');
  put('token', 'token');
  const literals = parts.filter(p => typeof p === 'string').map(p => p.trim());
  const longest = literals.reduce((a, b) => (b.length > a.length ? b : a), '');
  if (longest.length >= WORDING_MIN)
    out.push({ role: 'application', field, test: 'contains', value: longest });
  return out;
}

/** The nearest word of literal text beside a field. */
const wordsOf = (part: LinePart | undefined, nearest: RegExp): string =>
  typeof part === 'string' ? (nearest.exec(part)?.[0] ?? '') : '';
