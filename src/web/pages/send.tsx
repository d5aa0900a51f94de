/** A page as an answer, with the headers that all have. */
import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import { POLICY } from './assets.ts';
import { type Frame, Page } from './layout.tsx';

export function send(c: Context, frame: Frame, content: Child, status: 200 | 404 = 200): Response {
  const page = <Page frame={frame}>{content}</Page>;
  return c.html(`<!doctype html>${page.toString()}`, status, {
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  }) as Response;
}

/** What isn't there can't be told from what may not be read. */
export const NotFound = ({ title, children }: { title: string; children: Child }) => (
  <div class="pipelines">
    <h1>{title}</h1>
    <p>{children}</p>
  </div>
);
