/** `coalmine validate`: what is wrong with a configuration, all of it, and where. */
import type { Command } from 'commander';
import type { Diagnostic } from '../config/diagnostic.ts';
import { formatDiagnostics } from '../config/format.ts';
import type { RuntimeName } from '../contracts/definition.ts';
import { parseFile } from './lib/config.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { paint, write, writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly runtime: string;
  readonly json?: boolean;
}

export const validate = (program: Command): void => {
  withConfig(
    addVerb(program, 'validate', {
      summary: 'what is wrong with a configuration, and where',
      purpose:
        'Reads a configuration as `coalmine run` would, without touching anything it names, and tells everything that is wrong with it: each finding with file, line, what was expected, what was found and what to do. Secrets are never printed.',
      example: [
        'coalmine validate --config coalmine.yaml',
        'In CI, before a configuration is rolled out. FILE may also be given as an argument.',
      ],
      exits: {
        [EXIT.good]: 'it would run; warnings and hints are told',
        [EXIT.usage]: 'it has errors, or there is no such file',
      },
    }),
  )
    .argument('[file]', 'the same as --config')
    .option('--runtime <name>', 'node or workerd: where it is to run', 'node')
    .action(
      ends(async (file: string | undefined, options: Options) => {
        const { runtime } = options;
        if (!isRuntime(runtime))
          throw usageError(`expected --runtime node or workerd, found ${JSON.stringify(runtime)}`);
        const { config, diagnostics } = await parseFile(file ?? options.config, runtime);
        if (options.json) await writeJson({ valid: config !== undefined, diagnostics });
        else await tell(config !== undefined, config?.pipelines.length ?? 0, diagnostics);
        return config ? EXIT.good : EXIT.usage;
      }),
    );
};

const isRuntime = (name: string): name is RuntimeName => name === 'node' || name === 'workerd';

async function tell(isValid: boolean, pipelines: number, diagnostics: readonly Diagnostic[]): Promise<void> {
  await write(formatDiagnostics(diagnostics));
  if (isValid)
    await writeLine(paint('green', `valid: ${pipelines} ${pipelines === 1 ? 'pipeline' : 'pipelines'}`));
}
