/** `coalmine incidents`, and what `status` says of them: on the store beside a coalmine that runs, and over HTTP. */
import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { openEngine, type RunningEngine } from '../../src/engine/engine.ts';
import { registry } from '../../src/registry.gen.ts';
import { createClock } from '../../src/runtimes/clock.ts';
import { type Front, listen } from '../../src/runtimes/node/front.ts';
import { type NodeStore, openNodeStore } from '../../src/runtimes/node/store.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createApp } from '../../src/web/app.ts';
import { lossFacts } from '../web/pages/incident-fixture.ts';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const dir = useDirectory();
const data = useDirectory();
const inDir = (...args: string[]) => coalmine(args, { cwd: dir });
const json = async (...args: string[]) => JSON.parse((await inDir(...args, '--json')).out);
/** A coalmine that answers and never ticks: what is open stays open. */
let front: Front;
let store: NodeStore;
let running: RunningEngine;

const yaml = (port: number, store = `{ kind: embedded, data_dir: ${data} }`) =>
  [
    `store: ${store}`,
    `listen: 127.0.0.1:${port}`,
    'signing_keys: [0123456789abcdef0123456789abcdef]',
    'access: { keys: [{ name: oncall, key: the-key-of-oncall, scopes: [read, write] }] }',
    'pipelines:',
    ...['hello', 'other'].flatMap(name => [
      `  ${name}:`,
      '    every: 1h',
      '    event: { format: sshd }',
      `    inject: { kind: file, path: ${dir}/${name}.log }`,
      `    checkpoints: [{ name: end, observe: { kind: file, path: ${dir}/${name}.log }, on_time_within: 5s, lost_after: 1m }]`,
    ]),
    '',
  ].join('\n');

const open = async (kind: string, pipeline = 0): Promise<number> => {
  const { engine } = running;
  const p = engine.pipelines[pipeline]!;
  const facts =
    kind === 'loss' ? lossFacts : { reason: 'the store answers HTTP 500', count: 7, sample: null };
  const [row] = await engine.sql<{ number: number }[]>`
    insert into incident (pipeline, checkpoint, kind, began_ms, detected_ms, facts, state)
    values (${p.number}, ${p.checkpoints[0]!.key.checkpoint}, ${kind}, ${Date.now() - 60_000}, ${Date.now() - 30_000},
            ${JSON.stringify(facts)}::text::jsonb, '{"alarms":[],"told":null}') returning number`;
  return row!.number;
};

beforeAll(async () => {
  for (const name of ['hello', 'other']) put(dir, `${name}.log`, '');
  const log = () => {};
  front = await listen({ host: '127.0.0.1', port: 0 }, log);
  const port = Number(new URL(front.url).port);
  const config = parseConfig(yaml(port), { file: 'coalmine.yaml', env: {}, registry }).config!;
  store = await openNodeStore(config, { log });
  await migrate(store.sql);
  running = await openEngine({
    sql: store.sql,
    ctx: { clock: createClock({ unref: true }), random: Math.random, fetch: globalThis.fetch, log },
    config,
    registry,
    self: 'test',
    fresh: { storeId: 'store-of-a-test', seed: 'seed-of-a-test' },
  });
  const app = createApp({ running, version: 'test' });
  front.serve((request, env) => app.fetch(request, env));
  put(dir, 'coalmine.yaml', yaml(port));
  put(dir, 'remote.yaml', yaml(port, 'postgres://u:p@127.0.0.1:1/x'));
  put(dir, 'nowhere.yaml', yaml(1, 'postgres://u:p@127.0.0.1:1/x'));
}, 60_000);
afterAll(async () => {
  await front?.close(0);
  await running?.close();
  await store?.close();
});

// One after the other: each stands on what the one before left.
test('nothing is open', async () => {
  expect(await inDir('incidents')).toMatchObject({
    code: 0,
    out: expect.stringContaining('no incident is open'),
  });
  expect(await inDir('incidents', 'list', '--open')).toMatchObject({ code: 0, out: 'no incident is open\n' });
});

test('the exit code tells loss from not seeing, and what is for information from both', async () => {
  await open('echoes', 1);
  expect((await inDir('incidents')).code).toBe(0);
  const blind = await open('blind', 1);
  const seen = await inDir('incidents', '--open');
  expect(seen.code).toBe(3);
  expect(seen.out).toMatch(new RegExp(`\\n${blind} +open +error +1 min.* other: we can’t see at end since`));
  await open('loss');
  expect((await inDir('incidents')).code).toBe(1);
  expect((await inDir('incidents', '--pipeline', 'other')).code).toBe(3);
  const { data: all } = await json('incidents', 'list');
  expect(all.map((i: { kind: string }) => i.kind)).toEqual(['loss', 'blind', 'echoes']);
});

test('show tells it whole, alike from the store and over HTTP', async () => {
  const shown = await inDir('incidents', 'show', '3');
  expect(shown.code).toBe(1);
  expect(shown.out).toContain('34 lost');
  expect(shown.out).toContain('First: ');
  const here = await json('incidents', 'show', '3');
  const there = await json('incidents', 'show', '3', '-c', 'remote.yaml');
  const steady = ({ as_of_ms, seen, text, facts, ...rest }: Record<string, unknown>) => rest;
  expect(steady(there)).toEqual(steady(here));
  expect(there.text).toContain('34 lost');
});

test('ack and note stand in the ledger, with who it was', async () => {
  const taken = await inDir('incidents', 'ack', '3', '--note', 'restarting');
  expect(taken).toMatchObject({ code: 0, out: `incident 3: taken by ${userInfo().username}\n` });
  expect((await inDir('incidents', 'note', '3', 'done', '--by', 'Kim', '-c', 'remote.yaml')).out).toBe(
    'incident 3: noted by Kim (key oncall)\n',
  );
  const { notes, acknowledged } = await json('incidents', 'show', '3');
  expect(acknowledged).toBe(true);
  expect(notes).toMatchObject([
    { by: userInfo().username, kind: 'ack', text: 'restarting' },
    { by: 'Kim (key oncall)', kind: 'note', text: 'done' },
  ]);
  expect((await inDir('incidents')).out).toMatch(/\n3 +open, taken/);
});

test('status mentions what is open, of the pipeline that is asked for', async () => {
  const all = await inDir('status');
  expect(all.out).toMatch(/\n3 open incidents\n {2}3: hello: canaries of web-1 .*\(taken\)/);
  expect((await inDir('status', 'other')).out).toContain('2 open incidents');
  const { incidents } = await json('status', 'hello', '-c', 'remote.yaml');
  expect(incidents).toMatchObject([{ id: 3, kind: 'loss' }]);
});

test.each([
  [['show', '99'], 2, 'there is no incident 99'],
  [['show', '99', '-c', 'remote.yaml'], 2, '404'],
  [['show', 'x'], 2, 'expected the number of an incident'],
  [['ack', '99'], 2, 'there is no incident 99'],
  [['note', '3', ' '], 2, 'expected a note'],
  [['note', '3', 'x'.repeat(4_001)], 2, 'at most 4000'],
  [['--since', 'nope'], 2, '--since: expected a duration'],
  [['--pipeline', 'helo'], 2, 'did you mean "hello"'],
  [['explode'], 2, 'too many arguments'],
  [['list', '-c', 'nowhere.yaml'], 3, 'store'],
])('a mistake is told: %j', async (args, code, says) => {
  const ended = await inDir('incidents', ...args);
  expect(ended).toMatchObject({ code, err: expect.stringContaining(says) });
  expectNoStack(ended);
});

test('every part of it has help with an example', async () => {
  for (const part of ['list', 'show', 'ack', 'note']) {
    const { out, code } = await inDir('incidents', part, '--help');
    expect(code).toBe(0);
    expect(out).toMatch(/Example:\n {2}\$ coalmine incidents/);
    expect(out).toMatch(/Exit codes:\n {2}0 {2}\S/);
  }
});
