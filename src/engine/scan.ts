/** Which canaries a stream of plain bytes holds, and which of them are ours. */
import type { CanaryName } from '../domain/canary.ts';
import { createFinder, type FoundToken } from '../domain/finder.ts';
import { decodeToken, type Keyring, partialToken } from '../domain/token.ts';

/** `unverified`: there was no key to ask. `forged`: the MAC is by none of the keys, so the name proves nothing. */
export type ScanVerdict = 'valid' | 'forged' | 'unverified';

export interface ScanFound {
  /** Bytes from the start of the (unpacked) stream. */
  readonly offset: number;
  /** Prefix and identity, without the MAC: fit to be printed. */
  readonly token: string;
  readonly name: CanaryName;
  readonly verdict: ScanVerdict;
}

export interface ScanResult {
  /** Read to the end; a stream that fails rejects instead. */
  readonly bytes: number;
  /** The first `foundMax`, in order. `counts` has them all. */
  readonly found: readonly ScanFound[];
  /** Whether there were more than `found` holds. */
  readonly isCut: boolean;
  readonly counts: Readonly<Record<ScanVerdict, number>>;
}

export interface ScanOptions {
  /** How many finds the result may hold; 10,000 unless given. */
  readonly foundMax?: number;
  /** Told of every find, also beyond `foundMax`. */
  readonly onFound?: (found: ScanFound) => void;
}

/** Copies count one by one. For packed input: `scanStream(unpack(stream, …), keyring)`. Rejects with what `stream` throws. */
export async function scanStream(
  stream: AsyncIterable<Uint8Array>,
  keyring: Keyring | undefined,
  { foundMax = 10_000, onFound }: ScanOptions = {},
): Promise<ScanResult> {
  const finder = createFinder();
  const found: ScanFound[] = [];
  const counts = { valid: 0, forged: 0, unverified: 0 };
  let bytes = 0;
  let isCut = false;

  function take(tokens: readonly FoundToken[]): void {
    for (const { offset, token } of tokens) {
      const judged = judge(token, keyring);
      if (!judged) continue;
      counts[judged.verdict]++;
      const entry = { offset, token: partialToken(token), ...judged };
      if (found.length < foundMax) found.push(entry);
      else isCut = true;
      onFound?.(entry);
    }
  }
  for await (const chunk of stream) {
    bytes += chunk.length;
    take(finder.push(chunk));
  }
  take(finder.end());
  return { bytes, found, isCut, counts };
}

/** Undefined for what has the form of a token and names no target: noise. */
function judge(
  token: string,
  keyring: Keyring | undefined,
): { name: CanaryName; verdict: ScanVerdict } | undefined {
  if (keyring) {
    const verified = keyring.verify(token);
    return verified.kind === 'malformed' ? undefined : { name: verified.name, verdict: verified.kind };
  }
  const name = decodeToken(token);
  return name && { name, verdict: 'unverified' };
}
