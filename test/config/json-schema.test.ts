// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the config file are meant
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { jsonSchemaOf } from '../../src/config/json-schema.ts';
import { good, parse } from './parse.ts';
import { registry } from './registry.ts';

const schema = jsonSchemaOf(registry);
const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
const accepts = (text: string) => validate(parseYaml(text, { merge: true }));
const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');

test.each(['minimal.yaml', 'coalmine.yaml'])('%s is accepted', name => {
  accepts(example(name));
  expect(validate.errors).toBeNull();
});

test.each([
  ['as it is', good()],
  [
    'references anywhere',
    good({ 4: '    every: ${E}', 7: '    inject: { kind: syslog, address: "${A}", watch: "${W}" }' }),
  ],
  [
    'targets complete the injector',
    good({ 5: '    targets: { a: { address: "tcp://a:1" } }', 7: '    inject: { kind: syslog }' }),
  ],
  ['discovered targets', good({ 5: '    targets: { http_sd: { url: "http://sd" } }' })],
  [
    'a provoked event',
    good({ 6: '', 7: '    inject: { kind: oidc-signin, issuer: "http://op", client_id: x }' }),
  ],
  ['notifiers', good({}, 'notify: { a: { kind: pager, key: k } }')],
  ['a numeric share', good({ 4: '    every: 1s\n    objective: { on_time: 0.99 }' })],
])('accepted, here and there: %s', (_name, text) => {
  accepts(text);
  expect(validate.errors).toBeNull();
  const env = { E: '1s', A: 'tcp://a:1', W: '5' };
  expect(parse(text, { env }).diagnostics.filter(d => d.level === 'error')).toEqual([]);
});

test.each([
  ['unknown key', good({ 4: '    evry: 10s' })],
  ['duration', good({ 4: '    every: 10 seconds' })],
  ['duration without unit', good({ 4: '    every: 10' })],
  ['name', good({ 3: '  SSH:' })],
  ['kind', good({ 7: '    inject: { kind: sylog }' })],
  ['adapter’s setting', good({ 7: '    inject: { kind: syslog, adress: "tcp://a:1" }' })],
  ['adapter’s required setting', good({ 10: '        observe: { kind: file }' })],
  ['missing deadline', good({ 12: '' })],
  ['transform', good({ 12: '        lost_after: 1m\n        transforms: [dorp b]' })],
  ['sampling', good({ 4: '    every: 1s\n    sampling: often' })],
  ['no pipelines', 'store: embedded'],
])('refused, here and there: %s', (_name, text) => {
  expect(accepts(text)).toBe(false);
  expect(parse(text).config).toBeUndefined();
});

test('every setting is described', () => {
  const bare: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, inner] of Object.entries(node)) {
      if (key !== 'properties') walk(inner, path);
      else {
        for (const [name, own] of Object.entries(
          inner as Record<string, { description?: string; const?: string }>,
        )) {
          if (!own.description && own.const === undefined) bare.push(`${path}.${name}`);
          // The adapters' own settings are the adapters' tests' affair.
          if (name !== 'inject' && name !== 'observe') walk(own, `${path}.${name}`);
        }
      }
    }
  };
  walk(schema, '');
  expect(bare).toEqual([]);
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
});
