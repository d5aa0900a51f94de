/**
 * Who may do what. A key (`Authorization: Bearer KEY`; `Splunk KEY`, or Basic with the key as its password, as shippers
 * send it) carries scopes; pipelines that `access.public` names may be read without one.
 *
 * With no keys configured and `listen` on loopback, everything is open to whoever is on this machine: a request is from
 * this machine if it asks for a loopback name and shows no trace of a proxy. So a demo needs no key, and a proxy in front
 * of it, a Worker, or a page that rebinds its name to 127.0.0.1, gets nothing.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { Problem } from './problem.ts';

export type Scope = 'read' | 'ingest' | 'emit' | 'write';

export interface Access {
  /** Names of the pipelines this request may read. Throws 401 or 403 where there can't be any. */
  readable(request: Request): readonly string[];
  /** Whether the request may do this on everything, rather than on what is public. */
  has(request: Request, scope: Scope): boolean;
  /** Throws 401 or 403 unless it may. `own`: a key that serves here alone. */
  demand(request: Request, scope: Scope, own?: string): void;
  /** Name of the key that the request carries; null: none that is known. */
  who(request: Request): string | null;
}

const LOOPBACK = /^(?:localhost|(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i;
const PROXIED = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'cf-connecting-ip', 'via'];

export function createAccess(config: Pick<Config, 'access' | 'listen' | 'pipelines'>): Access {
  const { keys } = config.access;
  const isLocal = keys.length === 0 && LOOPBACK.test(config.listen.host);
  const all = config.pipelines.map(p => p.name);

  const isOpen = (request: Request): boolean =>
    isLocal && LOOPBACK.test(new URL(request.url).hostname) && !PROXIED.some(h => request.headers.has(h));

  function keyOf(secret: string | undefined): (typeof keys)[number] | undefined {
    let found: (typeof keys)[number] | undefined;
    // Every key is compared, in constant time, so that time tells nothing of them.
    for (const k of keys) if (secret !== undefined && sameSecret(k.key, secret)) found = k;
    return found;
  }

  const has = (request: Request, scope: Scope): boolean =>
    isOpen(request) || (keyOf(secretOf(request))?.scopes.includes(scope) ?? false);

  function refuse(request: Request, scope: Scope): never {
    const secret = secretOf(request);
    if (keyOf(secret))
      throw new Problem('forbidden', `expected a key with the scope ${scope}; this one hasn’t got it`);
    const found = secret === undefined ? 'found none' : 'the one sent isn’t known';
    throw new Problem(
      'unauthorized',
      `expected a key with the scope ${scope} as "Authorization: Bearer KEY"; ${found}: add one under access.keys`,
      {
        'www-authenticate': `Bearer realm="coalmine"${secret === undefined ? '' : ', error="invalid_token"'}`,
      },
    );
  }

  return {
    has,
    readable(request) {
      if (has(request, 'read')) return all;
      const open = all.filter(name => config.access.public.includes(name));
      return open.length > 0 ? open : refuse(request, 'read');
    },
    demand(request, scope, own) {
      const secret = secretOf(request);
      if (own !== undefined && secret !== undefined && sameSecret(own, secret)) return;
      if (!has(request, scope)) refuse(request, scope);
    },
    who: request => keyOf(secretOf(request))?.name ?? null,
  };
}

/** What an Authorization header carries; undefined: nothing that could be a key. */
export function secretOf(request: Request): string | undefined {
  const [, scheme, rest] = /^(\S+)\s+(\S+)\s*$/.exec(request.headers.get('authorization') ?? '') ?? [];
  if (rest === undefined) return undefined;
  if (/^(?:bearer|splunk)$/i.test(scheme ?? '')) return rest;
  if (!/^basic$/i.test(scheme ?? '')) return undefined;
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  return pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : undefined;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** In constant time, whatever the lengths. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));
