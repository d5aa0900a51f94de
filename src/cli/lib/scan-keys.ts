/** What a scan verifies by: keys that were given, or the configuration's with its store; nothing, if there is neither. */
import type { Keyring } from '../../domain/token.ts';
import { readIdentity } from '../../store/restored.ts';
import { loadConfig } from './config.ts';
import { CliError, usageError } from './exit.ts';
import { exists } from './files.ts';
import { keyringOf, signingKeysOf } from './keys.ts';
import { note } from './output.ts';
import { withStore } from './store.ts';

export interface ScanKeyOptions {
  readonly config: string;
  readonly key?: string;
  readonly storeId?: string;
  readonly epochs: string;
}

/** `named`: the configuration was asked for, so it must be there. Says why where nothing can be verified. */
export async function scanKeys(options: ScanKeyOptions, named: boolean): Promise<Keyring | undefined> {
  const key = options.key ?? (options.storeId === undefined ? undefined : process.env.COALMINE_SCAN_KEY);
  if (key !== undefined || options.storeId !== undefined) {
    if (key === undefined || options.storeId === undefined)
      throw usageError(
        'expected --key and --store-id, found one of them: `coalmine keys list` tells the store’s id and epochs',
      );
    return keyringOf({ keys: [key], storeId: options.storeId, epochs: epochsOf(options.epochs) });
  }
  if (!named && !(await exists(options.config))) {
    note(`coalmine: no ${options.config} and no --key: finds can't be verified`);
    return undefined;
  }
  const config = await loadConfig(options.config);
  try {
    const identity = await withStore(config, s => readIdentity(s.sql));
    const { keys } = await signingKeysOf(config);
    if (identity && keys.length > 0)
      return keyringOf({ keys, storeId: identity.storeId, epochs: identity.epochs });
    note('coalmine: this store has signed nothing yet: finds can’t be verified');
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    note(`coalmine: ${error.message}: finds can’t be verified`);
  }
  return undefined;
}

function epochsOf(text: string): number[] {
  const epochs = text.split(',').map(part => (/^\s*\d{1,9}\s*$/.test(part) ? Number(part) : Number.NaN));
  if (epochs.length <= 1_000 && epochs.every(Number.isSafeInteger)) return epochs;
  throw usageError(`expected --epochs as numbers such as 1,2, found ${JSON.stringify(text.slice(0, 60))}`);
}
