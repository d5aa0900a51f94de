/** One tick of its own, for configurations that need no more than one a minute: all that is due, to its end. */
import { tidy } from '../../engine/tidy.ts';
import type { Env } from './env.ts';
import { openWorkerEngine, openWorkerStore } from './open.ts';

const CONNECTIONS_MAX = 3;
const END_WITHIN_S = 5;

export async function runRound(env: Env): Promise<void> {
  const sql = openWorkerStore(env, CONNECTIONS_MAX);
  try {
    const running = await openWorkerEngine(env, sql);
    try {
      await running.tick(0);
      await running.idle();
      // The engine's own comes only to those that stay open.
      await tidy(running.engine);
    } finally {
      await running.close();
    }
  } finally {
    await sql.end({ timeout: END_WITHIN_S });
  }
}
