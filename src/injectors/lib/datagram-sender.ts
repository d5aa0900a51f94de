// Sends each frame as one UDP datagram. `accepted` means: the kernel took it and no "port unreachable" came back
// within the watch. Waves keep a burst from overflowing the receiver's buffer, which nobody would tell us of.
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { within } from '../../adapters/within.ts';
import type { Clock } from '../../contracts/context.ts';
import type { Outcome } from '../../contracts/injector.ts';
import { oneByOne, portions } from './batches.ts';
import { createCalls } from './calls.ts';
import { faultOutcome } from './faults.ts';
import type { Sender, SenderBounds } from './sender.ts';

const WAVE = { countMax: 64, bytesMax: 65_536 };

export interface DatagramAddress {
  readonly host: string;
  readonly port: number;
  /** RFC 5426 §3.2: receivers should take 2048 bytes; longer ones may be cut or dropped unseen. */
  readonly bytesMax: number;
}

/** A connected socket: only those are told of "port unreachable". Throws the system's error. */
const open = async (address: DatagramAddress): Promise<Socket> => {
  const { address: ip, family } = await lookup(address.host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(address.port, ip, resolve);
    });
    socket.removeAllListeners('error');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
};

const sendOne = (socket: Socket, frame: Buffer): Promise<Outcome> =>
  new Promise(resolve => {
    socket.send(frame, error => resolve(error ? faultOutcome(error) : { result: 'accepted' }));
  });

/** Sends wave by wave into `out`. After a wave was refused the port is closed: the rest need not be tried. */
const sendWaves = async (
  socket: Socket,
  frames: readonly Buffer[],
  out: Outcome[],
  pause: () => Promise<void>,
): Promise<void> => {
  let refusal: Outcome | undefined;
  socket.on('error', error => {
    refusal = faultOutcome(error);
  });
  for (const wave of portions(frames, WAVE, f => f.length)) {
    const sent = await Promise.all(wave.map(f => sendOne(socket, f)));
    await pause();
    refusal ??= sent.find(o => o.result === 'refused');
    if (refusal !== undefined) break;
    out.push(...sent);
  }
  const rest = refusal;
  if (rest !== undefined) while (out.length < frames.length) out.push(rest);
};

export const datagramSender = (address: DatagramAddress, bounds: SenderBounds, clock: Clock): Sender => {
  const calls = createCalls();
  const inTurn = oneByOne();

  const sendAll = async (frames: readonly Buffer[], signal: AbortSignal): Promise<Outcome[]> => {
    const out: Outcome[] = [];
    let begun = false;
    const sendNow = async (stop: AbortSignal): Promise<void> => {
      if (stop.aborted) return;
      const socket = await open(address);
      try {
        if (stop.aborted) return;
        begun = true;
        await sendWaves(socket, frames, out, () => clock.sleep(bounds.watchMs, stop));
      } finally {
        socket.close();
      }
    };
    const bound = { clock, ms: bounds.timeoutMs, signal };
    const ended = await within(bound, stop => inTurn(() => sendNow(stop))).catch(
      (error: unknown) => ({ how: 'failed', fault: faultOutcome(error) }) as const,
    );
    if (ended.how === 'failed') return frames.map((_, i) => out[i] ?? ended.fault);
    const reason = ended.how === 'timeout' ? `not done within ${bounds.timeoutMs} ms` : 'stopped';
    const rest: Outcome = { result: begun ? 'maybe_sent' : 'unsent', reason, again: true };
    return frames.map((_, i) => out[i] ?? rest);
  };

  return {
    async send(frames, signal) {
      const fits = frames.filter(f => f.length <= address.bytesMax);
      const outcomes = fits.length === 0 ? [] : await calls.run(signal, stop => sendAll(fits, stop));
      let next = 0;
      return frames.map(({ length }) =>
        length <= address.bytesMax
          ? outcomes[next++]!
          : {
              result: 'unsent',
              reason: `the record has ${length} bytes, datagram_bytes_max is ${address.bytesMax}`,
            },
      );
    },
    async close() {
      calls.stop();
    },
  };
};
