/** Work that is told to stop when its time is over, or when the process ends. */
import type { Clock } from '../contracts/context.ts';

/** A reason made anew for each signal would cost more than the timer. */
const ENDED = new Error('the work has ended');

export interface WithinOptions {
  readonly clock: Clock;
  readonly ms: number;
  /** What the signal says when the time is over. */
  readonly reason: string;
  /** Stops it too. */
  readonly stop?: AbortSignal;
}

/** The signal aborts after `ms` at the latest, and once the work has ended. The work itself decides what it makes of that. */
export async function within<T>(
  { clock, ms, reason, stop }: WithinOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const onStop = () => abort.abort(stop?.reason);
  stop?.addEventListener('abort', onStop, { once: true });
  const timer = clock.sleep(ms, abort.signal).then(
    () => abort.abort(new Error(reason)),
    () => {},
  );
  try {
    return await work(abort.signal);
  } finally {
    stop?.removeEventListener('abort', onStop);
    abort.abort(ENDED);
    await timer;
  }
}
