import { describe, expect, test } from 'vitest';
import { createAccess, type Scope } from '../../src/web/access.ts';
import { Problem } from '../../src/web/problem.ts';
import { configOf, pipelineConfig } from '../support/ledger.ts';

const request = (headers: Record<string, string> = {}, url = 'http://127.0.0.1:8090/') =>
  new Request(url, { headers });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const pipelines = [pipelineConfig('shown'), pipelineConfig('hidden')];
const keys = [
  { name: 'grafana', key: 'a reading key of the tests', scopes: ['read'] as const },
  { name: 'shipper', key: 'an-ingesting-key-of-tests', scopes: ['ingest', 'emit'] as const },
].map(k => ({ ...k, key: k.key.replaceAll(' ', '-') }));
const [READ, SHIP] = keys.map(k => k.key) as [string, string];

const refusal = (act: () => unknown): string => {
  try {
    act();
    return 'none';
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect(error.kind === 'unauthorized').toBe('www-authenticate' in error.headers);
    return error.kind;
  }
};

describe('with keys', () => {
  const access = createAccess(
    configOf(pipelines, { access: { public: ['shown'], publicIncidentDelayMs: 0, keys } }),
  );

  test('a key may do what its scopes say, and nothing else', () => {
    const may = (key: string) =>
      (['read', 'ingest', 'emit', 'write'] as Scope[]).filter(s => access.has(request(bearer(key)), s));
    expect(may(READ)).toEqual(['read']);
    expect(may(SHIP)).toEqual(['ingest', 'emit']);
    expect(may(`${READ}x`)).toEqual([]);
    expect(refusal(() => access.demand(request(bearer(READ)), 'ingest'))).toBe('forbidden');
    expect(refusal(() => access.demand(request(bearer('no')), 'ingest'))).toBe('unauthorized');
    expect(refusal(() => access.demand(request(), 'ingest'))).toBe('unauthorized');
  });

  test('what is public may be read by all, the rest by readers', () => {
    expect(access.readable(request())).toEqual(['shown']);
    expect(access.readable(request(bearer(SHIP)))).toEqual(['shown']);
    expect(access.readable(request(bearer(READ)))).toEqual(['shown', 'hidden']);
    const closed = createAccess(
      configOf(pipelines, { access: { public: [], publicIncidentDelayMs: 0, keys } }),
    );
    expect(refusal(() => closed.readable(request()))).toBe('unauthorized');
    expect(refusal(() => closed.readable(request(bearer(SHIP))))).toBe('forbidden');
  });

  test('a key comes as shippers send it', () => {
    const basic = `Basic ${Buffer.from(`anybody:${SHIP}`).toString('base64')}`;
    for (const authorization of [`bearer ${SHIP}`, `Splunk ${SHIP}`, basic])
      expect(access.has(request({ authorization }), 'ingest')).toBe(true);
    for (const authorization of [
      SHIP,
      `Digest ${SHIP}`,
      `Bearer ${SHIP} x`,
      `Basic ${Buffer.from(SHIP).toString('base64')}`,
    ])
      expect(access.has(request({ authorization }), 'ingest')).toBe(false);
  });

  test('a checkpoint’s own key serves there', () => {
    expect(refusal(() => access.demand(request(bearer('own')), 'ingest', 'own'))).toBe('none');
    expect(refusal(() => access.demand(request(bearer('other')), 'ingest', 'own'))).toBe('unauthorized');
    expect(refusal(() => access.demand(request(), 'ingest', 'own'))).toBe('unauthorized');
  });
});

describe('without keys', () => {
  const on = (host: string) => createAccess(configOf(pipelines, { listen: { host, port: 8090 } }));

  test('whoever is on this machine may do everything, where only it is listened to', () => {
    for (const host of ['127.0.0.1', '::1', 'localhost', '127.8.8.8'])
      expect(on(host).has(request(), 'write')).toBe(true);
    for (const url of ['http://localhost/', 'http://[::1]:1/', 'http://coalmine.localhost/'])
      expect(on('127.0.0.1').has(request({}, url), 'read')).toBe(true);
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com', '127.0.0.1.example.com'])
      expect(refusal(() => on(host).readable(request()))).toBe('unauthorized');
  });

  test('nobody who came by another name, or through a proxy', () => {
    for (const url of [
      'http://rebound.example.com:8090/',
      'https://canary.example.com/',
      'http://localhost.example.com/',
    ])
      expect(on('127.0.0.1').has(request({}, url), 'read')).toBe(false);
    for (const header of ['x-forwarded-for', 'forwarded', 'cf-connecting-ip', 'x-real-ip'])
      expect(on('127.0.0.1').has(request({ [header]: '127.0.0.1' }), 'read')).toBe(false);
  });
});
