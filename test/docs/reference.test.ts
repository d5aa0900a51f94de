/**
 * The reference of the configuration is made from its schema: what the pages say between the marks is what the program takes.
 * `UPDATE_DOCS=1 npx vitest run test/docs` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jsonSchemaOf } from '../../src/config/json-schema.ts';
import { registry } from '../../src/registry.gen.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

const schema = jsonSchemaOf(registry) as Node;
const docs = join(import.meta.dirname, '../../docs');

/** What a node may hold, alternatives and list items alike, without the `${…}` that stands in for anything. */
const within = (node: Node): Node[] => [
  node,
  ...(node.anyOf ?? []).flatMap(within),
  ...(node.items ? within(node.items) : []),
  ...(typeof node.additionalProperties === 'object' ? within(node.additionalProperties) : []),
];

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Its choices, and what is taken without it; what the description says itself isn't said again. */
function remarks(node: Node, required: boolean): string {
  const choices = within(node).flatMap(n => n.enum ?? []);
  const empty = JSON.stringify(node.default) === '{}' || JSON.stringify(node.default) === '[]';
  return [
    required ? 'Required.' : '',
    choices.length > 0 ? `One of ${choices.map(c => `\`${c}\``).join(', ')}.` : '',
    node.default === undefined || empty
      ? ''
      : `Default: \`${typeof node.default === 'string' ? node.default : JSON.stringify(node.default)}\`.`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** Rows of an object's keys; those of objects inside follow, dotted. Adapters' settings stand in docs/adapters.md. */
function rows(node: Node, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const at = prefix === '' ? key : `${prefix}.${key}`;
    const says = (value.description ?? '').trim();
    const dot = says === '' || /[.!?]$/.test(says) ? says : `${says}.`;
    const row = `| \`${at}\` | ${cell([dot, remarks(value, node.required?.includes(key) ?? false)].filter(Boolean).join(' '))} |`;
    if (key === 'inject' || key === 'observe' || at === 'pipelines' || at === 'notify') return [row];
    const inner = within(value).filter(n => n.properties);
    return [row, ...new Set(inner.flatMap(n => rows(n, at)))];
  });
}

const table = (lines: readonly string[]): string => ['| setting | |', '|---|---|', ...lines].join('\n');

const pipeline = schema.properties!.pipelines!.additionalProperties as Node;
const checkpoint = pipeline.properties!.checkpoints!.items!;

const configuration = [
  '### At the top',
  table(rows(schema, '')),
  '### `pipelines.NAME`',
  table(
    rows(
      {
        ...pipeline,
        properties: {
          ...pipeline.properties,
          checkpoints: { ...pipeline.properties!.checkpoints!, items: {} },
        },
      },
      '',
    ),
  ),
  '### `pipelines.NAME.checkpoints[]`',
  table(rows(checkpoint, '')),
].join('\n\n');

/** One section for each kind: its settings, and where it runs. */
function adaptersOf(title: string, node: Node, runtimesOf: (kind: string) => readonly string[]): string {
  const kinds = within(node).filter(n => n.properties?.kind?.const !== undefined);
  return kinds
    .map(n => {
      const kind = String(n.properties!.kind!.const);
      const { kind: _, ...properties } = n.properties!;
      const where = runtimesOf(kind).join(' and ');
      return `### ${title}: \`${kind}\`\n\n${n.description}. Runs on ${where}.\n\n${table(rows({ ...n, properties }, ''))}`;
    })
    .join('\n\n');
}

const adapters = [
  adaptersOf('inject', pipeline.properties!.inject!, kind => registry.injectors.get(kind)?.runtimes ?? []),
  adaptersOf(
    'observe',
    checkpoint.properties!.observe!,
    kind => registry.observers.get(kind)?.runtimes ?? [],
  ),
  adaptersOf(
    'notify',
    schema.properties!.notify!.additionalProperties as Node,
    kind => registry.notifiers.get(kind)?.runtimes ?? [],
  ),
].join('\n\n');

const BEGIN = '<!-- made from the schema by test/docs/reference.test.ts -->';
const END = '<!-- end -->';

test.each([
  ['configuration.md', configuration],
  ['adapters.md', adapters],
])('docs/%s says what the schema says (UPDATE_DOCS=1 writes it)', (name, made) => {
  const path = join(docs, name);
  const text = readFileSync(path, 'utf8');
  const [before, rest = ''] = text.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  expect(text.split(BEGIN).length, `a mark in ${name}`).toBe(2);
  const wanted = `${before}${BEGIN}\n\n${made}\n\n${END}${after}`;
  if (process.env.UPDATE_DOCS) writeFileSync(path, wanted);
  expect(readFileSync(path, 'utf8')).toBe(wanted);
});

test('every key of the shipped schema is told', () => {
  const shipped = JSON.parse(readFileSync(join(docs, '../schema/coalmine.schema.json'), 'utf8')) as Node;
  const text = `${readFileSync(join(docs, 'configuration.md'), 'utf8')}${readFileSync(join(docs, 'adapters.md'), 'utf8')}`;
  const keys = (node: Node): string[] =>
    within(node).flatMap(n =>
      Object.entries(n.properties ?? {}).flatMap(([key, value]) => [key, ...keys(value)]),
    );
  const missing = [...new Set(keys(shipped))].filter(key => !new RegExp(`[\`.]${key}\``).test(text));
  expect(missing).toEqual([]);
});
