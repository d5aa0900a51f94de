/**
 * A real OpenID provider, and the audit log that it writes: one JSON line for each sign-in, the caller's correlation in a
 * field of its own, shipped by one of the lab's agents like any other log.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../contracts/context.ts';

/** What is used of the provider and its contexts: the package carries no types. */
interface GrantContext {
  get(header: string): string;
  readonly ip: string;
  readonly oidc: {
    readonly params?: { readonly grant_type?: string };
    readonly client?: { readonly clientId?: string };
    readonly entities?: { readonly ClientCredentials?: { readonly jti?: string } };
  };
}
interface Provider {
  on(event: 'grant.success', listener: (ctx: GrantContext) => void): void;
  on(event: 'server_error', listener: (ctx: unknown, error: Error) => void): void;
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export interface IdentityProvider {
  /** Answers a request whose path begins with the issuer's. Resolves when the answer is under way. */
  handle(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): Promise<void>;
}

const SHIP_TRIES_MAX = 5;
const SHIP_PAUSE_MS = 1_000;
const SHIP_TIMEOUT_MS = 10_000;
const SHIPPING_MAX = 100;

export async function openIdentityProvider(options: {
  readonly issuer: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** Where audit lines are shipped to. */
  readonly agentUrl: string;
  readonly log: Log;
}): Promise<IdentityProvider> {
  const { issuer, client, log } = options;
  const provider = await quietly(() => createProvider(issuer, client));
  const ship = shipper(options.agentUrl, log);
  provider.on('grant.success', ctx => ship(auditLine(ctx, issuer)));
  provider.on('server_error', (_, error) => log('error', 'demo.oidc', { reason: error.message }));
  const callback = provider.callback();
  const { pathname } = new URL(issuer);
  return {
    async handle(request, response) {
      request.originalUrl = request.url ?? '';
      request.url = (request.url ?? '').slice(pathname.length) || '/';
      await callback(request, response);
    },
  };
}

async function createProvider(
  issuer: string,
  client: { readonly id: string; readonly secret: string },
): Promise<Provider> {
  const specifier: string = 'oidc-provider';
  const { Provider: Constructor } = (await import(specifier)) as {
    Provider: new (issuer: string, configuration: unknown) => Provider;
  };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new Constructor(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    ttl: { ClientCredentials: 60 },
  });
}

/** The package warns on the console that it runs without a database and on Node 20, which a demo means to. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { warn, info } = console;
  console.warn = () => {};
  console.info = () => {};
  try {
    return await work();
  } finally {
    console.warn = warn;
    console.info = info;
  }
}

const auditLine = (ctx: GrantContext, issuer: string): string =>
  JSON.stringify({
    time: new Date().toISOString(),
    event: 'grant.success',
    issuer,
    grant_type: ctx.oidc.params?.grant_type ?? null,
    client_id: ctx.oidc.client?.clientId ?? null,
    token_id: ctx.oidc.entities?.ClientCredentials?.jti ?? null,
    source_ip: ctx.ip,
    correlation_id: ctx.get('x-correlation-id') || null,
  });

/** Hands lines to the agent; one that won't take a line, try after try, has lost it. */
function shipper(agentUrl: string, log: Log): (line: string) => void {
  let shipping = 0;
  const ship = async (line: string): Promise<void> => {
    for (let tries = 1; tries <= SHIP_TRIES_MAX; tries++) {
      const answer = await fetch(agentUrl, {
        method: 'POST',
        body: line,
        headers: { 'content-type': 'text/plain' },
        signal: AbortSignal.timeout(SHIP_TIMEOUT_MS),
      }).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      await new Promise(resolve => setTimeout(resolve, SHIP_PAUSE_MS * tries).unref());
    }
    log('info', 'demo.audit_line_lost', { tries: SHIP_TRIES_MAX });
  };
  return line => {
    if (shipping >= SHIPPING_MAX) return log('info', 'demo.audit_line_lost', { shipping });
    shipping++;
    void ship(line).finally(() => shipping--);
  };
}
