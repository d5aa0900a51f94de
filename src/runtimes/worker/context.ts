/**
 * Time, chance, transport and log on workerd. Its clocks stand still while code runs and move on with I/O, the monotonic
 * one along with the wall's: a step of the clock can't be told there.
 */
import type { Context } from '../../contracts/context.ts';

const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });

/** 53 bits from the platform's generator. */
const random = (): number => {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
};

const METHODS = { debug: 'debug', info: 'info', warn: 'warn', error: 'error' } as const;

export const context: Context = {
  clock: { now: () => Date.now(), mono: () => performance.now(), sleep },
  random,
  // Unbound, it refuses to be called.
  fetch: (input, init) => fetch(input, init),
  log: (level, event, fields) => console[METHODS[level]](JSON.stringify({ level, event, ...fields })),
};
