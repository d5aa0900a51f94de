// A certified OpenID provider (oidc-provider) on 127.0.0.1, and the sign-ins that it itself says it has seen.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ExportedJwk, keyPair } from './keys.ts';

/** What is used of the provider and its contexts: the package carries no types. */
interface OidcContext {
  get(header: string): string;
  readonly oidc: {
    readonly params?: Record<string, unknown>;
    readonly entities?: Record<string, { jti?: string }>;
  };
}
interface OidcProvider {
  on(event: string, listener: (ctx: OidcContext) => void): void;
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
}

export interface Logged {
  readonly event: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly params: Record<string, unknown>;
  /** The provider's own id of the access token. */
  readonly tokenId: string;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly log: Logged[];
  readonly privateKey: string;
  atOnceMax(): number;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

export const REDIRECT = 'https://app.invalid/callback';
const RESOURCE = 'urn:coalmine:test';

const configuration = (jwk: ExportedJwk) => ({
  clients: [
    {
      client_id: 'service',
      client_secret: 's e:c+r%t',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'poster',
      client_secret: 'posted',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'keyholder',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'app',
      client_secret: 'shh',
      grant_types: ['authorization_code'],
      redirect_uris: [REDIRECT],
      response_types: ['code'],
    },
  ],
  cookies: { keys: ['test'] },
  extraParams: ['correlation'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'read', accessTokenFormat: 'jwt' }),
    },
  },
});

/** Starts one. Everything it has seen is in `log`, in its own words: `authorization.success`, `grant.success`. */
export const identityProvider = async (): Promise<IdentityProvider> => {
  const specifier: string = 'oidc-provider';
  const { Provider } = (await import(specifier)) as {
    Provider: new (issuer: string, config: unknown) => OidcProvider;
  };
  const { jwk, pem } = keyPair();
  const log: Logged[] = [];
  let now = 0;
  let most = 0;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  let server: Server;
  const listen = async (port: number): Promise<number> => {
    server = createServer((request, response) => {
      most = Math.max(most, ++now);
      response.once('close', () => now--);
      handle(request, response);
    });
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, configuration(jwk));
  for (const event of ['authorization.success', 'grant.success', 'grant.error', 'authorization.error']) {
    provider.on(event, ctx => {
      const entities = ctx.oidc?.entities ?? {};
      const tokenId = entities.ClientCredentials?.jti ?? entities.AccessToken?.jti ?? '';
      const params = { ...ctx.oidc?.params };
      log.push({
        event,
        userAgent: ctx.get('user-agent'),
        requestId: ctx.get('client-request-id'),
        params,
        tokenId,
      });
    });
  }
  handle = provider.callback();
  return {
    issuer,
    log,
    privateKey: pem,
    atOnceMax: () => most,
    async stop() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
    restart: async () => void (await listen(port)),
  };
};
