// Signs in at an OpenID provider for real, so that the provider itself writes the record; the canary's identity is
// planted where the provider logs it. A login that needs scripts or a second factor can't be driven this way.
import { importPKCS8 } from 'jose';
import { z } from 'zod';
import { headerName, httpUrl, secret } from '../adapters/settings.ts';
import { within } from '../adapters/within.ts';
import type { Context } from '../contracts/context.ts';
import { defineInjector } from '../contracts/define.ts';
import { SettingsError } from '../contracts/definition.ts';
import type { Injector, Outcome, Outgoing } from '../contracts/injector.ts';
import { createLanes } from './lib/batches.ts';
import { createCalls } from './lib/calls.ts';
import { type Grant, signInBy } from './lib/grants.ts';
import { aliasesOf, createProvider } from './lib/oidc.ts';
import { timeout } from './lib/settings.ts';
import { atStage, beginSignIn, type SignIn, SignInEnded } from './lib/sign-in.ts';

const plant = z
  .strictObject({
    in: z.enum(['user_agent', 'header', 'parameter']).describe('Where the identity is planted'),
    name: headerName
      .optional()
      .describe('Name of the header or parameter, such as client-request-id or state'),
    as: z.enum(['token', 'uuid']).default('token').describe('`uuid` where only a GUID is kept'),
  })
  .refine(
    p => (p.in === 'user_agent') === (p.name === undefined),
    'expected a name for header and parameter, none for user_agent',
  );

const schema = z.strictObject({
  issuer: httpUrl.describe('The issuer, exactly as its discovery document has it'),
  grant: z
    .enum(['client_credentials', 'authorization_code'])
    .default('client_credentials')
    .describe('A service signs in, or a person'),
  client_id: z.string().min(1).describe('The client, registered for this alone'),
  client_secret: secret.optional().describe('Its secret'),
  client_secret_in: z.enum(['basic', 'post']).default('basic').describe('Where the secret goes'),
  private_key: secret.optional().describe('PKCS #8 PEM instead of a secret (private_key_jwt)'),
  key_alg: z.enum(['RS256', 'PS256', 'ES256', 'EdDSA']).default('RS256').describe('Algorithm of that key'),
  key_id: z.string().optional().describe('kid of that key'),
  scope: z.string().optional().describe('Scope to ask for; openid for authorization_code unless given'),
  redirect_uri: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'expected a URI')
    .optional()
    .describe('Registered redirect; never fetched'),
  username: z.string().optional().describe('The synthetic person'),
  password: secret.optional().describe('Their password'),
  username_field: z
    .string()
    .optional()
    .describe('Name of the input in the login form; its first text input unless given'),
  password_field: z
    .string()
    .optional()
    .describe('Name of the input in the login form; its password input unless given'),
  correlation: z
    .array(plant)
    .max(8)
    .default([{ in: 'user_agent', as: 'token' }])
    .describe('Where the identity is planted'),
  alias_claims: z
    .array(z.string())
    .max(8)
    .default(['jti', 'uti'])
    .describe('Claims of the tokens that name this sign-in in the log'),
  extra: z
    .record(z.string(), z.string())
    .default({})
    .describe('More parameters for authorization and token requests'),
  timeout,
  concurrency: z.int().min(1).max(32).default(4).describe('Sign-ins under way at once, at most'),
});
type Settings = z.output<typeof schema>;

const grantOf = (s: Settings): Grant => ({
  kind: s.grant,
  issuer: s.issuer,
  clientId: s.client_id,
  scope: s.scope,
  redirectUri: s.redirect_uri ?? '',
  login: {
    username: s.username ?? '',
    password: s.password ?? '',
    usernameField: s.username_field,
    passwordField: s.password_field,
  },
  extra: s.extra,
});

const privateKeyOf = async ({ private_key, key_alg: alg, key_id: keyId }: Settings) => {
  if (private_key === undefined) return undefined;
  try {
    return { key: await importPKCS8(private_key, alg), alg, keyId };
  } catch {
    throw new SettingsError(`private_key: expected a PKCS #8 PEM ("BEGIN PRIVATE KEY") for ${alg}`);
  }
};

const check = (s: Settings): void => {
  const missing = (['redirect_uri', 'username', 'password'] as const).filter(name => s[name] === undefined);
  if (s.grant === 'authorization_code' && missing.length > 0) {
    throw new SettingsError(`grant: authorization_code needs ${missing.join(', ')}`);
  }
  if (s.client_secret !== undefined && s.private_key !== undefined) {
    throw new SettingsError('client_secret and private_key: expected one of them, found both');
  }
};

const create = async (s: Settings, ctx: Context): Promise<Injector> => {
  check(s);
  const calls = createCalls();
  const lanes = createLanes(s.concurrency);
  const grant = grantOf(s);
  const provider = createProvider(ctx, {
    issuer: s.issuer,
    clientId: s.client_id,
    clientSecret: s.client_secret,
    secretIn: s.client_secret_in,
    privateKey: await privateKeyOf(s),
  });

  const attempt = async (canary: Outgoing, signal: AbortSignal): Promise<Outcome> => {
    const under: { way?: SignIn } = {};
    try {
      const ended = await within({ clock: ctx.clock, ms: s.timeout, signal }, stop => {
        const given = { plants: s.correlation, timeoutMs: s.timeout, signal: stop };
        under.way = beginSignIn(ctx, canary, given);
        return signInBy(ctx, grant, provider, under.way);
      });
      if (ended.how === 'done')
        return { result: 'accepted', aliases: aliasesOf(ended.value, s.alias_claims) };
      const reason = ended.how === 'timeout' ? `not signed in within ${s.timeout} ms` : 'stopped';
      const stage = under.way?.stage ?? 'before';
      return atStage({ result: 'maybe_sent', reason, again: true }, stage, ended.how === 'aborted');
    } catch (error) {
      if (error instanceof SignInEnded) return error.outcome;
      throw error;
    }
  };

  return {
    inject(canaries, signal) {
      return calls.run(signal, stop => lanes.map(canaries, stop, canary => attempt(canary, stop)));
    },
    async close() {
      calls.stop();
    },
  };
};

export default defineInjector({
  kind: 'oidc-signin',
  summary: 'Signs in at an OpenID provider, which writes the record itself',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { events: 'provoked' },
  create,
});
