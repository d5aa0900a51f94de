/** The ways search APIs are paged through, and what each takes as proof that there is no more. */
import { z } from 'zod';
import type { Json } from '../../contracts/observer.ts';
import { valuesAt } from './path.ts';

const dotted = z.string().max(1024);

export const pagingSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('none').describe('One page. Whole only if shorter than page_size'),
    }),
    z.strictObject({
      kind: z
        .literal('cursor')
        .describe('Each answer says where to go on ({{cursor}}), until it no longer does'),
      path: dotted.describe(
        'Path of the next cursor; absent, null or empty at the end. `hits.hits.-1.sort` works',
      ),
    }),
    z.strictObject({
      kind: z.literal('offset').describe('{{offset}} or {{page}} grows until a page is empty'),
      first_page: z.int().min(0).max(1).default(0).describe('Number of the first {{page}}'),
    }),
    z.strictObject({
      kind: z.literal('link').describe('A Link header with rel="next" (RFC 8288), until there is none'),
    }),
  ])
  .default({ kind: 'none' });
export type Paging = z.output<typeof pagingSchema>;

/** One answer, as far as paging needs to know it. */
export interface Turned {
  readonly url: string;
  readonly json: Json;
  readonly link: string | null;
  readonly count: number;
}

/** What goes into the next request. `url` replaces the template. */
export interface Next {
  readonly cursor?: Json;
  readonly url?: string;
}

/** The next request, or how it ends: `truncated` and `failed` in words. */
export type Turn = Next | 'exhausted' | { readonly truncated: string } | { readonly failed: string };

const CURSOR_CHARS_MAX = 65_536;

/** Follows one look: remembers every cursor, so that a backend that goes in circles is found out. */
export const turner = (paging: Paging, rules: { readonly pageSize: number; readonly byPage: boolean }) => {
  const visited = new Set<string>();
  let before = Number.POSITIVE_INFINITY;

  const onwards = (next: Next): Turn => {
    const key = JSON.stringify(next);
    if (key.length > CURSOR_CHARS_MAX)
      return { failed: `the next cursor has more than ${CURSOR_CHARS_MAX} characters` };
    if (visited.has(key))
      return { failed: 'the next cursor repeats an earlier one: the pages go in circles' };
    visited.add(key);
    return next;
  };

  return (page: Turned): Turn => {
    switch (paging.kind) {
      case 'none':
        if (page.count < rules.pageSize) return 'exhausted';
        return { truncated: `a full page of ${page.count} records, and no paging is set: there may be more` };
      case 'offset': {
        // A server that caps pages below page_size leaves holes between numbered ones.
        const holes = rules.byPage && page.count > 0 && before < rules.pageSize;
        if (holes)
          return { failed: `a page of ${before} records, less than page_size, was followed by another one` };
        before = page.count;
        return page.count === 0 ? 'exhausted' : {};
      }
      case 'cursor': {
        const [cursor] = valuesAt(page.json, paging.path);
        if (cursor === undefined || cursor === null || cursor === '') return 'exhausted';
        const problem = unfit(cursor);
        return problem ? { failed: problem } : onwards({ cursor });
      }
      case 'link': {
        const target = nextLink(page.link);
        if (target === undefined) return 'exhausted';
        if (!URL.canParse(target, page.url)) return { failed: 'the Link header holds no readable address' };
        const url = new URL(target, page.url);
        // Our credentials go along.
        if (url.origin !== new URL(page.url).origin)
          return { failed: `the next page lies elsewhere, at ${url.host}` };
        return onwards({ url: url.href });
      }
    }
  };
};

/** Why a cursor can't be sent back as it came. */
const unfit = (cursor: Json): string | undefined => {
  if (typeof cursor === 'number' && Number.isInteger(cursor) && !Number.isSafeInteger(cursor)) {
    return 'the next cursor holds a number beyond 2^53, which would be rounded: have the backend give it as text';
  }
  if (typeof cursor === 'string' && /\p{Surrogate}/u.test(cursor))
    return 'the next cursor is no well-formed text';
  if (cursor === null || typeof cursor !== 'object') return undefined;
  for (const value of Object.values(cursor)) {
    const problem = unfit(value as Json);
    if (problem) return problem;
  }
  return undefined;
};

/** The target of rel="next", where there is one. */
const nextLink = (header: string | null): string | undefined => {
  for (const [, target, parameters] of (header ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters ?? '');
    if ((rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return undefined;
};
