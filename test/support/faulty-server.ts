/** A JSON service on a real socket that can be made to misbehave as backends do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const FAULTS = [
  'error 500',
  'throttle 429',
  'throttle 503 until a date',
  'no content 204',
  'accepted 202',
  'empty 200',
  'html 200',
  'other json',
  'half the json',
  'cut connection',
  'reset connection',
  'no answer',
  'stalled answer',
  'redirect loop',
  'endless answer',
] as const;
export type Fault = (typeof FAULTS)[number];

/** A whole token, as a careless backend would echo it in an error. */
const ECHO = 'error near coalmine1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
export const DATE = 'Tue, 14 Nov 2023 22:13:20 GMT';
const LATER = 'Tue, 14 Nov 2023 22:13:29 GMT';

export type Handler = (request: {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
}) => {
  status?: number;
  headers?: Record<string, string>;
  /** The answer as JSON; a string that `lines` marks is sent as it is. */
  json: unknown;
  lines?: boolean;
};

export interface FaultyServer {
  readonly url: string;
  /** Goes wrong from the request after this many good ones on. */
  misbehave(fault: Fault | undefined, afterRequests?: number): void;
  /** Requests under way. */
  open(): number;
  close(): Promise<void>;
}

const misbehaviour: Record<Fault, (res: ServerResponse, good: () => string) => void> = {
  'error 500': res => res.writeHead(500).end(ECHO),
  'throttle 429': res => res.writeHead(429, { 'retry-after': '7' }).end('{"message":"too many"}'),
  'throttle 503 until a date': res => res.writeHead(503, { 'retry-after': LATER, date: DATE }).end(),
  'no content 204': res => res.writeHead(204).end(),
  'accepted 202': (res, good) => res.writeHead(202).end(good()),
  'empty 200': res => res.writeHead(200, { 'content-type': 'application/json' }).end(),
  'html 200': res => res.writeHead(200, { 'content-type': 'text/html' }).end(`<html>Sign in ${ECHO}</html>`),
  'other json': res => res.writeHead(200).end(JSON.stringify({ message: ECHO })),
  'half the json': (res, good) => res.writeHead(200).end(good().slice(0, -4)),
  'cut connection': (res, good) => {
    const body = good();
    res.writeHead(200, { 'content-length': String(body.length + 10) });
    res.write(body, () => res.destroy());
  },
  'reset connection': res => void res.destroy(),
  'no answer': () => undefined,
  'stalled answer': (res, good) => void res.writeHead(200).write(good().slice(0, -4)),
  'redirect loop': res => res.writeHead(302, { location: '/again' }).end(),
  'endless answer': res => {
    const more = () => {
      while (!res.destroyed && res.write(' '.repeat(65_536)));
    };
    res.writeHead(200).on('drain', more);
    more();
  },
};

export const faultyServer = async (handler: Handler): Promise<FaultyServer> => {
  let fault: Fault | undefined;
  let patience = 0;
  let underWay = 0;
  const server = createServer((req, res) => {
    underWay += 1;
    res.on('close', () => {
      underWay -= 1;
    });
    let body = '';
    req.on('data', chunk => {
      body += chunk;
    });
    req.on('end', () => {
      const url = new URL(req.url ?? '/', `http://${req.headers.host}`);
      const answer = () => {
        const said = handler({ method: req.method ?? '', url, headers: req.headers, body });
        return { ...said, text: said.lines ? String(said.json) : JSON.stringify(said.json) };
      };
      if (fault && patience-- <= 0) return void misbehaviour[fault](res, () => answer().text);
      const { status = 200, headers = {}, text } = answer();
      res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    misbehave(next, afterRequests = 0) {
      fault = next;
      patience = afterRequests;
    },
    open: () => underWay,
    close: () => {
      server.closeAllConnections();
      return new Promise(done => server.close(() => done()));
    },
  };
};
