/** One POST to the next hop, bounded in time, and what its answer means for the sender. */
import type { World } from './world.ts';

export const HOP_TIMEOUT_MS = 5_000;

export type Answer =
  | { readonly ok: true }
  | { readonly ok: false; readonly again: boolean; readonly why: string; readonly afterMs?: number };

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Never throws: a broken connection and a time-out are answers too, worth another try. */
export async function post(world: Pick<World, 'clock' | 'fetch'>, posting: Posting): Promise<Answer> {
  const stopRequest = new AbortController();
  const stopTimer = new AbortController();
  const request = world
    .fetch(posting.url, {
      method: 'POST',
      headers: { ...posting.headers },
      body: posting.body,
      signal: stopRequest.signal,
    })
    .then(async response => {
      await response.text();
      return answerOf(response);
    })
    .catch((error: unknown): Answer => ({ ok: false, again: true, why: `no answer: ${reasonOf(error)}` }));
  const timeout = world.clock.sleep(HOP_TIMEOUT_MS, stopTimer.signal).then(
    (): Answer => ({ ok: false, again: true, why: `no answer within ${HOP_TIMEOUT_MS} ms` }),
    () => request,
  );
  const answer = await Promise.race([request, timeout]);
  stopTimer.abort();
  stopRequest.abort();
  return answer;
}

function answerOf(response: Response): Answer {
  if (response.ok) return { ok: true };
  const again = response.status >= 500 || response.status === 429 || response.status === 408;
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const after = Number.isFinite(seconds) && seconds >= 0 ? { afterMs: Math.min(seconds, 3600) * 1000 } : {};
  return { ok: false, again, why: `answered ${response.status}`, ...after };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Doubling waits, from half a second to half a minute. */
export const backoffMs = (failures: number): number =>
  Math.min(30_000, 500 * 2 ** Math.min(failures - 1, 10));
