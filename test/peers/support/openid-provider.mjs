// A certified OpenID provider (oidc-provider) in a process of its own, with audit logs as providers keep them:
// `node openid-provider.mjs OPTIONS_JSON`, of { port, key, clients, logs: { FILE: [FIELD, …] } }.
import { appendFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const { port, key, clients, logs } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients,
  cookies: { keys: ['for-tests-only'] },
  jwks: { keys: [key] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:coalmine:test',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'read',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
// One record for each sign-in that succeeded, on disk before the answer leaves.
provider.on('grant.success', ctx => {
  const { entities, client, params } = ctx.oidc;
  const record = {
    time: new Date().toISOString(),
    event: 'grant.success',
    clientId: client.clientId,
    grant: params.grant_type,
    userAgent: ctx.get('user-agent'),
    correlationId: ctx.get('x-correlation-id'),
    requestId: ctx.get('client-request-id'),
    tokenId: (entities.AccessToken ?? entities.ClientCredentials).jti,
  };
  for (const [file, fields] of Object.entries(logs)) {
    const kept = Object.entries(record).filter(([name]) => fields.includes(name));
    appendFileSync(file, `${JSON.stringify(Object.fromEntries(kept))}\n`);
  }
});
provider.on('server_error', (_, error) => process.stderr.write(`${error.stack}\n`));
provider.listen(port, '127.0.0.1', () => process.stdout.write('READY\n'));
