/** `coalmine notify test`: whether people would be told. */
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { meant } from '../config/nearest.ts';
import { loadConfig } from './lib/config.ts';
import { interruption } from './lib/context.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { columns, paint, printable, writeJson, writeLine } from './lib/output.ts';
import type { Answered } from './lib/test-notice.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

export const notify = (program: Command): void => {
  const group = program
    .command('notify')
    .summary('try out whether people are told')
    .description('Notifiers are what people hear through: mail, pagers, chats, status pages.');
  withConfig(
    addVerb(group, 'test', {
      summary: 'send a test through one notifier, or all',
      purpose:
        'Sends one notice that is marked as a test through one notifier of the configuration, or through all, and prints what each answered. Nothing else is sent, no incident is opened, and the store isn’t needed. Channels that know severities get the lowest; a pager is resolved at once.',
      example: [
        'coalmine notify test security',
        'Then look whether it came: “taken” is what the channel said.',
      ],
      exits: { [EXIT.good]: 'all took it', [EXIT.bad]: 'at least one failed' },
    }),
  )
    .argument('[name]', 'only this notifier')
    .action(
      ends(async (name: string | undefined, options: Options) => {
        const config = await loadConfig(options.config);
        const { testNotifiers } = await import('./lib/test-notice.ts');
        const answered = await testNotifiers(config, chosen(config, name), interruption());
        if (options.json) await writeJson({ data: answered });
        else await writeLine(columns(answered.map(row)));
        return answered.every(a => a.ok) ? EXIT.good : EXIT.bad;
      }),
    );
};

function chosen({ notify: all }: Config, name: string | undefined): string[] {
  const names = Object.keys(all);
  if (names.length === 0)
    throw usageError(
      'the configuration has no notifiers: add one under notify:, and name it in a pipeline’s notify',
    );
  if (name === undefined) return names;
  if (names.includes(name)) return [name];
  throw usageError(`there is no notifier ${JSON.stringify(name)}: ${meant(name, names)}`);
}

const row = (a: Answered): string[] => [
  a.notifier,
  paint('dim', a.kind),
  a.ok ? paint('green', 'taken') : paint('red', 'failed'),
  printable(a.said),
];
