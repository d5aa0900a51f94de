/** The real engine over a bench's store, backend and clock. */
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Clock, Log } from '../../src/contracts/context.ts';
import type { Registry } from '../../src/contracts/registry.ts';
import { openEngine, type RunningEngine } from '../../src/engine/engine.ts';
import type { Sql } from '../../src/store/open.ts';

/** The configuration that a user would write so. Throws with the diagnostics where it is wrong. */
export function configOf(root: object, registry: Registry): Config {
  const text = JSON.stringify({ signing_keys: ['a key for this bench only'], ...root });
  const { config, diagnostics } = parseConfig(text, { file: 'bench.yaml', env: {}, registry });
  if (!config) throw new Error(JSON.stringify(diagnostics, null, 1));
  return config;
}

/** Failures of the engine itself spoil a measurement: they are printed. */
export const complain: Log = (level, event, fields) => {
  if (level === 'error' || level === 'warn')
    say(`${level} ${event} ${JSON.stringify(fields)?.slice(0, 500)}`);
};

export const say = (line: string): void => void process.stderr.write(`${line}\n`);

export const openBenchEngine = (options: {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly config: Config;
  readonly registry: Registry;
}): Promise<RunningEngine> => {
  const { clock, ...rest } = options;
  return openEngine({
    ...rest,
    ctx: { clock, random: Math.random, fetch: globalThis.fetch, log: complain },
    self: `bench ${process.pid}`,
    fresh: { storeId: 'bench', seed: 'bench' },
  });
};
