/** A node as a user meets it: what a start says, keeps and refuses, over real sockets and a real embedded store. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Log } from '../../src/contracts/context.ts';
import { registry } from '../../src/registry.gen.ts';
import { keptSecret } from '../../src/runtimes/node/secret-file.ts';
import { startTicker } from '../../src/runtimes/node/ticker.ts';
import { listen, type NodeHandle, openNodeStore, StartError, startNode } from '../../src/runtimes/node.ts';

const dirs: string[] = [];
const lines: string[] = [];
const log: Log = (level, event, fields) => void lines.push(JSON.stringify({ level, event, ...fields }));

const newDir = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-node-'));
  // As root the store's server is another account, which must pass.
  chmodSync(dir, 0o711);
  dirs.push(dir);
  return dir;
};
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

function configOf(dir: string, more = ''): Config {
  const file = join(dir, 'hello.log');
  writeFileSync(file, '', { flag: 'a' });
  const yaml = `
store: { kind: embedded, data_dir: ${JSON.stringify(join(dir, 'data'))} }
listen: 127.0.0.1:0
pipelines:
  hello:
    every: 1s
    event: { format: sshd }
    inject: { kind: file, path: ${JSON.stringify(file)} }
    checkpoints:
      - { name: file, observe: { kind: file, path: ${JSON.stringify(file)} }, on_time_within: 3s, lost_after: 30s }
${more}`;
  const parsed = parseConfig(yaml, { file: 'test.yaml', env: {}, registry });
  if (!parsed.config) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.config;
}

const start = (config: Config): Promise<NodeHandle> =>
  startNode({
    config,
    registry,
    log,
    version: '0.0.0',
    extra: app => void app.get('/more', c => c.text('more')),
  });

describe('a node on an embedded store', () => {
  const dir = newDir();
  test('starts, beats, tells that it is ready, and closes; its key is drawn once and kept to itself', async () => {
    const config = configOf(dir);
    const node = await start(config);
    expect(node.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(node.config.baseUrl).toBe(node.url);
    const [key = ''] = node.config.signingKeys;
    expect(key.length).toBeGreaterThanOrEqual(32);
    const kept = join(dir, 'data', 'signing-key');
    expect(readFileSync(kept, 'utf8').trim()).toBe(key);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    await vi.waitFor(async () => expect((await fetch(`${node.url}/readyz`)).status).toBe(200), 5_000);
    expect(await (await fetch(`${node.url}/more`)).text()).toBe('more');
    await vi.waitFor(() => expect(readFileSync(join(dir, 'hello.log'), 'utf8')).toMatch(/coalmine1/), 5_000);
    await node.close();
    await node.close();
    await expect(fetch(`${node.url}/healthz`)).rejects.toThrow();
    expect(readdirSync(join(dir, 'data')).sort()).toEqual(['postgres', 'server.log', 'signing-key']);

    const again = await start(config);
    expect(again.config.signingKeys).toEqual([key]);
    await again.close();
    expect(lines.join('\n')).not.toContain(key);
  });

  test('a second one on the same directory is refused, and leaves nothing listening', async () => {
    const node = await start(configOf(dir));
    const front = await listen({ host: '127.0.0.1', port: 0 }, log);
    const second = startNode({ config: configOf(dir), registry, log, version: '0.0.0', front });
    await expect(second).rejects.toMatchObject({ name: 'StartError', exitCode: 2 });
    await expect(second).rejects.toThrow(/in use by process/);
    await expect(fetch(`${front.url}/`)).rejects.toThrow();
    const shared = await openNodeStore(configOf(dir), { log, share: true });
    expect(await shared.sql`select count(*)::int as n from pipeline`).toEqual([{ n: 1 }]);
    await shared.close();
    await node.close();
  });
});

test('a port in use is told with what to do, before any store is touched', async () => {
  const dir = newDir();
  const front = await listen({ host: '127.0.0.1', port: 0 }, log);
  const config = { ...configOf(dir), listen: { host: '127.0.0.1', port: front.port } };
  const error = await start(config).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(StartError);
  expect(error).toMatchObject({
    expected: `to listen on 127.0.0.1:${front.port}`,
    found: 'another process listening there',
    do: expect.stringContaining('another port'),
  });
  expect(readdirSync(dir)).toEqual(['hello.log']);
  await front.close();
});

test('who comes before there is anything to serve is told to come again; streams are cut in the end', async () => {
  const front = await listen({ host: '127.0.0.1', port: 0 }, log);
  const early = await fetch(front.url);
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);
  front.serve(() => new Response(new ReadableStream({ start: c => c.enqueue(new Uint8Array([46])) })));
  const endless = await fetch(front.url);
  const read = endless.text();
  read.catch(() => {});
  await front.close(50);
  await expect(read).rejects.toThrow();
});

describe('a PostgreSQL', () => {
  const at = (url: string): Config => ({ ...configOf(newDir()), store: { kind: 'postgres', url } });
  let server: Server | undefined;
  afterEach(() => void server?.close());

  test('that doesn’t answer is tried a few times, then told without its password', async () => {
    const url = 'postgres://someone:hunter2secret@127.0.0.1:1/ledger';
    const error = (await openNodeStore(at(url), { log, patienceMs: 2_000 }).catch(e => e)) as StartError;
    expect(error).toBeInstanceOf(StartError);
    expect(error.message).toMatch(
      /answers at postgres:\/\/someone@127\.0\.0\.1:1\/ledger, found .*ECONNREFUSED.*tried [2-9]/,
    );
    expect(`${error.message} ${lines.join()}`).not.toContain('hunter2secret');
  });

  test('that refuses the password is told at once', async () => {
    let asked = 0;
    server = createServer(socket => {
      socket.on('error', () => {});
      socket.once('data', () => {
        asked++;
        // ErrorResponse of PostgreSQL's protocol 3: 'E', length, fields, terminator.
        const fields = Buffer.from('SFATAL\0C28P01\0Mpassword authentication failed for user "u"\0\0');
        const length = Buffer.alloc(4);
        length.writeInt32BE(fields.length + 4);
        socket.end(Buffer.concat([Buffer.from('E'), length, fields]));
      });
    });
    await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const before = performance.now();
    const error = await openNodeStore(at(`postgres://u:p@127.0.0.1:${port}/d`), { log }).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ name: 'StartError', do: 'correct user and password in store:' });
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(asked).toBe(1);
  });
});

test('a kept key that was cut short is refused, not signed with', async () => {
  const dir = newDir();
  const first = await keptSecret(dir, 'signing-key');
  expect(await keptSecret(dir, 'signing-key')).toBe(first);
  writeFileSync(join(dir, 'signing-key'), first.slice(0, 5));
  await expect(keptSecret(dir, 'signing-key')).rejects.toThrow(/expected a key of at least 32 characters/);
});

test('a tick never overlaps itself: the ones left out are counted and told', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  try {
    let now = 0;
    let most = 0;
    let ticks = 0;
    const told: string[] = [];
    const ticker = startTicker(
      async () => {
        ticks++;
        most = Math.max(most, ++now);
        await new Promise(resolve => setTimeout(resolve, 2_500));
        now--;
      },
      (_, event) => void told.push(event),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    expect(most).toBe(1);
    expect(ticks).toBeGreaterThanOrEqual(3);
    expect(ticker.skipped()).toBeGreaterThanOrEqual(5);
    expect(told.filter(event => event === 'tick.skipped')).toHaveLength(ticker.skipped());
    const stopped = ticker.stop();
    await vi.advanceTimersByTimeAsync(3_000);
    await stopped;
    const before = ticks;
    await vi.advanceTimersByTimeAsync(3_000);
    expect([ticks, now]).toEqual([before, 0]);
  } finally {
    vi.useRealTimers();
  }
});
