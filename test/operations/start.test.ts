/** Starts that can't be: each says what was expected, what was found and what to do, ends with 2, and touches nothing. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbedded } from '../../src/runtimes/embedded/index.ts';
import { coalmine, type Ended, expectNoStack } from '../cli/child.ts';
import { fileConfig, newDir, run } from './program.ts';

async function refused(dir: string, yaml: string, env: Record<string, string> = {}): Promise<Ended> {
  writeFileSync(join(dir, 'coalmine.yaml'), yaml);
  const ended = await coalmine(['run'], { cwd: dir, env: { STATE_DIRECTORY: join(dir, 'state'), ...env } });
  expect(ended.code, ended.err).toBe(2);
  expectNoStack(ended);
  return ended;
}

test('a wrong configuration: all errors at once, with their lines, before anything is touched', async () => {
  const dir = newDir();
  const { err } = await refused(
    dir,
    `store: { kind: embedded, data_dir: ${join(dir, 'data')} }
pipelines:
  hello:
    every: soon
    event: { format: sshd }
    inject: { kind: sylog, address: tcp://127.0.0.1:514 }
    checkpoints:
      - { name: file, observe: { kind: file, path: /tmp/x }, on_time_within: 5s, lost_after: 1s }
      - { name: file2, observe: { kind: file, path: "\${NOT_SET}" }, on_time_within: 5s, lost_after: 1m }
`,
  );
  for (const line of [4, 6, 8, 9]) expect(err).toMatch(new RegExp(`coalmine\\.yaml:${line}:\\d+`));
  expect(err).toMatch(/syslog/);
  expect(err).toMatch(/NOT_SET/);
  expect(readdirSync(dir)).toEqual(['coalmine.yaml']);
});

test('a port in use: named, with what to do, and no store is begun', async () => {
  const dir = newDir();
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { err } = await refused(dir, fileConfig(dir).replace('127.0.0.1:0', `127.0.0.1:${port}`));
  server.close();
  expect(err).toContain(`127.0.0.1:${port}`);
  expect(err).toMatch(/another process listening there: stop what listens there, or name another port/);
  expect(existsSync(join(dir, 'data'))).toBe(false);
});

test('a store of another major version of PostgreSQL: told, with the way out, and left as it is', async () => {
  const dir = newDir();
  const program = await run(dir, fileConfig(dir));
  expect((await program.end()).code).toBe(0);
  const version = join(dir, 'data', 'postgres', 'PG_VERSION');
  const ours = Number(readFileSync(version, 'utf8'));
  writeFileSync(version, `${ours - 1}\n`);
  const { err } = await refused(dir, fileConfig(dir));
  expect(err).toContain(`written by PostgreSQL ${ours - 1}`);
  expect(err).toMatch(/coalmine export.*with the version of coalmine that wrote it.*coalmine import/s);
  writeFileSync(version, `${ours}\n`);
  const again = await run(dir, fileConfig(dir));
  expect((await again.end()).code).toBe(0);
});

describe('a PostgreSQL of the user’s own', () => {
  const place = newDir();
  let port: number;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    port = await freePort();
    const hba = join(place, 'hba.conf');
    writeFileSync(hba, 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
    const store = await startEmbedded({
      dataDir: join(place, 'pg'),
      log: () => {},
      settings: { listen_addresses: '127.0.0.1', port: String(port), hba_file: hba, fsync: 'off' },
    });
    stop = store.stop;
    const sql = postgres({ ...store.connection, port, max: 1 });
    await sql`create role canary login password 'right-password'`;
    await sql`create database ledger owner canary`;
    await sql.end();
  });
  afterAll(() => stop());

  const head = (user: string, database: string) =>
    `store: "postgres://${user}@127.0.0.1:${port}/${database}"\nsigning_keys: [0123456789abcdef0123456789abcdef]`;

  test.each([
    [
      'a wrong password',
      'canary:wrong-password',
      'ledger',
      /password authentication failed.*: correct user and password/,
    ],
    [
      'a database that isn’t there',
      'canary:right-password',
      'ledgr',
      /"ledgr" does not exist: create that database/,
    ],
  ])('%s ends the start at once', async (_, user, database, says) => {
    const dir = newDir();
    const began = performance.now();
    const { err } = await refused(dir, fileConfig(dir, { head: head(user, database) }));
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(err).toMatch(says);
    expect(err).not.toMatch(/(wrong|right)-password/);
  });

  test('one that doesn’t answer is waited for, and a signal ends the waiting', async () => {
    const dir = newDir();
    const nobody = await freePort();
    writeFileSync(
      join(dir, 'coalmine.yaml'),
      fileConfig(dir, {
        head: head('canary:right-password', 'ledger').replace(String(port), String(nobody)),
      }),
    );
    const { spawn } = await import('node:child_process');
    const { CLI } = await import('../cli/child.ts');
    const child = spawn(process.execPath, [CLI, 'run'], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', chunk => {
      err += chunk;
      if (err.includes('store.unreachable')) child.kill('SIGTERM');
    });
    const code = await new Promise(resolve => child.once('close', resolve));
    expect(code).toBe(130);
    expect(err).toMatch(/store\.unreachable .*ECONNREFUSED/);
    expect(err).not.toContain('right-password');
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
