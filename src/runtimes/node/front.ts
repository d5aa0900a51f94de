/**
 * The HTTP server, which listens before there is anything to serve: the port is known (or known to be taken) before the
 * store is touched, and who comes too early is told to come again.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Log } from '../../contracts/context.ts';
import { StartError } from './start-error.ts';

type Serve = (request: Request, env: HttpBindings) => Response | Promise<Response>;

export interface Front {
  readonly port: number;
  /** How this machine reaches it: `http://127.0.0.1:8090`, without a trailing slash. */
  readonly url: string;
  /** From now on requests go there. */
  serve(app: Serve): void;
  /** Accepts no more connections; requests under way go on. */
  stopAccepting(): void;
  /** Waits for requests under way, at most `graceMs`, then cuts what is left (event streams never end by themselves). */
  close(graceMs?: number): Promise<void>;
}

const GRACE_MS = 2_000;
const SWEEP_MS = 50;

const starting: Serve = () =>
  new Response('coalmine is starting; try again in a second\n', {
    status: 503,
    headers: { 'retry-after': '1', 'content-type': 'text/plain; charset=utf-8' },
  });

/** Port 0 takes a free one. Throws StartError where the address can't be had. */
export async function listen(
  at: { readonly host: string; readonly port: number },
  log: Log,
  advice = 'stop what listens there, or name another port in listen:',
): Promise<Front> {
  let app: Serve = starting;
  const listener = getRequestListener((request, env) => app(request, env as HttpBindings), {
    hostname: at.host,
    errorHandler: error => {
      log('error', 'http.failed', {
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      return new Response('internal error\n', { status: 500 });
    },
  });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(startError(at, error, advice)));
    server.listen(at.port, at.host, resolve);
  });
  server.on('error', error => log('error', 'http.server', { reason: error.message }));
  const { port } = server.address() as AddressInfo;
  const anywhere = at.host === '0.0.0.0' || at.host === '::';
  const host = anywhere ? '127.0.0.1' : at.host.includes(':') ? `[${at.host}]` : at.host;
  let closed: Promise<void> | undefined;
  const stopAccepting = (): Promise<void> => {
    closed ??= new Promise(resolve => server.close(() => resolve()));
    server.closeIdleConnections();
    return closed;
  };
  return {
    port,
    url: `http://${host}:${port}`,
    serve: next => {
      app = next;
    },
    stopAccepting: () => void stopAccepting(),
    close: (graceMs = GRACE_MS) => closeWithin(server, stopAccepting(), graceMs),
  };
}

async function closeWithin(server: Server, closed: Promise<void>, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  // Connections that fall idle only now would be kept open for more requests.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await closed;
  clearTimeout(cut);
  clearInterval(sweep);
}

function startError(
  at: { readonly host: string; readonly port: number },
  error: NodeJS.ErrnoException,
  advice: string,
): StartError {
  const place = `${at.host}:${at.port}`;
  const found: Readonly<Record<string, readonly [string, string]>> = {
    EADDRINUSE: ['another process listening there', advice],
    EACCES: ['no permission to listen there', 'name a port of at least 1024'],
    EADDRNOTAVAIL: ['no such address on this machine', 'name one of its own, such as 127.0.0.1'],
    ENOTFOUND: ['no such host', 'name an address of this machine, such as 127.0.0.1'],
  };
  const [what, todo] = found[error.code ?? ''] ?? [error.message, 'name another address in listen:'];
  return new StartError({ expected: `to listen on ${place}`, found: what, do: todo }, { cause: error });
}
