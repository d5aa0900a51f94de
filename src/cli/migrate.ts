/** `coalmine migrate`: brings the store's tables to this version, or declares the store a restored copy. */
import type { Command } from 'commander';
import { migrate as applyMigrations, pendingMigrations } from '../store/migrate.ts';
import { beginNewEpoch, countAlive, readIdentity } from '../store/restored.ts';
import { loadConfig } from './lib/config.ts';
import { context } from './lib/context.ts';
import { CliError, EXIT, usageError } from './lib/exit.ts';
import { writeJson, writeLine } from './lib/output.ts';
import { type CliStore, openAnyStore, storeTrouble } from './lib/store.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly check?: boolean;
  readonly newEpoch?: boolean;
  readonly json?: boolean;
}

interface Result {
  readonly store: string;
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly epochs: readonly number[] | null;
}

export const migrate = (program: Command): void => {
  withConfig(
    addVerb(program, 'migrate', {
      summary: 'bring the store’s tables to this version',
      purpose:
        'Brings the store’s tables to this version. `coalmine run` does so too when it starts; this is for those who want it done before, or checked. With --new-epoch it declares the store a copy: do that after restoring an older backup of PostgreSQL (not after `coalmine import`, which does it itself), with every coalmine stopped. Names that were given out in the life that the backup doesn’t know are then never used again.',
      example: ['coalmine migrate --check', 'Lists what would be done, in a deployment’s first step.'],
      exits: {
        [EXIT.good]: 'the tables are this version’s',
        [EXIT.bad]: 'with --check: there is something to do',
        [EXIT.unknown]: 'the store can’t be reached, or is a newer version’s',
      },
    }),
  )
    .option('--check', 'only tell')
    .option('--new-epoch', 'declare this store a restored copy')
    .action(
      ends(async (options: Options) => {
        if (options.check && options.newEpoch)
          throw usageError('expected --check or --new-epoch, found both');
        const config = await loadConfig(options.config);
        const store = await openAnyStore(config, { create: !options.check });
        try {
          const result = await work(store, options);
          if (options.json) await writeJson(result);
          else await tell(result, options);
          return options.check && result.pending.length > 0 ? EXIT.bad : EXIT.good;
        } catch (error) {
          throw storeTrouble(error);
        } finally {
          await store.close().catch(() => {});
        }
      }),
    );
};

async function work(store: CliStore, options: Options): Promise<Result> {
  const { sql, describe } = store;
  if (options.check)
    return { store: describe, applied: [], pending: await pendingMigrations(sql), epochs: null };
  const applied = await applyMigrations(sql);
  if (!options.newEpoch) return { store: describe, applied, pending: [], epochs: null };
  const identity = await readIdentity(sql);
  if (!identity)
    throw new CliError(EXIT.usage, 'this store has no identity yet: there is nothing that could be a copy');
  const epochs = await sql.begin(async tx => {
    await tx`lock table replica in share row exclusive mode`;
    if ((await countAlive(tx)) > 0) {
      throw usageError(
        'a coalmine runs on this store and would go on signing under the old epoch: stop them all, then try again (a killed one counts for 20 s)',
      );
    }
    return await beginNewEpoch(tx, context.clock.now());
  });
  return { store: describe, applied, pending: [], epochs: epochs as number[] };
}

async function tell({ store, applied, pending, epochs }: Result, { check }: Options): Promise<void> {
  await writeLine(`store: ${store}`);
  if (check) {
    if (pending.length === 0) await writeLine('nothing to do');
    for (const name of pending) await writeLine(`pending: ${name}`);
    return;
  }
  if (applied.length === 0) await writeLine('the tables were this version’s already');
  for (const name of applied) await writeLine(`applied: ${name}`);
  if (epochs) await writeLine(`epoch ${epochs.at(-1)} signs from now on; ${epochs.join(', ')} verify`);
}
