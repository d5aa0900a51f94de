/** `/api/v1/pipelines`: how each is now, and one in full. `/api/v1/findings`: what was noticed beside the verdicts. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { overview } from '../../engine/overview.ts';
import { Problem } from '../problem.ts';
import { findingJson, pipelineDetailJson, pipelineJson } from './answers.ts';
import { type ApiOptions, errors, jsonOf, newApi, notFound, windowParam } from './api.ts';
import { finding, listOf, pipeline, pipelineDetail } from './schemas.ts';

const list = createRoute({
  method: 'get',
  path: '/pipelines',
  summary: 'How every pipeline is now',
  request: { query: z.object({ window: windowParam }) },
  responses: {
    200: jsonOf(listOf(pipeline), 'All pipelines that may be read, in the order of the configuration'),
    ...errors,
  },
});

const one = createRoute({
  method: 'get',
  path: '/pipelines/{name}',
  summary: 'One pipeline in full',
  request: { params: z.object({ name: z.string() }), query: z.object({ window: windowParam }) },
  responses: {
    200: jsonOf(pipelineDetail, 'The pipeline, with bars, worst targets and findings'),
    ...errors,
    ...notFound,
  },
});

const findings = createRoute({
  method: 'get',
  path: '/findings',
  summary: 'What was noticed that is no verdict: echoes, forgeries, orphans, duplicates, clock steps',
  request: { query: z.object({ window: windowParam, pipeline: z.string().optional() }) },
  responses: {
    200: jsonOf(listOf(finding), 'At most 200 of a pipeline, newest first'),
    ...errors,
    ...notFound,
  },
});

export function pipelinesApi({ running, access }: ApiOptions): OpenAPIHono {
  const { engine } = running;
  const app = newApi();
  app.openapi(list, async c => {
    const only = access.readable(c.req.raw);
    const { pipelines, ...o } = await overview(engine, { windowMs: c.req.valid('query').window, only });
    return c.json({ data: pipelines.map(p => pipelineJson(o, p)), next: null }, 200);
  });
  app.openapi(one, async c => {
    const { name } = c.req.valid('param');
    const only = named(access.readable(c.req.raw), name);
    const { pipelines, ...o } = await overview(engine, { windowMs: c.req.valid('query').window, only });
    const [p] = pipelines;
    if (!p) throw unknownPipeline(name);
    return c.json(pipelineDetailJson(o, p), 200);
  });
  app.openapi(findings, async c => {
    const query = c.req.valid('query');
    const readable = access.readable(c.req.raw);
    const only = query.pipeline === undefined ? readable : named(readable, query.pipeline);
    const { pipelines } = await overview(engine, { windowMs: query.window, only });
    const data = pipelines.flatMap(p => p.findings.map(f => findingJson(p.name, f)));
    return c.json({ data: data.sort((a, b) => b.last_ms - a.last_ms), next: null }, 200);
  });
  return app;
}

/** What may not be read can't be told from what isn't there. */
export function named(readable: readonly string[], name: string): string[] {
  if (!readable.includes(name)) throw unknownPipeline(name);
  return [name];
}

const unknownPipeline = (name: string): Problem =>
  new Problem(
    'not-found',
    `expected the name of a pipeline that may be read, found ${JSON.stringify(name.slice(0, 100))}`,
  );
