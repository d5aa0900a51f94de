/** A store for one measurement: the embedded server in a directory of its own, with the settings that users get. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../../src/runtimes/embedded/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Sql } from '../../src/store/open.ts';

export interface BenchStore {
  readonly sql: Sql;
  /** Of the server. */
  readonly pid: number;
  readonly dataDir: string;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Over the server's own, such as measuring switches. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function openBenchStore(options: StoreOptions = {}): Promise<BenchStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'coalmine-bench-'));
  const server = await startEmbedded({ dataDir, settings: options.settings ?? {}, log: () => {} });
  const sql = openStore(server.connection);
  await migrate(sql);
  return {
    sql,
    pid: server.pid(),
    dataDir,
    async close() {
      await sql.end({ timeout: 5 });
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Bytes of write-ahead log so far, and the seconds that syncing it took (where `track_wal_io_timing` is on). */
export async function readWal(sql: Sql): Promise<{ bytes: number; syncs: number; syncSeconds: number }> {
  const [row] = await sql<{ bytes: number; syncs: number; seconds: number }[]>`
    select (pg_current_wal_lsn() - '0/0')::float8 as bytes, sum(fsyncs)::float8 as syncs,
           (sum(fsync_time) / 1000)::float8 as seconds
      from pg_stat_io where object = 'wal'`;
  return { bytes: row?.bytes ?? 0, syncs: row?.syncs ?? 0, syncSeconds: row?.seconds ?? 0 };
}
