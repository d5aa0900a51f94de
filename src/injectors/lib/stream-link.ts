// A kept TCP or TLS connection to a receiver that never acknowledges. All it can know: the bytes were handed to
// the kernel of a connection that was alive then and for a moment after.
import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface LinkAddress {
  readonly host: string;
  readonly port: number;
  /** Present for TLS. Files are read at each connect, so that renewed ones are used. */
  readonly tls?: {
    readonly serverName?: string;
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly verify: boolean;
  };
}

/** A connection and what has befallen it. */
export interface Link {
  readonly socket: Socket;
  /** Rejects when the connection ends in any way, with the reason. Never resolves. */
  readonly ended: Promise<never>;
  /** Whether it has ended. */
  dead: boolean;
}

const optionalFile = (path: string | undefined) => (path === undefined ? undefined : readFile(path));

const dial = async ({ host, port, tls }: LinkAddress): Promise<Socket> => {
  if (tls === undefined) return connectTcp({ host, port });
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(optionalFile));
  return connectTls({
    host,
    port,
    // A name for SNI may not be an address (RFC 6066 §3); an address is verified against the certificate all the same.
    servername: tls.serverName ?? (isIP(host) === 0 ? host : ''),
    rejectUnauthorized: tls.verify,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
};

const watched = (socket: Socket): Link => {
  let fail: (error: Error) => void;
  const ended = new Promise<never>((_, reject) => {
    fail = reject;
  });
  ended.catch(() => undefined);
  const link: Link = { socket, ended, dead: false };
  const die = (error: Error) => {
    link.dead = true;
    fail(error);
    socket.destroy();
  };
  socket.on('error', die);
  socket.on('end', () => die(new Error('the receiver closed the connection')));
  socket.on('close', () => die(new Error('the connection was closed')));
  socket.resume();
  return link;
};

/** Connects, and for TLS verifies. Throws the system's error; a socket that isn't ready when `signal` aborts is destroyed. */
export const openLink = async (address: LinkAddress, signal: AbortSignal): Promise<Link> => {
  const socket = await dial(address);
  const link = watched(socket);
  const stop = () => socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const ready = new Promise<void>(resolve => {
      socket.once(address.tls === undefined ? 'connect' : 'secureConnect', () => resolve());
    });
    await Promise.race([ready, link.ended]);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    return link;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
};

/** Hands `bytes` to the kernel. Throws when the connection ends first. */
export const writeLink = (link: Link, bytes: Buffer): Promise<void> => {
  const written = new Promise<void>((resolve, reject) => {
    link.socket.write(bytes, error => (error ? reject(error) : resolve()));
  });
  return Promise.race([written, link.ended]);
};

/** Says goodbye (FIN, close_notify) and lets go, at once where the receiver has stopped reading. */
export const closeLink = (link: Link): void => {
  link.dead = true;
  if (link.socket.writableLength > 0) link.socket.destroy();
  else link.socket.destroySoon();
};
