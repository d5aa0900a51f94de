/** `coalmine import`: an exported ledger into an empty store. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { UnpackError, unpack } from '../engine/unpack.ts';
import { LedgerError } from '../store/export.ts';
import { type Imported, importLedger } from '../store/import.ts';
import { migrate } from '../store/migrate.ts';
import { loadConfig } from './lib/config.ts';
import { context } from './lib/context.ts';
import { CliError, EXIT } from './lib/exit.ts';
import { exists, fileFault } from './lib/files.ts';
import { writeJson, writeLine } from './lib/output.ts';
import { openAnyStore, storeTrouble } from './lib/store.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

export const importVerb = (program: Command): void => {
  withConfig(
    addVerb(program, 'import', {
      summary: 'read an exported ledger into an empty store',
      purpose:
        'Reads what `coalmine export` wrote into an empty store, whole or not at all: a file that is cut, altered or of another version changes nothing. The store takes over the id of the exported one and begins a new epoch, since the original may live on: what it signed so far still verifies, and no name is used twice. Keep the same signing_keys.',
      example: [
        'coalmine import ledger.ndjson.gz',
        'Into the store that coalmine.yaml names; - reads standard input.',
      ],
      exits: {
        [EXIT.good]: 'imported whole',
        [EXIT.bad]:
          'the file is cut, altered, of another version, or the store isn’t empty; nothing was changed',
        [EXIT.unknown]: 'the store can’t be reached',
      },
    }),
  )
    .argument('<file>', 'plain, gzip or zstd; - is standard input')
    .action(
      ends(async (file: string, options: Options) => {
        const config = await loadConfig(options.config);
        if (file !== '-' && !(await exists(file))) throw new CliError(EXIT.usage, `there is no file ${file}`);
        const store = await openAnyStore(config, { create: true });
        try {
          await migrate(store.sql);
          const done = await importLedger(store.sql, textOf(file), context.clock.now());
          await report(done, options);
          return EXIT.good;
        } catch (error) {
          if (error instanceof LedgerError || error instanceof UnpackError)
            throw new CliError(EXIT.bad, `${error.message}. Nothing was imported`);
          throw storeTrouble(error);
        } finally {
          await store.close().catch(() => {});
        }
      }),
    );
};

async function* textOf(file: string): AsyncGenerator<string> {
  const bytes = file === '-' ? process.stdin : createReadStream(file);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const unpacked = unpack(bytes, { bytesMax: Number.POSITIVE_INFINITY });
  try {
    for await (const chunk of unpacked) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new LedgerError('expected text in UTF-8, found something else');
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new CliError(EXIT.usage, fileFault(error, file));
  }
}

async function report(done: Imported, { json }: Options): Promise<void> {
  const { rows, storeId, epochs, exportedMs } = done;
  if (json) {
    await writeJson({ rows, tables: done.tables, store_id: storeId, epochs, exported_ms: exportedMs });
    return;
  }
  await writeLine(`${rows} rows, as of ${new Date(exportedMs).toISOString()}`);
  await writeLine(`store ${storeId}, epoch ${epochs.at(-1)} signs from now on`);
}
