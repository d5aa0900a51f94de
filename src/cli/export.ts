/** `coalmine export`: the whole ledger as NDJSON, as of one moment. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { type Exported, exportLedger, LedgerError } from '../store/export.ts';
import { loadConfig } from './lib/config.ts';
import { context } from './lib/context.ts';
import { CliError, EXIT, usageError } from './lib/exit.ts';
import { exists, fileFault } from './lib/files.ts';
import { note, write, writeJson, writeLine } from './lib/output.ts';
import { withStore } from './lib/store.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

// `export` is a word of the language.
export const exportVerb = (program: Command): void => {
  withConfig(
    addVerb(program, 'export', {
      summary: 'write the whole ledger as NDJSON',
      purpose:
        'Writes the whole ledger as NDJSON, as of one moment, while coalmine goes on running: a header with the store’s id and epochs, every row of every table, and a last line by which a cut file is known. It is the way to another database, and across major versions of PostgreSQL: an embedded store of another major version must be exported by the coalmine that brought that version.',
      example: [
        'coalmine export --out ledger.ndjson.gz',
        'Compressed, as the name says. Without --out it goes to standard output.',
      ],
      exits: {
        [EXIT.good]: 'exported whole',
        [EXIT.bad]: 'it could not be written whole; no file is left',
        [EXIT.unknown]: 'the store can’t be read',
      },
    }),
  )
    .option('-o, --out <file>', 'write it there, compressed if the name ends in .gz; never half of it')
    .option('--force', 'overwrite a file that exists')
    .action(
      ends(async (options: Options) => {
        const { out } = options;
        if (out === undefined && options.json)
          throw usageError('expected --json only with --out: the export itself is JSON');
        if (out !== undefined && !options.force && (await exists(out)))
          throw usageError(`${out} exists already: name another file, or overwrite it with --force`);
        const config = await loadConfig(options.config);
        const done = await withStore(config, ({ sql }) =>
          (out === undefined
            ? exportLedger(sql, context.clock.now(), write)
            : toFile(out, put => exportLedger(sql, context.clock.now(), put))
          ).catch(error => {
            if (error instanceof LedgerError) throw new CliError(EXIT.unknown, error.message);
            throw error;
          }),
        );
        await report(done, options);
        return EXIT.good;
      }),
    );
};

async function report(done: Exported, { out, json }: Options): Promise<void> {
  if (json) await writeJson({ file: out, ...done });
  else if (out === undefined) note(`coalmine: ${done.rows} rows exported`);
  else await writeLine(`${out}: ${done.rows} rows`);
}

/** Beside its place, and there only when whole. */
async function toFile<T>(
  path: string,
  fill: (put: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const partial = `${path}.${process.pid}.partial`;
  const file = createWriteStream(partial, { flags: 'wx', mode: 0o600 });
  const head: Writable = path.endsWith('.gz') ? createGzip() : file;
  if (head !== file) head.pipe(file);
  const ended = finished(file);
  // Awaited below; a failure before that reaches `put` too.
  ended.catch(() => {});
  try {
    const result = await fill(text => taken(head, file, text));
    head.end();
    await ended;
    await rename(partial, path);
    return result;
  } catch (error) {
    head.destroy();
    file.destroy();
    await rm(partial, { force: true });
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (/^E[A-Z]+$/.test(code) && (error as NodeJS.ErrnoException).syscall !== 'connect')
      throw new CliError(EXIT.bad, fileFault(error, path));
    throw error;
  }
}

async function taken(head: Writable, file: Writable, text: string): Promise<void> {
  if (file.errored) throw file.errored;
  if (head.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error | null) => {
      head.off('drain', settle);
      file.off('error', settle);
      if (error) reject(error);
      else resolve();
    };
    head.on('drain', settle);
    file.on('error', settle);
  });
}
