/** Tokens made anew from the description at the head of src/domain/token.ts, with nothing of its code: an oracle. */
import { createHmac, hkdfSync } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export interface Signing {
  readonly key: string;
  readonly storeId: string;
  readonly epoch: number;
  readonly target: number;
  readonly slot: number;
  readonly index: number;
}

export function signToken(s: Signing): string {
  const bits = (BigInt(s.target) << 56n) | (BigInt(s.slot - Date.UTC(2020, 0, 1)) << 14n) | BigInt(s.index);
  const identity = Buffer.from(bits.toString(16).padStart(20, '0'), 'hex');
  const info = Buffer.from(`coalmine token 1\0${s.epoch}\0${s.target}`);
  const key = Buffer.from(hkdfSync('sha256', s.key, s.storeId, info, 32));
  const mac = createHmac('sha256', key).update('token\0').update(identity).digest().subarray(0, 15);
  const all = BigInt(`0x${Buffer.concat([identity, mac]).toString('hex')}`);
  let text = '';
  for (let i = 39n; i >= 0n; i--) text += ALPHABET[Number((all >> (5n * i)) & 31n)];
  return `coalmine1${text}`;
}
