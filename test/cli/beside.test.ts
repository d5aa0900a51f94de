/** The verbs beside a coalmine that runs: over HTTP where it answers, on its store in any case. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OpenAPIHono } from '@hono/zod-openapi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { registry } from '../../src/registry.gen.ts';
import { type NodeHandle, startNode } from '../../src/runtimes/node.ts';
import { createAccess } from '../../src/web/access.ts';
import { mountTestCanary } from '../../src/web/api/test-canary.ts';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const dir = useDirectory();
const data = useDirectory();
const inDir = (args: readonly string[]) => coalmine(args, { cwd: dir });
let node: NodeHandle;

const yaml = (port: number) =>
  [
    `store: { kind: embedded, data_dir: ${data} }`,
    `listen: 127.0.0.1:${port}`,
    'signing_keys: [0123456789abcdef0123456789abcdef]',
    'pipelines:',
    '  hello:',
    '    every: 1s',
    '    targets: [web-1, web-2]',
    '    event: { format: sshd }',
    `    inject: { kind: file, path: ${dir}/hello.log }`,
    `    checkpoints: [{ name: end, observe: { kind: file, path: ${dir}/hello.log }, on_time_within: 5s, lost_after: 1m }]`,
    '',
  ].join('\n');

beforeAll(async () => {
  put(dir, 'hello.log', '');
  const { config } = parseConfig(yaml(0), { file: 'coalmine.yaml', env: {}, registry });
  node = await startNode({
    config: config!,
    registry,
    log: () => {},
    version: 'test',
    extra: (app, running) => {
      const api = new OpenAPIHono();
      mountTestCanary(api, { running, access: createAccess(running.engine.config) });
      app.route('/', api);
    },
  });
  writeFileSync(join(dir, 'coalmine.yaml'), yaml(node.config.listen.port));
}, 60_000);
afterAll(() => node?.close());

test('test asks the one that runs', async () => {
  const ended = await inDir(['test', 'hello', '--target', 'web-2', '--timeout', '20s']);
  expect(ended.out).toMatch(new RegExp(`^\\* hello by the coalmine at ${node.url}`));
  expect(ended.out).toMatch(/> sent \d+\.\d+\.\d+ to web-2\n< accepted[\s\S]*end: seen after/);
  expect(ended).toMatchObject({ code: 0, err: '' });
});

test('a target that isn’t there is a mistake', async () => {
  expect(await inDir(['test', 'hello', '--target', 'web-3'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('web-1, web-2'),
  });
});

test('status, doctor and export read its store', async () => {
  const status = JSON.parse((await inDir(['status', '--json'])).out);
  expect(status.data[0]).toMatchObject({ name: 'hello', targets: { n: 2 } });
  const doctor = await inDir(['doctor']);
  expect(doctor.out).toMatch(/listen: a coalmine answers/);
  expect(doctor.out).toMatch(/1 running on it/);
  expect(doctor.code).toBe(0);
  const exported = await inDir(['export', '--out', 'l.ndjson']);
  expect(exported.code).toBe(0);
  expect(readFileSync(join(dir, 'l.ndjson'), 'utf8')).toContain('"table":"beat"');
});

test('where its store can’t be reached, status asks it', async () => {
  writeFileSync(
    join(dir, 'remote.yaml'),
    yaml(node.config.listen.port).replace(/^store:.*/, 'store: postgres://u:p@127.0.0.1:1/x'),
  );
  const { out } = await inDir(['status', 'hello', '--json', '-c', 'remote.yaml']);
  expect(JSON.parse(out).data).toMatchObject([{ name: 'hello', targets: { n: 2 } }]);
});

test('a new epoch isn’t declared under it', async () => {
  const ended = await inDir(['migrate', '--new-epoch']);
  expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('stop them all') });
});

test('where it doesn’t answer, another configuration doesn’t take its store over', async () => {
  writeFileSync(join(dir, 'other.yaml'), yaml(1).replace('every: 1s', 'every: 5s'));
  const ended = await inDir(['test', 'hello', '-c', 'other.yaml']);
  expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('another configuration') });
  expectNoStack(ended);
});

test('where it doesn’t answer, the same configuration tests on its store, and it goes on', async () => {
  writeFileSync(join(dir, 'same.yaml'), yaml(1));
  const ended = await inDir(['test', 'hello', '-c', 'same.yaml', '--timeout', '20s']);
  expect(ended.out).toMatch(
    /by this process, on embedded PostgreSQL of a running coalmine[\s\S]*delivered everywhere/,
  );
  expect(ended.code).toBe(0);
  expect(node.running.engine.pipelines[0]?.superseded).toBe(false);
});
