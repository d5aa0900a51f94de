/**
 * The demo: the real engine with real adapters over real sockets, watching a lab that can be broken. Lab, identity
 * provider, pages and API share one origin.
 */
import type { Log } from '../contracts/context.ts';
import { rereadPlans } from '../engine/emit.ts';
import type { RunningEngine } from '../engine/engine.ts';
import { overview } from '../engine/overview.ts';
import { turnedAway } from '../engine/receive.ts';
import type { Lab } from '../lab/lab.ts';
import { registry } from '../registry.gen.ts';
import { replan } from '../store/tidy.ts';
import { mountDemo } from './demo/mount.ts';
import { createNarrator } from './demo/narrator.ts';
import { openParts } from './demo/parts.ts';
import { prepareDemoDir } from './demo/place.ts';
import { greeting, hints, noticeLines } from './demo/words.ts';
import { listen, type NodeHandle, startNode } from './node.ts';

export interface DemoOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly dataDir?: string;
  /** Forget what earlier runs left. */
  readonly fresh?: boolean;
  readonly version: string;
  readonly log: Log;
  /** Takes what is to be told to a person, line by line. */
  readonly say: (line: string) => void;
  /** Say nothing but the address. */
  readonly quiet?: boolean;
  /** A receiver of the user's own for notices. */
  readonly webhook?: { readonly url: string; readonly secret?: string };
  readonly signal?: AbortSignal;
}

export interface DemoHandle extends NodeHandle {
  readonly lab: Lab;
  readonly dataDir: string;
}

/** Throws StartError for what a user can mend. */
export async function startDemo(options: DemoOptions): Promise<DemoHandle> {
  const { log, say } = options;
  const startedMs = Date.now();
  const front = await listen(
    { host: '127.0.0.1', port: options.port },
    log,
    'stop what listens there, or name another port with --port',
  );
  const stop = new AbortController();
  try {
    const dataDir = await prepareDemoDir(options.dataDir, options.fresh ?? false);
    const { webhook } = options;
    const parts = await openParts({
      front,
      dataDir,
      log,
      ...(webhook ? { webhook } : {}),
      hear: notice => {
        if (!options.quiet) for (const line of noticeLines(notice)) say(line);
      },
    });
    void parts.lab.run(stop.signal);
    const { version, signal } = options;
    const node = await startNode({
      config: parts.config,
      registry,
      log,
      version,
      front,
      ...(signal ? { signal } : {}),
      prepare: running => noteRestart(running, startedMs),
      extra: (app, running) => mountDemo(app, running, { ...parts, version }),
    });
    say(
      options.quiet
        ? `coalmine demo: ${front.url}`
        : greeting(parts.config, { url: front.url, dataDir }).join('\n'),
    );
    if (!options.quiet) void narrate(node, { say, startedMs, signal: stop.signal });
    return {
      ...node,
      lab: parts.lab,
      dataDir,
      async close() {
        await node.close();
        stop.abort();
      },
    };
  } catch (error) {
    stop.abort();
    await front.close(0);
    throw error;
  }
}

/** How far a watermark may have been behind when a run ended. */
const UNJUDGED_MS = 5_000;

/**
 * A demo that isn't running schedules nothing, and canaries that were under way when the last run ended are nobody's
 * loss: its lab kept them in memory.
 */
async function noteRestart({ engine }: RunningEngine, startedMs: number): Promise<void> {
  const nowMs = engine.ctx.clock.now();
  for (const pipeline of engine.pipelines) {
    if (pipeline.plannedToMs >= startedMs) continue;
    const fromMs = pipeline.plannedToMs - UNJUDGED_MS;
    for (const checkpoint of pipeline.checkpoints) {
      const at = { pipeline, checkpoint };
      await turnedAway(engine, at, fromMs, 'the demo was restarted, and its lab forgot what it held');
    }
    await replan(engine.sql, pipeline.number, { nowMs, backwards: false });
  }
  await rereadPlans(engine);
}

const POLL_MS = 2_000;
const WINDOW_MS = 15 * 60_000;

async function narrate(
  node: NodeHandle,
  {
    say,
    startedMs,
    signal,
  }: { readonly say: (line: string) => void; readonly startedMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { clock } = node.running.engine.ctx;
  const narrator = createNarrator(startedMs);
  let hinted = false;
  while (!node.running.engine.stop.aborted && !signal.aborted) {
    // A store that doesn't answer is told of by the log.
    const view = await overview(node.running.engine, { windowMs: WINDOW_MS }).catch(() => undefined);
    const time = new Date().toTimeString().slice(0, 8);
    for (const line of view ? narrator.read(view) : []) say(`${time}  ${line}`);
    if (!hinted && narrator.delivering()) {
      hinted = true;
      say(hints(node.url).join('\n'));
    }
    await clock.sleep(hinted ? POLL_MS : POLL_MS / 4, signal).catch(() => {});
  }
}
