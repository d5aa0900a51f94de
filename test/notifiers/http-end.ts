// A real HTTP end for the notifiers that speak HTTP: it answers in the manner that it is told to.
import type { ServerResponse } from 'node:http';
import type { Delivery, Manner, NotifierEnd, Settings } from '../conformance/notifier.ts';
import { httpEnd, type Told } from '../injectors/http-end.ts';

export interface Channel {
  /** The settings that lead to an end at `url`. */
  readonly settings: (url: string) => Settings;
  /** What it says to a notice that it takes, and what it makes of it; null where it isn't one (a question, say). */
  readonly take: (told: Told) => {
    readonly status: number;
    readonly body: string;
    readonly delivery: Delivery | null;
  };
  /** The status of a clear no. */
  readonly no: { readonly status: number; readonly body: string };
  readonly open?: () => readonly string[];
}

const flood = (response: ServerResponse, status: number): void => {
  response.writeHead(status);
  const pump = () => {
    while (!response.destroyed && response.write('y '.repeat(32_768)));
    if (!response.destroyed) response.once('drain', pump);
  };
  pump();
};

const quoted = (told: Told): string =>
  JSON.stringify({ path: told.path, headers: told.headers, body: told.body });

const unquoted = (told: Told): string => [told.path, told.body, ...Object.values(told.headers)].join(' ');

export const channelEnd = async (
  channel: Channel,
): Promise<NotifierEnd & { readonly told: readonly Told[] }> => {
  const deliveries: Delivery[] = [];
  let manner: Manner = 'yes';
  let asked = 0;
  let secrets: readonly string[] = [];
  const end = await httpEnd((told, response) => {
    asked++;
    if (manner === 'hang') return;
    if (manner === 'flood') return flood(response, 400);
    if (manner === 'busy') return void response.writeHead(503).end('try again');
    if (manner === 'later') return void response.writeHead(429, { 'retry-after': '7' }).end('slow down');
    if (manner === 'quote') {
      // It knows only what it was told; one that was told no secret says yes, which is a fault of the test.
      const known = secrets.filter(secret => unquoted(told).includes(secret));
      return void response.writeHead(known.length > 0 ? 500 : 200).end(`${known.join(' ')} ${quoted(told)}`);
    }
    if (manner === 'no') return void response.writeHead(channel.no.status).end(channel.no.body);
    const { status, body, delivery } = channel.take(told);
    if (delivery !== null) deliveries.push(delivery);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  return {
    settings: channel.settings(end.url),
    told: end.told,
    answer: (how, given) => {
      manner = how;
      secrets = given;
    },
    delivered: () => deliveries,
    asked: () => asked,
    ...(channel.open === undefined ? {} : { open: channel.open }),
    stop: end.stop,
    close: () => end.stop().catch(() => {}),
  };
};
