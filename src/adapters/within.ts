// A bound on time for anything that may hang: the work ends, or the caller stops it, or its time runs out.
import type { Clock } from '../contracts/context.ts';

export type Ended<T> =
  | { readonly how: 'done'; readonly value: T }
  | { readonly how: 'timeout' }
  | { readonly how: 'aborted' };

/**
 * Runs `work` for at most `ms`. Returns at once when `signal` aborts, even if `work` doesn't heed the signal it
 * is given. Throws only what `work` throws in time.
 */
export const within = async <T>(
  bound: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Ended<T>> => {
  if (bound.signal.aborted) return { how: 'aborted' };
  const over = new AbortController();
  const stop = AbortSignal.any([bound.signal, over.signal]);
  const timer = bound.clock.sleep(bound.ms, stop).then(
    () => ({ how: 'timeout' }) as const,
    () => ({ how: 'aborted' }) as const,
  );
  try {
    return await Promise.race([work(stop).then(value => ({ how: 'done', value }) as const), timer]);
  } catch (error) {
    if (bound.signal.aborted) return { how: 'aborted' };
    throw error;
  } finally {
    over.abort();
  }
};
