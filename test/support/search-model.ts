/** A search API of each paging kind, written apart from the adapter. Records are sorted by time, as such APIs do. */
import type { Handler } from './faulty-server.ts';

export interface ModelHit {
  readonly id: string;
  readonly atMs: number;
  readonly message: string;
}

export interface SearchModel {
  readonly hits: ModelHit[];
  /** Pages hold at most this many records, whatever was asked. */
  cap: number;
  /** Every so many pages one is empty, with a cursor that goes on. */
  emptyEvery: number;
  readonly requests: { method: string; url: string; body: string }[];
  /** Takes from, to, size and cursor, offset or page from the URL, or from a JSON body. */
  readonly handle: Handler;
}

export const searchModel = (): SearchModel => {
  let served = 0;
  const model: SearchModel = {
    hits: [],
    cap: Number.POSITIVE_INFINITY,
    emptyEvery: 0,
    requests: [],
    handle: ({ method, url, body }) => {
      model.requests.push({ method, url: url.href, body });
      const asked: Record<string, unknown> = body ? JSON.parse(body) : Object.fromEntries(url.searchParams);
      const number = (name: string, otherwise: number) => Number(asked[name] ?? otherwise);
      const found = model.hits
        .filter(h => h.atMs >= number('from', 0) && h.atMs < number('to', 0))
        .sort((a, b) => a.atMs - b.atMs);
      const size = Math.min(number('size', 10), model.cap);
      const skip =
        asked.cursor === undefined
          ? number('offset', number('page', 0) * size)
          : Number(String(asked.cursor).replace(/^c&=|-\d+$/g, ''));
      served += 1;
      const empty = model.emptyEvery > 0 && served % model.emptyEvery === 0;
      const page = empty ? [] : found.slice(skip, skip + size);
      const reached = skip + page.length;
      const next = reached < found.length ? `c&=${reached}-${served}` : null;
      const to = new URL(url);
      if (next) to.searchParams.set('cursor', next);
      return {
        headers: (next ? { link: `<${url.href}>; rel="self", <${to.href}>; rel="next"` } : {}) as Record<
          string,
          string
        >,
        json: {
          timed_out: false,
          next,
          result: {
            hits: page.map(h => ({
              _id: h.id,
              _source: { message: h.message, at: h.atMs, 'event.id': h.id },
            })),
          },
        },
      };
    },
  };
  return model;
};
