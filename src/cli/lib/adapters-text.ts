/** The adapters there are, for people and for programs: a list of all, or one with its settings. */
import { z } from 'zod';
import { meant } from '../../config/nearest.ts';
import type { InjectorDefinition } from '../../contracts/injector.ts';
import type { ObserverDefinition } from '../../contracts/observer.ts';
import { registry } from '../../registry.gen.ts';
import { usageError } from './exit.ts';
import { columns, paint } from './output.ts';

export interface Entry {
  readonly role: 'injector' | 'observer';
  readonly definition: InjectorDefinition | ObserverDefinition;
}

interface Setting {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: string;
  readonly says: string;
}

/** The adapters of this kind, or all. Throws CliError where there is none. */
export function entriesOf(kind: string | undefined): Entry[] {
  const all: Entry[] = [
    ...[...registry.injectors.values()].map(definition => ({ role: 'injector' as const, definition })),
    ...[...registry.observers.values()].map(definition => ({ role: 'observer' as const, definition })),
  ];
  const found = all.filter(e => kind === undefined || e.definition.kind === kind);
  if (kind !== undefined && found.length === 0) {
    const kinds = new Set(all.map(e => e.definition.kind));
    throw usageError(`there is no adapter of kind ${JSON.stringify(kind)}: ${meant(kind, kinds)}`);
  }
  return found;
}

const drawn = ({ definition }: Entry): Record<string, unknown> =>
  z.toJSONSchema(definition.schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;

export const asJson = (entry: Entry) => {
  const { kind, summary, runtimes, traits } = entry.definition;
  return { role: entry.role, kind, summary, runtimes, traits, settings: drawn(entry) };
};

export const listOf = (entries: readonly Entry[]): string =>
  (['injector', 'observer'] as const)
    .map(role => {
      const rows = entries
        .filter(e => e.role === role)
        .map(({ definition: d }) => [paint('bold', d.kind), d.summary, d.runtimes.join(', ')]);
      return `${role === 'injector' ? 'inject' : 'observe'}:\n${columns(rows, '  ')}`;
    })
    .join('\n\n');

export function inFull(entry: Entry): string {
  const { kind, summary, runtimes } = entry.definition;
  const head = `${entry.role === 'injector' ? 'inject' : 'observe'}: { kind: ${paint('bold', kind)}, … }\n  ${summary}. Runs on ${runtimes.join(', ')}.`;
  const rows = settingsOf(entry).map(s => [
    paint('bold', s.name),
    s.type,
    s.required ? 'required' : s.default === '' ? 'optional' : `default ${s.default}`,
    s.says,
  ]);
  return rows.length === 0 ? `${head}\n  No settings.` : `${head}\n${columns(rows, '  ')}`;
}

function settingsOf(entry: Entry): Setting[] {
  const schema = drawn(entry) as {
    properties?: Record<string, Record<string, unknown>>;
    required?: readonly string[];
  };
  return Object.entries(schema.properties ?? {}).map(([name, value]) => ({
    name,
    type: typeOf(value),
    required: schema.required?.includes(name) ?? false,
    default: value.default === undefined ? '' : JSON.stringify(value.default),
    says: String(value.description ?? ''),
  }));
}

function typeOf(schema: Record<string, unknown>): string {
  if (Array.isArray(schema.enum)) return schema.enum.join(' | ');
  if (schema.const !== undefined) return String(schema.const);
  const options = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(options))
    return [...new Set(options.map(o => typeOf(o as Record<string, unknown>)))].join(' | ');
  if (schema.type === 'array') return 'list';
  if (schema.type === 'object') return 'map';
  return String(schema.type ?? 'any');
}
