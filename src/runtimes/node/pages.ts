/** The pages on a Node server, shown to whom the configuration lets read. */
import type { Hono } from 'hono';
import type { RunningEngine } from '../../engine/engine.ts';
import { createAccess } from '../../web/access.ts';
import { type LabPanel, mountPages } from '../../web/pages/index.tsx';
import { Problem } from '../../web/problem.ts';

/** The overview shows every pipeline, so it is for those who may read them all; a pipeline's own page may be public alone. */
export function mountGuardedPages(
  app: Hono,
  options: { readonly running: RunningEngine; readonly version: string; readonly lab?: LabPanel },
): void {
  const { config } = options.running.engine;
  const access = createAccess(config);
  app.use('/', async (c, next) => {
    if (access.readable(c.req.raw).length < config.pipelines.length) access.demand(c.req.raw, 'read');
    await next();
  });
  app.use('/pipelines/:name', async (c, next) => {
    const name = c.req.param('name');
    if (!access.readable(c.req.raw).includes(name)) {
      access.demand(c.req.raw, 'read');
      throw new Problem('not-found', `there is no pipeline "${name.slice(0, 100)}"`);
    }
    await next();
  });
  mountPages(app, options);
}
