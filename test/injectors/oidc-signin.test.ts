import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { SettingsError } from '../../src/contracts/definition.ts';
import type { Outcome } from '../../src/contracts/injector.ts';
import signin from '../../src/injectors/oidc-signin.ts';
import { injectorConformance, nodeContext, outgoing, type Settings } from '../conformance/injector.ts';
import { httpEnd, type Told } from './http-end.ts';
import { type IdentityProvider, identityProvider, REDIRECT } from './identity-provider.ts';
import { keyPair } from './keys.ts';

const never = new AbortController().signal;
// The provider warns on the console that it is set up for development.
for (const method of ['info', 'warn', 'log'] as const) vi.spyOn(console, method).mockImplementation(() => {});

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

/** A provider of our own making that misbehaves on demand. Its pages and tokens are written by hand. */
describe('at a provider that fails us', () => {
  const { jwk, pem } = keyPair();
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });
  const LOGIN =
    '<form method="post" action="/login"><input name="user"><input type="password" name="pass"></form>';
  interface Page {
    readonly status?: number;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  }
  type Pages = Record<string, (told: Told, issuer: string) => Page | 'hang' | 'reset' | Promise<Page>>;

  const back = (told: Told, more: Record<string, string> = {}): Page => {
    const state = new URL(told.path, 'http://x').searchParams.get('state') ?? '';
    const location = `${REDIRECT}?${new URLSearchParams({ code: 'c0de', state, ...more })}`;
    return { status: 302, headers: { location } };
  };
  const tokens = async (claims: Record<string, unknown>, key = pem): Promise<Page> => {
    const id_token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(createPrivateKey(key));
    return { body: JSON.stringify({ access_token: 'opaque', token_type: 'Bearer', id_token }) };
  };

  /** Runs one sign-in by code. `pages` replace those of a provider that asks for the password and then agrees. */
  const signInAt = async (pages: Pages, more: Settings = {}, stop?: (reached: () => void) => AbortSignal) => {
    let authorize: Told | undefined;
    const of = (name: string) => new URL(authorize?.path ?? '/', 'http://x').searchParams.get(name) ?? '';
    const usual: Pages = {
      '/.well-known/openid-configuration': (_, issuer) => ({
        body: JSON.stringify({
          issuer,
          token_endpoint: `${issuer}/token`,
          authorization_endpoint: `${issuer}/authorize`,
          jwks_uri: `${issuer}/keys`,
        }),
      }),
      '/keys': () => ({ body: JSON.stringify({ keys: [jwk] }) }),
      '/authorize': () => ({ body: LOGIN }),
      '/login': () => back(authorize!),
      '/token': (_, issuer) => tokens({ iss: issuer, aud: 'app', sub: 's', nonce: of('nonce'), jti: 'j-1' }),
    };
    const end = await httpEnd(async (told, response) => {
      const path = new URL(told.path, 'http://x').pathname;
      if (path === '/authorize') authorize = told;
      const page = await ({ ...usual, ...pages }[path] ?? ((): Page => ({ status: 404 })))(told, end.url);
      if (page === 'hang') return;
      if (page === 'reset') return void response.socket?.destroy();
      response.writeHead(page.status ?? 200, page.headers).end(page.body);
    });
    cleanups.push(end.stop);
    const outcome = await attempt(
      { ...personOf(end.url), ...more },
      stop?.(() => {}),
    );
    return { outcome, told: end.told, paths: end.told.map(t => new URL(t.path, 'http://x').pathname) };
  };

  test('all well: the form is filled by its inputs, and the redirect is never fetched', async () => {
    const { outcome, told, paths } = await signInAt({});
    expect(outcome).toEqual({ result: 'accepted', aliases: ['j-1'] });
    expect(paths.filter(p => p !== '/keys')).toEqual([
      '/.well-known/openid-configuration',
      '/authorize',
      '/login',
      '/token',
    ]);
    expect(told.find(t => t.path === '/login')?.body).toBe('user=canary&pass=right');
  });

  test('name and password asked for one after the other; cookies kept', async () => {
    const { outcome, told } = await signInAt({
      '/authorize': () => ({
        headers: { 'set-cookie': 'session=1; Path=/; HttpOnly' },
        body: '<form method=post action=/name><input name=user></form>',
      }),
      '/name': () => ({
        body: '<form method=post action=/login><input type=hidden name=h value=1><input type=password name=pass></form>',
      }),
    });
    expect(outcome.result).toBe('accepted');
    expect(
      told.filter(t => t.path === '/name' || t.path === '/login').map(t => [t.body, t.headers.cookie]),
    ).toEqual([
      ['user=canary', 'session=1'],
      ['h=1&pass=right', 'session=1'],
    ]);
  });

  test('a code that comes back by form_post counts as well', async () => {
    const { outcome } = await signInAt({
      '/login': () => ({
        body: `<form method=post action="${REDIRECT}"><input type=hidden name=error value=access_denied></form>`,
      }),
    });
    expect(outcome).toMatchObject({ result: 'refused', reason: expect.stringContaining('access_denied') });
  });

  test.each<[string, Pages, Partial<Outcome>]>([
    ['the password form again', { '/login': () => ({ body: LOGIN }) }, { result: 'refused' }],
    ['401 to the password', { '/login': () => ({ status: 401 }) }, { result: 'refused' }],
    ['500 to the password', { '/login': () => ({ status: 500 }) }, { result: 'maybe_sent', again: true }],
    ['a reset after the password', { '/login': () => 'reset' }, { result: 'maybe_sent', again: true }],
    ['a hang after the password', { '/login': () => 'hang' }, { result: 'maybe_sent', again: true }],
    [
      'a page without a form after the password',
      { '/login': () => ({ body: 'Approve in your app' }) },
      { result: 'maybe_sent' },
    ],
    [
      'an error at the redirect',
      { '/login': () => ({ status: 302, headers: { location: `${REDIRECT}?error=access_denied` } }) },
      { result: 'refused' },
    ],
    [
      'a foreign state',
      { '/login': () => ({ status: 302, headers: { location: `${REDIRECT}?code=c&state=x` } }) },
      { result: 'refused' },
    ],
    [
      'a redirect of the password',
      { '/login': () => ({ status: 307, headers: { location: '/login2' } }) },
      { result: 'maybe_sent' },
    ],
    ['no form at all', { '/authorize': () => ({ body: '<p>Enable JavaScript</p>' }) }, { result: 'refused' }],
    [
      'a stranger',
      { '/authorize': () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/evil' } }) },
      { result: 'refused' },
    ],
    [
      'a loop',
      { '/authorize': () => ({ status: 302, headers: { location: '/authorize' } }) },
      { result: 'refused' },
    ],
    [
      'no address',
      { '/authorize': () => ({ status: 302, headers: { location: 'http://[' } }) },
      { result: 'refused' },
    ],
    ['a hang before the password', { '/authorize': () => 'hang' }, { result: 'refused', again: true }],
    ['a reset before the password', { '/authorize': () => 'reset' }, { result: 'refused', again: true }],
    [
      '503 of the discovery',
      { '/.well-known/openid-configuration': () => ({ status: 503 }) },
      { result: 'refused', again: true },
    ],
    [
      'nonsense for a discovery',
      { '/.well-known/openid-configuration': () => ({ body: '<html>' }) },
      { result: 'refused' },
    ],
    [
      '400 to the code',
      { '/token': () => ({ status: 400, body: '{"error":"invalid_grant"}' }) },
      { result: 'refused' },
    ],
    ['a reset after the code', { '/token': () => 'reset' }, { result: 'maybe_sent', again: true }],
    ['no tokens', { '/token': () => ({ body: '{}' }) }, { result: 'refused' }],
    ['no id_token', { '/token': () => ({ body: '{"access_token":"a"}' }) }, { result: 'maybe_sent' }],
    [
      'another nonce',
      { '/token': (_, issuer) => tokens({ iss: issuer, aud: 'app', sub: 's', nonce: 'x' }) },
      { result: 'maybe_sent' },
    ],
    [
      'another audience',
      { '/token': (_, issuer) => tokens({ iss: issuer, aud: 'b', sub: 's' }) },
      { result: 'maybe_sent' },
    ],
    [
      'another key',
      { '/token': (_, issuer) => tokens({ iss: issuer, aud: 'app', sub: 's' }, keyPair().pem) },
      { result: 'maybe_sent' },
    ],
  ])('%s', async (_, pages, expected) => {
    const { outcome, paths } = await signInAt(pages, { timeout: '150ms' });
    expect(outcome).toMatchObject(expected);
    expect(paths.length).toBeLessThanOrEqual(12);
    expect(JSON.stringify(outcome)).not.toContain(outgoing(1).token);
  });

  test('the password goes nowhere but to the provider', async () => {
    const { told } = await signInAt({
      '/authorize': () => ({ body: LOGIN.replace('/login', 'http://127.0.0.1:9/steal') }),
    });
    expect(told.map(t => t.body).join()).not.toContain('right');
  });

  test('given up before the password: unsent; after it: maybe_sent', async () => {
    const stop = new AbortController();
    const early = signInAt({ '/authorize': () => (stop.abort(), 'hang') }, {}, () => stop.signal);
    expect((await early).outcome).toMatchObject({ result: 'unsent' });
    const later = new AbortController();
    const late = signInAt({ '/login': () => (later.abort(), 'hang') }, {}, () => later.signal);
    expect((await late).outcome).toMatchObject({ result: 'maybe_sent' });
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
