/** Takes bytes from a stream in the sizes a format wants, rather than those they come in. */

/**
 * Why a stream couldn't be read as it must be. A scan that meets one has proven no absence.
 * - `too large`: it holds more than allowed, or wants more memory or work than its size explains.
 * - `corrupt`: it breaks its own format or fails its own checksum.
 * - `truncated`: it ends in the middle.
 * - `unsupported`: a compressed format that isn't read here; its bytes would hide what they hold.
 */
export type UnpackReason = 'too large' | 'corrupt' | 'truncated' | 'unsupported';

export class UnpackError extends Error {
  override readonly name = 'UnpackError';
  readonly reason: UnpackReason;
  constructor(reason: UnpackReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface ByteReader {
  /** The next `count` bytes, fewer at the stream's end, without taking them. Valid until the next call. */
  peek(count: number): Promise<Uint8Array>;
  /** Exactly the next `count` bytes; throws UnpackError `truncated`. Valid until the next call. */
  take(count: number): Promise<Uint8Array>;
  /** Everything from here on, in the chunks it comes in. */
  rest(): AsyncGenerator<Uint8Array>;
  /** Bytes taken so far. */
  offset(): number;
}

/** The source may reuse a chunk's memory as soon as the next is asked for. */
export function createByteReader(source: AsyncIterator<Uint8Array>): ByteReader {
  let held: Uint8Array = new Uint8Array(0);
  let offset = 0;

  async function peek(count: number): Promise<Uint8Array> {
    if (held.length >= count) return held.subarray(0, count);
    const parts = [held];
    let length = held.length;
    while (length < count) {
      const { done, value } = await source.next();
      if (done) break;
      parts.push(length + value.length < count ? copied(value) : value);
      length += value.length;
    }
    const joined = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    held = joined;
    return held.subarray(0, count);
  }
  async function take(count: number): Promise<Uint8Array> {
    const bytes = await peek(count);
    if (bytes.length < count) {
      throw new UnpackError('truncated', `the stream ends at byte ${offset + bytes.length}, in the middle`);
    }
    held = held.subarray(count);
    offset += count;
    return bytes;
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    for (let chunk = held; ; ) {
      held = new Uint8Array(0);
      offset += chunk.length;
      if (chunk.length > 0) yield chunk;
      const { done, value } = await source.next();
      if (done) return;
      chunk = value;
    }
  }
  return { peek, take, rest, offset: () => offset };
}

/** Unlike `slice`, which on a Buffer is only a view. */
export const copied = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
