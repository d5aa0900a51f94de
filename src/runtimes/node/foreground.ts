/**
 * A long-running command in the foreground: ends gracefully on the first signal and at once on the second, says what a
 * user can mend in one line, and lets no failure pass unseen.
 */
import type { Log } from '../../contracts/context.ts';
import { StartError } from './start-error.ts';

export interface Closable {
  close(): Promise<void>;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What shells report of a process that SIGINT ended. */
const INTERRUPTED = 130;

/** postgres.js rejects promises that nobody holds when connections end under it; the queries themselves have told. */
const LEFT_BY_DRIVER = /^(Stream was cancelled|write CONNECTION_|CONNECTION_(ENDED|CLOSED|DESTROYED))/;

/** Runs until a signal comes. Resolves with the exit code; the caller exits with it. */
export async function runInForeground(
  start: (signal: AbortSignal) => Promise<Closable>,
  { log, say }: { readonly log: Log; readonly say: (line: string) => void },
): Promise<number> {
  const abort = new AbortController();
  let end: (code: number) => void = () => {};
  const ended = new Promise<number>(resolve => {
    end = resolve;
  });
  const onSignal = (name: string): void => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    log('info', 'stopping', { signal: name });
    abort.abort(new Error(`stopped by ${name}`));
    end(0);
  };
  const onRejection = (reason: unknown): void => {
    const message = reason instanceof Error ? reason.message : String(reason);
    if (LEFT_BY_DRIVER.test(message)) {
      log('info', 'store.driver_left_over', { reason: message });
      return;
    }
    log('error', 'unhandled', { reason: reason instanceof Error ? (reason.stack ?? message) : message });
    // Nobody knows what it left undone: ending is what a crash is survived by.
    end(1);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.on('unhandledRejection', onRejection);
  try {
    const running = await start(abort.signal);
    const code = await ended;
    await running.close();
    return code;
  } catch (error) {
    if (abort.signal.aborted) return INTERRUPTED;
    if (!(error instanceof StartError)) throw error;
    say(`coalmine: ${error.message}`);
    return error.exitCode;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    process.off('unhandledRejection', onRejection);
  }
}
