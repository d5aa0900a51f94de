/**
 * Composes the steps. One `tick` does what is due and returns; what takes longer goes on beside it, at most one round per
 * checkpoint at a time, until `idle` says that all is done.
 */
import { createHmac } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Context } from '../contracts/context.ts';
import type { Registry } from '../contracts/registry.ts';
import { createKeyring, keyFingerprint } from '../domain/token.ts';
import { releaseLeases } from '../store/lease.ts';
import type { Sql } from '../store/open.ts';
import { identify, retireOthers } from '../store/register.ts';
import { admitKeys, noteKeys } from '../store/signing-keys.ts';
import { createAlert } from './alert.ts';
import { seal } from './chain.ts';
import { createCommits } from './commits.ts';
import { conditions } from './conditions.ts';
import { createDetection } from './detection.ts';
import { discover } from './discover.ts';
import { planBeats } from './emit.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createHolding } from './held.ts';
import { createInstruments } from './instruments.ts';
import { closePipelines, type Engine, openPipelines } from './live.ts';
import { closeNotifiers, type Notifiers, openNotifiers } from './notifiers.ts';
import { createRounds } from './rounds.ts';
import { sendBeat } from './send.ts';
import { remembering } from './signatures.ts';
import { type ClockReading, onClockStep, STEP_BOUND_MS, stepOf } from './steps.ts';
import { createStoreFault } from './store-fault.ts';
import { createTasks, type Tasks } from './tasks.ts';
import { closeRetired, createTidy } from './tidy.ts';
import { createTripwire } from './tripwire.ts';
import { endUnwatched } from './unwatched.ts';

const LEASE_MS = 20_000;
const TIDY_EVERY_MS = 15_000;
const KEYS_EVERY_MS = 60_000;
const ALERT_EVERY_MS = 1_000;
const CONDITIONS_EVERY_MS = 5_000;
const SEAL_EVERY_MS = 60_000;
const SENDS_MAX = 2_000;
const DRAIN_MS = 30_000;

export interface RunningEngine {
  readonly engine: Engine;
  /** The bearer key of self-probes; derived, so that all replicas accept each other's. */
  readonly probeKey: string;
  /** Does what is due now, planning beats up to `aheadMs` from now. Never throws for the world's faults. */
  tick(aheadMs: number): Promise<void>;
  /** Resolves when nothing that a tick began is still under way. */
  idle(): Promise<void>;
  /** Stops sending and looking, commits what is known, gives the leases back. */
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly sql: Sql;
  readonly ctx: Context;
  readonly config: Config;
  readonly registry: Registry;
  /** Unique to this process among the replicas. */
  readonly self: string;
  /** A replica without a heartbeat for this long is gone, milliseconds; default 20 s. */
  readonly leaseMs?: number;
  /** Drawn at random; taken only by a store that has no identity yet. */
  readonly fresh: { readonly storeId: string; readonly seed: string };
}

/** Opens the engine on a migrated store. */
export async function openEngine(options: EngineOptions): Promise<RunningEngine> {
  const { sql, ctx, config, registry, self } = options;
  const identity = await identify(sql, { ...options.fresh, nowMs: ctx.clock.now() });
  const { storeId, epochs } = identity;
  const leaseMs = options.leaseMs ?? LEASE_MS;
  const keys = config.signingKeys.map(keyFingerprint);
  const lookBackMs = Math.max(0, ...config.pipelines.flatMap(p => p.checkpoints.map(c => c.lookBackMs)));
  await admitKeys(sql, keys, { nowMs: ctx.clock.now(), lookBackMs, leaseMs });
  const keyring = remembering(
    createKeyring({ signingKeys: config.signingKeys, storeId, epochs }),
    epochs.at(-1) ?? 0,
  );
  const pipelines = await openPipelines({ sql, ctx, config, registry, identity });
  for (const pipeline of pipelines) pipeline.tripwire = createTripwire(pipeline, pipelines);
  const notifiers = await openNotifiers({ registry, config, ctx }).catch(async error => {
    await closePipelines(pipelines);
    throw error;
  });
  await retireOthers(
    sql,
    config.pipelines.map(p => p.id),
  );
  const abort = new AbortController();
  const engine: Engine = {
    sql,
    ctx,
    config,
    keyring,
    self,
    leaseMs,
    pipelines,
    instruments: createInstruments(),
    storeFault: createStoreFault(ctx),
    stop: abort.signal,
  };
  const probeKey = createHmac('sha256', config.signingKeys[0] ?? '')
    .update(`probe ${identity.storeId}`)
    .digest('hex');
  await noteKeys(sql, keys, { self, nowMs: ctx.clock.now() });
  await closeRetired(engine);
  // Before what is left of them is counted anew, at places that are none of theirs.
  await endUnwatched(engine);
  return run(engine, { registry, notifiers, probeKey, abort });
}

interface With {
  readonly registry: Registry;
  readonly notifiers: Notifiers;
  readonly probeKey: string;
  readonly abort: AbortController;
}

function run(engine: Engine, { registry, notifiers, probeKey, abort }: With): RunningEngine {
  const { clock, log } = engine.ctx;
  const tasks = createTasks(engine);
  const commits = createCommits(engine);
  const holding = createHolding(engine);
  const lookAround = createRounds(engine, { holding, tasks, commits, probeKey });
  const detectDue = createDetection(engine, { holding, tasks });
  let sends = 0;
  let reading: ClockReading = { wallMs: clock.now(), monoMs: clock.mono() };

  async function checkClock(): Promise<void> {
    const now = { wallMs: clock.now(), monoMs: clock.mono() };
    const stepMs = stepOf(reading, now);
    if (Math.abs(stepMs) > STEP_BOUND_MS) {
      await onClockStep(
        engine,
        stepMs,
        holding.all().map(h => h.lease),
      );
      holding.dropAll();
    }
    // Only now: a step that the store didn't take is still ahead of us.
    reading = now;
  }

  async function sendDue(aheadMs: number): Promise<void> {
    if (sends >= SENDS_MAX) return log('warn', 'emit.backlog', { sends });
    const nowMs = clock.now();
    const own = await planBeats(engine, nowMs, nowMs + aheadMs);
    if (own.length > 0) engine.storeFault.worked();
    for (const beat of own) {
      sends++;
      tasks.start('emit', async () => {
        try {
          await sendBeat(engine, beat, commits.outcomes.add);
        } finally {
          sends--;
        }
      });
    }
  }
  const housekeeping = [...housekeepingOf(engine, registry, tasks), ...tellingOf(engine, notifiers, tasks)];
  return {
    engine,
    probeKey,
    async tick(aheadMs) {
      if (engine.stop.aborted) return;
      if (!(await tasks.guarded('clock', checkClock))) return;
      await tasks.guarded('lease', holding.renew);
      await tasks.guarded('emit', () => sendDue(aheadMs));
      await tasks.guarded('look', lookAround);
      detectDue();
      for (const begin of housekeeping) begin();
    },
    idle: () => commits.hurry(tasks.idle),
    async close() {
      abort.abort(new Error('shutting down'));
      const drained = new AbortController();
      const late = clock.sleep(DRAIN_MS, drained.signal).then(
        () => 'late' as const,
        () => 'done' as const,
      );
      const all = commits.hurry(tasks.idle).then(() => 'done' as const);
      if ((await Promise.race([all, late])) === 'late') log('error', 'shutdown.late', { tasks: tasks.size });
      drained.abort();
      await tasks.guarded('lease', () => releaseLeases(engine.sql, engine.self));
      await closePipelines(engine.pipelines);
      await closeNotifiers(notifiers);
    },
  };
}

function housekeepingOf(engine: Engine, registry: Registry, tasks: Tasks): (() => void)[] {
  const { sql, self, config, ctx } = engine;
  const keys = config.signingKeys.map(keyFingerprint);
  return [
    tasks.periodic('tidy', TIDY_EVERY_MS, createTidy(engine)),
    tasks.periodic('keys', KEYS_EVERY_MS, () => noteKeys(sql, keys, { self, nowMs: ctx.clock.now() })),
    ...engine.pipelines.flatMap(live =>
      live.config.discovery
        ? [
            tasks.periodic('discover', live.config.discovery.refreshMs, () =>
              discover(engine, registry, live),
            ),
          ]
        : [],
    ),
  ];
}

/** What turns evidence into statements to people, beside the detectors. */
function tellingOf(engine: Engine, notifiers: Notifiers, tasks: Tasks): (() => void)[] {
  return [
    tasks.periodic('conditions', CONDITIONS_EVERY_MS, () => conditions(engine)),
    tasks.periodic('seal', SEAL_EVERY_MS, async () => void (await seal(engine))),
    tasks.periodic(
      'alert',
      notifiers.size > 0 ? ALERT_EVERY_MS : SEAL_EVERY_MS,
      createAlert(engine, notifiers, { start: tasks.start }),
    ),
    ...(engine.config.heartbeat
      ? [tasks.periodic('heartbeat', ALERT_EVERY_MS, createHeartbeat(engine))]
      : []),
  ];
}
