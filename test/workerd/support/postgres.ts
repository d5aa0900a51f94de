/** A private PostgreSQL that listens on 127.0.0.1, since workerd knows no Unix sockets. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../../../src/runtimes/embedded/index.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { openStore, type Sql } from '../../../src/store/open.ts';

export interface TcpPostgres {
  /** Of a fresh, migrated database. */
  createDatabase(name: string): Promise<{ readonly url: string; readonly sql: Sql }>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<TcpPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'coalmine-workerd-'));
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    fsync: 'off',
    full_page_writes: 'off',
    max_connections: '100',
  };
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
  const server = await startEmbedded({ dataDir: dir, settings, log: () => {} }).catch(error => {
    remove();
    throw error;
  });
  const leave = () => {
    try {
      process.kill(server.pid(), 'SIGQUIT');
    } catch {
      // It has gone already.
    }
    remove();
  };
  process.once('exit', leave);
  // The cluster trusts whoever reaches it; workerd's Hyperdrive insists on a password to send.
  const urlOf = (database: string) => `postgres://coalmine:any@127.0.0.1:${port}/${database}`;
  const opened: Sql[] = [];
  return {
    async createDatabase(name) {
      const admin = openStore({ url: urlOf('coalmine'), max: 1 });
      await admin.unsafe(`create database ${name}`);
      await admin.end();
      const sql = openStore({ url: urlOf(name), max: 2 });
      opened.push(sql);
      await migrate(sql);
      return { url: urlOf(name), sql };
    },
    async stop() {
      process.off('exit', leave);
      await Promise.all(opened.map(sql => sql.end({ timeout: 2 })));
      await server.stop();
      remove();
    },
  };
}

/** One that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
