/** A sign-in event in words of the operator's own: text with placeholders, or a JSON object with them inside. */
import type { EventFormat, EventInput, LinePart, WrittenEvent } from '../event.ts';
import { leavesOf } from '../leaves.ts';
import { joinLine, oneLine } from '../line.ts';

type Values = Readonly<Record<string, string>>;

const valuesOf = (input: EventInput): Values => ({
  token: input.token,
  uuid: input.uuid,
  time: new Date(input.nowMs).toISOString(),
  time_ms: String(input.nowMs),
  slot_ms: String(input.slotMs),
  user: input.user,
  source_ip: input.sourceIp,
  source_port: String(input.sourcePort),
  host: input.host,
  user_agent: input.userAgent,
  target: input.target,
  pipeline: input.pipeline,
});

const sample = (nowMs: number): Values =>
  valuesOf({
    token: 'coalmine1x',
    uuid: '00000000-0000-8000-8000-000000000000',
    slotMs: 0,
    nowMs,
    target: 'x',
    pipeline: 'x',
    user: 'x',
    sourceIp: 'x',
    sourcePort: 1,
    host: 'x',
    userAgent: 'x',
  });

const VOLATILE = ['time', 'time_ms'];
const KNOWN = Object.keys(sample(0));
const LIST = `Known: ${KNOWN.map(name => `{{${name}}}`).join(', ')}.`;

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The template in pieces. Splitting on a pattern with one group alternates literals and names. */
function parse(template: string): LinePart[] {
  const pieces = template.split(PLACEHOLDER).map((piece, i): LinePart => {
    if (i % 2 === 0) return piece;
    if (!KNOWN.includes(piece))
      throw new Error(`The template has an unknown placeholder {{${piece}}}. ${LIST}`);
    return VOLATILE.includes(piece) ? { volatile: piece } : { field: piece };
  });
  if (!pieces.some(p => typeof p === 'object' && 'field' in p && (p.field === 'token' || p.field === 'uuid')))
    throw new Error(
      `The template has neither {{token}} nor {{uuid}}, so its events could not be told apart. ${LIST}`,
    );
  return pieces.filter(piece => piece !== '');
}

const mapValues = (values: Values, change: (value: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
const escaped = (value: string): string => JSON.stringify(value).slice(1, -1);

const asObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
};

type Written = Omit<WrittenEvent, 'timeMs' | 'app'>;

function textWriter(parts: readonly LinePart[]): (values: Values) => Written {
  if (parts.some(p => typeof p === 'string' && p !== oneLine(p)))
    throw new Error('The template must be one line without control characters, or a JSON object.');
  const names = parts.flatMap(p => (typeof p === 'object' && 'field' in p ? [p.field] : []));
  return values => {
    const clean = mapValues(values, oneLine);
    const fields = Object.fromEntries(names.map(name => [name, clean[name] as string]));
    return { text: joinLine(parts, clean), fields, parts };
  };
}

function jsonWriter(parts: readonly LinePart[]): ((values: Values) => Written) | undefined {
  // A raw line break can't stand inside a JSON string, so outside of them it is layout.
  const render = (values: Values): string =>
    joinLine(parts, mapValues(values, escaped))
      .replace(/[\r\n]+[ \t]*/g, ' ')
      .trim();
  const [one, two] = [sample(1), sample(2)].map(values => asObject(render(values)));
  if (one === undefined) return undefined;
  // What differs between two times of attempt isn't significant.
  const other = new Map(leavesOf(two).map(leaf => [leaf.path, leaf.text]));
  const stable = leavesOf(one).filter(leaf => other.get(leaf.path) === leaf.text);
  const paths = new Set(stable.map(leaf => leaf.path));
  const { token, uuid } = sample(1);
  if (!stable.some(leaf => leaf.text.includes(token as string) || leaf.text.includes(uuid as string)))
    throw new Error(
      'The template must have {{token}} or {{uuid}} in a value of its own, without a {{time}}.',
    );
  return values => {
    const text = render(values);
    const json = asObject(text) ?? {};
    const leaves = leavesOf(json).filter(leaf => paths.has(leaf.path));
    return { text, json, fields: Object.fromEntries(leaves.map(leaf => [leaf.path, leaf.text])) };
  };
}

/**
 * The format of a template. A template that is a JSON object stays one whatever the values hold.
 * Throws an Error in words for a person where a placeholder is unknown, or nothing names the canary.
 */
export function createTemplate(template: string): EventFormat {
  const parts = parse(template.trim());
  const write = jsonWriter(parts) ?? textWriter(parts);
  return {
    name: 'template',
    write: input => ({ ...write(valuesOf(input)), app: 'coalmine', timeMs: input.nowMs }),
  };
}
