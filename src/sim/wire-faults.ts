/** The lies and breaks of a network and of the servers behind it: what becomes of an answer on its way back. */

/** An answer that has been read whole. */
export interface Taken {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** As `fetch` has it when a connection can't be made or breaks. */
export const wireError = (code: 'ECONNREFUSED' | 'ECONNRESET'): Error =>
  new TypeError('fetch failed', {
    cause: Object.assign(new Error(`${code === 'ECONNREFUSED' ? 'connect' : 'read'} ${code}`), {
      code,
      syscall: code === 'ECONNREFUSED' ? 'connect' : 'read',
    }),
  });

export const responseOf = ({ status, headers, body }: Taken): Response =>
  new Response(NO_BODY.has(status) ? null : body, { status, headers });

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export const throttled = (): Response =>
  new Response('slow down', { status: 429, headers: { 'retry-after': '1', 'content-type': 'text/plain' } });

/** Half of the body, and then the connection breaks. */
export function cut({ status, headers, body }: Taken): Response {
  const half = body.subarray(0, Math.floor(body.byteLength / 2));
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (half.byteLength > 0) controller.enqueue(half);
      controller.error(wireError('ECONNRESET'));
    },
  });
  return new Response(NO_BODY.has(status) ? null : stream, { status, headers });
}

type Value = unknown;
type Change = (key: string, value: Value) => Value | undefined;

/** What answers with records call their lists of them, and their cursors. */
const LISTS: ReadonlySet<string> = new Set(['hits', 'values', 'data', 'records']);
const CURSORS: ReadonlySet<string> = new Set(['next', 'cursor']);

/** Half of each list (rounded down), or none of it; and nothing more to come. */
export const fewer = (taken: Taken, keep: 'half' | 'none'): Taken =>
  changed(taken, (key, value) => {
    if (CURSORS.has(key)) return null;
    if (!LISTS.has(key) || !Array.isArray(value)) return undefined;
    return keep === 'none' ? [] : value.slice(0, Math.floor(value.length / 2));
  });

/** Another cursor in place of the answer's own, where it has one. */
export const withCursor = (taken: Taken, cursor: unknown): Taken =>
  changed(taken, (key, value) => (CURSORS.has(key) && value !== null ? cursor : undefined));

export function cursorOf({ body }: Taken): unknown {
  const value = parsed(new TextDecoder().decode(body));
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>).next : undefined;
}

/** Answers that aren't JSON with records are left as they are. */
function changed(taken: Taken, change: Change): Taken {
  const value = parsed(new TextDecoder().decode(taken.body));
  if (taken.status !== 200 || value === undefined) return taken;
  const body = new TextEncoder().encode(JSON.stringify(walk(value, change)));
  const headers = new Headers(taken.headers);
  headers.delete('content-length');
  return { ...taken, headers, body };
}

function walk(value: Value, change: Change): Value {
  if (Array.isArray(value)) return value.map(v => walk(v, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => {
      const other = change(key, v);
      return [key, other === undefined ? walk(v, change) : other];
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
