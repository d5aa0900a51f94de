/** `coalmine report`: completeness and incidents of a period as a document, and the verification of the record behind it. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { reportDocument } from '../domain/report/compose.ts';
import type { ReportData } from '../domain/report/data.ts';
import type { ReportDocument } from '../domain/report/document.ts';
import { html } from '../domain/report/html.ts';
import { reportJson, verifiedJson } from '../domain/report/json.ts';
import { markdown } from '../domain/report/markdown.ts';
import { verifiedDocument } from '../domain/report/record-section.ts';
import type { Verified } from '../domain/report/verified.ts';
import { YEAR_MS } from '../domain/words.ts';
import { incidentReportOf, reportOf } from '../engine/report.ts';
import { verifyChain } from '../engine/verify-chain.ts';
import { loadConfig, pipelineOf } from './lib/config.ts';
import { context } from './lib/context.ts';
import { CliError, EXIT, type ExitCode, usageError } from './lib/exit.ts';
import { exists, fileFault } from './lib/files.ts';
import { momentOf } from './lib/moment.ts';
import { note, printable, write } from './lib/output.ts';
import { readEngine } from './lib/read-engine.ts';
import { withStore } from './lib/store.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';
import { VERSION } from './lib/version.ts';

interface Options {
  readonly config: string;
  readonly since: string;
  readonly until?: string;
  readonly pipeline?: string;
  readonly incident?: string;
  readonly format?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly verify?: boolean;
  readonly head?: string;
  readonly json?: boolean;
}

type Format = 'md' | 'html' | 'json';
const FORMATS: readonly Format[] = ['md', 'html', 'json'];
const EXTENSIONS: Readonly<Record<string, Format>> = {
  '.md': 'md',
  '.markdown': 'md',
  '.html': 'html',
  '.htm': 'html',
  '.json': 'json',
};
const ID_MAX = 2_147_483_647;
/** Each of its hours is gone through. */
const PERIOD_MAX_MS = 10 * YEAR_MS;

export const report = (program: Command): void => {
  withConfig(
    addVerb(program, 'report', {
      summary: 'completeness and incidents as a document, and the proof of the record',
      purpose:
        'Writes a report of a period, or of one incident, for an auditor and an engineer alike: completeness three ways with n, window, coverage and bound; delays that count what has not arrived; whether the objective was met; tests of the alarm; incidents with the fields of a record of failure; targets against the inventory; which controls it is evidence for; and the head of the hash chain. With --verify it recomputes that chain instead, and holds the ledger against it. Reads the store beside a running coalmine and changes nothing.',
      example: [
        'coalmine report --since 30d --format html --out october.html',
        'One file without scripts, to read on a screen or to print. To prove it later: coalmine report --verify --head HEAD.',
      ],
      exits: {
        [EXIT.good]: 'no incident of loss in the period, and the record verifies',
        [EXIT.bad]:
          'an incident of loss lies in the period, or the record does not verify; the report is written all the same',
        [EXIT.unknown]:
          'no canary was decided in the period, nothing is sealed that could be verified, or the store can’t be read',
      },
    }),
  )
    .option('--since <time>', 'from then on: 30d ago, or a time such as 2026-11-01 (UTC)', '30d')
    .option('--until <time>', 'up to then; now unless given')
    .option('--pipeline <name>', 'only of this one')
    .option('--incident <id>', 'of this incident, and the hours it lasted')
    .option('--format <format>', 'md, html or json; unless given as --out is named, else md')
    .option('-o, --out <file>', 'write it there; never half of it')
    .option('--force', 'overwrite a file that exists')
    .option('--verify', 'recompute the hash chain, and hold the ledger against it')
    .option('--head <hash>', 'with --verify: a head from an old notice or report, which must be in the chain')
    .action(
      ends(async (options: Options) => {
        const format = formatOf(options);
        if (options.out !== undefined && !options.force && (await exists(options.out)))
          throw usageError(`${options.out} exists already: name another file, or overwrite it with --force`);
        const asked = askedOf(options);
        const config = await loadConfig(options.config);
        if (options.pipeline !== undefined) pipelineOf(config, options.pipeline);
        const told = options.verify ? await verification(config, options) : await reported(config, asked);
        await put(rendered(told, format), options.out);
        return told.exit;
      }),
    );
};

interface Told {
  readonly json: unknown;
  readonly document: () => ReportDocument;
  readonly exit: ExitCode;
}

function formatOf({ format, out, json }: Options): Format {
  const named = format ?? (out === undefined ? undefined : EXTENSIONS[extname(out).toLowerCase()]);
  if (json && named !== undefined && named !== 'json')
    throw usageError(`expected --json with --format json or none, found ${format ?? out}`);
  if (json) return 'json';
  const known = FORMATS.find(f => f === (named ?? 'md'));
  if (known === undefined) throw usageError(`expected --format md, html or json, found ${named}`);
  return known;
}

interface Asked {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly pipeline: string | undefined;
  readonly incident: number | undefined;
}

function askedOf(options: Options): Asked {
  const { verify, head, incident, pipeline } = options;
  if (head !== undefined && !verify) throw usageError('expected --head only with --verify');
  if (head !== undefined && !/^[0-9a-f]{64}$/i.test(head))
    throw usageError(`expected --head as 64 hexadecimal digits, found ${JSON.stringify(head.slice(0, 80))}`);
  if (verify && incident !== undefined) throw usageError('expected --incident without --verify');
  const nowMs = context.clock.now();
  const untilMs = options.until === undefined ? nowMs : momentOf('--until', options.until, nowMs);
  const sinceMs = momentOf('--since', options.since, untilMs);
  if (sinceMs >= untilMs)
    throw usageError(`expected --since before --until, found ${options.since} and ${options.until ?? 'now'}`);
  if (untilMs - sinceMs > PERIOD_MAX_MS)
    throw usageError(`expected a period of at most 10y, found ${options.since}`);
  if (incident === undefined) return { sinceMs, untilMs, pipeline, incident: undefined };
  if (pipeline !== undefined)
    throw usageError('expected --incident without --pipeline: an incident has its own');
  const number = /^\d{1,10}$/.test(incident) ? Number(incident) : 0;
  if (number < 1 || number > ID_MAX)
    throw usageError(`expected --incident as its number, such as 7, found ${JSON.stringify(incident)}`);
  return { sinceMs, untilMs, pipeline, incident: number };
}

async function reported(config: Config, asked: Asked): Promise<Told> {
  const data = await withStore(config, async ({ sql }) => {
    const { engine, unknown } = await readEngine(sql, config);
    const missing = unknown.filter(u => asked.pipeline === undefined || u === asked.pipeline);
    if (missing.length > 0 && asked.incident === undefined)
      throw new CliError(
        EXIT.unknown,
        `the store knows nothing of ${missing.join(', ')}: \`coalmine run\` has not run with this configuration yet`,
      );
    if (asked.incident !== undefined) {
      const found = await incidentReportOf(engine, { incident: asked.incident, version: VERSION });
      if (found) return found;
      throw usageError(
        `there is no incident ${asked.incident} of a configured pipeline: \`coalmine incidents\` lists them`,
      );
    }
    const { sinceMs, untilMs, pipeline } = asked;
    const only = pipeline === undefined ? {} : { only: [pipeline] };
    return await reportOf(engine, { sinceMs, untilMs, version: VERSION, ...only });
  });
  return { json: reportJson(data), document: () => reportDocument(data), exit: exitOfReport(data) };
}

const LOSSES = new Set(['loss', 'refused']);

function exitOfReport({ incidents, pipelines, record }: ReportData): ExitCode {
  if (!record.ok || incidents.some(i => LOSSES.has(i.incident.kind))) return EXIT.bad;
  const isDecided = pipelines.some(p => p.checkpoints.some(c => c.worst.n > 0));
  return isDecided ? EXIT.good : EXIT.unknown;
}

async function verification(config: Config, { pipeline, head }: Options): Promise<Told> {
  const verified = await withStore(config, ({ sql }) =>
    verifyChain(sql, {
      nowMs: context.clock.now(),
      retention: config.retention,
      ...(pipeline === undefined ? {} : { only: [pipeline] }),
      ...(head === undefined ? {} : { head }),
    }),
  );
  return {
    json: verifiedJson(verified),
    document: () => verifiedDocument(verified, VERSION),
    exit: exitOfVerified(verified),
  };
}

function exitOfVerified({ ok, chains, head }: Verified): ExitCode {
  const sound = chains.every(c => c.ok);
  // An old head may have been in the links that went with their rollups.
  if (!ok && sound && head === null && chains.some(c => c.anchor !== null)) return EXIT.unknown;
  if (!ok) return EXIT.bad;
  return chains.some(c => c.head !== null) ? EXIT.good : EXIT.unknown;
}

function rendered(told: Told, format: Format): string {
  if (format === 'json') return `${JSON.stringify(told.json, null, 2)}\n`;
  return format === 'html' ? html(told.document()) : markdown(told.document());
}

/** Beside its place, and there only when whole. */
async function put(content: string, out: string | undefined): Promise<void> {
  if (out === undefined) return await write(printable(content));
  const partial = `${out}.${process.pid}.partial`;
  try {
    await writeFile(partial, content, { flag: 'wx', mode: 0o600 });
    await rename(partial, out);
  } catch (error) {
    await rm(partial, { force: true });
    throw new CliError(EXIT.usage, fileFault(error, out));
  }
  note(`coalmine: written to ${out}`);
}
