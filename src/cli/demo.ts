/** `coalmine demo`: three pipelines, and a lab to break them in. */
import { type Command, InvalidArgumentError } from 'commander';
import { createLog } from '../runtimes/log.ts';
import { runInForeground } from '../runtimes/node/foreground.ts';
import { EXIT } from './lib/exit.ts';
import { note } from './lib/output.ts';
import { addVerb, ends } from './lib/verb.ts';
import { VERSION } from './lib/version.ts';

interface Options {
  readonly port: number;
  readonly dataDir?: string;
  readonly fresh?: true;
  readonly quiet?: true;
  readonly webhook?: string;
  readonly webhookSecret?: string;
  readonly json?: true;
}

export const demo = (program: Command): void => {
  addVerb(program, 'demo', {
    summary: 'watch canaries fly through a lab, and break it',
    purpose:
      'Watches canaries fly through a lab, and lets you break it. Three pipelines of real adapters over real sockets: SSH sign-ins through agents to an archive and a log store, application sign-ins to a search API and a webhook, real OpenID sign-ins to an audit log. Needs nothing but this machine; ends with Ctrl-C.',
    example: [
      'coalmine demo --port 8099 --fresh',
      'Serves pages, API and the lab on http://127.0.0.1:8099, and forgets what earlier runs left.',
    ],
    exits: {
      [EXIT.good]: 'it was ended by a signal',
      [EXIT.usage]: 'it could not start; the message says why',
    },
  })
    .option('--port <port>', 'where to serve, on 127.0.0.1; 0: any free one', portOf, 8090)
    .option('--data-dir <directory>', 'where store and lab keep their files between runs')
    .option('--fresh', 'forget what earlier runs left')
    .option('--quiet', 'say nothing but the address')
    .option('--webhook <url>', 'where notices go beside this terminal')
    .option('--webhook-secret <secret>', 'signs them: whsec_ and base64')
    .action(
      ends(async ({ json, webhook: url, webhookSecret: secret, ...given }: Options) => {
        const { startDemo } = await import('../runtimes/demo.ts');
        const webhook = url === undefined ? undefined : { url, ...(secret === undefined ? {} : { secret }) };
        const options = { ...given, ...(webhook ? { webhook } : {}) };
        const log = createLog({ format: json ? 'json' : 'text', level: 'error' });
        const say = (line: string) => void process.stdout.write(`${line}\n`);
        const start = (signal: AbortSignal) => startDemo({ ...options, signal, log, say, version: VERSION });
        // Sockets of others may linger; what is ours is closed.
        process.exit(await runInForeground(start, { log, say: note }));
      }),
    );
};

function portOf(word: string): number {
  const port = Number(word);
  if (/^\d{1,5}$/.test(word) && port <= 65_535) return port;
  throw new InvalidArgumentError('expected a port from 0 to 65535, such as 8090');
}
