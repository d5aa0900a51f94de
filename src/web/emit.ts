/**
 * `GET /emit/:pipeline/:target`: one registered, signed line for somebody else to send (`curl … | logger`). It counts as
 * sent when it has been read to its end; one that wasn't stays `maybe_sent`.
 */
import type { Hono } from 'hono';
import type { RunningEngine } from '../engine/engine.ts';
import { handOut } from '../engine/single.ts';
import type { Access } from './access.ts';
import { Problem } from './problem.ts';

/** The response ends when the outcome is committed, or then. */
const COMMIT_WAIT_MS = 2_000;

export function mountEmit(
  app: Hono,
  options: { readonly running: RunningEngine; readonly access: Access },
): void {
  const { engine } = options.running;
  app.get('/emit/:pipeline/:target', async c => {
    if (c.req.raw.method !== 'GET')
      throw new Problem('method-not-allowed', 'expected GET: every request registers a canary', {
        allow: 'GET',
      });
    options.access.demand(c.req.raw, 'emit');
    const pipeline = engine.pipelines.find(p => p.config.name === c.req.param('pipeline'));
    const target = pipeline?.targets.find(t => t.name === c.req.param('target'));
    if (!pipeline || !target)
      throw new Problem('not-found', 'expected /emit/PIPELINE/TARGET as the configuration names them');
    const handed = await handOut(engine, pipeline, target);
    if (!handed)
      throw new Problem(
        'conflict',
        'this pipeline’s events are provoked: nobody but the vendor can write one',
      );
    return new Response(
      onceRead(`${handed.event.text}\n`, () => settled(engine, handed.delivered())),
      {
        headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
      },
    );
  });
}

/** Gives the text, and when it has been taken calls `done` before it ends. Cancelled, it doesn't. */
function onceRead(text: string, done: () => Promise<void>): ReadableStream<Uint8Array> {
  let isGiven = false;
  return new ReadableStream(
    {
      async pull(controller) {
        if (!isGiven) {
          isGiven = true;
          controller.enqueue(new TextEncoder().encode(text));
          return;
        }
        await done();
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

async function settled({ ctx }: RunningEngine['engine'], commit: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const patience = ctx.clock.sleep(COMMIT_WAIT_MS, stop.signal).catch(() => {});
  const committed = commit.catch(error => ctx.log('error', 'emit.outcome_failed', { reason: String(error) }));
  await Promise.race([committed, patience]);
  stop.abort();
}
