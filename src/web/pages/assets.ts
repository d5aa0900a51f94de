/** Stylesheet, script and icon at addresses that name their content, so that they may be kept for a year. */
import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { favicon } from './charts/glyph.tsx';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

const asset = (extension: string, type: string, body: string) => ({
  path: `/assets/coalmine-${createHash('sha256').update(body).digest('hex').slice(0, 12)}.${extension}`,
  type,
  body,
});

export const STYLESHEET = asset('css', 'text/css; charset=utf-8', STYLE);
export const SCRIPT_FILE = asset('js', 'text/javascript; charset=utf-8', SCRIPT);
export const ICON = asset('svg', 'image/svg+xml', favicon());

/** Nothing from elsewhere, nothing inline. */
export const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export function mountAssets(app: Hono): void {
  for (const { path, type, body } of [STYLESHEET, SCRIPT_FILE, ICON]) {
    app.get(path, c =>
      c.body(body, 200, {
        'content-type': type,
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
      }),
    );
  }
}
