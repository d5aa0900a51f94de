/** `coalmine status`: how every pipeline is now, in a terminal. */
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { incidentJson } from '../domain/incident-json.ts';
import { parseDuration, WordsError } from '../domain/words.ts';
import { WINDOW_MAX_MS, WINDOW_MIN_MS } from '../engine/window.ts';
import { loadConfig, pipelineOf } from './lib/config.ts';
import { CliError, EXIT, type ExitCode, usageError, worst } from './lib/exit.ts';
import type { IncidentAnswer } from './lib/incident-answers.ts';
import { paint, printable, writeJson, writeLine } from './lib/output.ts';
import { findServer } from './lib/server.ts';
import { type PipelineStatus, pipelineText } from './lib/status-text.ts';
import { withStore } from './lib/store.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly window: string;
  readonly json?: boolean;
}

export const status = (program: Command): void => {
  withConfig(
    addVerb(program, 'status', {
      summary: 'how every pipeline is now',
      purpose:
        'Tells how every pipeline is now: its state in words, completeness three ways (of what was accepted, of what was scheduled, and the worst case), delays that count what is still out, and how fresh each number is. Reads the store beside a running coalmine; where it can’t, asks the running one over HTTP. Several pipelines: proven loss outweighs not knowing, which outweighs health.',
      example: [
        'coalmine status ssh-to-loki --window 24h',
        'One pipeline over a day. As a check in Nagios or Icinga, map 1 to critical.',
      ],
      exits: {
        [EXIT.good]: 'healthy',
        [EXIT.bad]: 'losing or late, or a canary that was never sent was seen',
        [EXIT.unknown]: 'blind, not yet proven, silent, the drill not found, or the store can’t be reached',
      },
    }),
  )
    .argument('[pipeline]', 'only this one')
    .option('--window <duration>', 'how far back, 1m to 400d', '1h')
    .action(
      ends(async (name: string | undefined, options: Options) => {
        checkWindow(options.window);
        const config = await loadConfig(options.config);
        if (name !== undefined) pipelineOf(config, name);
        const { pipelines, open } = await read(config, name, options.window);
        if (options.json) await writeJson({ data: pipelines, incidents: open });
        else {
          for (const [i, p] of pipelines.entries()) await writeLine(`${i > 0 ? '\n' : ''}${pipelineText(p)}`);
          if (open.length > 0) await writeLine(`\n${openText(open)}`);
        }
        return worst(pipelines.map(exitOf));
      }),
    );
};

function checkWindow(text: string): void {
  try {
    const ms = parseDuration(text);
    if (ms >= WINDOW_MIN_MS && ms <= WINDOW_MAX_MS) return;
    throw usageError(`expected --window of 1m to 400d, found ${text}`);
  } catch (error) {
    if (error instanceof WordsError) throw usageError(`--window: ${error.message}`);
    throw error;
  }
}

interface Status {
  readonly pipelines: readonly PipelineStatus[];
  readonly open: readonly IncidentAnswer[];
}

/** Open incidents that are told of; `coalmine incidents` has them all. */
const OPEN_MAX = 20;

const openText = (open: readonly IncidentAnswer[]): string =>
  [
    paint('bold', open.length === 1 ? '1 open incident' : `${open.length} open incidents`),
    ...open.map(i => `  ${i.id}: ${printable(i.title)}${i.acknowledged ? ' (taken)' : ''}`),
    '  `coalmine incidents show ID` tells more.',
  ].join('\n');

/** The store tells more than a server that may ask for a key; the server answers where the store is another user's. */
async function read(config: Config, name: string | undefined, window: string): Promise<Status> {
  try {
    return await withStore(config, async ({ sql }) => {
      const [{ readEngine }, { overview }, { incidentPage }, { pipelineJson }] = await Promise.all([
        import('./lib/read-engine.ts'),
        import('../engine/overview.ts'),
        import('../engine/incidents.ts'),
        import('../web/api/answers.ts'),
      ]);
      const { engine, unknown } = await readEngine(sql, config);
      const missing = unknown.filter(u => name === undefined || u === name);
      if (missing.length > 0)
        throw new CliError(
          EXIT.unknown,
          `the store knows nothing of ${missing.join(', ')}: \`coalmine run\` has not run with this configuration yet`,
        );
      const told = await overview(engine, {
        windowMs: parseDuration(window),
        ...(name === undefined ? {} : { only: [name] }),
      });
      const reader = { only: told.pipelines.map(p => p.name), isPublic: false };
      const page = await incidentPage(engine, reader, { state: 'open', limit: OPEN_MAX });
      return {
        pipelines: told.pipelines.map(p => pipelineJson(told, p)),
        open: page.incidents.map(incidentJson),
      };
    });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const server = await findServer(config);
    if (!server) throw error;
    const answer = await server.ask(`/api/v1/pipelines?window=${window}`, {
      scope: 'read',
      withinMs: 30_000,
    });
    const { data } = answer as { data: PipelineStatus[] };
    const of = name === undefined ? '' : `&pipeline=${encodeURIComponent(name)}`;
    const page = await server.ask(`/api/v1/incidents?state=open&limit=${OPEN_MAX}${of}`, {
      scope: 'read',
      withinMs: 30_000,
    });
    const { data: open } = page as { data: IncidentAnswer[] };
    return { pipelines: data.filter(p => name === undefined || p.name === name), open };
  }
}

const STATES: Readonly<Record<PipelineStatus['state'], ExitCode>> = {
  healthy: EXIT.good,
  late: EXIT.bad,
  losing: EXIT.bad,
  blind: EXIT.unknown,
  not_yet_proven: EXIT.unknown,
  silent: EXIT.unknown,
};

function exitOf(p: PipelineStatus): ExitCode {
  const drill =
    p.drill.state === 'seen' ? EXIT.bad : p.drill.state === 'not found' ? EXIT.unknown : EXIT.good;
  return worst([STATES[p.state], drill]);
}
