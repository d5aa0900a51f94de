/** The real clock of the Node runtime: wall and monotonic time, and sleeps that can be called off. */
import type { Clock } from '../contracts/context.ts';

/** Node's timers hold no more (about 24.8 days); longer sleeps are made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** `unref`: a sleep alone doesn't keep the process alive. For servers, whose sockets do. */
export function createClock({ unref = false }: { readonly unref?: boolean } = {}): Clock {
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const endMono = performance.now() + ms;
      let timer: NodeJS.Timeout;
      const arm = () => {
        const leftMs = Math.min(Math.max(0, endMono - performance.now()), TIMER_MS_MAX);
        timer = setTimeout(ring, leftMs);
        if (unref) timer.unref();
      };
      const ring = () => {
        // A timer may ring a fraction of a millisecond early.
        if (endMono - performance.now() > 1) return arm();
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', stop, { once: true });
      arm();
    });
  return { now: () => Date.now(), mono: () => performance.now(), sleep };
}
