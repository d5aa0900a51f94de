/** The configuration a verb works on: found, read, and its errors told where they stand. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config, PipelineConfig } from '../../config/config.ts';
import { formatDiagnostics } from '../../config/format.ts';
import type { Parsed } from '../../config/load.ts';
import { meant } from '../../config/nearest.ts';
import type { RuntimeName } from '../../contracts/definition.ts';
import { CliError, EXIT } from './exit.ts';
import { exists, readText } from './files.ts';
import { CONFIG_DEFAULT } from './verb.ts';

const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Everything that is to be said about a file. Throws CliError where there is none to read. */
export async function parseFile(file: string, runtime: RuntimeName = 'node'): Promise<Parsed> {
  if (!(await exists(file))) {
    const fix =
      file === CONFIG_DEFAULT
        ? 'write one with `coalmine init`, or name another with --config FILE'
        : 'name one that is there with --config FILE';
    throw new CliError(EXIT.usage, `there is no ${file}${file === CONFIG_DEFAULT ? ' here' : ''}: ${fix}`);
  }
  const text = await readText(file, FILE_BYTES_MAX);
  // Only now: help, and mistakes in usage, are told without loading every adapter.
  const [{ parseConfig }, { registry }] = await Promise.all([
    import('../../config/load.ts'),
    import('../../registry.gen.ts'),
  ]);
  return parseConfig(text, {
    file,
    env: process.env,
    registry,
    runtime,
    readFile: path => readFileSync(resolve(dirname(file), path), 'utf8'),
  });
}

/** Throws CliError with the diagnostics where the file has errors. */
export async function loadConfig(file: string): Promise<Config> {
  const { config, diagnostics } = await parseFile(file);
  if (config) return config;
  const errors = diagnostics.filter(d => d.level === 'error');
  throw new CliError(EXIT.usage, `the configuration has errors:\n${formatDiagnostics(errors).trimEnd()}`, {
    diagnostics: errors,
  });
}

/** The pipeline of this name. Throws CliError. */
export function pipelineOf(config: Config, name: string): PipelineConfig {
  const found = config.pipelines.find(p => p.name === name);
  if (found) return found;
  const known = config.pipelines.map(p => p.name);
  throw new CliError(EXIT.usage, `there is no pipeline ${JSON.stringify(name)}: ${meant(name, known)}`);
}
