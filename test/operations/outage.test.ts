/** What the program depends on goes away while it runs, and comes back: it goes on, says so, and nothing is falsely lost. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, describe, expect, test } from 'vitest';
import { startEmbedded } from '../../src/runtimes/embedded/index.ts';
import { account, ask, fileConfig, getJson, newDir, type Program, run, tokensIn, until } from './program.ts';

const ready = async (program: Program) => (await fetch(`${program.url}/readyz`)).status;

test('the embedded server is killed: started again, with what it had', async () => {
  const dir = newDir();
  const dataDir = join(dir, 'data');
  const path = join(dir, 'hello.log');
  const program = await run(dir, fileConfig(dir));
  await until(() => expect(tokensIn(path).length).toBeGreaterThan(1));
  process.kill(
    Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]),
    'SIGKILL',
  );
  await until(() => expect(program.log().some(l => l.event === 'store.server.restarted')).toBe(true));
  const before = tokensIn(path).length;
  await until(() => expect(tokensIn(path).length).toBeGreaterThan(before + 1));
  await until(async () => expect(await ready(program)).toBe(200));
  const books = await ask(dataDir, account);
  expect(books.verdicts.lost ?? 0).toBe(0);
  expect(books.total).toBe(books.scheduled);
  const names = await ask(dataDir, sql => sql`select slot from beat where kind = 'planned'`);
  expect(new Set(tokensIn(path)).size).toBe(tokensIn(path).length);
  expect(names.length).toBeGreaterThanOrEqual(tokensIn(path).length);
  expect((await program.end()).code).toBe(0);
});

test('a PostgreSQL elsewhere is away for a while: nothing leaves without its intent, and what was skipped is on record', async () => {
  const dir = newDir();
  const port = await freePort();
  const place = {
    dataDir: join(dir, 'pg'),
    log: () => {},
    settings: { listen_addresses: '127.0.0.1', port: String(port) },
  };
  let server = await startEmbedded(place);
  const url = `postgres://coalmine@127.0.0.1:${port}/coalmine`;
  const path = join(dir, 'hello.log');
  const head = `store: "${url}"\nsigning_keys: [0123456789abcdef0123456789abcdef]`;
  const program = await run(dir, fileConfig(dir, { head, rest: '    send_within: 1s\n' }));
  await until(() => expect(tokensIn(path).length).toBeGreaterThan(1));
  await server.stop();
  await until(async () => expect(await ready(program)).toBe(503));
  expect((await fetch(`${program.url}/healthz`)).status).toBe(200);
  const sent = tokensIn(path).length;
  await new Promise(resolve => setTimeout(resolve, 2_000));
  // At most those whose intent had been committed when it went.
  expect(tokensIn(path).length - sent).toBeLessThanOrEqual(2);
  server = await startEmbedded(place);
  const during = tokensIn(path).length;
  await until(() => expect(tokensIn(path).length).toBeGreaterThan(during + 1));
  await until(async () => expect(await ready(program)).toBe(200));
  expect(program.log().filter(l => l.event === 'store.unusable').length).toBe(1);
  const sql = postgres(url, { max: 1 });
  await until(async () => {
    const { verdicts, total, scheduled } = await account(sql);
    expect(verdicts.lost ?? 0).toBe(0);
    expect(total).toBe(scheduled);
    expect(verdicts.unsent ?? 0).toBeGreaterThan(0);
  });
  await sql.end();
  expect((await program.end()).code).toBe(0);
  await server.stop();
}, 40_000);

describe('a backend', () => {
  let backend: Backend | undefined;
  afterEach(() => backend?.close());

  test('that can’t be asked makes its checkpoint blind, in words; then everything is found', async () => {
    const dir = newDir();
    backend = await openBackend();
    const program = await run(
      dir,
      fileConfig(dir, { lostAfter: '20s' })
        .replace(/inject: .*/, `inject: { kind: http, url: "${backend.url}/push" }`)
        .replace(/observe: .*/, `observe: ${search(backend.url)}`),
    );
    const stateOf = async () => {
      const told = (await getJson(`${program.url}/api/v1/pipelines/hello`)) as { checkpoints: Checkpoint[] };
      return told.checkpoints[0]!;
    };
    await until(async () => expect((await stateOf()).state).toBe('healthy'), 15_000);
    backend.deaf = true;
    await until(async () => expect(await stateOf()).toMatchObject({ state: 'blind' }), 15_000);
    expect((await stateOf()).state_reason).toMatch(/nothing can be said of the last .*: failed: .*503/);
    expect(await (await fetch(`${program.url}/pipelines/hello`)).text()).toMatch(/blind/i);
    expect(await ready(program)).toBe(200);
    backend.deaf = false;
    await until(async () => expect((await stateOf()).state).not.toBe('blind'), 15_000);
    const { verdicts } = await ask(join(dir, 'data'), account);
    expect(verdicts.lost ?? 0).toBe(0);
    expect((await program.end()).code).toBe(0);
  }, 40_000);

  test('that refuses connections: what is sent is refused, the path’s, and it goes on when it is back', async () => {
    const dir = newDir();
    backend = await openBackend();
    const program = await run(
      dir,
      fileConfig(dir, { lostAfter: '20s' })
        .replace(/inject: .*/, `inject: { kind: http, url: "${backend.url}/push" }`)
        .replace(/observe: .*/, `observe: ${search(backend.url)}`),
    );
    const books = () => ask(join(dir, 'data'), account);
    await until(async () => expect((await books()).verdicts.on_time).toBeGreaterThan(0));
    backend.close();
    const refusals = () =>
      ask(join(dir, 'data'), sql => sql`select reasons::text as why from beat where sendings[1] = 1`);
    await until(async () => expect((await refusals()).length).toBeGreaterThan(1));
    expect((await refusals())[0]?.why).toMatch(/ECONNREFUSED|refused/);
    expect(await ready(program)).toBe(200);
    await backend.open();
    await until(async () => expect((await books()).verdicts.refused).toBeGreaterThan(1), 15_000);
    const { verdicts } = await books();
    expect(verdicts.lost ?? 0).toBe(0);
    expect((await program.end()).code).toBe(0);
  }, 40_000);
});

interface Checkpoint {
  readonly state: string;
  readonly state_reason: string;
  readonly counts: Readonly<Record<string, number>>;
}

interface Backend {
  readonly url: string;
  /** Searches fail; what is pushed is still taken. */
  deaf: boolean;
  close(): void;
  /** Again, on the same port. */
  open(): Promise<void>;
}

const search = (url: string): string =>
  JSON.stringify({
    kind: 'http',
    url: `${url}/search?from={{from_ms}}&to={{to_ms}}`,
    records: 'hits',
    text: 'text',
    record_id: 'id',
    event_time: { path: 'at', unit: 'ms' },
    complete: { path: 'done', equals: true },
    paging: { kind: 'none' },
    page_size: 10_000,
  });

/** Keeps what is pushed, and gives it out again by time. */
async function openBackend(): Promise<Backend> {
  const kept: { id: string; at: number; text: string }[] = [];
  const server: Server = createServer((req, res) => {
    const { pathname, searchParams: q } = new URL(req.url ?? '', 'http://x');
    let body = '';
    req.on('data', chunk => {
      body += chunk;
    });
    req.on('end', () => {
      if (pathname === '/push') {
        kept.push({ id: String(kept.length), at: Date.now(), text: body.trim() });
        return res.writeHead(204).end();
      }
      if (backend.deaf) return res.writeHead(503).end();
      const hits = kept.filter(k => k.at >= Number(q.get('from')) && k.at < Number(q.get('to')));
      return res
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ done: true, hits }));
    });
  });
  const listenAt = (port: number) =>
    new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()));
  await listenAt(0);
  const { port } = server.address() as AddressInfo;
  const backend: Backend = {
    url: `http://127.0.0.1:${port}`,
    deaf: false,
    open: () => listenAt(port),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return backend;
}

async function freePort(): Promise<number> {
  const server = createSocket();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
