/** `coalmine init`: a first configuration that works as it stands, with its key. */
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { CliError, EXIT, usageError } from './lib/exit.ts';
import { exists, fileFault } from './lib/files.ts';
import { FIRST_CONFIG } from './lib/first-config.ts';
import { newKey } from './lib/keys.ts';
import { writeJson, writeLine } from './lib/output.ts';
import { addVerb, CONFIG_DEFAULT, ends } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export const init = (program: Command): void => {
  addVerb(program, 'init', {
    summary: 'write a first configuration, with its key',
    purpose:
      'Writes a commented coalmine.yaml that works as it stands, and beside it coalmine.key, the key that signs canaries. Asks nothing, and overwrites nothing unless told to.',
    example: [
      'coalmine init && coalmine test hello',
      'A first configuration, and a first canary through it.',
    ],
    exits: { [EXIT.good]: 'written', [EXIT.usage]: 'there is such a file already, or it can’t be written' },
  })
    .option('-c, --config <file>', 'what to write', CONFIG_DEFAULT)
    .option(
      '--force',
      'overwrite the configuration. A key that exists is kept: tokens it signed must go on verifying',
    )
    .action(
      ends(async (options: Options) => {
        const { config, force = false } = options;
        const keyFile = join(dirname(config), keyNameOf(config));
        if (!force && (await exists(config)))
          throw usageError(
            `${config} exists already: edit it, name another with --config, or overwrite it with --force`,
          );
        const keyKept = await exists(keyFile);
        if (!keyKept) await writeNew(keyFile, `${newKey()}\n`, 0o600);
        await replace(config, FIRST_CONFIG.replaceAll('coalmine.key', basename(keyFile)), force);
        if (options.json) await writeJson({ config, key_file: keyFile, key_kept: keyKept });
        else await writeLine(nextSteps(config, keyFile, keyKept));
        return EXIT.good;
      }),
    );
};

const keyNameOf = (config: string): string => `${basename(config).replace(/\.ya?ml$/, '')}.key`;

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode }).catch(error => {
    throw usageError(fileFault(error, path));
  });
}

/** Whole or not at all: what stood there stays until the new one is on disk. */
async function replace(path: string, text: string, force: boolean): Promise<void> {
  if (!force) return await writeNew(path, text, 0o644);
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = await open(temporary, 'wx', 0o644);
    await file.writeFile(text).finally(() => file.close());
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new CliError(EXIT.usage, fileFault(error, path));
  }
}

function nextSteps(config: string, keyFile: string, keyKept: boolean): string {
  const named = config === CONFIG_DEFAULT ? '' : ` --config ${config}`;
  return [
    `${config}: one pipeline, "hello", through a file on this machine; edit it for yours`,
    keyKept
      ? `${keyFile}: kept as it was`
      : `${keyFile}: the key that signs. Keep it secret, and out of version control`,
    '',
    'Next:',
    `  coalmine validate${named}     tells what is wrong with the configuration, if anything`,
    `  coalmine test hello${named}   sends one canary and follows it, hop by hop`,
    `  coalmine run${named}          sends, looks and judges from now on`,
    '  coalmine adapters             lists what coalmine can send to and look at',
    '  coalmine schema               lets your editor complete and check the file',
  ].join('\n');
}
