// Real syslog receivers on 127.0.0.1 (UDP, TCP, TLS). Their parsing is written from RFC 5424 and RFC 6587 alone.
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Receiver } from '../conformance/injector.ts';
import { TEST_CERT, TEST_KEY } from './tls-pair.ts';

const HEADER =
  /^<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (-|(?:\[(?:[^\\\]]|\\.)*\])+)(?: ([\s\S]*))?$/;

export interface Parsed {
  readonly priority: number;
  readonly time: string;
  readonly hostname: string;
  readonly app: string;
  readonly data: string;
  readonly message: string;
}

export const parseRecord = (record: string): Parsed => {
  const found = HEADER.exec(record);
  if (found === null) throw new Error(`not RFC 5424: ${record.slice(0, 200)}`);
  const [, priority, time = '', hostname = '', app = '', , , data = '', message = ''] = found;
  return { priority: Number(priority), time, hostname, app, data, message };
};

/** Takes whole records off the front of a stream; what is left over is returned. */
type Deframe = (bytes: Buffer, found: (record: Buffer) => void) => Buffer;

export const byOctets: Deframe = (bytes, found) => {
  let rest = bytes;
  for (let space = rest.indexOf(32); space !== -1; space = rest.indexOf(32)) {
    const digits = rest.subarray(0, space).toString();
    if (!/^[1-9]\d*$/.test(digits)) throw new Error(`not a length: ${digits.slice(0, 40)}`);
    const end = space + 1 + Number(digits);
    if (rest.length < end) break;
    found(rest.subarray(space + 1, end));
    rest = rest.subarray(end);
  }
  return rest;
};

export const byLineFeed: Deframe = (bytes, found) => {
  let rest = bytes;
  for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10)) {
    found(rest.subarray(0, at));
    rest = rest.subarray(at + 1);
  }
  return rest;
};

export interface StreamEnd extends Receiver {
  readonly port: number;
  readonly records: string[];
  readonly sockets: Set<Socket>;
}

export const streamEnd = async (given: {
  readonly scheme: 'tcp' | 'tls';
  readonly deframe: Deframe;
  readonly more?: Receiver['settings'];
}): Promise<StreamEnd> => {
  const records: string[] = [];
  const sockets = new Set<Socket>();
  let most = 0;
  let server: Server;
  const take = (socket: Socket) => {
    sockets.add(socket);
    most = Math.max(most, sockets.size);
    let rest = Buffer.alloc(0);
    socket.on('data', bytes => {
      rest = Buffer.from(given.deframe(Buffer.concat([rest, bytes]), r => records.push(r.toString())));
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const listen = async (port: number): Promise<number> => {
    server =
      given.scheme === 'tls' ? createTlsServer({ key: TEST_KEY, cert: TEST_CERT }, take) : createServer(take);
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const port = await listen(0);
  return {
    port,
    records,
    sockets,
    settings: { address: `${given.scheme}://127.0.0.1:${port}`, ...given.more },
    received: () => records.map(r => parseRecord(r).message),
    atOnceMax: () => most,
    open: () => sockets.size,
    stop,
    restart: async () => void (await listen(port)),
    close: () => stop().catch(() => {}),
  };
};

export const datagramEnd = async (): Promise<Receiver & { readonly records: string[] }> => {
  const records: string[] = [];
  let socket: Datagrams;
  const listen = async (port: number): Promise<number> => {
    socket = createSocket('udp4');
    socket.on('message', bytes => records.push(bytes.toString()));
    await new Promise<void>(resolve => socket.bind(port, '127.0.0.1', resolve));
    return socket.address().port;
  };
  let stopped = false;
  const stop = () =>
    new Promise<void>(resolve => {
      if (stopped) return resolve();
      stopped = true;
      socket.close(() => resolve());
    });
  const port = await listen(0);
  return {
    records,
    settings: { address: `udp://127.0.0.1:${port}` },
    received: () => records.map(r => parseRecord(r).message),
    stop,
    async restart() {
      await listen(port);
      stopped = false;
    },
    close: stop,
  };
};

/** A TCP server that reads a first chunk and no more. For TLS that means it never shakes hands. */
export const deafEnd = async (scheme: 'tcp' | 'tls') => {
  const sockets = new Set<Socket>();
  let reach: () => void;
  const reached = new Promise<void>(resolve => {
    reach = resolve;
  });
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      reach();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    settings: { address: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}` },
    reached: () => reached,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
};
