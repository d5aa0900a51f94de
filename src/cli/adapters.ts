/** `coalmine adapters`: which kinds of injectors and observers there are, and what each can be told. */
import type { Command } from 'commander';
import { z } from 'zod';
import { meant } from '../config/nearest.ts';
import type { InjectorDefinition } from '../contracts/injector.ts';
import type { ObserverDefinition } from '../contracts/observer.ts';
import { registry } from '../registry.gen.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { columns, paint, writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends } from './lib/verb.ts';

interface Entry {
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

export const adapters = (program: Command): void => {
  addVerb(program, 'adapters', {
    summary: 'the kinds of injectors and observers, and their settings',
    purpose:
      'Lists the kinds of injectors (how canaries get in) and observers (how they are seen) that can stand behind kind: in coalmine.yaml. With a kind, also its settings.',
    example: ['coalmine adapters loki', 'The settings of kind: loki, as injector and as observer.'],
    exits: { [EXIT.good]: 'printed' },
  })
    .argument('[kind]', 'only this one, with its settings')
    .action(
      ends(async (kind: string | undefined, options: { json?: boolean }) => {
        const entries = entriesOf(kind);
        if (options.json) await writeJson(entries.map(asJson));
        else if (kind === undefined) await writeLine(listOf(entries));
        else await writeLine(entries.map(inFull).join('\n\n'));
        return EXIT.good;
      }),
    );
};

function entriesOf(kind: string | undefined): Entry[] {
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

const asJson = (entry: Entry) => {
  const { kind, summary, runtimes, traits } = entry.definition;
  return { role: entry.role, kind, summary, runtimes, traits, settings: drawn(entry) };
};

const listOf = (entries: readonly Entry[]): string =>
  (['injector', 'observer'] as const)
    .map(role => {
      const rows = entries
        .filter(e => e.role === role)
        .map(({ definition: d }) => [paint('bold', d.kind), d.summary, d.runtimes.join(', ')]);
      return `${role === 'injector' ? 'inject' : 'observe'}:\n${columns(rows, '  ')}`;
    })
    .join('\n\n');

function inFull(entry: Entry): string {
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
