// The cookies of one sign-in (RFC 6265, what a login form needs of it): kept for as long as the attempt.

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  /** Sent to subdomains of `host`, too. */
  readonly wide: boolean;
  readonly path: string;
  readonly secure: boolean;
}

const COOKIES_MAX = 60;
const COOKIE_CHARS_MAX = 8192;

const parse = (line: string, from: URL, nowMs: number): { cookie: Cookie; gone: boolean } | undefined => {
  const [pair = '', ...rest] = line.split(';');
  const at = pair.indexOf('=');
  if (at < 1 || line.length > COOKIE_CHARS_MAX) return undefined;
  const attributes = new Map(
    rest.map(text => {
      const [name = '', ...value] = text.split('=');
      return [name.trim().toLowerCase(), value.join('=').trim()] as const;
    }),
  );
  const domain = attributes.get('domain')?.replace(/^\./, '').toLowerCase();
  const wide = domain !== undefined && domain !== '';
  if (wide && from.hostname !== domain && !from.hostname.endsWith(`.${domain}`)) return undefined;
  const path = attributes.get('path');
  const age = attributes.get('max-age');
  const gone = age === undefined ? Date.parse(attributes.get('expires') ?? '') <= nowMs : Number(age) <= 0;
  const defaultPath = from.pathname.slice(0, Math.max(from.pathname.lastIndexOf('/'), 1));
  const cookie = {
    name: pair.slice(0, at).trim(),
    value: pair.slice(at + 1).trim(),
    host: wide ? domain : from.hostname,
    wide,
    path: path?.startsWith('/') ? path : defaultPath,
    secure: attributes.has('secure'),
  };
  return { cookie, gone };
};

const goesTo = (cookie: Cookie, url: URL): boolean =>
  (cookie.host === url.hostname || (cookie.wide && url.hostname.endsWith(`.${cookie.host}`))) &&
  (url.pathname === cookie.path ||
    url.pathname.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`)) &&
  (!cookie.secure || url.protocol === 'https:');

export interface CookieJar {
  /** Takes in the `Set-Cookie` headers of an answer from `url`. */
  take(headers: Headers, url: URL, nowMs: number): void;
  /** The `Cookie` header for a request to `url`; empty where there is none. */
  headerFor(url: URL): string;
}

export const createCookieJar = (): CookieJar => {
  const jar = new Map<string, Cookie>();
  return {
    take(headers, url, nowMs) {
      for (const line of headers.getSetCookie()) {
        const got = parse(line, url, nowMs);
        if (got === undefined) continue;
        const key = `${got.cookie.host};${got.cookie.path};${got.cookie.name}`;
        jar.delete(key);
        if (!got.gone && jar.size < COOKIES_MAX) jar.set(key, got.cookie);
      }
    },
    headerFor: url =>
      [...jar.values()]
        .filter(c => goesTo(c, url))
        .sort((a, b) => b.path.length - a.path.length)
        .map(c => `${c.name}=${c.value}`)
        .join('; '),
  };
};
