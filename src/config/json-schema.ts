/** The JSON schema of coalmine.yaml (draft 2020-12), for editors: the zod schema, with every adapter's settings in it. */
import { z } from 'zod';
import type { Definition } from '../contracts/definition.ts';
import type { Registry } from '../contracts/registry.ts';
import { ADAPTER_MARK } from './fields.ts';
import { isMap } from './read.ts';
import { configSchema } from './schema.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** A value that `${…}` will replace may be anything before. */
const SUBSTITUTED: JsonSchema = { type: 'string', pattern: '\\$\\{' };

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: what users write
const REFERENCES =
  'Any value may hold ${NAME} or ${NAME:-default}, from the environment, and ${file:/path}, the text of a file, for ' +
  'secrets. $${ is a plain ${. Keys and comments stay as they are.';
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: what users write

export const jsonSchemaOf = (registry: Registry): JsonSchema => {
  const drawn = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  const { $schema, ...rest } = withAdapters(drawn, registry) as Record<string, unknown>;
  return { $schema, title: 'coalmine.yaml', description: REFERENCES, ...(substitutable(rest) as JsonSchema) };
};

/** Puts the registry's kinds where the schema marks an adapter's place. */
const withAdapters = (schema: unknown, registry: Registry): unknown => {
  if (Array.isArray(schema)) return schema.map(item => withAdapters(item, registry));
  if (!isMap(schema)) return schema;
  const { [ADAPTER_MARK]: role, ...rest } = schema;
  // Targets may complete an injector's settings, so that what is required isn't required here.
  if (role === 'injectors')
    return { description: rest.description, anyOf: alternatives(registry.injectors, false) };
  if (role === 'observers' || role === 'notifiers')
    return { description: rest.description, anyOf: alternatives(registry[role], true) };
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withAdapters(value, registry)]));
};

const alternatives = (
  definitions: ReadonlyMap<string, Pick<Definition<unknown, unknown>, 'kind' | 'summary' | 'schema'>>,
  complete: boolean,
): JsonSchema[] =>
  [...definitions.values()].map(({ kind, summary, schema }) => {
    const drawn: JsonSchema = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const { $schema: _, properties, required, ...rest } = drawn;
    return {
      ...rest,
      description: summary,
      properties: { kind: { const: kind }, ...(isMap(properties) ? properties : {}) },
      required: ['kind', ...(complete && Array.isArray(required) ? required : [])],
    };
  });

/** Lets `${…}` stand in place of every scalar that text could not stand for otherwise. */
const substitutable = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(substitutable);
  if (!isMap(schema)) return schema;
  if (isNarrow(schema)) {
    const { description, default: fallback, ...form } = schema;
    return {
      ...(description ? { description } : {}),
      ...(fallback === undefined ? {} : { default: fallback }),
      anyOf: [form, SUBSTITUTED],
    };
  }
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === 'properties' && isMap(value)) {
        return [
          key,
          Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, substitutable(inner)])),
        ];
      }
      const holdsSchemas = [
        'items',
        'additionalProperties',
        'anyOf',
        'oneOf',
        'allOf',
        '$defs',
        'prefixItems',
      ].includes(key);
      return [key, holdsSchemas ? substitutable(value) : value];
    }),
  );
};

const isNarrow = (schema: JsonSchema): boolean => {
  if (['number', 'integer', 'boolean'].includes(String(schema.type))) return true;
  const narrowing = ['pattern', 'format', 'enum', 'minLength', 'const', 'allOf'];
  return schema.type === 'string' && narrowing.some(key => key in schema);
};
