import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { SettingsError } from '../../src/contracts/definition.ts';
import type { Outcome } from '../../src/contracts/injector.ts';
import signin from '../../src/injectors/oidc-signin.ts';
import { injectorConformance, nodeContext, outgoing, type Settings } from '../conformance/injector.ts';
import { type IdentityProvider, identityProvider, REDIRECT } from './identity-provider.ts';

const never = new AbortController().signal;
// The provider warns on the console that it is set up for development.
for (const method of ['info', 'warn', 'log'] as const) vi.spyOn(console, method).mockImplementation(() => {});
afterAll(() => void vi.restoreAllMocks());

const serviceOf = (issuer: string): Settings => ({
  issuer,
  client_id: 'service',
  client_secret: 's e:c+r%t',
  scope: 'read',
});
const personOf = (issuer: string): Settings => ({
  issuer,
  grant: 'authorization_code',
  client_id: 'app',
  client_secret: 'shh',
  redirect_uri: REDIRECT,
  username: 'canary',
  password: 'right',
});

const attempt = async (settings: Settings, signal = never): Promise<Outcome> => {
  const injector = await signin.create(signin.schema.parse(settings), nodeContext);
  const [outcome] = await injector.inject([outgoing(1)], signal);
  await injector.close();
  return outcome!;
};

for (const [name, settingsOf, many] of [
  ['oidc-signin, client credentials', serviceOf, 60],
  ['oidc-signin, authorization code', personOf, 10],
] as const) {
  injectorConformance(name, {
    definition: signin,
    async receiver() {
      const provider = await identityProvider();
      return {
        settings: settingsOf(provider.issuer),
        received: () => provider.log.filter(l => l.event === 'grant.success').map(l => l.userAgent),
        atOnceMax: provider.atOnceMax,
        stop: provider.stop,
        restart: provider.restart,
        close: () => provider.stop().catch(() => {}),
      };
    },
    expected: canary => `${canary.input.userAgent} ${canary.token}`,
    nobody: 'refused',
    lineFeed: 'kept',
    atOnceMax: 4,
    many,
  });
}

describe('at a real provider', () => {
  let provider: IdentityProvider;
  beforeAll(async () => {
    provider = await identityProvider();
  });
  afterAll(() => provider.stop());
  afterEach(() => void provider.log.splice(0));

  test('a service signs in; the alias is the id that the provider gave the token', async () => {
    const outcome = await attempt(serviceOf(provider.issuer));
    expect(provider.log).toMatchObject([
      { event: 'grant.success', userAgent: `coalmine-test/1 ${outgoing(1).token}` },
    ]);
    expect(outcome).toEqual({ result: 'accepted', aliases: [provider.log[0]?.tokenId] });
    expect(provider.log[0]?.tokenId).toMatch(/^[\w-]{20,}$/);
  });

  test('a person signs in: login form, consent, code, tokens', async () => {
    const outcome = await attempt(personOf(provider.issuer));
    expect(outcome.result).toBe('accepted');
    expect(provider.log.map(l => l.event)).toEqual(['authorization.success', 'grant.success']);
    expect(provider.log.every(l => l.userAgent.endsWith(outgoing(1).token))).toBe(true);
    expect(provider.log[0]?.params).toMatchObject({ code_challenge_method: 'S256', scope: 'openid' });
  });

  test('the identity goes where it is told: header, parameter, state', async () => {
    const { token, uuid } = outgoing(1);
    const correlation = [
      { in: 'header', name: 'client-request-id', as: 'uuid' },
      { in: 'parameter', name: 'correlation' },
      { in: 'parameter', name: 'state' },
    ];
    expect(await attempt({ ...personOf(provider.issuer), correlation })).toMatchObject({
      result: 'accepted',
    });
    expect(provider.log[0]).toMatchObject({
      event: 'authorization.success',
      requestId: uuid,
      userAgent: 'coalmine-test/1',
      params: { correlation: token, state: token },
    });
  });

  test('secret in the body, and a private key instead', async () => {
    const { issuer, privateKey } = provider;
    const posted = { issuer, client_id: 'poster', client_secret: 'posted', client_secret_in: 'post' };
    expect(await attempt(posted)).toMatchObject({ result: 'accepted' });
    const keyed = { issuer, client_id: 'keyholder', private_key: privateKey, key_alg: 'ES256', key_id: 'k1' };
    expect(await attempt(keyed)).toMatchObject({ result: 'accepted' });
  });

  test('a wrong secret is refused, in the words of the provider', async () => {
    const outcome = await attempt({ ...serviceOf(provider.issuer), client_secret: 'wrong' });
    expect(outcome).toMatchObject({ result: 'refused', reason: expect.stringContaining('invalid_client') });
    expect(outcome).not.toHaveProperty('again');
    expect(provider.log.map(l => l.event)).toEqual(['grant.error']);
  });

  test('an unknown redirect is refused before anybody signs in', async () => {
    const outcome = await attempt({
      ...personOf(provider.issuer),
      redirect_uri: 'https://elsewhere.invalid/',
    });
    expect(outcome).toMatchObject({ result: 'refused' });
  });

  test('an issuer that calls itself otherwise is refused', async () => {
    const issuer = provider.issuer.replace('127.0.0.1', 'localhost');
    expect(await attempt(serviceOf(issuer))).toMatchObject({
      result: 'refused',
      reason: expect.stringContaining('issuer'),
    });
  });
});

describe('settings', () => {
  const create = async (settings: Settings) =>
    signin.create(
      signin.schema.parse({ issuer: 'https://id.example', client_id: 'c', ...settings }),
      nodeContext,
    );
  test('what is missing is named', async () => {
    await expect(create({ grant: 'authorization_code', username: 'u' })).rejects.toThrow(
      /redirect_uri, password/,
    );
    await expect(create({ private_key: 'nonsense' })).rejects.toThrow(SettingsError);
    await expect(create({ client_secret: 'a', private_key: 'b' })).rejects.toThrow(SettingsError);
  });
  test('a header needs a name, a user agent has none', () => {
    const parse = (correlation: unknown) =>
      signin.schema.safeParse({ issuer: 'https://a.b', client_id: 'c', correlation }).success;
    expect(
      [[{ in: 'header' }], [{ in: 'user_agent', name: 'x' }], [{ in: 'header', name: 'x' }]].map(parse),
    ).toEqual([false, false, true]);
  });
});
