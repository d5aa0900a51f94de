/** A request's body, whole, unpacked and bounded: in bytes as sent, in bytes unpacked, and of all requests together. */
import { UnpackError, unpack } from '../engine/unpack.ts';
import { Problem } from './problem.ts';

export interface BodyLimits {
  /** As sent. */
  readonly bodyBytesMax: number;
  /** Unpacked. */
  readonly unpackedBytesMax: number;
}

/** Bytes that all requests may hold in memory together. */
export interface Budget {
  /** Throws Problem 429 when there is no room. */
  take(bytes: number): void;
  give(bytes: number): void;
}

export function createBudget(bytesMax: number): Budget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > bytesMax)
        throw busy(`the requests in flight hold ${held} bytes, and more than ${bytesMax} won’t fit`);
      held += bytes;
    },
    give(bytes) {
      held -= bytes;
    },
  };
}

export const busy = (why: string): Problem =>
  new Problem('too-many-requests', `${why}: send again later`, { 'retry-after': '1' });

/** Throws Problem 400, 413, 415 or 429. What is taken from the budget is given back by `release`. */
export async function readBody(
  request: Request,
  limits: BodyLimits,
  options: { readonly budget: Budget; readonly signal: AbortSignal },
): Promise<{ readonly bytes: Uint8Array; release(): void }> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limits.bodyBytesMax) throw tooLarge(`${declared} bytes`, limits.bodyBytesMax);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const release = () => {
    options.budget.give(length);
    length = 0;
  };
  try {
    const contentEncoding = request.headers.get('content-encoding') ?? 'identity';
    const sent = chunksOf(request, limits.bodyBytesMax, options.signal);
    for await (const chunk of unpack(sent, { bytesMax: limits.unpackedBytesMax, contentEncoding })) {
      options.budget.take(chunk.length);
      length += chunk.length;
      chunks.push(new Uint8Array(chunk));
    }
  } catch (error) {
    release();
    throw error instanceof UnpackError ? unpackProblem(error) : error;
  }
  return { bytes: joined(chunks, length), release };
}

async function* chunksOf(
  request: Request,
  bytesMax: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (!request.body) return;
  const reader = request.body.getReader();
  const cancel = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener('abort', cancel, { once: true });
  let length = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > bytesMax) throw tooLarge('more', bytesMax);
      yield value;
    }
    // A cancelled body ends as if it were whole.
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', cancel);
    await reader.cancel().catch(() => {});
  }
}

const tooLarge = (found: string, bytesMax: number): Problem =>
  new Problem(
    'too-large',
    `expected a body of at most ${bytesMax} bytes, found ${found}: send smaller batches`,
  );

function unpackProblem(error: UnpackError): Problem {
  if (error.reason === 'too large') return new Problem('too-large', `${error.message}: send smaller batches`);
  return new Problem(error.reason === 'unsupported' ? 'unsupported-encoding' : 'bad-request', error.message);
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
