#!/usr/bin/env node
/** `coalmine VERB`: the verbs, and what becomes of whatever goes wrong in them. */
import { Command, CommanderError } from 'commander';
import { meant } from '../config/nearest.ts';
import { CliError, EXIT, type ExitCode } from './lib/exit.ts';
import { note, PipeClosedError } from './lib/output.ts';
import { VERSION } from './lib/version.ts';

type AddVerb = (program: Command) => void;

/** In the order of the help. Loaded when it is their turn: adapters, web and store are heavy, and no verb needs all. */
const VERBS: Readonly<Record<string, () => Promise<AddVerb>>> = {
  demo: async () => (await import('./demo.ts')).demo,
  init: async () => (await import('./init.ts')).init,
  validate: async () => (await import('./validate.ts')).validate,
  run: async () => (await import('./run.ts')).run,
  test: async () => (await import('./test.ts')).test,
  status: async () => (await import('./status.ts')).status,
  simulate: async () => (await import('./simulate.ts')).simulate,
  estimate: async () => (await import('./estimate.ts')).estimateVerb,
  incidents: async () => (await import('./incidents.ts')).incidents,
  report: async () => (await import('./report.ts')).report,
  notify: async () => (await import('./notify.ts')).notify,
  exclusions: async () => (await import('./exclusions.ts')).exclusions,
  doctor: async () => (await import('./doctor.ts')).doctor,
  scan: async () => (await import('./scan.ts')).scan,
  keys: async () => (await import('./keys.ts')).keys,
  export: async () => (await import('./export.ts')).exportVerb,
  import: async () => (await import('./import.ts')).importVerb,
  migrate: async () => (await import('./migrate.ts')).migrate,
  schema: async () => (await import('./schema.ts')).schema,
  adapters: async () => (await import('./adapters.ts')).adapters,
};

/** With the verb that is asked for; with all of them where none is, or one that isn't there; with none for the version alone. */
async function createProgram(asked: string | undefined): Promise<Command> {
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
  if (asked === '--version' || asked === '-V') return strict(program);
  const one = asked !== undefined && Object.hasOwn(VERBS, asked) ? VERBS[asked] : undefined;
  for (const load of one ? [one] : Object.values(VERBS)) (await load())(program);
  return strict(program);
}

/** Errors are thrown to us rather than ending the process, on the verbs too. */
function strict(command: Command): Command {
  command.exitOverride().showSuggestionAfterError(true).allowExcessArguments(false);
  // Told below, once, with --json as JSON.
  command.configureOutput({ outputError: () => {} });
  for (const inner of command.commands) strict(inner);
  return command;
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
  // By name: their classes come with the verbs that throw them.
  if (error instanceof Error && ['StartError', 'SettingsError', 'SigningKeyError'].includes(error.name))
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

/** commander shows all verbs for one that isn't there, as if all were well. */
function checkHelp([, , help, verb]: readonly string[]): void {
  if (help !== 'help' || verb === undefined || verb.startsWith('-') || Object.hasOwn(VERBS, verb)) return;
  throw new CliError(
    EXIT.usage,
    `there is no verb ${JSON.stringify(verb)}: ${meant(verb, Object.keys(VERBS))}`,
  );
}

async function main(argv: readonly string[]): Promise<void> {
  try {
    checkHelp(argv);
    await (await createProgram(argv[2])).parseAsync(argv);
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
