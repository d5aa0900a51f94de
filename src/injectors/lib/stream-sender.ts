// Sends frames over one kept TCP or TLS connection. `accepted` means: handed to the kernel of a connection that
// was alive and stayed so for the watch. No receiver acknowledges; a peer that vanished without a word is noticed
// at the next write, whose canaries are `maybe_sent`.

import { within } from '../../adapters/within.ts';
import type { Clock } from '../../contracts/context.ts';
import type { Outcome } from '../../contracts/injector.ts';
import { oneByOne, portions } from './batches.ts';
import { createCalls } from './calls.ts';
import { faultOutcome } from './faults.ts';
import type { Sender, SenderBounds } from './sender.ts';
import { closeLink, type Link, type LinkAddress, openLink, writeLink } from './stream-link.ts';

const SLICE_BYTES = 65_536;
/** With TLS 1.3 the receiver rejects our certificate after our first bytes: a clear no all the same. */
const REJECTED_US = /ALERT_(\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/;

/** How far one call has come, in frames. */
interface Progress {
  connected: boolean;
  begun: number;
  handed: number;
}

/** What ended a call early: an error, or the reason `within` gave. */
type Stop = { readonly error: unknown } | 'timeout' | 'aborted';

/** A frame that may have left at least in part. */
const inDoubt = (stop: Stop): Outcome => {
  if (typeof stop === 'string') return { result: 'maybe_sent', reason: `${stop} while writing`, again: true };
  const fault = faultOutcome(stop.error);
  const code = String((stop.error as { code?: unknown }).code ?? '');
  return { ...fault, result: REJECTED_US.test(code) ? 'refused' : 'maybe_sent', again: true } as Outcome;
};

/** A frame of which no byte was written. */
const notBegun = (stop: Stop, connected: boolean): Outcome => {
  if (stop === 'aborted') return { result: 'unsent', reason: 'stopped before sending', again: true };
  if (stop === 'timeout') {
    const reason = connected ? 'the receiver stopped reading' : 'no connection in time';
    return { result: 'refused', reason, again: true };
  }
  const fault = faultOutcome(stop.error);
  if (fault.result === 'unsent' || fault.result === 'refused') return fault;
  const reason = fault.result === 'accepted' ? '' : fault.reason;
  return { result: 'refused', reason: `connection lost before this canary: ${reason}`, again: true };
};

export const streamSender = (address: LinkAddress, bounds: SenderBounds, clock: Clock): Sender => {
  const inTurn = oneByOne();
  const calls = createCalls();
  let link: Link | undefined;

  /** Connects where needed, writes slice by slice, then watches. True when all of it was done. */
  const sendNow = async (frames: readonly Buffer[], at: Progress, stop: AbortSignal): Promise<boolean> => {
    if (stop.aborted) return false;
    if (link === undefined || link.dead) link = await openLink(address, stop);
    const live = link;
    at.connected = true;
    for (const slice of portions(frames, { countMax: 1000, bytesMax: SLICE_BYTES }, f => f.length)) {
      if (stop.aborted) return false;
      at.begun += slice.length;
      await writeLink(live, Buffer.concat(slice));
      at.handed += slice.length;
    }
    await Promise.race([clock.sleep(bounds.watchMs, stop), live.ended]);
    return true;
  };

  return {
    async send(frames, signal) {
      const at: Progress = { connected: false, begun: 0, handed: 0 };
      let stop: Stop;
      try {
        const ended = await calls.run(signal, call =>
          within({ clock, ms: bounds.timeoutMs, signal: call }, halt =>
            inTurn(() => sendNow(frames, at, halt)),
          ),
        );
        if (ended.how === 'done' && ended.value) return frames.map(() => ({ result: 'accepted' }));
        stop = ended.how === 'done' ? 'aborted' : ended.how;
      } catch (error) {
        stop = { error };
      }
      // A frame that is torn off would swallow the next one: never write to this connection again.
      if (at.begun > at.handed) link?.socket.destroy();
      const { begun, connected } = at;
      return frames.map((_, i) => (i < begun ? inDoubt(stop) : notBegun(stop, connected)));
    },
    async close() {
      calls.stop();
      await inTurn(async () => {
        if (link !== undefined) closeLink(link);
        link = undefined;
      });
    },
  };
};
