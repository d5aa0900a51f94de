/** `POST /api/v1/pipelines/:name/test`: one canary at once, for `coalmine test`. What becomes of it is told by `/canaries`. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { nameKey } from '../../domain/canary.ts';
import { canaryStory } from '../../engine/canaries.ts';
import type { LivePipeline } from '../../engine/live.ts';
import { sendOne } from '../../engine/single.ts';
import { Problem } from '../problem.ts';
import { storyJson } from './answers.ts';
import { type ApiOptions, errors, jsonOf, newApi, notFound } from './api.ts';
import { story } from './schemas.ts';

/** Each holds a connection of the store and an injector until its pipeline has answered. */
const AT_ONCE_MAX = 8;
/** Who tests waits for the answer: a first hop that refuses is asked no longer. */
const SEND_WITHIN_MS = 5_000;

/** The same pipeline, for a canary that is given up sooner. */
export const hurried = (pipeline: LivePipeline): LivePipeline => ({
  ...pipeline,
  config: { ...pipeline.config, sendWithinMs: Math.min(pipeline.config.sendWithinMs, SEND_WITHIN_MS) },
});

const route = createRoute({
  method: 'post',
  path: '/pipelines/{name}/test',
  summary: 'Sends one canary now; answers when the first hop has, after some 5 s at most of refusals',
  request: {
    params: z.object({ name: z.string() }),
    query: z.object({
      target: z.string().optional().openapi({ description: 'The first of the pipeline’s unless given.' }),
    }),
  },
  responses: {
    201: jsonOf(story, 'The canary as it stands after its sending'),
    ...errors,
    ...notFound,
    429: { description: 'Too many tests at once' },
  },
});

export function testCanaryApi({ running, access }: ApiOptions): OpenAPIHono {
  const { engine } = running;
  const app = newApi();
  let atOnce = 0;
  app.openapi(route, async c => {
    access.demand(c.req.raw, 'emit');
    const { name } = c.req.valid('param');
    const pipeline = engine.pipelines.find(p => p.config.name === name);
    if (!pipeline)
      throw new Problem('not-found', 'expected the name of a pipeline as the configuration has it');
    const wanted = c.req.valid('query').target;
    const target = wanted === undefined ? pipeline.targets[0] : pipeline.targets.find(t => t.name === wanted);
    if (!target) {
      const known = pipeline.targets.slice(0, 20).map(t => t.name);
      throw new Problem('not-found', `expected the name of a target of ${name}, such as ${known.join(', ')}`);
    }
    if (atOnce >= AT_ONCE_MAX)
      throw new Problem('too-many-requests', `${AT_ONCE_MAX} tests are under way; try again in a moment`, {
        'retry-after': '1',
      });
    atOnce++;
    try {
      const sent = await sendOne(engine, hurried(pipeline), target);
      const told = await canaryStory(engine, sent.name);
      if (!told) throw new Error(`canary ${nameKey(sent.name)} was sent, and the ledger doesn't know it`);
      return c.json(storyJson(told), 201);
    } finally {
      atOnce--;
    }
  });
  return app;
}

/** Mounts it where the API is. */
export const mountTestCanary = (app: OpenAPIHono, options: ApiOptions): void => {
  app.route('/api/v1', testCanaryApi(options));
};
