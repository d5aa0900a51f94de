/** What the lab's routes share: reading lines out of a body, and saying no in RFC 9457's shape. */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** A request that can't be read: what was expected, what was found. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
}

export function problem(
  c: Context,
  status: ContentfulStatusCode,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  return c.json({ title: TITLES[status] ?? 'Error', status, detail }, status, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}

const TITLES: Partial<Record<number, string>> = {
  400: 'Bad request',
  403: 'Refused',
  404: 'Not found',
  413: 'Too large',
  429: 'Too many requests',
  503: 'Unavailable',
  504: 'Timed out',
};

/** The body as text, unpacked where it says `gzip`. Throws BadRequest, also where it unpacks to too much. */
export async function readText(c: Context): Promise<string> {
  const coding = c.req.header('content-encoding') ?? 'identity';
  if (coding === 'identity') return c.req.text();
  if (coding !== 'gzip') throw new BadRequest(`content-encoding: expected gzip or none, found ${coding}`);
  const unpacked = new Blob([await c.req.arrayBuffer()])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for await (const chunk of unpacked as unknown as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > BODY_BYTES_MAX) break;
      text += decoder.decode(chunk, { stream: true });
    }
  } catch {
    throw new BadRequest('content-encoding says gzip, and the body is not');
  }
  if (bytes > BODY_BYTES_MAX) throw new BadRequest(`the body unpacks to more than ${BODY_BYTES_MAX} bytes`);
  return text + decoder.decode();
}

/**
 * The lines of a body. `application/json`: `{"lines": […]}`, an array, or one event as an object; anything else:
 * text, one line each. Text is kept to the byte; values inside a JSON array are written anew.
 */
export async function readLines(c: Context): Promise<string[]> {
  const body = await readText(c);
  if (!/^application\/([\w.-]+\+)?json\b/i.test(c.req.header('content-type') ?? '')) return splitLines(body);
  const value = parseJson(body);
  if (Array.isArray(value)) return value.map(asLine);
  if (isObject(value) && Array.isArray(value.lines)) return value.lines.map(asLine);
  if (isObject(value)) return [/[\r\n]/.test(body.trim()) ? JSON.stringify(value) : body.trim()];
  throw new BadRequest(
    'expected lines of text, {"lines": […]}, an array or an event; found a bare JSON value',
  );
}

export const splitLines = (body: string): string[] => body.split(/\r?\n/).filter(line => line !== '');

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new BadRequest(`expected JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const asLine = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Milliseconds or RFC 3339, as text or number; undefined where absent. Throws BadRequest. */
export function readTimeMs(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const ms =
    typeof value === 'number' || /^-?\d+(\.\d+)?$/.test(String(value))
      ? Number(value)
      : Date.parse(String(value));
  if (Number.isFinite(ms)) return ms;
  throw new BadRequest(`${name}: expected Unix milliseconds or RFC 3339, found ${JSON.stringify(value)}`);
}

/** A whole number within bounds, or the default where absent. Throws BadRequest. */
export function readCount(
  name: string,
  value: unknown,
  bounds: { readonly min: number; readonly max: number; readonly or: number },
): number {
  if (value === undefined || value === null || value === '') return bounds.or;
  const n = Number(value);
  if (Number.isInteger(n) && n >= bounds.min && n <= bounds.max) return n;
  throw new BadRequest(
    `${name}: expected a whole number from ${bounds.min} to ${bounds.max}, found ${JSON.stringify(value)}`,
  );
}
