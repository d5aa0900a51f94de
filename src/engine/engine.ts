/**
 * Composes the steps. One `tick` does what is due and returns; what takes longer goes on beside it, at most one round per
 * checkpoint at a time, until `idle` says that all is done.
 */
import { createHmac } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Context } from '../contracts/context.ts';
import type { Json } from '../contracts/observer.ts';
import type { Registry } from '../contracts/registry.ts';
import { createKeyring, keyFingerprint } from '../domain/token.ts';
import { newWatch, type Watch } from '../domain/watermark.ts';
import { reapAbandoned } from '../store/emit.ts';
import { acquireLeases, type Lease, readFilledInboxes, releaseLeases } from '../store/lease.ts';
import { type OpenCanaries, readOpen } from '../store/look.ts';
import type { Sql } from '../store/open.ts';
import { identify, readWatches, retireOthers } from '../store/register.ts';
import { admitKeys, noteKeys } from '../store/signing-keys.ts';
import { discover } from './discover.ts';
import { planBeats } from './emit.ts';
import { createInstruments } from './instruments.ts';
import { Known } from './known.ts';
import {
  closePipelines,
  type Engine,
  type LiveCheckpoint,
  type LivePipeline,
  openPipelines,
} from './live.ts';
import { look, type Round } from './look.ts';
import { questionOf } from './plan.ts';
import { probeFailed, sendProbe } from './receive.ts';
import { sendBeat } from './send.ts';
import { settle } from './settle.ts';
import { remembering } from './signatures.ts';
import { type ClockReading, onClockStep, STEP_BOUND_MS, stepOf } from './steps.ts';
import { createStoreFault } from './store-fault.ts';
import { closeRetired, tidy } from './tidy.ts';

const LEASE_MS = 20_000;
const TIDY_EVERY_MS = 15_000;
const KEYS_EVERY_MS = 60_000;
const SETTLES_MAX = 50;
const SENDS_MAX = 2_000;
const DRAIN_MS = 30_000;
const CLOSE_LOOKS = 4;

/** A checkpoint whose lease we hold. */
interface Held {
  readonly pipeline: LivePipeline;
  readonly checkpoint: LiveCheckpoint;
  lease: Lease;
  watch: Watch;
  cursor: Json | undefined;
  readonly known: Known;
  /** Own failures (store, bug) back off here; the backend's stand in the watch. */
  notBeforeMs: number;
  failures: number;
  /** When it was last looked at or probed. */
  lookedMs: number | null;
  /** The inbox has something, or rows are left over. */
  wanted: boolean;
  /** As it was read when the round began. */
  open: OpenCanaries | null;
}

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
  return run(engine, registry, probeKey, abort);
}

function run(engine: Engine, registry: Registry, probeKey: string, abort: AbortController): RunningEngine {
  const { clock, log } = engine.ctx;
  const held = new Map<string, Held>();
  /** Checkpoints with a round under way, which may be one under a lease that is over. */
  const busy = new Set<string>();
  const tasks = new Set<Promise<void>>();
  let sends = 0;
  let reading: ClockReading = { wallMs: clock.now(), monoMs: clock.mono() };
  let leasesMono = Number.NEGATIVE_INFINITY;

  const failed = (what: string, error: unknown): void => {
    engine.instruments.add('step_failures');
    const level = engine.storeFault.met(error) ? 'debug' : 'error';
    log(level, `${what}.failed`, {
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  };

  const start = (what: string, work: () => Promise<void>): void => {
    const task = work()
      .catch(error => failed(what, error))
      .finally(() => tasks.delete(task));
    tasks.add(task);
  };

  const guarded = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      failed(what, error);
      return false;
    }
  };

  async function checkClock(): Promise<void> {
    const now = { wallMs: clock.now(), monoMs: clock.mono() };
    const stepMs = stepOf(reading, now);
    if (Math.abs(stepMs) > STEP_BOUND_MS) {
      await onClockStep(
        engine,
        stepMs,
        [...held.values()].map(h => h.lease),
      );
      held.clear();
      leasesMono = Number.NEGATIVE_INFINITY;
    }
    // Only now: a step that the store didn't take is still ahead of us.
    reading = now;
  }

  async function renewLeases(): Promise<void> {
    if (clock.mono() - leasesMono < engine.leaseMs / 4) return;
    const places = engine.pipelines.flatMap(p => p.checkpoints.map(c => ({ pipeline: p, checkpoint: c })));
    const wanted = places.map(p => ({ ...p.checkpoint.key, generation: p.pipeline.generation }));
    const leases = new Map(
      (await acquireLeases(engine.sql, { self: engine.self, leaseMs: engine.leaseMs, wanted })).map(l => [
        keyOf(l),
        l,
      ]),
    );
    leasesMono = clock.mono();
    engine.storeFault.worked();
    await reapAbandoned(engine.sql, { nowMs: clock.now(), leaseMs: engine.leaseMs });
    for (const key of held.keys()) if (!leases.has(key)) held.delete(key);
    const fresh = places.filter(p => {
      const lease = leases.get(keyOf(p.checkpoint.key));
      return lease && held.get(keyOf(p.checkpoint.key))?.lease.fence !== lease.fence;
    });
    if (fresh.length === 0) return;
    const states = new Map(
      (await readWatches(engine.sql, [...new Set(fresh.map(f => f.pipeline.number))])).map(s => [
        keyOf(s),
        s,
      ]),
    );
    for (const place of fresh) {
      const key = keyOf(place.checkpoint.key);
      const lease = leases.get(key);
      const state = states.get(key);
      if (!lease || !state) continue;
      held.set(key, {
        ...place,
        lease,
        // What was put off before is tried at once: by another clock, perhaps.
        watch: { ...newWatch, ...state.watermark, notBeforeMs: 0 },
        cursor: (state.cursor ?? undefined) as Json | undefined,
        known: new Known(),
        notBeforeMs: 0,
        failures: 0,
        lookedMs: null,
        wanted: true,
        open: null,
      });
    }
  }

  async function round(h: Held): Promise<void> {
    const { way } = h.checkpoint.rules;
    const nowMs = clock.now();
    const due = lookDue(h, nowMs);
    let seconds: Round['seconds'] = [];
    const sinceMs = h.lookedMs ?? nowMs - h.checkpoint.rules.lookEveryMs;
    if (due) h.lookedMs = nowMs;
    if (due && way === 'receive') {
      if (!(await sendProbe(engine, h, probeKey))) await probeFailed(engine, h, sinceMs);
    } else if (due) {
      const seen = await look(engine, h, h.watch, h.cursor);
      seconds = seen.seconds;
      h.watch = seen.watch;
      if (!seen.news && !h.wanted && !mustSettle(h, nowMs)) return;
      if (way === 'follow') {
        const [state] = (await readWatches(engine.sql, [h.lease.pipeline])).filter(
          s => keyOf(s) === keyOf(h.lease),
        );
        h.cursor = (state?.cursor ?? undefined) as Json | undefined;
      }
    }
    h.wanted = false;
    for (let i = 0; i < SETTLES_MAX; i++) {
      const settled = await settle(engine, h, seconds);
      h.watch = settled.watch;
      if (!settled.more) return;
    }
    h.wanted = true;
  }

  function startRound(h: Held): void {
    const key = keyOf(h.lease);
    busy.add(key);
    start('round', async () => {
      try {
        await round(h);
        h.failures = 0;
      } catch (error) {
        h.failures++;
        h.notBeforeMs = clock.now() + Math.min(500 * 2 ** h.failures, 30_000) * (0.5 + engine.ctx.random());
        if (error instanceof Error && error.name === 'LeaseLostError') {
          if (held.get(keyOf(h.lease)) === h) held.delete(keyOf(h.lease));
          engine.instruments.add('leases_lost');
          log('info', 'lease.lost', { reason: error.message });
          return;
        }
        throw error;
      } finally {
        busy.delete(key);
      }
    });
  }

  async function lookAround(): Promise<void> {
    const nowMs = clock.now();
    const filled = await readFilledInboxes(
      engine.sql,
      engine.pipelines.map(p => p.number),
    );
    for (const f of filled) {
      const h = held.get(keyOf(f));
      if (h) h.wanted = true;
    }
    const ready = [...held.values()].filter(
      h => !busy.has(keyOf(h.lease)) && nowMs >= h.notBeforeMs && (h.wanted || lookDue(h, nowMs)),
    );
    const asking = ready.filter(h => h.checkpoint.rules.way === 'query' && lookDue(h, nowMs));
    const open = await readOpen(
      engine.sql,
      asking.map(h => questionOf(h.checkpoint, h.watch, nowMs)),
    );
    for (const [i, h] of asking.entries()) h.open = open[i] ?? null;
    for (const h of ready) startRound(h);
  }

  async function sendDue(aheadMs: number): Promise<void> {
    if (sends >= SENDS_MAX) return log('warn', 'emit.backlog', { sends });
    const nowMs = clock.now();
    const own = await planBeats(engine, nowMs, nowMs + aheadMs);
    if (own.length > 0) engine.storeFault.worked();
    for (const beat of own) {
      sends++;
      start('emit', async () => {
        try {
          await sendBeat(engine, beat);
        } finally {
          sends--;
        }
      });
    }
  }

  /** Begins the work when its time has come again, one at a time. */
  const periodic = (what: string, everyMs: number, work: () => Promise<void>): (() => void) => {
    let lastMono = Number.NEGATIVE_INFINITY;
    let busy = false;
    return () => {
      if (busy || clock.mono() - lastMono < everyMs) return;
      lastMono = clock.mono();
      busy = true;
      start(what, () =>
        work().finally(() => {
          busy = false;
        }),
      );
    };
  };
  const housekeeping = [
    periodic('tidy', TIDY_EVERY_MS, () => tidy(engine)),
    periodic('keys', KEYS_EVERY_MS, () =>
      noteKeys(engine.sql, engine.config.signingKeys.map(keyFingerprint), {
        self: engine.self,
        nowMs: clock.now(),
      }),
    ),
    ...engine.pipelines.flatMap(live =>
      live.config.discovery
        ? [periodic('discover', live.config.discovery.refreshMs, () => discover(engine, registry, live))]
        : [],
    ),
  ];

  return {
    engine,
    probeKey,
    async tick(aheadMs) {
      if (engine.stop.aborted) return;
      if (!(await guarded('clock', checkClock))) return;
      await guarded('lease', renewLeases);
      await guarded('emit', () => sendDue(aheadMs));
      await guarded('look', lookAround);
      for (const begin of housekeeping) begin();
    },
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks);
    },
    async close() {
      abort.abort(new Error('shutting down'));
      const late = clock.sleep(DRAIN_MS).then(() => 'late' as const);
      const all = (async () => {
        while (tasks.size > 0) await Promise.all(tasks);
        return 'done' as const;
      })();
      if ((await Promise.race([all, late])) === 'late') log('error', 'shutdown.late', { tasks: tasks.size });
      await guarded('lease', () => releaseLeases(engine.sql, engine.self));
      await closePipelines(engine.pipelines);
    },
  };
}

const keyOf = (k: { readonly pipeline: number; readonly checkpoint: number }): string =>
  `${k.pipeline}/${k.checkpoint}`;

/**
 * Whether a look without news leaves something to judge. Canaries that have arrived and only wait for their row to close are
 * closed with the next news, or a few looks later.
 */
function mustSettle({ open, watch, checkpoint: { rules } }: Held, nowMs: number): boolean {
  if (open === null || open.due.length > 0) return true;
  const untilMs = Math.max(watch.wMs ?? 0, nowMs - rules.keepsMs);
  return open.next_due !== null && open.next_due <= untilMs - CLOSE_LOOKS * rules.lookEveryMs;
}

function lookDue(h: Held, nowMs: number): boolean {
  if (nowMs < h.watch.notBeforeMs) return false;
  return h.lookedMs === null || nowMs - h.lookedMs >= h.checkpoint.rules.lookEveryMs;
}
