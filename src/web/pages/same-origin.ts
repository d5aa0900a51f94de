/** Refuses posts that another site's page could have sent: only a browser on this very origin passes. */
import type { MiddlewareHandler } from 'hono';

export const sameOrigin: MiddlewareHandler = async (c, next) => {
  if (isSameOrigin(c.req.raw.headers)) return next();
  return c.text(
    '403: this form must be sent from this page itself: expected the header Origin to name this host\n',
    403,
  );
};

/** The browser's own word for it where it gives one, else the Origin's host against the Host that was asked. */
export function isSameOrigin(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin') return false;
  const origin = headers.get('origin');
  const host = headers.get('host');
  if (origin === null || host === null) return false;
  try {
    return new URL(origin).host === host.toLowerCase();
  } catch {
    return false;
  }
}
