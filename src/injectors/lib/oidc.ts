// An OpenID provider as a client sees it: discovery, client authentication, token request, id_token validation.
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { JWKSNoMatchingKey } from 'jose/errors';
import { z } from 'zod';
import { basicAuth } from '../../adapters/exchange.ts';
import { redact } from '../../adapters/redact.ts';
import type { Context } from '../../contracts/context.ts';
import { notYes, refused, type SignIn, SignInEnded } from './sign-in.ts';

const CACHED_MS = 3_600_000;
const ALIAS_CHARS_MAX = 200;
const ASSERTION_LIVES_S = 120;
const SKEW_S = 60;
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const Discovered = z.object({
  issuer: z.string(),
  token_endpoint: z.url({ protocol: /^https?$/ }),
  authorization_endpoint: z.url({ protocol: /^https?$/ }).optional(),
  jwks_uri: z.url({ protocol: /^https?$/ }).optional(),
});
export type Discovered = z.output<typeof Discovered>;
const Keys = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(200) });
const Tokens = z.object({ access_token: z.string().optional(), id_token: z.string().optional() });
export type Tokens = z.output<typeof Tokens>;

export interface PrivateKey {
  readonly key: CryptoKey;
  readonly alg: string;
  readonly keyId?: string | undefined;
}

export interface OidcClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  /** Where the secret goes. */
  readonly secretIn: 'basic' | 'post';
  /** For `private_key_jwt` (RFC 7523). */
  readonly privateKey?: PrivateKey | undefined;
}

export interface Provider {
  discover(signIn: SignIn): Promise<Discovered>;
  /** Asks the token endpoint. Throws `SignInEnded` for anything but tokens. */
  token(signIn: SignIn, at: Discovered, params: Readonly<Record<string, string>>): Promise<Tokens>;
  /** Whether an id_token is this provider's, for this client and this nonce; if not, why. */
  validate(
    signIn: SignIn,
    at: Discovered,
    idToken: string | undefined,
    nonce: string,
  ): Promise<string | undefined>;
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A GET of a JSON document, kept for an hour. */
const cachedJson = <T>(ctx: Context, schema: z.ZodType<T>, what: string) => {
  let kept: { url: string; value: T; untilMono: number } | undefined;
  return async (signIn: SignIn, url: string, afresh = false): Promise<T> => {
    if (kept !== undefined && !afresh && kept.url === url && ctx.clock.mono() < kept.untilMono)
      return kept.value;
    const answer = await signIn.send({ url, method: 'GET', headers: { accept: 'application/json' } });
    if (answer.status !== 200) throw notYes(ctx, signIn, answer);
    const parsed = schema.safeParse(json(answer.text));
    if (!parsed.success)
      throw refused(`${what} at ${url} isn't one: ${redact(parsed.error.issues[0]?.message ?? '')}`);
    kept = { url, value: parsed.data, untilMono: ctx.clock.mono() + CACHED_MS };
    return parsed.data;
  };
};

/** RFC 6749 §2.3.1: both halves are form-encoded before they become Basic credentials. */
const formEncode = (text: string): string => new URLSearchParams({ v: text }).toString().slice(2);

/** A JWT by which the client proves that it holds its key. */
const assertion = (
  ctx: Context,
  client: OidcClient,
  audience: string,
  { key, alg, keyId }: PrivateKey,
): Promise<string> => {
  const nowS = Math.floor(ctx.clock.now() / 1000);
  return new SignJWT({ iss: client.clientId, sub: client.clientId, aud: audience, jti: crypto.randomUUID() })
    .setProtectedHeader({ alg, ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuedAt(nowS)
    .setNotBefore(nowS - SKEW_S)
    .setExpirationTime(nowS + ASSERTION_LIVES_S)
    .sign(key);
};

interface ClientAuth {
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** How the client proves who it is. */
const clientAuth = async (ctx: Context, client: OidcClient, at: Discovered): Promise<ClientAuth> => {
  const { clientId: client_id, clientSecret, privateKey } = client;
  if (privateKey !== undefined) {
    const client_assertion = await assertion(ctx, client, at.token_endpoint, privateKey);
    return { params: { client_id, client_assertion_type: JWT_BEARER, client_assertion }, headers: {} };
  }
  if (clientSecret === undefined) return { params: { client_id }, headers: {} };
  if (client.secretIn === 'post') return { params: { client_id, client_secret: clientSecret }, headers: {} };
  return {
    params: {},
    headers: { authorization: basicAuth(formEncode(client_id), formEncode(clientSecret)) },
  };
};

export const createProvider = (ctx: Context, client: OidcClient): Provider => {
  const document = cachedJson(ctx, Discovered, 'discovery document');
  const keySet = cachedJson(ctx, Keys, 'key set');
  const base = client.issuer.replace(/\/$/, '');

  const verify = async (signIn: SignIn, at: Discovered, idToken: string, afresh: boolean) => {
    const keys = await keySet(signIn, at.jwks_uri ?? '', afresh);
    const { payload } = await jwtVerify(idToken, createLocalJWKSet(keys as unknown as JSONWebKeySet), {
      issuer: client.issuer,
      audience: client.clientId,
      currentDate: new Date(ctx.clock.now()),
      clockTolerance: SKEW_S,
      algorithms: ALGORITHMS,
    });
    return payload.nonce;
  };

  return {
    async discover(signIn) {
      const at = await document(signIn, `${base}/.well-known/openid-configuration`);
      if (at.issuer !== client.issuer)
        throw refused(`issuer: expected ${client.issuer}, the provider calls itself ${at.issuer}`);
      return at;
    },
    async token(signIn, at, params) {
      const auth = await clientAuth(ctx, client, at);
      const body = new URLSearchParams({ ...params, ...auth.params, ...signIn.planted }).toString();
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...auth.headers,
      };
      const answer = await signIn.send({ url: at.token_endpoint, method: 'POST', headers, body });
      if (answer.status !== 200) throw notYes(ctx, signIn, answer);
      const tokens = Tokens.safeParse(json(answer.text));
      if (tokens.success && tokens.data.access_token !== undefined) return tokens.data;
      throw refused('the token endpoint answered 200 without an access_token');
    },
    async validate(signIn, at, idToken, nonce) {
      if (idToken === undefined) return 'there is none';
      if (at.jwks_uri === undefined) return 'the provider publishes no keys';
      try {
        const found = await verify(signIn, at, idToken, false).catch(error => {
          if (error instanceof JWKSNoMatchingKey) return verify(signIn, at, idToken, true);
          throw error;
        });
        return found === nonce ? undefined : 'its nonce is not ours';
      } catch (error) {
        if (error instanceof SignInEnded) throw error;
        return error instanceof Error ? redact(error.message) : 'unknown fault';
      }
    },
  };
};

/** Identities that the provider gave this sign-in, from the claims of its tokens where they are JWTs. */
export const aliasesOf = (tokens: Tokens, claims: readonly string[]): string[] => {
  const found = new Set<string>();
  for (const token of [tokens.access_token, tokens.id_token]) {
    if (token === undefined || token.split('.').length !== 3) continue;
    try {
      const payload = decodeJwt(token);
      for (const claim of claims) {
        const value = payload[claim];
        if (typeof value === 'string' && value !== '' && value.length <= ALIAS_CHARS_MAX) found.add(value);
      }
    } catch {
      // An opaque token that happens to have two dots names nothing.
    }
  }
  return [...found];
};
