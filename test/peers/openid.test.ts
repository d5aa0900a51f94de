/**
 * Real sign-ins at a certified OpenID provider in a process of its own, by client credentials and by a person's login
 * form with PKCE; its own audit logs are where they must be seen. The provider is killed once on the way.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import {
  type Coalmine,
  isOpen,
  isSeen,
  namesWhere,
  startCoalmine,
  type Verdict,
} from './support/coalmine.ts';
import { describePeer } from './support/needs.ts';
import { freePorts, type PeerProcess, pause, startPeer } from './support/process.ts';
import { useScene } from './support/scene.ts';

const OIDC_PROVIDER = {
  what: 'oidc-provider',
  found: () => {
    try {
      return createRequire(import.meta.url).resolve('oidc-provider') !== '';
    } catch {
      return false;
    }
  },
  how: 'npm install --include=optional',
};
const REDIRECT = 'https://app.invalid/callback';
const CLIENTS = [
  {
    client_id: 'service',
    client_secret: 'a-secret-of-the-service',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  },
  {
    client_id: 'app',
    client_secret: 'a-secret-of-the-app',
    grant_types: ['authorization_code'],
    redirect_uris: [REDIRECT],
    response_types: ['code'],
  },
];
/** What each checkpoint's log keeps of a sign-in, and where the canary must stand in it. */
const LOGS = {
  header: { at: 'correlationId', fields: ['time', 'event', 'clientId', 'correlationId', 'userAgent'] },
  agent: { at: 'userAgent', fields: ['time', 'event', 'clientId', 'userAgent'] },
  uuid: { at: 'requestId', fields: ['time', 'event', 'clientId', 'requestId'] },
  alias: { at: 'tokenId', fields: ['time', 'event', 'clientId', 'tokenId'] },
} as const;
type Log = keyof typeof LOGS;

describePeer('sign-ins at an OpenID provider, seen in its audit logs', [OIDC_PROVIDER], () => {
  const db = useDatabase();
  const scene = useScene('openid');
  const pathOf = (log: string) => join(scene.dir, `${log}.log`);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'k1' };
  let provider: PeerProcess;
  let coalmine: Coalmine;
  let endedMs = 0;

  const start = (port: number) => {
    const logs = Object.fromEntries(
      Object.entries(LOGS).map(([name, { fields }]) => [pathOf(name), fields] as const),
    );
    return startPeer({
      command: process.execPath,
      args: [
        resolve(import.meta.dirname, 'support/openid-provider.mjs'),
        JSON.stringify({ port, key, clients: CLIENTS, logs }),
      ],
      ready: said => said.includes('READY'),
    });
  };

  const checkpoints = () =>
    Object.entries(LOGS).map(
      ([name, { at }]) =>
        `      - { name: ${name}, after: source, at: ${at}, observe: { kind: file, path: "${pathOf(name)}", containing: grant.success }, on_time_within: 3s, lost_after: 5s, look_every: 500ms, settle: 200ms }`,
    );

  beforeAll(async () => {
    for (const name of Object.keys(LOGS)) writeFileSync(pathOf(name), '');
    const [port = 0, own = 0] = await freePorts(2);
    provider = scene.keep(await start(port));
    coalmine = scene.keep(
      await startCoalmine({
        store: db.options,
        port: own,
        pipelines: `
  sign-ins:
    every: 500ms
    targets:
      service: { client_id: service, client_secret: a-secret-of-the-service, scope: read }
      person:
        grant: authorization_code
        client_id: app
        client_secret: a-secret-of-the-app
        redirect_uri: ${REDIRECT}
        username: canary
        password: anything
    inject:
      kind: oidc-signin
      issuer: http://127.0.0.1:${port}
      correlation:
        - { in: user_agent }
        - { in: header, name: x-correlation-id }
        - { in: header, name: client-request-id, as: uuid }
    send_within: 1s
    checkpoints:
${checkpoints().join('\n')}
`,
      }),
    );
    await pause(5_000);
    await provider.kill();
    await pause(2_500);
    provider = scene.keep(await start(port));
    await pause(4_000);
    endedMs = Date.now();
    await pause(6_500);
  });

  /** The canaries whose sign-in the provider has on record, by its own words and in the order of names. */
  const onRecord = (verdicts: readonly Verdict[]): string[] => {
    const records = readFileSync(pathOf('header'), 'utf8').trim().split('\n');
    const names = new Set(records.map(line => (JSON.parse(line) as { correlationId: string }).correlationId));
    return namesWhere(verdicts, v => names.has(v.token));
  };
  const settledAt = (log: Log) => coalmine.settled(log, endedMs);

  test('both kinds of sign-in succeeded, before and after the provider was killed', async () => {
    const settled = await settledAt('header');
    const recorded = onRecord(settled);
    for (const target of ['service', 'person']) {
      expect(recorded.filter(name => name.startsWith(target)).length, target).toBeGreaterThan(8);
    }
    expect(namesWhere(settled, v => v.sending === 'refused').length).toBeGreaterThan(2);
  });

  const PLACES: readonly [Log, string][] = [
    ['header', 'a token in a header of its own'],
    ['agent', 'a token in the user agent, as planted by default'],
    ['uuid', 'a UUID in a header of its own'],
    ['alias', "the provider's own id of the access token"],
  ];
  test.each(PLACES)('%s: %s is seen where the provider recorded it, and nothing is lost', async log => {
    const settled = await settledAt(log);
    const known = namesWhere(settled, v => log !== 'alias' || v.sending === 'accepted');
    const recorded = onRecord(settled).filter(name => known.includes(name));
    expect(namesWhere(settled, isSeen)).toEqual(recorded);
    expect(namesWhere(settled, v => v.verdict === 'lost')).toEqual([]);
    expect(namesWhere(settled, isOpen)).toEqual([]);
    expect(coalmine.errors).toEqual([]);
  });
});
