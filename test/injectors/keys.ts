// A fresh ES256 key pair, by node:crypto.
import { generateKeyPairSync } from 'node:crypto';

export interface ExportedJwk {
  readonly [name: string]: unknown;
  readonly kid: string;
}

/** The private key as PKCS #8 PEM, the public one as a JWK. */
export const keyPair = (kid = 'k1'): { readonly jwk: ExportedJwk; readonly pem: string } => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
  return { jwk, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
};
