/** `/api/v1/canaries`: single canaries at their checkpoints, newest first, and one told hop by hop. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Verdict } from '../../domain/verdict.ts';
import { canaryPage, canaryStory, readName } from '../../engine/canaries.ts';
import type { Engine, LivePipeline } from '../../engine/live.ts';
import { Problem } from '../problem.ts';
import { canaryJson, storyJson } from './answers.ts';
import { type ApiOptions, errors, jsonOf, newApi, notFound, wholeParam } from './api.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { named } from './pipelines.ts';
import { canary, listOf, story, verdict } from './schemas.ts';

const LIMIT_MAX = 1_000;
const SPAN_MS = 24 * 3_600_000;

/** ISO 8601, or Unix milliseconds. */
export const instant = z
  .string()
  .transform((text, ctx): number => {
    const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
    if (Number.isFinite(ms) && ms >= 0) return ms;
    ctx.addIssue('expected a time as ISO 8601 or Unix milliseconds');
    return z.NEVER;
  })
  .openapi({ type: 'string', description: 'ISO 8601, or Unix milliseconds.' });

const query = z.object({
  pipeline: z.string(),
  checkpoint: z.string().optional(),
  target: z.string().optional().openapi({ description: 'A target’s name; `drill` for what is never sent.' }),
  verdict: z
    .union([verdict.transform(v => [v]), z.array(verdict)])
    .optional()
    .openapi({ type: 'array', items: { type: 'string' }, description: 'May repeat.' }),
  drill: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Drills too; they are left out otherwise.' }),
  from: instant.optional().openapi({ description: 'First slot; 24 hours before `to` unless given.' }),
  to: instant.optional().openapi({ description: 'End of the slots, itself not included; now unless given.' }),
  limit: wholeParam(1, LIMIT_MAX)
    .optional()
    .openapi({ type: 'integer', minimum: 1, maximum: LIMIT_MAX, description: '100 unless given.' }),
  cursor: z.string().max(300).optional(),
});

const list = createRoute({
  method: 'get',
  path: '/canaries',
  summary: 'Canaries at their checkpoints, newest first',
  request: { query },
  responses: { 200: jsonOf(listOf(canary), 'A page'), ...errors, ...notFound },
});

const one = createRoute({
  method: 'get',
  path: '/canaries/{name}',
  summary: 'Everything known of one canary, hop by hop',
  request: {
    params: z.object({
      name: z
        .string()
        .max(100)
        .openapi({ description: 'target.slot.index, or a whole token; `-` with ?token=' }),
    }),
    query: z.object({ token: z.string().max(100).optional() }),
  },
  responses: { 200: jsonOf(story, 'The canary'), ...errors, ...notFound },
});

export function canariesApi({ running, access }: ApiOptions): OpenAPIHono {
  const { engine } = running;
  const app = newApi();
  app.openapi(list, async c => {
    const q = c.req.valid('query');
    named(access.readable(c.req.raw), q.pipeline);
    const where = placeOf(engine, q);
    const cursor = q.cursor === undefined ? undefined : readCursor(q.cursor);
    const toMs = cursor?.toMs ?? q.to ?? engine.ctx.clock.now() + 1;
    const fromMs = cursor?.fromMs ?? q.from ?? Math.max(0, toMs - SPAN_MS);
    const page = await canaryPage(engine, {
      ...where,
      ...(q.verdict === undefined ? {} : { verdicts: q.verdict as Verdict[] }),
      ...(cursor === undefined ? {} : { after: cursor.after }),
      drills: q.drill === 'true',
      fromMs,
      toMs,
      limit: q.limit ?? 100,
    });
    const next = page.next && writeCursor({ after: page.next, fromMs, toMs });
    return c.json({ data: page.canaries.map(canaryJson), next }, 200);
  });
  app.openapi(one, async c => {
    const readable = access.readable(c.req.raw);
    const text = c.req.valid('query').token ?? c.req.valid('param').name;
    const name = readName(engine, text);
    if (!name) throw new Problem('bad-request', 'expected target.slot.index, or a token of this store');
    const told = await canaryStory(engine, name);
    const pipelines = told && ('orphan' in told ? told.orphan.map(o => o.pipeline) : [told.pipeline]);
    if (!told || !pipelines?.every(p => readable.includes(p)))
      throw new Problem(
        'not-found',
        'the ledger doesn’t know this canary: it never did, it is older than retention.canaries, or it may not be read',
      );
    return c.json(storyJson(told), 200);
  });
  return app;
}

function placeOf(engine: Engine, q: z.output<typeof query>) {
  const pipeline = engine.pipelines.find(p => p.config.name === q.pipeline) as LivePipeline;
  const checkpoint = pipeline.checkpoints.find(c => c.config.name === q.checkpoint);
  if (q.checkpoint !== undefined && !checkpoint)
    throw new Problem(
      'not-found',
      `expected one of the checkpoints ${pipeline.checkpoints.map(c => c.config.name).join(', ')}`,
    );
  const target = [...pipeline.targetByNumber].find(([, name]) => name === q.target)?.[0];
  if (q.target !== undefined && target === undefined)
    throw new Problem('not-found', `expected the name of a target of ${q.pipeline}, or drill`);
  return {
    pipeline,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(target === undefined ? {} : { target }),
  };
}
