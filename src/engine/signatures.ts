/**
 * A keyring that remembers what it signed of late: most tokens that come back are those that this process sent seconds
 * ago, and signing again what is known costs more than all the rest of a sighting.
 */
import type { CanaryName } from '../domain/canary.ts';
import { sameName } from '../domain/canary.ts';
import type { Keyring, SignedBy, Verified } from '../domain/token.ts';

interface Signed {
  readonly name: CanaryName;
  readonly token: string;
  readonly uuid: string;
}

/** In each of two generations; some 300 bytes each, when an engine is that busy. */
const REMEMBERED = 25_000;

/** `epoch` is the one that signs. What isn't remembered is asked of `keyring`. */
export function remembering(keyring: Keyring, epoch: number, size = REMEMBERED): Keyring {
  let young = new Map<string, Signed>();
  let old = new Map<string, Signed>();
  /** Whoever verifies a token mostly wants its twin next. */
  let last: Signed | undefined;

  function remember(signed: Signed): void {
    if (young.size >= size) {
      old = young;
      young = new Map();
    }
    young.set(signed.token, signed);
  }
  function sign(name: CanaryName, by?: SignedBy): { token: string; uuid: string } {
    if (by && (by.keyIndex !== 0 || by.epoch !== epoch)) return keyring.sign(name, by);
    if (last && sameName(last.name, name)) return { token: last.token, uuid: last.uuid };
    const signed = keyring.sign(name);
    remember({ name: { ...name }, ...signed });
    return signed;
  }
  function verify(text: string): Verified {
    const signed = young.get(text) ?? old.get(text);
    if (!signed) return keyring.verify(text);
    last = signed;
    return { kind: 'valid', name: signed.name, keyIndex: 0, epoch };
  }
  return { sign, verify };
}
