/**
 * Who hears of the demo's incidents: a receiver of signed notices, as anybody would write one, that says them on the terminal.
 * Standard Webhooks 1.0.0.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Hono } from 'hono';
import { z } from 'zod';

/** Seconds that a notice may be old, or ahead: what is older may be a replay. */
const TOLERANCE_S = 5 * 60;
const NOTICES_MAX = 100;

export interface DeskNotice {
  readonly to: string;
  readonly type: string;
  readonly title: string;
  readonly text: string;
  readonly receivedMs: number;
}

export interface Desk {
  /** Newest last, at most 100. */
  readonly notices: readonly DeskNotice[];
  mount(app: Hono): void;
}

const bodySchema = z.object({ type: z.string(), data: z.object({ title: z.string(), text: z.string() }) });

export function openDesk(
  secret: string,
  { now, hear }: { readonly now: () => number; readonly hear: (notice: DeskNotice) => void },
): Desk {
  const notices: DeskNotice[] = [];
  const seen = new Set<string>();
  return {
    notices,
    mount(app) {
      app.get('/demo/notices', c => c.json(notices));
      app.post('/demo/notices/:to', async c => {
        const body = await c.req.text();
        const [id = '', at = '', given = ''] = ['id', 'timestamp', 'signature'].map(
          h => c.req.header(`webhook-${h}`) ?? '',
        );
        if (Math.abs(now() / 1000 - Number(at)) > TOLERANCE_S) return c.text('too old', 400);
        if (!isSigned({ id, at, body, given }, secret)) return c.text('wrong signature', 401);
        const parsed = bodySchema.safeParse(JSON.parse(body));
        if (!parsed.success) return c.text('expected a notice', 400);
        const { type, data } = parsed.data;
        // The same notice may come twice; its id tells.
        if (seen.has(id)) return c.body(null, 204);
        seen.add(id);
        const notice = { to: c.req.param('to'), type, title: data.title, text: data.text, receivedMs: now() };
        notices.push(notice);
        notices.splice(0, notices.length - NOTICES_MAX);
        hear(notice);
        return c.body(null, 204);
      });
    },
  };
}

function isSigned(
  message: { readonly id: string; readonly at: string; readonly body: string; readonly given: string },
  secret: string,
): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${message.id}.${message.at}.${message.body}`).digest();
  return message.given.split(' ').some(part => {
    const signature = Buffer.from(part.replace(/^v1,/, ''), 'base64');
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}
