/** What all verbs have in common: `--json`, `--config`, help worth reading, and an exit code. */
import type { Command } from 'commander';
import { EXIT, type ExitCode } from './exit.ts';

export interface VerbHelp {
  /** For the list of verbs; the first clause of `purpose` unless given. */
  readonly summary?: string;
  /** One paragraph: what it is for. */
  readonly purpose: string;
  /** A real command line, and what it does. */
  readonly example: readonly [command: string, does: string];
  /** What each code means here; those left out can't happen. */
  readonly exits: Readonly<Partial<Record<ExitCode, string>>>;
  /** It is what its group does without a verb. */
  readonly isDefault?: boolean;
}

/** As commander wraps where there is no terminal. */
const WIDTH = 78;
const USAGE_EXIT = 'wrong usage, or a configuration with errors';

/** Adds a verb; its arguments and options are the caller's to add. */
export function addVerb(program: Command, name: string, help: VerbHelp): Command {
  const exits = { [EXIT.usage]: USAGE_EXIT, ...help.exits };
  const lines = Object.entries(exits).map(([code, means]) => `  ${code}  ${means}`);
  return program
    .command(name, { isDefault: help.isDefault ?? false })
    .summary(help.summary ?? help.purpose.split(/[.:;]\s/, 1)[0]!)
    .description(help.purpose)
    .option('--json', 'for programs: JSON instead of text')
    .addHelpText(
      'after',
      `\nExample:\n  $ ${help.example[0]}\n  ${wrapped(help.example[1]).replaceAll('\n', '\n  ')}\n\nExit codes:\n${lines.join('\n')}`,
    );
}

export const CONFIG_DEFAULT = 'coalmine.yaml';

/** `--config`, on verbs that read one. */
export const withConfig = (command: Command): Command =>
  command.option('-c, --config <file>', 'the configuration', CONFIG_DEFAULT);

/** The action of a verb: what it returns is the process's exit code. */
export const ends =
  <Args extends unknown[]>(run: (...args: Args) => Promise<ExitCode>) =>
  async (...args: Args): Promise<void> => {
    process.exitCode = await run(...args);
  };

function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
