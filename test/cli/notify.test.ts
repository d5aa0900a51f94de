/** `coalmine notify test` against channels that take, refuse and hang. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const dir = useDirectory();
const arrived: { readonly path: string; readonly body: { type: string; data: Record<string, unknown> } }[] =
  [];
let server: Server;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const path = request.url ?? '';
    arrived.push({ path, body: JSON.parse(await bodyOf(request)) });
    response.statusCode = path.startsWith('/no') ? 403 : 204;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const at = (path: string) => `{ kind: webhook, url: "http://127.0.0.1:${port}${path}" }`;
  const head = [
    'store: embedded',
    'pipelines:',
    '  hello:',
    '    every: 10s',
    '    event: { format: sshd }',
    '    inject: { kind: file, path: ./hello.log }',
    '    checkpoints: [{ name: end, observe: { kind: file, path: ./hello.log }, on_time_within: 5s, lost_after: 1m }]',
  ];
  const notify = ['notify:', `  desk: ${at('/yes?token=a-secret')}`, `  pager: ${at('/no?token=a-secret')}`];
  put(
    dir,
    'coalmine.yaml',
    [...head, '    notify: { loss: [desk], ours: [pager] }', ...notify, ''].join('\n'),
  );
  put(dir, 'none.yaml', [...head, ''].join('\n'));
});
afterAll(() => void server.close());

test('one that takes it', async () => {
  const ended = await coalmine(['notify', 'test', 'desk'], { cwd: dir });
  expect(ended).toMatchObject({ code: 0, err: '' });
  expect(ended.out).toMatch(/^desk +webhook +taken/);
  expect(arrived).toHaveLength(1);
  const { type, data } = arrived[0]!.body;
  expect(type).toBe('coalmine.test');
  expect(data).toMatchObject({
    event: 'test',
    severity: 'info',
    concerns: 'ours',
    sequence: 1,
    ended_ms: null,
  });
  expect(data.title).toContain('nothing is wrong');
  expect(String(data.title).length).toBeLessThanOrEqual(200);
});

test('all of them: one refuses, which is bad news, and no secret is told', async () => {
  const ended = await coalmine(['notify', 'test', '--json'], { cwd: dir });
  expect(ended.code).toBe(1);
  const { data } = JSON.parse(ended.out);
  expect(data).toMatchObject([
    { notifier: 'desk', kind: 'webhook', ok: true },
    { notifier: 'pager', kind: 'webhook', ok: false, said: expect.stringContaining('403') },
  ]);
  expect(ended.out).not.toContain('a-secret');
  const ids = arrived.map(a => a.body.data.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each([
  [['notify', 'test', 'dsek'], 'did you mean "desk"'],
  [['notify', 'test', '-c', 'none.yaml'], 'has no notifiers'],
  [['notify', 'tset'], "unknown command 'tset'"],
])('%j is a mistake', async (args, says) => {
  const ended = await coalmine(args, { cwd: dir });
  expect(ended).toMatchObject({ code: 2, out: '', err: expect.stringContaining(says) });
  expectNoStack(ended);
});
