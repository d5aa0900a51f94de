/**
 * The token: a canary's printable, signed name, and its twin as a UUIDv8.
 *
 * Token: `coalmine1` + base32 of 10 bytes identity and 15 bytes MAC; 49 characters, read in either case.
 * UUID (RFC 9562 §5.8): in its 122 free bits, in order, the identity (80) and a MAC of its own (42).
 * Identity, big endian: target (24 bits), milliseconds from 2020-01-01T00:00:00Z to the slot (42), index (14).
 *
 * A target's key is HKDF-SHA-256(ikm: signing key, salt: store id, info: 'coalmine token 1' NUL epoch NUL target),
 * 32 bytes; a MAC is HMAC-SHA-256(that key, 'token' or 'uuid', NUL, identity), cut. So one host can't forge
 * another's canaries, nor one store another's, nor a restored backup those of its later life.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { decodeBase32, encodeBase32 } from './base32.ts';
import type { CanaryName } from './canary.ts';

/** A name for logs: `target.slot.index`, which nobody can take for a token. */
export { nameKey as shortName } from './canary.ts';

export const TOKEN_PREFIX = 'coalmine1';
/** Characters of a whole token. */
export const TOKEN_LENGTH = 49;

const IDENTITY_BYTES = 10;
const IDENTITY_CHARS = 16;
const MAC_BYTES = 15;
const EPOCH_MS = Date.UTC(2020, 0, 1);
const TARGET_MAX = 2 ** 24 - 1;
const SLOT_MAX_MS = EPOCH_MS + 2 ** 42 - 1;
const INDEX_MAX = 2 ** 14 - 1;
const SIGNING_KEY_CHARS_MIN = 16;
/** Derived keys that are kept: some 200 bytes each. */
const DERIVED_MAX = 50_000;
const UUID8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export interface KeyringOptions {
  /** The first signs; all verify. At least 16 characters each. */
  readonly signingKeys: readonly string[];
  /** What tells this store from any other (staging from production). */
  readonly storeId: string;
  /** Lives of the store, one more with each restored backup. The last signs; all verify; others don't. */
  readonly epochs: readonly number[];
}

/** `forged`: has the form of a token, and its MAC is by none of our keys. The name it claims proves nothing. */
export type Verified =
  | ({ readonly kind: 'valid'; readonly name: CanaryName } & SignedBy)
  | { readonly kind: 'forged'; readonly name: CanaryName }
  | { readonly kind: 'malformed' };

/** Which of the keys and epochs signed. */
export interface SignedBy {
  readonly keyIndex: number;
  readonly epoch: number;
}

export interface Keyring {
  /** As canaries are signed now; or as they were when another key or epoch signed. Throws RangeError for a name that doesn't fit its bits. */
  sign(name: CanaryName, by?: SignedBy): { token: string; uuid: string };
  /** Of a whole token or UUID, without anything around it. A UUIDv8 that somebody else made reads as forged. */
  verify(text: string): Verified;
}

/** Throws RangeError where no tokens could be made or trusted with these options. */
export function createKeyring(options: KeyringOptions): Keyring {
  checkOptions(options);
  const newestFirst = options.epochs.toReversed();
  // HKDF in its two steps (RFC 5869): the first once a key, the second once a target.
  const extracted = options.signingKeys.map(key => hmac(options.storeId, key));
  const derived = new Map<string, Uint8Array>();
  const keyOf = (keyIndex: number, epoch: number, target: number): string => `${keyIndex} ${epoch} ${target}`;
  const derive = (keyIndex: number, epoch: number, target: number): Uint8Array =>
    derived.get(keyOf(keyIndex, epoch, target)) ??
    hmac(extracted[keyIndex]!, `coalmine token 1\0${epoch}\0${target}\x01`);

  /** Keys that have signed, or proved a token: a flood of forged targets can push nothing out. */
  function keep({ keyIndex, epoch }: SignedBy, target: number, key: Uint8Array): void {
    if (derived.size >= DERIVED_MAX) derived.clear();
    derived.set(keyOf(keyIndex, epoch, target), key);
  }

  const now: SignedBy = { keyIndex: 0, epoch: newestFirst[0]! };

  function sign(name: CanaryName, by = now): { token: string; uuid: string } {
    const identity = encodeIdentity(name);
    const key = derive(by.keyIndex, by.epoch, name.target);
    keep(by, name.target, key);
    const token = writeToken(identity, tokenTag(identity, key));
    return { token, uuid: writeUuid(identity, uuidTag(identity, key)) };
  }

  function verify(text: string): Verified {
    const claim = isUuidShape(text) ? readUuid(text) : readToken(text);
    const name = claim && decodeIdentity(claim.identity);
    if (!name) return { kind: 'malformed' };
    for (const epoch of newestFirst) {
      for (let keyIndex = 0; keyIndex < extracted.length; keyIndex++) {
        const { identity, tag, sign } = claim;
        const key = derive(keyIndex, epoch, name.target);
        if (timingSafeEqual(sign(identity, key), tag)) {
          keep({ keyIndex, epoch }, name.target, key);
          return { kind: 'valid', name, keyIndex, epoch };
        }
      }
    }
    return { kind: 'forged', name };
  }

  return { sign, verify };
}

/** Tells signing keys apart without telling anything of them: 12 hexadecimal digits. */
export const keyFingerprint = (key: string): string =>
  createHash('sha256').update(`coalmine key fingerprint\0${key}`).digest('hex').slice(0, 12);

/** The name a token claims, unverified; undefined where the text is no token. */
export function decodeToken(text: string): CanaryName | undefined {
  const claim = readToken(text);
  return claim && decodeIdentity(claim.identity);
}

/** The name a UUIDv8 claims, unverified; undefined where the text is no UUIDv8 or names no target. */
export function decodeUuid(text: string): CanaryName | undefined {
  return isUuidShape(text) ? decodeIdentity(readUuid(text).identity) : undefined;
}

/** Whether this could be the twin of a token: a version 8 UUID in its canonical form, in either case. */
export const isUuidShape = (text: string): boolean => UUID8.test(text);

/** What of a token may stand in logs and answers: prefix and identity, without the MAC that makes it count. */
export const partialToken = (token: string): string =>
  token.slice(0, TOKEN_PREFIX.length + IDENTITY_CHARS).toLowerCase();

type Sign = (identity: Uint8Array, key: Uint8Array) => Uint8Array;

/** What a text says of itself: an identity, its MAC, and how that must have been made. */
interface Claim {
  readonly identity: Uint8Array;
  readonly tag: Uint8Array;
  readonly sign: Sign;
}

const hmac = (key: string | Uint8Array, ...data: (string | Uint8Array)[]): Buffer => {
  const hmac = createHmac('sha256', key);
  for (const part of data) hmac.update(part);
  return hmac.digest();
};

const tokenTag: Sign = (identity, key) => hmac(key, 'token\0', identity).subarray(0, MAC_BYTES);

/** 42 bits in six bytes; the last six bits are zero. */
const uuidTag: Sign = (identity, key) => {
  const tag = hmac(key, 'uuid\0', identity).subarray(0, 6);
  tag[5]! &= 0xc0;
  return tag;
};

const writeToken = (identity: Uint8Array, tag: Uint8Array): string =>
  TOKEN_PREFIX + encodeBase32(Buffer.concat([identity, tag]));

function readToken(text: string): Claim | undefined {
  if (text.length !== TOKEN_LENGTH) return undefined;
  if (text.slice(0, TOKEN_PREFIX.length).toLowerCase() !== TOKEN_PREFIX) return undefined;
  const bytes = decodeBase32(text.slice(TOKEN_PREFIX.length));
  return (
    bytes && {
      identity: bytes.subarray(0, IDENTITY_BYTES),
      tag: bytes.subarray(IDENTITY_BYTES),
      sign: tokenTag,
    }
  );
}

/** Identity bits 0…47 stand before the version, 48…59 before the variant, 60…79 after it, the MAC behind them. */
function writeUuid(identity: Uint8Array, tag: Uint8Array): string {
  const u = Buffer.alloc(16);
  u.set(identity.subarray(0, 6));
  u[6] = 0x80 | (identity[6]! >> 4);
  u[7] = (identity[6]! << 4) | (identity[7]! >> 4);
  u[8] = 0x80 | ((identity[7]! & 15) << 2) | (identity[8]! >> 6);
  u[9] = (identity[8]! << 2) | (identity[9]! >> 6);
  u[10] = (identity[9]! << 2) | (tag[0]! >> 6);
  for (let i = 0; i < 5; i++) u[11 + i] = (tag[i]! << 2) | (tag[i + 1]! >> 6);
  const hex = u.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Of what has the shape of one. */
function readUuid(text: string): Claim {
  const u = Buffer.from(text.replaceAll('-', ''), 'hex');
  const identity = Buffer.alloc(IDENTITY_BYTES);
  identity.set(u.subarray(0, 6));
  identity[6] = (u[6]! << 4) | (u[7]! >> 4);
  identity[7] = (u[7]! << 4) | ((u[8]! >> 2) & 15);
  identity[8] = (u[8]! << 6) | (u[9]! >> 2);
  identity[9] = (u[9]! << 6) | (u[10]! >> 2);
  const tag = Buffer.alloc(6);
  for (let i = 0; i < 6; i++) tag[i] = (u[10 + i]! << 6) | ((u[11 + i] ?? 0) >> 2);
  return { identity, tag, sign: uuidTag };
}

function encodeIdentity({ target, slot, index }: CanaryName): Uint8Array {
  checkRange('target', target, 1, TARGET_MAX);
  checkRange('slot', slot, EPOCH_MS, SLOT_MAX_MS);
  checkRange('index', index, 0, INDEX_MAX);
  const sinceMs = slot - EPOCH_MS;
  const identity = Buffer.alloc(IDENTITY_BYTES);
  identity.writeUIntBE(target, 0, 3);
  identity.writeUInt32BE(Math.floor(sinceMs / 1024), 3);
  identity.writeUIntBE((sinceMs % 1024) * 2 ** 14 + index, 7, 3);
  return identity;
}

function decodeIdentity(bytes: Uint8Array): CanaryName | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, IDENTITY_BYTES);
  const target = view.readUIntBE(0, 3);
  if (target === 0) return undefined;
  const low = view.readUIntBE(7, 3);
  return { target, slot: EPOCH_MS + view.readUInt32BE(3) * 1024 + (low >>> 14), index: low & INDEX_MAX };
}

function checkRange(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${what} of a canary is ${value}; expected a whole number from ${min} to ${max}`);
}

function checkOptions({ signingKeys, storeId, epochs }: KeyringOptions): void {
  if (signingKeys.length === 0) throw new RangeError('no signing key; give at least one');
  signingKeys.forEach((key, i) => {
    if (key.length >= SIGNING_KEY_CHARS_MIN) return;
    const least = `at least ${SIGNING_KEY_CHARS_MIN} are needed, best from a random source`;
    throw new RangeError(`signing key ${i + 1} has ${key.length} characters; ${least}`);
  });
  if (storeId === '')
    throw new RangeError('the store id is empty; tokens of two stores could not be told apart');
  if (epochs.length === 0) throw new RangeError('no epoch; give at least the current one');
  for (const epoch of epochs) {
    if (!Number.isSafeInteger(epoch) || epoch < 0)
      throw new RangeError(`epoch ${epoch}; expected a whole number`);
  }
}
