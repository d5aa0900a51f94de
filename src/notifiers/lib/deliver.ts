// What every notifier is wrapped in: no identity goes out, no secret comes back in an error, and closing ends what is under way.
import { rootOf } from '../../adapters/fault.ts';
import { type Notice, type Notifier, Permanent, type Receipt, Retry } from '../../contracts/notifier.ts';
import { withoutIdentities } from './notice.ts';
import type { Scrub } from './scrub.ts';

export type Deliver = (notice: Notice, previous: Receipt | null, signal: AbortSignal) => Promise<Receipt>;

/** `deliver` gets a signal that aborts with the caller's, and when the notifier closes. */
export const notifierOf = (scrub: Scrub, deliver: Deliver): Notifier => {
  const open = new Set<AbortController>();
  let isClosed = false;
  return {
    async notify(notice, previous, signal) {
      if (isClosed) throw new Retry('not sent: the notifier is closed');
      if (signal.aborted) throw new Retry('not sent: stopped before it began');
      const call = new AbortController();
      const relay = () => call.abort(signal.reason);
      signal.addEventListener('abort', relay, { once: true });
      open.add(call);
      try {
        return await deliver(withoutIdentities(notice), previous, call.signal);
      } catch (error) {
        if (error instanceof Permanent || error instanceof Retry) throw error;
        throw new Retry(scrub(rootOf(error).message));
      } finally {
        signal.removeEventListener('abort', relay);
        open.delete(call);
      }
    },
    async close() {
      isClosed = true;
      for (const call of open) call.abort();
    },
  };
};
