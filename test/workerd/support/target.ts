/**
 * A log pipeline of the simplest kind: takes lines, keeps them, answers searches over them, and passes them on. It knows
 * nothing of canaries, and remembers everything it was given and everything it threw away.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

interface Line {
  readonly id: string;
  readonly atMs: number;
  readonly text: string;
}

export interface Target {
  readonly url: string;
  /** All that were posted, thrown away or not. */
  readonly posted: Line[];
  readonly dropped: Line[];
  /** Throws the next ones away, having said yes to them. */
  dropNext(count: number): void;
  /** Where to pass lines on, every other one gzipped, and what came of it. */
  forwardTo(url: string, key: string): void;
  readonly forwarded: { readonly status: number; readonly gzip: boolean }[];
  close(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const posted: Line[] = [];
  const dropped: Line[] = [];
  const kept: Line[] = [];
  const forwarded: Target['forwarded'] = [];
  let toDrop = 0;
  let onward: { url: string; key: string } | undefined;

  async function forward(line: Line): Promise<void> {
    const gzip = posted.length % 2 === 0;
    const body = `${JSON.stringify({ message: line.text })}\n`;
    // A shipper that holds what it can't deliver, and tries again.
    for (let tries = 0; tries < 60 && onward; tries++) {
      const status = await fetch(onward.url, {
        method: 'POST',
        headers: { authorization: `Bearer ${onward.key}`, ...(gzip ? { 'content-encoding': 'gzip' } : {}) },
        body: gzip ? gzipSync(body) : body,
      }).then(
        response => response.status,
        () => 0,
      );
      forwarded.push({ status, gzip });
      if (status === 204) return;
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  }

  async function take(request: IncomingMessage): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const line = { id: `r${posted.length}`, atMs: Date.now(), text };
    posted.push(line);
    if (toDrop > 0) {
      toDrop--;
      dropped.push(line);
      return;
    }
    kept.push(line);
    void forward(line);
  }

  function search(url: URL): unknown {
    const [from, to] = [Number(url.searchParams.get('from')), Number(url.searchParams.get('to'))];
    const hits = kept.filter(l => l.atMs >= from && l.atMs < to);
    return { complete: true, hits: hits.map(l => ({ id: l.id, at: l.atMs, message: l.text })) };
  }

  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://target');
    if (request.method === 'POST') await take(request);
    const body = request.method === 'POST' ? '' : JSON.stringify(search(url));
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posted,
    dropped,
    forwarded,
    dropNext: count => {
      toDrop += count;
    },
    forwardTo: (url, key) => {
      onward = { url, key };
    },
    close: () =>
      new Promise(resolve => {
        onward = undefined;
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
