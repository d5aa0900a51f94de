/** `coalmine run`: the real thing, until a signal comes. */
import { type Command, Option } from 'commander';
import { formatDiagnostics } from '../config/format.ts';
import { createLog, LEVELS, type Level } from '../runtimes/log.ts';
import { runInForeground } from '../runtimes/node/foreground.ts';
import { parseFile } from './lib/config.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { note } from './lib/output.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';
import { VERSION } from './lib/version.ts';

interface Options {
  readonly config: string;
  readonly logLevel: Level;
  readonly json?: true;
}

export const run = (program: Command): void => {
  withConfig(
    addVerb(program, 'run', {
      summary: 'watch the configured pipelines until stopped',
      purpose:
        'Watches the configured pipelines: sends canaries, looks for them, serves pages and API, until SIGTERM or Ctrl-C; a second signal ends it at once. What was under way is committed, so it may be stopped and killed at any moment. Logs to standard error.',
      example: [
        'coalmine run --config /etc/coalmine/coalmine.yaml --json',
        'As a service, logging JSON lines.',
      ],
      exits: {
        [EXIT.good]: 'it was ended by a signal',
        [EXIT.bad]: 'it ended by a fault of its own; the log says more',
        [EXIT.usage]: 'it could not start; the message says why and what to do',
      },
    }),
  )
    .addOption(new Option('--log-level <level>', 'what to log').choices(LEVELS).default('info'))
    .action(
      ends(async ({ config: file, json, logLevel }: Options) => {
        const { config, diagnostics } = await parseFile(file);
        if (diagnostics.length > 0) note(formatDiagnostics(diagnostics).trimEnd());
        if (!config) throw usageError(`${file} can't be run: correct the errors above`);
        const [{ registry }, { startNode }, { mountGuardedPages }] = await Promise.all([
          import('../registry.gen.ts'),
          import('../runtimes/node.ts'),
          import('../runtimes/node/pages.ts'),
        ]);
        const log = createLog({ format: json ? 'json' : 'text', level: logLevel });
        const start = (signal: AbortSignal) =>
          startNode({
            config,
            registry,
            log,
            version: VERSION,
            signal,
            extra: (app, running) => mountGuardedPages(app, { running, version: VERSION }),
          });
        // Sockets of others may linger; what is ours is closed.
        process.exit(await runInForeground(start, { log, say: note }));
      }),
    );
};
