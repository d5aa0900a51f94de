/**
 * The one HTTP app, the same on Node, on Workers and in the simulator. Everything it needs comes with the running engine:
 * time, transport and randomness from its context, evidence from its store.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { RunningEngine } from '../engine/engine.ts';
import { createAccess } from './access.ts';
import { canariesApi } from './api/canaries.ts';
import { incidentsApi } from './api/incidents.ts';
import { pipelinesApi } from './api/pipelines.ts';
import { testCanaryApi } from './api/test-canary.ts';
import { mountEmit } from './emit.ts';
import { mountHealth } from './health.ts';
import { type IngestLimits, mountIngest } from './ingest.ts';
import { mountMetrics } from './metrics.ts';
import { Problem, problemResponse } from './problem.ts';

export interface AppOptions {
  readonly running: RunningEngine;
  readonly version: string;
  /** When the runtime last ticked the engine, on the monotonic clock: for `/readyz`. */
  readonly lastTickMonoMs?: () => number | undefined;
  readonly limits?: Partial<IngestLimits>;
  /** Mounts more (pages) before what isn't found is answered. */
  readonly extra?: (app: Hono) => void;
}

export function createApp(options: AppOptions): Hono {
  const { running, version } = options;
  const access = createAccess(running.engine.config);
  const app = new OpenAPIHono();
  app.onError(error => {
    if (error instanceof Problem) return problemResponse(error);
    // A body that isn't the JSON it says it is.
    if (error instanceof HTTPException && error.status === 400)
      return problemResponse(new Problem('bad-request', error.message));
    running.engine.ctx.log('error', 'web.failed', { reason: error.stack ?? error.message });
    return problemResponse(
      new Problem('internal', 'the log says more; try again, and report it if it stays'),
    );
  });
  app.route('/api/v1', pipelinesApi({ running, access }));
  app.route('/api/v1', canariesApi({ running, access }));
  app.route('/api/v1', incidentsApi({ running, access }));
  app.route('/api/v1', testCanaryApi({ running, access }));
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of access.keys. Not needed for what access.public names.',
  });
  app.doc31('/api/v1/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'coalmine',
      version,
      description: 'Proves that security logs arrive. Errors are RFC 9457 problems, lists {data, next}.',
    },
    security: [{ key: [] }, {}],
  });
  const plain = app as unknown as Hono;
  mountIngest(plain, { running, access, ...(options.limits ? { limits: options.limits } : {}) });
  mountEmit(plain, { running, access });
  mountMetrics(plain, { running, access, version });
  mountHealth(plain, {
    running,
    ...(options.lastTickMonoMs ? { lastTickMonoMs: options.lastTickMonoMs } : {}),
  });
  options.extra?.(plain);
  app.notFound(c =>
    problemResponse(
      new Problem('not-found', `expected one of the paths in /api/v1/openapi.json, found ${c.req.path}`),
    ),
  );
  return plain;
}
