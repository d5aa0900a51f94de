// The two ways to sign in: a service with its own credentials, a person by authorization code with PKCE.
import { createHash, randomBytes } from 'node:crypto';
import { redact } from '../../adapters/redact.ts';
import type { Context } from '../../contracts/context.ts';
import { type Login, walkToCode } from './login-walk.ts';
import type { Discovered, Provider, Tokens } from './oidc.ts';
import { refused, type SignIn, SignInEnded } from './sign-in.ts';

export interface Grant {
  readonly kind: 'client_credentials' | 'authorization_code';
  readonly issuer: string;
  readonly clientId: string;
  readonly scope?: string | undefined;
  readonly redirectUri: string;
  readonly login: Login;
  readonly extra: Readonly<Record<string, string>>;
}

/** Signs in once. Throws `SignInEnded` for everything but tokens. */
export const signInBy = async (
  ctx: Context,
  grant: Grant,
  provider: Provider,
  signIn: SignIn,
): Promise<Tokens> => {
  const at = await provider.discover(signIn);
  return grant.kind === 'client_credentials'
    ? asService(grant, provider, signIn, at)
    : asPerson(ctx, grant, provider, signIn, at);
};

const unguessable = (): string => randomBytes(32).toString('base64url');

const asService = (grant: Grant, provider: Provider, signIn: SignIn, at: Discovered): Promise<Tokens> => {
  signIn.stage = 'asking';
  const params: Record<string, string> = { grant_type: 'client_credentials', ...grant.extra };
  if (grant.scope !== undefined) params.scope = grant.scope;
  return provider.token(signIn, at, params);
};

const authorizationUrl = (grant: Grant, signIn: SignIn, endpoint: string, verifier: string): URL => {
  const url = new URL(endpoint);
  const params = {
    response_type: 'code',
    client_id: grant.clientId,
    redirect_uri: grant.redirectUri,
    scope: grant.scope ?? 'openid',
    state: unguessable(),
    nonce: unguessable(),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...grant.extra,
    ...signIn.planted,
  };
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url;
};

/** The code that came back, checked as a client must: error, state, issuer (RFC 9207). */
const codeFrom = (back: URLSearchParams, start: URL, issuer: string): string => {
  const error = back.get('error');
  if (error !== null)
    throw refused(`the provider says ${redact(`${error}: ${back.get('error_description') ?? ''}`)}`);
  if (back.get('state') !== start.searchParams.get('state'))
    throw refused('the redirect carries a state that is not ours');
  if ((back.get('iss') ?? issuer) !== issuer) throw refused('the redirect names another issuer');
  const code = back.get('code');
  if (code === null) throw refused('the redirect carries no code');
  return code;
};

const asPerson = async (
  ctx: Context,
  grant: Grant,
  provider: Provider,
  signIn: SignIn,
  at: Discovered,
): Promise<Tokens> => {
  const { redirectUri, login, extra } = grant;
  if (at.authorization_endpoint === undefined) throw refused('the provider has no authorization endpoint');
  const code_verifier = unguessable();
  const start = authorizationUrl(grant, signIn, at.authorization_endpoint, code_verifier);
  const origins = new Set([new URL(grant.issuer).origin, start.origin]);
  const code = codeFrom(
    await walkToCode(ctx, signIn, { start, redirectUri, origins, login }),
    start,
    at.issuer,
  );
  const params = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier,
    ...extra,
  };
  const tokens = await provider.token(signIn, at, params);
  const nonce = start.searchParams.get('nonce') ?? '';
  const invalid = await provider.validate(signIn, at, tokens.id_token, nonce);
  if (invalid === undefined) return tokens;
  throw new SignInEnded({ result: 'maybe_sent', reason: `the id_token isn't valid: ${invalid}` });
};
