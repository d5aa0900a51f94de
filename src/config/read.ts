/**
 * Reads plain data by a schema key by key, so that one bad setting doesn't hide what is wrong with its neighbours.
 * What is wrong is reported and left out; what is left, with holes, is a draft that later checks go on with.
 */
import { z } from 'zod';
import type { Path, Report } from './diagnostic.ts';
import { placeIssue, unknownKey } from './issues.ts';

export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly (Draft<Item> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> | undefined }
    : T;

export interface Reader {
  readonly report: Report;
  /** Whether the value at a path came from the environment or a file: always text, whatever is wanted. */
  substituted(path: Path): boolean;
  /** Whether the file has something at a path, be it right or wrong: a default is for what isn't there. */
  has(path: Path): boolean;
}

export const readDraft = <S extends z.ZodType>(
  reader: Reader,
  schema: S,
  value: unknown,
  path: Path,
): Draft<z.output<S>> | undefined => readAny(reader, schema, value, path) as Draft<z.output<S>> | undefined;

type Map = Readonly<Record<string, unknown>>;
export const isMap = (value: unknown): value is Map =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const readAny = (reader: Reader, wrapped: z.ZodType, value: unknown, path: Path): unknown => {
  if (value === undefined && wrapped instanceof z.ZodOptional) return undefined;
  const schema = choose(unwrap(wrapped), value);
  // A loose object is an adapter: its settings are another schema's affair.
  if (schema instanceof z.ZodObject && isMap(value) && !(schema.def.catchall instanceof z.ZodUnknown)) {
    return readObject(reader, schema, value, path);
  }
  if (schema instanceof z.ZodRecord && isMap(value) && schema.valueType instanceof z.ZodObject) {
    return readRecord(reader, schema, value, path);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value) && schema.element instanceof z.ZodObject) {
    return readArray(reader, schema, value, path);
  }
  return readLeaf(reader, schema, value, path);
};

const unwrap = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional ? unwrap(schema.unwrap() as z.ZodType) : schema;

/** Of a union the alternative that has the value's shape; the union itself where none has. */
const choose = (schema: z.ZodType, value: unknown): z.ZodType => {
  if (!(schema instanceof z.ZodUnion)) return schema;
  const fits = (option: unknown): boolean => {
    if (Array.isArray(value)) return option instanceof z.ZodArray;
    if (!isMap(value)) return false;
    return (
      option instanceof z.ZodRecord ||
      (option instanceof z.ZodObject && requires(option).some(key => key in value))
    );
  };
  return (schema.options.find(fits) as z.ZodType | undefined) ?? schema;
};

const requires = (schema: z.ZodObject): string[] =>
  Object.keys(schema.shape).filter(key => !(schema.shape[key] instanceof z.ZodOptional));

const readObject = (reader: Reader, schema: z.ZodObject, value: Map, path: Path): unknown => {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(schema.shape, key)) {
      reader.report.error([...path, key], unknownKey(key, Object.keys(schema.shape)));
    }
  }
  for (const [key, inner] of Object.entries(schema.shape)) {
    out[key] = readAny(reader, inner as z.ZodType, value[key], [...path, key]);
  }
  return out;
};

const readRecord = (reader: Reader, schema: z.ZodRecord, value: Map, path: Path): unknown => {
  const out: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const bad = (schema.keyType as z.ZodType).safeParse(key).error?.issues[0];
    if (bad)
      reader.report.error([...path, key], { expected: bad.message.replace(/^expected /, ''), atKey: true });
    out.push([key, readAny(reader, schema.valueType as z.ZodType, inner, [...path, key])]);
  }
  return Object.fromEntries(out);
};

const readArray = (reader: Reader, schema: z.ZodArray, value: readonly unknown[], path: Path): unknown => {
  const own = schema.safeParse(value).error?.issues.filter(issue => issue.path.length === 0) ?? [];
  if (own.length > 0) {
    report(reader.report, own, path);
    return undefined;
  }
  return value.map((item, i) => readAny(reader, schema.element as z.ZodType, item, [...path, i]));
};

const readLeaf = (reader: Reader, schema: z.ZodType, value: unknown, path: Path): unknown => {
  const got = parseText(reader, schema, value, path);
  if (got.success) return got.data;
  report(reader.report, got.error.issues, path);
  return undefined;
};

const report = (to: Report, issues: readonly z.core.$ZodIssue[], path: Path): void => {
  for (const issue of issues) {
    for (const placed of placeIssue(issue, () => [])) to.error([...path, ...placed.path], placed.finding);
  }
};

/**
 * Parses; where a number or a truth value was wanted and substituted text was found that reads like one, parses again
 * with that. The type follows the schema, so a password of digits stays text.
 */
export const parseText = <T>(
  reader: Reader,
  schema: z.ZodType<T>,
  value: unknown,
  path: Path,
): z.ZodSafeParseResult<T> => {
  const first = schema.safeParse(value);
  if (first.success) return first;
  let changed: unknown = value;
  for (const issue of first.error.issues) {
    const inner = issue.path.filter(part => typeof part !== 'symbol');
    if (issue.code !== 'invalid_type' || !reader.substituted([...path, ...inner])) continue;
    changed = replaceAt(changed, inner, text => asWanted(text, issue.expected));
  }
  return changed === value ? first : schema.safeParse(changed);
};

const asWanted = (text: unknown, wanted: string): unknown => {
  if (typeof text !== 'string') return text;
  if ((wanted === 'number' || wanted === 'int') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (wanted === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  return text;
};

const replaceAt = (value: unknown, path: Path, change: (old: unknown) => unknown): unknown => {
  const [part, ...rest] = path;
  if (part === undefined) return change(value);
  if (Array.isArray(value))
    return value.map((item, i) => (i === part ? replaceAt(item, rest, change) : item));
  if (!isMap(value)) return value;
  return { ...value, [part]: replaceAt(value[String(part)], rest, change) };
};
