/** An adapter's `{ kind, ...settings }`: the kind is looked up in the registry, the settings judged by its own schema. */
import { z } from 'zod';
import type { RuntimeName } from '../contracts/definition.ts';
import type { InjectorDefinition } from '../contracts/injector.ts';
import type { NotifierDefinition } from '../contracts/notifier.ts';
import type { ObserverDefinition } from '../contracts/observer.ts';
import type { Registry } from '../contracts/registry.ts';
import { WordsError } from '../domain/words.ts';
import type { AdapterConfig } from './config.ts';
import type { Path } from './diagnostic.ts';
import { placeIssue } from './issues.ts';
import { meant } from './nearest.ts';
import { isMap, parseText, type Reader } from './read.ts';

/** What every check of a config is handed. */
export interface Loading extends Reader {
  readonly registry: Registry;
  readonly runtime: RuntimeName;
}

type AnyDefinition = InjectorDefinition | ObserverDefinition | NotifierDefinition;

interface DefinitionOf {
  readonly injector: InjectorDefinition;
  readonly observer: ObserverDefinition;
  readonly notifier: NotifierDefinition;
}
type Role = keyof DefinitionOf;

/** The definition of a kind, or a diagnostic. */
export const findDefinition = <R extends Role>(
  loading: Loading,
  role: R,
  kind: string,
  path: Path,
): DefinitionOf[R] | undefined => {
  const definitions = loading.registry[`${role}s`] as ReadonlyMap<string, DefinitionOf[R]>;
  const definition = definitions.get(kind);
  const at = [...path, 'kind'];
  if (!definition) {
    const article = role === 'notifier' ? 'a' : 'an';
    loading.report.error(at, {
      expected: `the kind of ${article} ${role}`,
      fix: meant(kind, definitions.keys()),
    });
  } else if (!definition.runtimes.includes(loading.runtime)) {
    loading.report.error(at, {
      message: `${kind} does not run on ${loading.runtime}`,
      fix: `run it on ${definition.runtimes.join(' or ')}`,
    });
  }
  return definition;
};

export interface Given {
  readonly kind: string;
  readonly [setting: string]: unknown;
}

/** Settings as the adapter's schema puts them out, or diagnostics. `pathOf` tells where a setting stands in the file. */
export const readSettings = (
  loading: Loading,
  definition: AnyDefinition,
  given: Given,
  pathOf: (inner: Path) => Path,
): AdapterConfig | undefined => {
  const { kind, ...settings } = given;
  const { schema } = definition;
  const reader: Reader = { ...loading, substituted: inner => loading.substituted(pathOf(inner)) };
  try {
    const got = parseText(reader, schema, settings, []);
    if (got.success) return { kind, settings: got.data };
    const known = (inner: Path) => keysAt(schema, inner);
    for (const { path, finding } of got.error.issues.flatMap(issue => placeIssue(issue, known))) {
      loading.report.error(pathOf(path), finding);
    }
  } catch (e) {
    // A schema's own transform may throw what it should have reported.
    if (!(e instanceof WordsError)) throw e;
    loading.report.error(pathOf([]), { message: `${kind}: expected ${e.expected}`, fix: e.fix });
  }
  return undefined;
};

/** The keys that an adapter's schema knows at a path. */
const keysAt = (schema: z.ZodType, path: Path): string[] => {
  let at: unknown = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  for (const part of path) {
    if (!isMap(at)) return [];
    at =
      typeof part === 'number'
        ? at.items
        : isMap(at.properties)
          ? at.properties[part]
          : at.additionalProperties;
  }
  return isMap(at) && isMap(at.properties) ? Object.keys(at.properties) : [];
};
