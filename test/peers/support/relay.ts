/** An HTTP relay before a backend, as a gateway or an agent is: it passes requests on, or swallows them with the backend's yes. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Relay {
  readonly url: string;
  /** Answers 204 and passes nothing on. */
  swallowing: boolean;
  stop(): Promise<void>;
}

const UPSTREAM_WITHIN_MS = 5_000;

export const relayTo = async (backend: string): Promise<Relay> => {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (relay.swallowing) return void response.writeHead(204).end();
    const { method = 'GET', url = '/', headers } = request;
    try {
      const answer = await fetch(`${backend}${url}`, {
        method,
        headers: { 'content-type': headers['content-type'] ?? '' },
        body: Buffer.concat(chunks),
        signal: AbortSignal.timeout(UPSTREAM_WITHIN_MS),
      });
      const text = await answer.text();
      response.writeHead(answer.status).end(text);
    } catch {
      response.writeHead(503, { 'retry-after': '1' }).end('nobody is there');
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const relay: Relay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallowing: false,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return relay;
};
