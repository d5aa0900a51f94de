/** `coalmine scan`: which canaries a file holds, whatever its format, and which of them are ours. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { nameKey } from '../domain/canary.ts';
import { createFinder, type FoundToken } from '../domain/finder.ts';
import { decodeToken, type Keyring, partialToken } from '../domain/token.ts';
import { formatBytes } from '../domain/words.ts';
import type { ScanVerdict } from '../engine/scan.ts';
import { UnpackError, unpack } from '../engine/unpack.ts';
import { CliError, EXIT, type ExitCode, worst } from './lib/exit.ts';
import { fileFault } from './lib/files.ts';
import { note, paint, printable, write, writeJsonLine } from './lib/output.ts';
import { type ScanKeyOptions, scanKeys } from './lib/scan-keys.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options extends ScanKeyOptions {
  readonly tokens?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

interface Total {
  readonly file: string;
  bytes: number;
  readonly counts: Record<ScanVerdict, number>;
  /** Why it wasn't read to its end. */
  fault: string | undefined;
}

/** Lines are handed on in pieces of this many characters. */
const FLUSH_CHARS = 64 * 1024;

export const scan = (program: Command): void => {
  withConfig(
    addVerb(program, 'scan', {
      summary: 'find canaries in files of any format',
      purpose:
        'Finds canaries in files of any format (JSON, CEF, syslog, CSV, escaped or not; plain, gzip or zstd) at the speed of a memory search, and tells which are validly signed. Verifies with the configuration’s keys and its store’s id and epochs, or with --key, --store-id and --epochs where there is no store to ask; without keys finds are `unverified`. A whole token is printed only with --tokens.',
      example: [
        'zcat archive/*.gz | coalmine scan -',
        'One line a find: place, canary as target.slot.index, verdict. `coalmine scan archive/*.gz` does the same.',
      ],
      exits: {
        [EXIT.good]: 'read to the end; every find is valid, or there is none',
        [EXIT.bad]: 'a forged token was found',
        [EXIT.unknown]: 'a find couldn’t be verified, or an input couldn’t be read to its end',
      },
    }),
  )
    .argument('[files...]', 'files to read; - or none is standard input')
    .option('--key <key>', 'a signing key, instead of the configuration’s (or COALMINE_SCAN_KEY)')
    .option('--store-id <id>', 'the store’s id, with --key')
    .option('--epochs <list>', 'the store’s epochs, with --key', '1')
    .option('--tokens', 'print whole tokens; keep the output out of what coalmine looks at')
    .option('-q, --quiet', 'only the summary')
    .action(
      ends(async (files: readonly string[], options: Options, command: Command) => {
        const inputs = files.length === 0 ? ['-'] : files;
        for (const file of inputs) await expectFile(file);
        const keyring = await scanKeys(options, command.getOptionValueSource('config') === 'cli');
        const totals: Total[] = [];
        for (const file of inputs) totals.push(await scanOne(file, keyring, options));
        await summary(totals, options);
        return worst(totals.map(exitOf));
      }),
    );
};

const exitOf = ({ counts, fault }: Total): ExitCode => {
  if (counts.forged > 0) return EXIT.bad;
  return fault !== undefined || counts.unverified > 0 ? EXIT.unknown : EXIT.good;
};

async function expectFile(file: string): Promise<void> {
  if (file === '-') return;
  const found = await stat(file).catch(error => {
    throw new CliError(EXIT.usage, fileFault(error, file));
  });
  if (found.isDirectory())
    throw new CliError(
      EXIT.usage,
      `${file} is a directory: name its files, such as ${file.replace(/\/+$/, '')}/*`,
    );
}

async function scanOne(file: string, keyring: Keyring | undefined, options: Options): Promise<Total> {
  const total: Total = { file, bytes: 0, counts: { valid: 0, forged: 0, unverified: 0 }, fault: undefined };
  const finder = createFinder();
  let lines = '';
  const flush = async () => {
    const text = lines;
    lines = '';
    if (text !== '') await write(text);
  };
  const take = async (found: readonly FoundToken[]) => {
    for (const { offset, token } of found) {
      const line = judge(total, { offset, token }, keyring, options);
      if (line !== undefined && !options.quiet) lines += `${line}\n`;
      if (lines.length > FLUSH_CHARS) await flush();
    }
  };
  const source = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
  try {
    for await (const chunk of unpack(source, { bytesMax: Number.POSITIVE_INFINITY })) {
      total.bytes += chunk.length;
      await take(finder.push(chunk));
    }
  } catch (error) {
    const isOurs = error instanceof UnpackError || (error as NodeJS.ErrnoException).syscall !== undefined;
    if (!isOurs) throw error;
    total.fault = error instanceof UnpackError ? error.message : fileFault(error, file);
  }
  // What stands before a fault is found all the same.
  await take(finder.end());
  await flush();
  return total;
}

/** The line of a find; undefined for what has the form of a token and names no target. */
function judge(
  total: Total,
  { offset, token }: FoundToken,
  keyring: Keyring | undefined,
  options: Options,
): string | undefined {
  const verified = keyring?.verify(token);
  if (verified?.kind === 'malformed') return undefined;
  const name = verified ? verified.name : decodeToken(token);
  if (!name) return undefined;
  const verdict: ScanVerdict = verified ? verified.kind : 'unverified';
  total.counts[verdict]++;
  const shown = options.tokens ? token : partialToken(token);
  if (options.json) {
    const slot = new Date(name.slot).toISOString();
    const who = { name: nameKey(name), target: name.target, slot, index: name.index };
    return JSON.stringify({ file: total.file, offset, verdict, ...who, token: shown });
  }
  const word =
    verdict === 'forged' ? paint('red', verdict) : verdict === 'valid' ? paint('green', verdict) : verdict;
  const token_ = options.tokens ? `  ${token}` : '';
  return `${printable(total.file)}:${offset}  ${nameKey(name)}  ${new Date(name.slot).toISOString()}  ${word}${token_}`;
}

async function summary(totals: readonly Total[], { json }: Options): Promise<void> {
  const sum = (verdict: ScanVerdict) => totals.reduce((n, t) => n + t.counts[verdict], 0);
  const counts = { valid: sum('valid'), forged: sum('forged'), unverified: sum('unverified') };
  const bytes = totals.reduce((n, t) => n + t.bytes, 0);
  const faults = totals.flatMap(t =>
    t.fault === undefined ? [] : [{ file: t.file, bytes: t.bytes, fault: t.fault }],
  );
  if (json) return await writeJsonLine({ summary: true, files: totals.length, bytes, ...counts, faults });
  for (const f of faults)
    note(
      `coalmine: ${printable(f.file)}: ${f.fault} (after ${formatBytes(f.bytes)}): what follows was not searched`,
    );
  const forgedIn = totals.filter(t => t.counts.forged > 0).map(t => printable(t.file));
  const where =
    forgedIn.length === 0
      ? ''
      : ` (in ${forgedIn.slice(0, 5).join(', ')}${forgedIn.length > 5 ? ', …' : ''})`;
  note(
    `${formatBytes(bytes)} in ${totals.length} ${totals.length === 1 ? 'input' : 'inputs'}: ${counts.valid} valid, ${counts.forged} forged${where}, ${counts.unverified} unverified`,
  );
}
