/**
 * The demo: the real engine with real adapters over real sockets, watching a lab that can be broken. Lab, identity
 * provider, pages and API share one origin.
 */
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context as Call, Hono } from 'hono';
import type { Config } from '../config/config.ts';
import { formatDiagnostics } from '../config/format.ts';
import { parseConfig } from '../config/load.ts';
import type { Log } from '../contracts/context.ts';
import type { RunningEngine } from '../engine/engine.ts';
import { overview } from '../engine/overview.ts';
import { turnedAway } from '../engine/receive.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { registry } from '../registry.gen.ts';
import type { LabPanel } from '../web/pages/index.tsx';
import { createClock } from './clock.ts';
import { type Archive, openArchive } from './demo/archive.ts';
import {
  CACHE_RECORDS,
  CLIENT_ID,
  CLIENT_SECRET,
  demoYaml,
  EXPORT_KEY,
  IDP_AGENT,
  SSH_AGENTS,
  urlsOf,
} from './demo/config.ts';
import { type IdentityProvider, openIdentityProvider } from './demo/identity-provider.ts';
import { createNarrator } from './demo/narrator.ts';
import { prepareDemoDir } from './demo/place.ts';
import { greeting, hints } from './demo/words.ts';
import { mountGuardedPages } from './node/pages.ts';
import { keptSecret } from './node/secret-file.ts';
import { type Front, listen, type NodeHandle, startNode } from './node.ts';

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
    const parts = await openParts(front, dataDir, log);
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

interface DemoParts {
  readonly lab: Lab;
  readonly idp: IdentityProvider;
  readonly config: Config;
}

async function openParts(front: Front, dataDir: string, log: Log): Promise<DemoParts> {
  const secret = await keptSecret(dataDir, 'demo-key');
  const derived = (what: string) => createHmac('sha256', secret).update(what).digest('hex');
  const [exportKey, clientSecret] = [derived('export'), derived('oidc client')];
  const urls = urlsOf(front.url);
  const archive = await openArchive(join(dataDir, 'lab'));
  const idp = await openIdentityProvider({
    issuer: urls.issuer,
    client: { id: CLIENT_ID, secret: clientSecret },
    agentUrl: urls.agent(IDP_AGENT),
    log,
  });
  const yaml = demoYaml({ url: front.url, dataDir, authLog: archive.authLog });
  await writeFile(join(dataDir, 'coalmine.yaml'), yaml, { mode: 0o644 });
  const parsed = parseConfig(yaml, {
    file: join(dataDir, 'coalmine.yaml'),
    env: { [EXPORT_KEY]: exportKey, [CLIENT_SECRET]: clientSecret },
    registry,
  });
  if (!parsed.config)
    throw new Error(`the demo's own configuration is wrong:\n${formatDiagnostics(parsed.diagnostics)}`);
  return { lab: openLab(front, archive, exportKey), idp, config: parsed.config };
}

const openLab = (front: Front, archive: Archive, exportKey: string): Lab =>
  createLab({
    clock: createClock({ unref: true }),
    random: Math.random,
    fetch: globalThis.fetch,
    baseUrl: front.url,
    agents: [...SSH_AGENTS, IDP_AGENT],
    cacheRecords: CACHE_RECORDS,
    dispatchEveryMs: 500,
    recordsMax: 60_000,
    canariesMax: 20_000,
    archive: line => archive.append(line),
    exportTo: { url: urlsOf(front.url).export, key: exportKey },
  });

/** Canaries that were under way when the last run ended are nobody's loss: its lab kept them in memory. */
async function noteRestart({ engine }: RunningEngine, startedMs: number): Promise<void> {
  for (const pipeline of engine.pipelines) {
    if (pipeline.plannedToMs >= startedMs) continue;
    const fromMs = pipeline.plannedToMs - UNJUDGED_MS;
    for (const checkpoint of pipeline.checkpoints) {
      const at = { pipeline, checkpoint };
      await turnedAway(engine, at, fromMs, 'the demo was restarted, and its lab forgot what it held');
    }
  }
}

function mountDemo(app: Hono, running: RunningEngine, demo: DemoParts & { readonly version: string }): void {
  const { lab, idp, version } = demo;
  app.all('/lab/oidc/*', async c => {
    const { incoming, outgoing } = c.env as HttpBindings;
    await idp.handle(incoming, outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  // Not `app.route`: the lab's own limits on bodies are not coalmine's.
  const toLab = (c: Call) => lab.app.fetch(c.req.raw);
  for (const path of ['/lab', '/lab/*', '/loki/*']) app.all(path, toLab);
  mountGuardedPages(app, { running, version, lab: panelOf(lab) });
}

const panelOf = (lab: Lab): LabPanel => ({
  agents: [...SSH_AGENTS, IDP_AGENT],
  faults: async () => lab.faults.get(),
  put: async patch => void lab.faults.set(patch),
  reset: async () => void lab.faults.reset(),
  restart: async agent => void lab.restart(agent),
  truthCounts: async () => {
    const { canaries, places } = lab.truth({ limit: 1 }).counts;
    const of = (place: keyof typeof places) => {
      const { stored, dropped, overwritten, refused, in_flight } = places[place];
      return {
        [`stored at the ${place}`]: stored,
        [`dropped before the ${place}`]: dropped + overwritten + refused,
        [`on the way to the ${place}`]: in_flight,
      };
    };
    return { 'canaries met': canaries, ...of('archive'), ...of('store'), ...of('export') };
  },
});

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
