/** What the routes under `/api/v1` share: their app, their errors, the description of the whole. */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { parseDuration, WordsError } from '../../domain/words.ts';
import type { RunningEngine } from '../../engine/engine.ts';
import { WINDOW_MAX_MS, WINDOW_MIN_MS } from '../../engine/window.ts';
import type { Access } from '../access.ts';
import { Problem, problemResponse } from '../problem.ts';
import { problem } from './schemas.ts';

export interface ApiOptions {
  readonly running: RunningEngine;
  readonly access: Access;
}

/** An app whose validation fails as a problem. */
export const newApi = (): OpenAPIHono =>
  new OpenAPIHono({
    defaultHook: result => {
      if (result.success) return undefined;
      const [issue] = result.error.issues;
      const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
      return problemResponse(new Problem('bad-request', `${where}${issue?.message ?? 'not as described'}`));
    },
  });

const described = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problem } },
});

/** The errors that any route may answer. */
export const errors = {
  400: described('The request can’t be read'),
  401: described('A key is needed'),
  403: described('The key lacks the scope `read`'),
} as const;
export const notFound = { 404: described('There is no such thing, or it may not be read') } as const;

export const jsonOf = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/** A whole number in a query, within bounds. */
export const wholeParam = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));

/** `window=1h`: how far back. */
export const windowParam = z
  .string()
  .max(20)
  .default('1h')
  .transform((text, ctx): number => {
    try {
      const ms = parseDuration(text);
      if (ms >= WINDOW_MIN_MS && ms <= WINDOW_MAX_MS) return ms;
      ctx.addIssue('expected a window of 1m to 400d');
    } catch (error) {
      if (!(error instanceof WordsError)) throw error;
      ctx.addIssue(error.message);
    }
    return z.NEVER;
  })
  .openapi({ type: 'string', description: 'How far back, such as 15m, 1h, 7d.', example: '1h' });
