import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Context } from '../../src/contracts/context.ts';
import { SettingsError } from '../../src/contracts/definition.ts';
import type { Outcome } from '../../src/contracts/injector.ts';
import http from '../../src/injectors/http.ts';
import { injectorConformance, nodeContext, outgoing, type Settings } from '../conformance/injector.ts';
import { hangingEnd, httpEnd, refusingEnd, say } from './http-end.ts';

const never = new AbortController().signal;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const receiver = async (settings: Settings, records: (body: string) => string[]) => {
  const end = await httpEnd(say(200, 'thanks'));
  return {
    settings: { url: `${end.url}/in`, ...settings },
    received: () => end.told.flatMap(t => records(t.body)),
    atOnceMax: end.atOnceMax,
    stop: end.stop,
    restart: end.restart,
    close: () => end.stop().catch(() => {}),
  };
};

injectorConformance('http, one event in a request', {
  definition: http,
  receiver: () => receiver({}, body => [body]),
  nobody: 'refused',
  hanging: () => hangingEnd(url => ({ url })),
  refusing: () => refusingEnd(400, url => ({ url })),
  many: 500,
  lineFeed: 'kept',
  atOnceMax: 32,
});

injectorConformance('http, ndjson, gzip', {
  definition: http,
  receiver: () =>
    receiver({ body: 'ndjson', batch: 100, gzip: true }, body =>
      body
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as string),
    ),
  nobody: 'refused',
  lineFeed: 'kept',
  atOnceMax: 32,
});

injectorConformance('http, json-array', {
  definition: http,
  receiver: () =>
    receiver({ body: 'json-array', batch: 500, concurrency: 2 }, body => JSON.parse(body) as string[]),
  nobody: 'refused',
  lineFeed: 'kept',
  atOnceMax: 2,
});

const outcomeOf = async (settings: Settings, ctx: Context = nodeContext): Promise<Outcome | undefined> => {
  const injector = await http.create(http.schema.parse(settings), ctx);
  const [outcome] = await injector.inject([outgoing(1)], never);
  await injector.close();
  return outcome;
};

const answered = async (status: number, headers: Record<string, string> = {}, settings: Settings = {}) => {
  const end = await httpEnd(say(status, 'words', headers));
  cleanups.push(end.stop);
  return outcomeOf({ url: end.url, ...settings });
};

describe('what a status means', () => {
  test.each([
    [200, 'accepted', undefined],
    [202, 'accepted', undefined],
    [204, 'accepted', undefined],
    [400, 'refused', undefined],
    [401, 'refused', undefined],
    [404, 'refused', undefined],
    [413, 'refused', undefined],
    [408, 'maybe_sent', true],
    [429, 'refused', true],
    [500, 'maybe_sent', true],
    [501, 'refused', undefined],
    [502, 'maybe_sent', true],
    [503, 'maybe_sent', true],
    [504, 'maybe_sent', true],
    [302, 'refused', undefined],
    [307, 'refused', undefined],
  ] as const)('%i: %s', async (status, result, again) => {
    const location: Record<string, string> = status >= 300 && status < 400 ? { location: '/elsewhere' } : {};
    const outcome = await answered(status, location);
    expect(outcome).toMatchObject(again === undefined ? { result } : { result, again });
    if (again === undefined) expect(outcome).not.toHaveProperty('again');
  });

  test('Retry-After in seconds, for 429 and 503', async () => {
    const later = { result: 'refused', again: true, afterMs: 7000 };
    expect(await answered(429, { 'retry-after': '7' })).toMatchObject(later);
    expect(await answered(503, { 'retry-after': '7' })).toMatchObject(later);
  });

  test('Retry-After as a date, by the context clock', async () => {
    const end = await httpEnd(say(503, '', { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }));
    cleanups.push(end.stop);
    const now = () => Date.UTC(1999, 11, 31, 23, 59, 29);
    const outcome = await outcomeOf(
      { url: end.url },
      { ...nodeContext, clock: { ...nodeContext.clock, now } },
    );
    expect(outcome).toMatchObject({ result: 'refused', again: true, afterMs: 30_000 });
  });

  test('only what accept lists is a yes', async () => {
    expect(await answered(204, {}, { accept: [204] })).toEqual({ result: 'accepted' });
    expect(await answered(200, {}, { accept: [204] })).toMatchObject({ result: 'refused' });
  });
});

describe('what a failing transport means', () => {
  /** A TCP server that does as told with the first bytes of each connection. */
  const rawEnd = async (onData: (socket: import('node:net').Socket) => void) => {
    const server = createServer(socket => {
      socket.on('error', () => {});
      socket.once('data', () => onData(socket));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => void server.close());
    return (server.address() as AddressInfo).port;
  };

  test('a name that does not exist is refused', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), {
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
    });
    const ctx = {
      ...nodeContext,
      fetch: () => Promise.reject(new TypeError('fetch failed', { cause: error })),
    };
    expect(await outcomeOf({ url: 'http://nowhere.invalid' }, ctx)).toMatchObject({
      result: 'refused',
      again: true,
    });
  });

  test('a reset, and an end, after the request left may have been taken', async () => {
    const reset = await rawEnd(socket => socket.resetAndDestroy());
    expect(await outcomeOf({ url: `http://127.0.0.1:${reset}` })).toMatchObject({
      result: 'maybe_sent',
      again: true,
    });
    const ended = await rawEnd(socket => socket.end());
    expect(await outcomeOf({ url: `http://127.0.0.1:${ended}` })).toMatchObject({
      result: 'maybe_sent',
      again: true,
    });
  });

  test('TLS to a server that speaks none is refused: the event never left', async () => {
    const end = await httpEnd(say(200));
    cleanups.push(end.stop);
    expect(await outcomeOf({ url: end.url.replace('http:', 'https:') })).toMatchObject({
      result: 'refused',
      again: true,
    });
  });

  test.each(['EMFILE', 'ENFILE', 'EAI_AGAIN', 'EACCES', 'EADDRNOTAVAIL'])(
    '%s is our own fault: unsent',
    async code => {
      const cause = Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });
      const ctx = { ...nodeContext, fetch: () => Promise.reject(new TypeError('fetch failed', { cause })) };
      expect(await outcomeOf({ url: 'http://127.0.0.1:9999' }, ctx)).toMatchObject({ result: 'unsent' });
    },
  );

  test('a fetch that nobody can explain may have been sent', async () => {
    const ctx = { ...nodeContext, fetch: () => Promise.reject(new Error('Network connection lost.')) };
    expect(await outcomeOf({ url: 'http://127.0.0.1:9999' }, ctx)).toMatchObject({
      result: 'maybe_sent',
      again: true,
    });
  });

  test('a fetch that ignores its signal still ends on time', async () => {
    const ctx = { ...nodeContext, fetch: () => new Promise<Response>(() => {}) };
    const outcome = await outcomeOf({ url: 'http://127.0.0.1:9999', timeout: '20ms' }, ctx);
    expect(outcome).toMatchObject({ result: 'maybe_sent', again: true });
  });

  test('a yes whose body never ends is a yes, soon', async () => {
    const end = await httpEnd((_, response) => {
      response.writeHead(200);
      response.write('x'.repeat(10));
    });
    cleanups.push(end.stop);
    expect(await outcomeOf({ url: end.url, timeout: '50ms' })).toEqual({ result: 'accepted' });
  });

  test('an endless body is read no further than its bound', async () => {
    let written = 0;
    const end = await httpEnd((_, response) => {
      response.writeHead(400);
      const pump = () => {
        while (!response.destroyed && response.write('y'.repeat(65_536))) written += 65_536;
        written += 65_536;
        if (!response.destroyed) response.once('drain', pump);
      };
      pump();
    });
    cleanups.push(end.stop);
    expect(await outcomeOf({ url: end.url })).toMatchObject({ result: 'refused' });
    expect(written).toBeLessThan(64 * 1_048_576);
  });
});

describe('what is sent', () => {
  const toldBy = async (settings: Settings, n = 1) => {
    const end = await httpEnd(say(204));
    cleanups.push(end.stop);
    const injector = await http.create(
      http.schema.parse({ url: `${end.url}/x?y=1`, ...settings }),
      nodeContext,
    );
    const canaries = Array.from({ length: n }, (_, i) => {
      const canary = outgoing(i, `{"n":${i}}`);
      return { ...canary, event: { ...canary.event!, json: { n: i } } };
    });
    await injector.inject(canaries, never);
    return end.told;
  };

  test('method, path, headers, bearer token', async () => {
    const settings = {
      method: 'PUT',
      headers: { 'x-key': 'k' },
      bearer_token: 's3cret',
      content_type: 'text/x',
    };
    const [told] = await toldBy(settings);
    expect(told).toMatchObject({ method: 'PUT', path: '/x?y=1', body: '{"n":0}' });
    expect(told?.headers).toMatchObject({
      'x-key': 'k',
      authorization: 'Bearer s3cret',
      'content-type': 'text/x',
    });
  });

  test('a template wraps each event, dollar signs and all', async () => {
    const [told] = await toldBy({
      template: '{"event":{{json}},"host":"{{target}}","cost":"$&","t":{{time_ms}}}',
    });
    expect(JSON.parse(told?.body ?? '')).toEqual({
      event: { n: 0 },
      host: 'web-1',
      cost: '$&',
      t: 1_700_000_000_000,
    });
  });

  test('batches by count and by bytes', async () => {
    expect(
      (await toldBy({ body: 'json-array', batch: 4 }, 10)).map(t => JSON.parse(t.body).length).sort(),
    ).toEqual([2, 4, 4]);
    const bounded = await toldBy({ body: 'ndjson', batch: 1000, body_bytes_max: 256 }, 100);
    expect(Math.max(...bounded.map(t => t.body.length))).toBeLessThanOrEqual(256);
    expect(bounded.flatMap(t => t.body.split('\n').filter(Boolean))).toHaveLength(100);
  });

  test('an event larger than a body may be is unsent', async () => {
    const end = await httpEnd(say(204));
    cleanups.push(end.stop);
    const injector = await http.create(http.schema.parse({ url: end.url, body_bytes_max: 256 }), nodeContext);
    const outcomes = await injector.inject([outgoing(1, 'x'.repeat(300)), outgoing(2, 'fits')], never);
    expect(outcomes).toMatchObject([{ result: 'unsent' }, { result: 'accepted' }]);
    expect(end.told.map(t => t.body)).toEqual(['fits']);
  });

  test('a batch of single events is a mistake', () => {
    expect(() => http.create(http.schema.parse({ url: 'http://x', batch: 2 }), nodeContext)).toThrow(
      SettingsError,
    );
  });
});
