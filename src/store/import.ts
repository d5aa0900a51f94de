/**
 * Reads an exported ledger into an empty store, whole or not at all. What comes out is a copy of a store that may have
 * lived on: it begins a new epoch.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  EXPORT_FORMAT,
  type Exported,
  type ExportHeader,
  type ExportTrailer,
  LedgerError,
  rowPrefix,
} from './export.ts';
import type { Sql, Tx } from './open.ts';
import { beginNewEpoch } from './restored.ts';
import { type LedgerTable, readMigrations, readTables } from './tables.ts';

/** A row of `beat` with its 1000 canaries takes some 40 KB. */
const LINE_CHARS_MAX = 64 * 1024 * 1024;
const BATCH_ROWS = 1_000;
const BATCH_CHARS = 4 * 1024 * 1024;

export interface Imported extends Exported {
  readonly storeId: string;
  readonly epochs: readonly number[];
  readonly exportedMs: number;
}

/**
 * `text` in pieces of any size. One transaction: a file that is cut, altered or of another version leaves the store as it
 * was. Memory stays at some 4 MB.
 * @throws LedgerError, and what `text` and the database throw.
 */
export async function importLedger(sql: Sql, text: AsyncIterable<string>, nowMs: number): Promise<Imported> {
  const done = await sql.begin(async tx => {
    await tx`set local statement_timeout = 0`;
    // Nobody takes an identity or plans a beat meanwhile.
    await tx`lock table meta in exclusive mode`;
    const tables = new Map((await readTables(tx)).map(t => [t.name, t]));
    await expectEmpty(tx, [...tables.keys()]);
    const lines = linesOf(text)[Symbol.asyncIterator]();
    const first = await lines.next();
    const firstLine = first.done === true ? '' : first.value;
    const header = readHeader(firstLine);
    await expectSameTables(tx, header);
    const hash = createHash('sha256').update(`${firstLine}\n`);
    const exported = await takeRows(tx, tables, hash, { [Symbol.asyncIterator]: () => lines });
    for (const table of tables.values()) await moveSequences(tx, table);
    await tx`delete from meta`;
    await tx`
      insert into meta (store_id, epochs, created_ms, seed)
      values (${header.store_id}, array(select json_array_elements_text(${JSON.stringify(header.epochs)}::text::json)::int),
              ${header.created_ms}, ${header.seed})`;
    const epochs = await beginNewEpoch(tx, nowMs);
    return { ...exported, storeId: header.store_id, epochs, exportedMs: header.exported_ms };
  });
  return done as Imported;
}

async function expectEmpty(tx: Tx, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [row] = await tx.unsafe<{ there: boolean }[]>(`select exists (select from "${name}") as there`);
    if (!row?.there) continue;
    throw new LedgerError(
      `expected an empty store, found rows in its table ${name}: import into a new database or another data_dir`,
    );
  }
}

function readHeader(line: string): ExportHeader {
  const value = parseObject(line) as Partial<ExportHeader> | undefined;
  if (value?.coalmine_export === undefined)
    throw new LedgerError(
      'expected a file that `coalmine export` wrote, found something else in its first line',
    );
  const { coalmine_export: format, store_id, epochs, created_ms, seed, exported_ms, migrations } = value;
  if (format !== EXPORT_FORMAT) {
    throw new LedgerError(
      `expected an export of format ${EXPORT_FORMAT}, found ${format}: import it with the version of coalmine that wrote it`,
    );
  }
  const sound =
    typeof store_id === 'string' &&
    typeof seed === 'string' &&
    Number.isSafeInteger(created_ms) &&
    Number.isSafeInteger(exported_ms) &&
    Array.isArray(epochs) &&
    epochs.length > 0 &&
    epochs.every(Number.isSafeInteger) &&
    Array.isArray(migrations);
  if (!sound)
    throw new LedgerError('the export’s first line lacks what tells the store: the file was altered');
  return value as ExportHeader;
}

async function expectSameTables(tx: Tx, header: ExportHeader): Promise<void> {
  const here = await readMigrations(tx);
  const told = (list: readonly { name: string; hash: string }[]) =>
    list.map(m => `${m.name} ${m.hash}`).join(', ');
  if (told(here) === told(header.migrations)) return;
  throw new LedgerError(
    `expected an export of a store with the migrations ${told(here)}, found ${told(header.migrations)}: ` +
      'import it with the version of coalmine that wrote it, then let this one migrate that store',
  );
}

/** The rows, in batches of one table, as the lines come; checks the trailer. */
async function takeRows(
  tx: Tx,
  tables: ReadonlyMap<string, LedgerTable>,
  hash: Hash,
  lines: AsyncIterable<string>,
): Promise<Exported> {
  const counts: Record<string, number> = Object.fromEntries([...tables.keys()].map(name => [name, 0]));
  let rows = 0;
  let batch: string[] = [];
  let chars = 0;
  let table = '';
  const flush = async () => {
    if (batch.length > 0) await insertRows(tx, table, batch);
    batch = [];
    chars = 0;
  };
  let trailer: ExportTrailer | undefined;
  for await (const line of lines) {
    if (trailer) throw new LedgerError('expected nothing after the export’s last line: the file was altered');
    const name = /^\{"table":"([a-z0-9_]{1,63})","row":/.exec(line)?.[1];
    if (name === undefined) {
      trailer = readTrailer(line, rows);
      continue;
    }
    if (!tables.has(name))
      throw new LedgerError(`the export has a table ${name}, which this store hasn’t got`);
    if (name !== table || batch.length >= BATCH_ROWS || chars >= BATCH_CHARS) await flush();
    table = name;
    hash.update(line).update('\n');
    const row = line.slice(rowPrefix(name).length, -1);
    batch.push(row);
    chars += row.length;
    counts[name] = (counts[name] ?? 0) + 1;
    rows++;
  }
  await flush();
  if (!trailer)
    throw new LedgerError(
      `the export ends after ${rows} rows without its last line: it was cut off; export again`,
    );
  const found = hash.digest('hex');
  if (trailer.rows !== rows || trailer.sha256 !== found) {
    throw new LedgerError(
      `expected ${trailer.rows} rows with SHA-256 ${trailer.sha256}, found ${rows} with ${found}: the file was altered`,
    );
  }
  return { rows, tables: counts };
}

function readTrailer(line: string, rows: number): ExportTrailer {
  const value = parseObject(line) as Partial<ExportTrailer> | undefined;
  if (value?.coalmine_export_end === true && typeof value.sha256 === 'string') return value as ExportTrailer;
  throw new LedgerError(
    `expected a row or the export’s end after row ${rows}, found neither: it was cut off or altered`,
  );
}

async function insertRows(tx: Tx, table: string, rows: readonly string[]): Promise<void> {
  try {
    await tx.unsafe(
      `insert into "${table}" overriding system value select * from json_populate_recordset(null::"${table}", $1::text::json)`,
      [`[${rows.join(',')}]`],
    );
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    // What the data say (class 22, 23), not what the connection suffers.
    if (typeof code === 'string' && /^2[23]/.test(code))
      throw new LedgerError(`the export has rows that table ${table} can’t take: ${message}`, {
        cause: error,
      });
    throw error;
  }
}

/** Numbers drawn from now on are above all that came. */
async function moveSequences(tx: Tx, { name, identities }: LedgerTable): Promise<void> {
  for (const column of identities) {
    await tx.unsafe(
      `select setval(pg_get_serial_sequence('"${name}"', '${column}'), max("${column}")) from "${name}" having max("${column}") is not null`,
    );
  }
}

function parseObject(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Lines without their line feeds. The last one has one too: the file is cut where it hasn't. */
async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of text) {
    const parts = piece.split('\n');
    parts[0] = rest + parts[0];
    rest = parts.pop() ?? '';
    yield* parts;
    if (rest.length > LINE_CHARS_MAX)
      throw new LedgerError(`expected lines of at most ${LINE_CHARS_MAX} characters: this is no export`);
  }
  if (rest === '') return;
  yield rest;
  throw new LedgerError('the export ends in the middle of a line: it was cut off; export again');
}
