/** Base32 of RFC 4648 §6 in lower case and without padding: the alphabet no tokenizer splits. */

export const BASE32_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

const CODES = Uint8Array.from(BASE32_ALPHABET, character => character.charCodeAt(0));

/** Value of each ASCII byte, either case; 255 where it is no base32 character. */
export const BASE32_VALUES: Uint8Array = new Uint8Array(256).fill(255);
for (let value = 0; value < 32; value++) {
  BASE32_VALUES[BASE32_ALPHABET.charCodeAt(value)] = value;
  BASE32_VALUES[BASE32_ALPHABET.toUpperCase().charCodeAt(value)] = value;
}

/** Five bytes become eight characters; a shorter end is filled up with zero bits. */
export function encodeBase32(bytes: Uint8Array): string {
  const codes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) codes.push(CODES[(held >>> (bits - 5)) & 31]!);
  }
  if (bits > 0) codes.push(CODES[(held << (5 - bits)) & 31]!);
  return String.fromCharCode(...codes);
}

/** In either case. Undefined for any other character, an impossible length, or filling bits that aren't zero. */
export function decodeBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = BASE32_VALUES[text.charCodeAt(i)] ?? 255;
    if (value === 255) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >>> bits;
    }
  }
  return bits >= 5 || (held & ((1 << bits) - 1)) !== 0 ? undefined : bytes;
}
