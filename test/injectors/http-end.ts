// A real HTTP server on 127.0.0.1 that keeps what it is told: the receiving end of the HTTP injectors' tests.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { BadEnd } from '../conformance/injector.ts';

export interface Told {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface HttpEnd {
  readonly url: string;
  readonly told: Told[];
  atOnceMax(): number;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

const read = async (request: IncomingMessage): Promise<Told> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: body.toString(),
  };
};

/** `answer` writes the response; it may leave it open. What was told counts once the answer is made. */
export const httpEnd = async (answer: (told: Told, response: ServerResponse) => void): Promise<HttpEnd> => {
  const told: Told[] = [];
  let now = 0;
  let most = 0;
  let server: Server;
  const listen = async (port: number) => {
    server = createServer(async (request, response) => {
      most = Math.max(most, ++now);
      response.once('close', () => now--);
      const one = await read(request);
      told.push(one);
      setImmediate(() => answer(one, response));
    });
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}`,
    told,
    atOnceMax: () => most,
    async stop() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
    async restart() {
      await listen(port);
    },
  };
};

export const say =
  (status: number, body = '', headers: Record<string, string> = {}) =>
  (_: Told, response: ServerResponse): void => {
    response.writeHead(status, headers).end(body);
  };

/** Takes requests and never answers. */
export const hangingEnd = async (settings: (url: string) => BadEnd['settings']): Promise<BadEnd> => {
  let reach: () => void;
  const reached = new Promise<void>(resolve => {
    reach = resolve;
  });
  const end = await httpEnd(() => reach());
  return { settings: settings(end.url), reached: () => reached, close: () => end.stop() };
};

/** Answers every request with `status`, quoting it back. */
export const refusingEnd = async (
  status: number,
  settings: (url: string) => BadEnd['settings'],
): Promise<BadEnd> => {
  const end = await httpEnd((told, response) => response.writeHead(status).end(`no: ${told.body}`));
  return { settings: settings(end.url), close: () => end.stop() };
};
