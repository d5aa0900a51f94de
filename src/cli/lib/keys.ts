/** The keys a store signs by: the configuration's, or the one an embedded store keeps beside its data. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { createKeyring, type Keyring } from '../../domain/token.ts';
import { CliError, EXIT } from './exit.ts';
import { fileFault } from './files.ts';
import { dataDirOf } from './store.ts';

export { keyFingerprint as fingerprint } from '../../domain/token.ts';

/** As the Node runtime names it. */
export const KEPT_KEY = 'signing-key';

export interface SigningKeys {
  readonly keys: readonly string[];
  /** `signing_keys`, or the file. */
  readonly from: string;
}

/** Empty where an embedded store hasn't drawn its key yet. Throws CliError for a file that can't be read. */
export async function signingKeysOf(config: Config): Promise<SigningKeys> {
  const dataDir = dataDirOf(config);
  if (config.signingKeys.length > 0 || dataDir === undefined)
    return { keys: config.signingKeys, from: 'signing_keys' };
  const path = join(dataDir, KEPT_KEY);
  try {
    return { keys: [(await readFile(path, 'utf8')).trim()], from: path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { keys: [], from: path };
    throw new CliError(EXIT.unknown, `${fileFault(error, path)}: run as the user that runs coalmine`);
  }
}

/** 256 bits, in hexadecimal. */
export const newKey = (): string => randomBytes(32).toString('hex');

/** Throws CliError where no tokens could be verified with these. */
export function keyringOf(options: {
  readonly keys: readonly string[];
  readonly storeId: string;
  readonly epochs: readonly number[];
}): Keyring {
  try {
    return createKeyring({ signingKeys: options.keys, storeId: options.storeId, epochs: options.epochs });
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(EXIT.usage, error.message);
    throw error;
  }
}

/** Bits of a key if it was drawn evenly from the characters it has: an upper bound, and low ones are bad news. */
export function keyBitsMax(key: string): number {
  const distinct = new Set(key).size;
  return key.length * Math.log2(Math.max(1, distinct));
}
