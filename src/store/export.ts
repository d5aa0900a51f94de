/**
 * The whole ledger as NDJSON: a header, every row of every table, and a trailer by which a cut file is known. It is the
 * way across major versions of PostgreSQL, and into another database.
 */
import { createHash } from 'node:crypto';
import type { Sql, Tx } from './open.ts';
import { readMigrations, readTables } from './tables.ts';

export const EXPORT_FORMAT = 1;

/** First line. Without `store_id` and `epochs` no token of this ledger could be verified again. */
export interface ExportHeader {
  readonly coalmine_export: typeof EXPORT_FORMAT;
  readonly exported_ms: number;
  readonly store_id: string;
  readonly epochs: readonly number[];
  readonly created_ms: number;
  readonly seed: string;
  readonly migrations: readonly { readonly name: string; readonly hash: string }[];
  readonly tables: readonly string[];
}

/** Last line. `sha256` is of all bytes before it, in hexadecimal. */
export interface ExportTrailer {
  readonly coalmine_export_end: true;
  readonly rows: number;
  readonly sha256: string;
}

export interface Exported {
  readonly rows: number;
  readonly tables: Readonly<Record<string, number>>;
}

/** A ledger that can't be exported or imported, or not so. Says what was expected, what was found and what to do. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
}

const FETCH_ROWS = 500;

/** What stands before a row; it is closed by `}` and a line feed. */
export const rowPrefix = (table: string): string => `{"table":"${table}","row":`;

/**
 * Writes the store as of one moment; others may go on writing meanwhile. `write` is waited for: a slow reader slows the
 * cursor, and memory stays at some 500 rows.
 * @throws LedgerError, and what `write` and the database throw.
 */
export async function exportLedger(
  sql: Sql,
  nowMs: number,
  write: (text: string) => Promise<void>,
): Promise<Exported> {
  const done = await sql.begin('isolation level repeatable read read only', async tx => {
    await tx`set local statement_timeout = 0`;
    const hash = createHash('sha256');
    const put = async (text: string) => {
      hash.update(text);
      await write(text);
    };
    const tables = await readTables(tx);
    await put(
      `${JSON.stringify(
        await readHeader(
          tx,
          nowMs,
          tables.map(t => t.name),
        ),
      )}\n`,
    );
    const counts: Record<string, number> = {};
    let rows = 0;
    for (const { name, orderBy } of tables) {
      counts[name] = 0;
      // As a template, since `unsafe` alone speaks the simple protocol, which has no cursors.
      const query = tx<{ row: string }[]>`
        select to_json(t)::text as row from ${tx(name)} t order by ${tx.unsafe(orderBy)}`;
      for await (const page of query.cursor(FETCH_ROWS)) {
        counts[name] += page.length;
        rows += page.length;
        await put(page.map(r => `${rowPrefix(name)}${r.row}}\n`).join(''));
      }
    }
    const trailer: ExportTrailer = { coalmine_export_end: true, rows, sha256: hash.digest('hex') };
    await write(`${JSON.stringify(trailer)}\n`);
    return { rows, tables: counts };
  });
  return done as Exported;
}

async function readHeader(tx: Tx, nowMs: number, tables: readonly string[]): Promise<ExportHeader> {
  const [meta] = await tx<{ store_id: string; epochs: number[]; created_ms: number; seed: string }[]>`
    select store_id, to_json(epochs) as epochs, created_ms, seed from meta`;
  if (!meta) {
    throw new LedgerError(
      'expected a store that has been used, found one without an identity: there is nothing to export',
    );
  }
  return {
    coalmine_export: EXPORT_FORMAT,
    exported_ms: nowMs,
    ...meta,
    migrations: await readMigrations(tx),
    tables,
  };
}
