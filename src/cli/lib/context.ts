/** The world as the CLI hands it on: real time, real chance, real fetch; a log only for those who ask for it. */
import type { Context } from '../../contracts/context.ts';
import { createClock } from '../../runtimes/clock.ts';
import { createLog } from '../../runtimes/log.ts';

/** What the engine and the store say goes to standard error where COALMINE_LOG names a level: verbs have their own output. */
const level = (['debug', 'info', 'warn', 'error'] as const).find(l => l === process.env.COALMINE_LOG);

export const context: Context = {
  clock: createClock(),
  random: Math.random,
  fetch: globalThis.fetch,
  log: level ? createLog({ format: 'text', level }) : () => {},
};

const interrupted = new AbortController();

/** Aborted by the first Ctrl-C or SIGTERM, so that what is open is closed; the second one ends at once. */
export function interruption(): AbortSignal {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      interrupted.abort(new Error(`interrupted (${name})`));
    });
  return interrupted.signal;
}
