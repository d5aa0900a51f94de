/** A test canary sent and looked for by this process, beside whatever runs on the same store, or alone. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config, PipelineConfig } from '../../config/config.ts';
import { generationOf } from '../../config/generation.ts';
import { canaryStory, readName } from '../../engine/canaries.ts';
import { openEngine, type RunningEngine } from '../../engine/engine.ts';
import { sendOne } from '../../engine/single.ts';
import { registry } from '../../registry.gen.ts';
import { createClock } from '../../runtimes/clock.ts';
import { listen } from '../../runtimes/node/front.ts';
import { keptSecret } from '../../runtimes/node/secret-file.ts';
import { migrate } from '../../store/migrate.ts';
import type { Sql } from '../../store/open.ts';
import { countAlive } from '../../store/restored.ts';
import { storyJson } from '../../web/api/answers.ts';
import { hurried } from '../../web/api/test-canary.ts';
import { createApp } from '../../web/app.ts';
import { context } from './context.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { KEPT_KEY } from './keys.ts';
import { type CliStore, openAnyStore } from './store.ts';
import type { TestSource } from './test-run.ts';
import { VERSION } from './version.ts';

type Closer = () => Promise<unknown>;

/** Opens what it takes. Throws CliError. */
export async function testHere(
  config: Config,
  pipeline: PipelineConfig,
  target: string | undefined,
): Promise<TestSource> {
  const closers: Closer[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer().catch(() => {});
  };
  try {
    const store = await openAnyStore(config, { create: true });
    closers.push(() => store.close());
    await migrate(store.sql);
    await expectOneConfig(store.sql, config);
    const running = await openQuietEngine(store, config);
    closers.push(() => running.close());
    if (pipeline.checkpoints.some(c => registry.observers.get(c.observe.kind)?.traits.way === 'receive'))
      closers.push(await receiveHere(running));
    return sourceOf(running, { pipeline, target, by: `this process, on ${store.describe}`, close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Another configuration would take the store over from the coalmine that runs on it. */
async function expectOneConfig(sql: Sql, config: Config): Promise<void> {
  if ((await countAlive(sql)) === 0) return;
  const rows = await sql<{ id: string; hash: string }[]>`
    select p.id, g.hash from pipeline p join generation g on g.pipeline = p.number and g.number = p.generation
     where not p.retired`;
  const there = new Map(rows.map(r => [r.id, r.hash]));
  const same =
    there.size === config.pipelines.length &&
    config.pipelines.every(p => there.get(p.id) === generationOf(p));
  if (same) return;
  throw new CliError(
    EXIT.usage,
    'a coalmine runs on this store with another configuration, and doesn’t answer at listen: or base_url: restart it with this one, or test with its own',
  );
}

/** A replica that looks and settles, and sends no beats: those are for a coalmine that stays. */
async function openQuietEngine(store: CliStore, config: Config): Promise<RunningEngine> {
  const drawn = config.signingKeys.length === 0 && store.dataDir !== undefined;
  const signingKeys = drawn ? [await keptSecret(store.dataDir, KEPT_KEY)] : config.signingKeys;
  const running = await openEngine({
    sql: store.sql,
    // Its last patience at closing must not keep us.
    ctx: { ...context, clock: createClock({ unref: true }) },
    config: { ...config, signingKeys },
    registry,
    self: `${hostname()} ${process.pid} test ${randomBytes(4).toString('hex')}`,
    fresh: { storeId: randomUUID(), seed: randomBytes(16).toString('hex') },
  });
  for (const p of running.engine.pipelines) {
    p.superseded = true;
    p.plannedToMs = Number.MAX_SAFE_INTEGER;
  }
  return running;
}

/** Takes what is pushed to us for as long as the test runs. */
async function receiveHere(running: RunningEngine): Promise<Closer> {
  const front = await listen(running.engine.config.listen, context.log, 'stop what listens there:');
  const app = createApp({ running, version: VERSION });
  front.serve((request, env) => app.fetch(request, env));
  return () => front.close(0);
}

function sourceOf(
  running: RunningEngine,
  test: { pipeline: PipelineConfig; target: string | undefined; by: string; close: () => Promise<void> },
): TestSource {
  const { engine } = running;
  const live = engine.pipelines.find(p => p.config.name === test.pipeline.name)!;
  const story = async (text: string) => {
    const name = readName(engine, text);
    const told = name && (await canaryStory(engine, name));
    if (!told) throw new Error(`the ledger doesn't know the canary ${text}`);
    return storyJson(told);
  };
  return {
    by: test.by,
    async send() {
      // Targets may be discovered, and are then known after the first tick.
      await running.tick(0);
      const { target } = test;
      const found = target === undefined ? live.targets[0] : live.targets.find(t => t.name === target);
      if (!found) {
        const known = live.targets.slice(0, 20).map(t => t.name);
        throw usageError(
          `there is no target ${JSON.stringify(target ?? '')} in ${live.config.name}: ${known.length > 0 ? `known here: ${known.join(', ')}` : 'none has been discovered'}`,
        );
      }
      const { name } = await sendOne(engine, hurried(live), found);
      return await story(`${name.target}.${name.slot}.${name.index}`);
    },
    async story(name) {
      await running.tick(0);
      return await story(name);
    },
    close: test.close,
  };
}
