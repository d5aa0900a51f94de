#!/usr/bin/env node
/** `coalmine VERB`: the verbs, and what becomes of whatever goes wrong in them. */
import { Command, CommanderError } from 'commander';
import { SettingsError } from '../contracts/definition.ts';
import { StartError } from '../runtimes/node/start-error.ts';
import { adapters } from './adapters.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { exportVerb } from './export.ts';
import { importVerb } from './import.ts';
import { init } from './init.ts';
import { keys } from './keys.ts';
import { CliError, EXIT, type ExitCode } from './lib/exit.ts';
import { note, PipeClosedError } from './lib/output.ts';
import { VERSION } from './lib/version.ts';
import { migrate } from './migrate.ts';
import { run } from './run.ts';
import { scan } from './scan.ts';
import { schema } from './schema.ts';
import { status } from './status.ts';
import { test } from './test.ts';
import { validate } from './validate.ts';

/** In the order of the help. */
const VERBS: readonly ((program: Command) => void)[] = [
  demo,
  init,
  validate,
  run,
  test,
  status,
  doctor,
  scan,
  keys,
  exportVerb,
  importVerb,
  migrate,
  schema,
  adapters,
];

function createProgram(): Command {
  const program = new Command('coalmine')
    .description(
      'Proves that security logs arrive: sends canaries through real log pipelines, looks for each one downstream, and says how complete the pipeline is, with stated confidence.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpCommand('help [verb]', 'print the help of a verb')
    .addHelpText(
      'after',
      '\nFirst steps:\n  $ coalmine init           writes coalmine.yaml\n  $ coalmine test hello     sends a canary and follows it\n\nExit codes of all verbs: 0 good, 1 bad news, 2 wrong usage or configuration, 3 can’t tell.',
    );
  for (const verb of VERBS) verb(program);
  strict(program);
  return program;
}

/** Errors are thrown to us rather than ending the process, on the verbs too. */
function strict(command: Command): void {
  command.exitOverride().showSuggestionAfterError(true).allowExcessArguments(false);
  // Told below, once, with --json as JSON.
  command.configureOutput({ outputError: () => {} });
  for (const inner of command.commands) strict(inner);
}

interface Told {
  readonly exit: ExitCode;
  readonly message: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What to say of an error; undefined: nothing. A user's mistake has no stack; a bug has. */
function tell(error: unknown): Told | undefined {
  if (error instanceof PipeClosedError) return undefined;
  if (error instanceof CliError) return { exit: error.exit, message: error.message, detail: error.detail };
  if (error instanceof StartError || error instanceof SettingsError)
    return { exit: EXIT.usage, message: error.message };
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return undefined;
    const message = error.message.replace(/^error: /, '');
    // The help itself has been printed.
    return { exit: EXIT.usage, message: error.code === 'commander.help' ? '' : message };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exit: EXIT.unknown, message: `this is a bug in coalmine; please report it:\n${stack}` };
}

async function main(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    const told = tell(error);
    process.exitCode = told?.exit ?? EXIT.good;
    if (!told || told.message === '') return;
    if (argv.includes('--json')) {
      const { exit, message, detail } = told;
      process.stdout.write(`${JSON.stringify({ error: { message, exit, ...detail } }, null, 2)}\n`);
    } else {
      note(`coalmine: ${told.message}`);
      if (error instanceof CommanderError) note('`coalmine --help` and `coalmine VERB --help` tell more.');
    }
  }
}

await main(process.argv);
