/** The Worker's configuration: text, parsed once for each isolate. */
import type { Config } from '../../config/config.ts';
import type { Diagnostic } from '../../config/diagnostic.ts';
import { parseConfig } from '../../config/load.ts';
import { registry } from '../../registry.workerd.gen.ts';
import { context } from './context.ts';
import type { Env } from './env.ts';

/** The Worker can't do its work until somebody acts. The message says what was expected, found and what to do. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

let known: { readonly text: string; readonly read: Config | SetupError } | undefined;

/** Throws `SetupError`. Where the store is, is asked of `storeUrl` each time. */
export function readConfig(env: Env): Config {
  const text = env.COALMINE_CONFIG ?? '';
  if (known?.text !== text) known = { text, read: parsed(text, env) };
  if (known.read instanceof SetupError) throw known.read;
  return known.read;
}

const LEVELS = { error: 'error', warning: 'warn', hint: 'info' } as const;

function parsed(text: string, env: Env): Config | SetupError {
  const options = { file: 'coalmine.yaml', env: variablesOf(env), registry, runtime: 'workerd' as const };
  const { config, diagnostics } = parseConfig(text, options);
  for (const d of diagnostics) context.log(LEVELS[d.level], 'config.finding', { finding: printed(d) });
  const errors = diagnostics.filter(d => d.level === 'error');
  return config ?? new SetupError(`the configuration has errors:\n${errors.map(printed).join('\n')}`);
}

const printed = (d: Diagnostic): string =>
  `${d.file}:${d.line}:${d.column} ${d.path}: ${d.message}${d.fix === undefined ? '' : `; ${d.fix}`}`;

/** Strings as they are; a Hyperdrive is the URL it stands for, so that `store: ${HYPERDRIVE}` says where the store is. */
const variablesOf = (env: Env): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...env, HYPERDRIVE: env.HYPERDRIVE?.connectionString }).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );

export function storeUrl(env: Env, config: Config): string {
  if (env.HYPERDRIVE) return env.HYPERDRIVE.connectionString;
  if (config.store.kind === 'postgres') return config.store.url;
  throw new SetupError(
    'expected a PostgreSQL to keep the evidence in: bind HYPERDRIVE, or write store: postgres://…',
  );
}
