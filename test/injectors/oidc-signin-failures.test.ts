// What a sign-in makes of a provider that fails it, at every step.
import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/contracts/injector.ts';
import signin from '../../src/injectors/oidc-signin.ts';
import { nodeContext, outgoing, type Settings } from '../conformance/injector.ts';
import { httpEnd, type Told } from './http-end.ts';
import { keyPair } from './keys.ts';

const REDIRECT = 'https://app.invalid/callback';
const never = new AbortController().signal;

const personOf = (issuer: string): Settings => ({
  issuer,
  grant: 'authorization_code',
  client_id: 'app',
  client_secret: 'shh',
  redirect_uri: REDIRECT,
  username: 'canary',
  password: 'right',
});

const attempt = async (settings: Settings, signal: AbortSignal): Promise<Outcome> => {
  const injector = await signin.create(signin.schema.parse(settings), nodeContext);
  const [outcome] = await injector.inject([outgoing(1)], signal);
  await injector.close();
  return outcome!;
};

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
  const hangAnd = (stop: AbortController): 'hang' => {
    stop.abort();
    return 'hang';
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
  const signInAt = async (pages: Pages, more: Settings = {}, stop = never) => {
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
    const outcome = await attempt({ ...personOf(end.url), ...more }, stop);
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
    [
      'nobody at the token endpoint, after the password',
      {
        '/.well-known/openid-configuration': (_, issuer) => ({
          body: JSON.stringify({
            issuer,
            token_endpoint: 'http://127.0.0.1:1/',
            authorization_endpoint: `${issuer}/authorize`,
          }),
        }),
      },
      { result: 'maybe_sent', again: true },
    ],
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
  ])('%s', async (name, pages, expected) => {
    const timeout = name.startsWith('a hang') ? '150ms' : '10s';
    const { outcome, paths } = await signInAt(pages, { timeout });
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
    const early = signInAt({ '/authorize': () => hangAnd(stop) }, {}, stop.signal);
    expect((await early).outcome).toMatchObject({ result: 'unsent' });
    const later = new AbortController();
    const late = signInAt({ '/login': () => hangAnd(later) }, {}, later.signal);
    expect((await late).outcome).toMatchObject({ result: 'maybe_sent' });
  });
});
