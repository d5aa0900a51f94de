/**
 * A machine that runs coalmine as the Node runtime composes it: one life after the other, each with an engine, an app and a
 * pulse; started again by a supervisor where its start fails.
 */
import type { Hono } from 'hono';
import type { Config } from '../config/config.ts';
import type { Context, Log } from '../contracts/context.ts';
import { openEngine, type RunningEngine } from '../engine/engine.ts';
import { registry } from '../registry.gen.ts';
import { migrate } from '../store/migrate.ts';
import type { Sql } from '../store/open.ts';
import { createApp } from '../web/app.ts';
import { mountPages } from '../web/pages/index.tsx';
import { clockOf, WallClock } from './clock.ts';
import type { Door, Gate } from './gate.ts';
import { HighWater } from './high-water.ts';
import { randomOf } from './random.ts';
import { type Actor, newActor, type Scheduler } from './scheduler.ts';
import { gatedSql } from './sql.ts';
import { StatementFaults } from './statement-faults.ts';
import type { Peer, Wire } from './wire.ts';

export interface LogLine {
  /** Milliseconds after the start of the run. */
  readonly atMs: number;
  readonly life: number;
  readonly level: Parameters<Log>[0];
  readonly event: string;
  readonly fields: Record<string, unknown> | undefined;
}

export interface ReplicaOptions {
  readonly index: number;
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly gate: Gate;
  readonly wire: Wire;
  /** Builds queries; not connected. */
  readonly model: Sql;
  /** Not gated, for reading. */
  readonly raw: Sql;
  readonly sessionsMax: number;
  /** Whoever starts and ends processes. */
  readonly operator: Actor;
  readonly onLog: (replica: Replica, line: LogLine) => void;
}

/** From its start until it dies or has ended. */
interface Life {
  readonly number: number;
  readonly actor: Actor;
  readonly door: Door;
  readonly config: Config;
  running: RunningEngine | undefined;
  app: Hono | undefined;
  lastTickMono: number | undefined;
  /** Aborts when it is asked to end. */
  readonly stop: AbortController;
  readonly gone: Promise<void>;
  readonly bury: () => void;
}

const AHEAD_MS = 1_000;
const PLANNED_MS = AHEAD_MS + 250;
const TICK_MS = 1_000;
const RESTART_AFTER_MS = 2_000;
/** As service managers have it; then it is killed. */
const STOP_WITHIN_MS = 90_000;
const VERSION = '0.0.0-simulated';

export class Replica {
  readonly name: string;
  readonly wall: WallClock;
  readonly logs: LogLine[] = [];
  readonly faults: StatementFaults;
  readonly #o: ReplicaOptions;
  readonly #highWater = new HighWater();
  #life: Life | undefined;
  #lives = 0;

  constructor(options: ReplicaOptions) {
    this.#o = options;
    this.name = `replica-${options.index}`;
    this.wall = new WallClock(options.scheduler);
    this.faults = new StatementFaults(randomOf(options.seed, `${this.name} statements`));
  }

  get index(): number {
    return this.#o.index;
  }

  /** Its engine; undefined while it is down or starting. */
  get running(): RunningEngine | undefined {
    return this.#life?.running;
  }

  /** It runs, or is starting. */
  get alive(): boolean {
    return this.#life !== undefined;
  }

  get frozen(): boolean {
    return (this.#life?.actor.frozenUntilMs ?? 0) > this.#o.scheduler.nowMs;
  }

  /** How many times it was started. */
  get lives(): number {
    return this.#lives;
  }

  /** What its app answers, read from the store as it is, without a turn at the scheduler. Only for what changes nothing. */
  async ask(path: string, init?: RequestInit): Promise<Response> {
    const running = this.running;
    if (!running) throw new Error(`${this.name} doesn't run`);
    const reading = { ...running, engine: { ...running.engine, sql: this.#o.raw } };
    return await appOf(reading, () => this.#life?.lastTickMono).request(path, init);
  }

  start(config: Config): void {
    if (this.#life) return;
    const life = this.#born(config);
    this.#life = life;
    void this.#live(life).catch(error => {
      this.#log(life)('error', 'simulated.life_failed', { reason: String((error as Error)?.stack ?? error) });
      return this.#bury(life);
    });
  }

  /** Nothing of its memory is used again. Only when it is the scheduler's turn. */
  async kill(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    this.#life = undefined;
    this.#o.scheduler.forget(life.actor);
    await this.#o.gate.close(life.door);
    life.bury();
  }

  /** Asks it to end; resolves when it has. One that doesn't in time is killed. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    if (!life.stop.signal.aborted) {
      life.stop.abort(new Error('asked to end'));
      const { scheduler, operator } = this.#o;
      const go = () => (this.#life === life ? this.kill() : undefined);
      scheduler.at(scheduler.nowMs + STOP_WITHIN_MS, {
        actor: operator,
        label: `kills ${this.name} if it hasn't ended`,
        go,
      });
    }
    await life.gone;
  }

  freeze(forMs: number): void {
    if (this.#life) this.#life.actor.frozenUntilMs = this.#o.scheduler.nowMs + forMs;
  }

  thaw(): void {
    if (this.#life) this.#life.actor.frozenUntilMs = 0;
  }

  /** It takes requests; undefined: it doesn't. */
  peer(): Peer | undefined {
    const life = this.#life;
    if (!life?.running || life.stop.signal.aborted) return undefined;
    const { running } = life;
    return {
      actor: life.actor,
      gone: life.gone,
      answer: async request => {
        life.app ??= appOf(running, () => life.lastTickMono);
        return await life.app.fetch(request);
      },
    };
  }

  #born(config: Config): Life {
    const actor = newActor(this.name);
    let bury: () => void = () => {};
    const gone = new Promise<void>(resolve => {
      bury = resolve;
    });
    const door: Door = {
      actor,
      faults: this.faults,
      sessionsMax: this.#o.sessionsMax,
      holders: new Set(),
      die: () => this.kill(),
    };
    this.#o.gate.open(door);
    return {
      number: ++this.#lives,
      actor,
      door,
      config,
      running: undefined,
      app: undefined,
      lastTickMono: undefined,
      stop: new AbortController(),
      gone,
      bury,
    };
  }

  async #live(life: Life): Promise<void> {
    const { scheduler } = this.#o;
    const clock = clockOf(scheduler, this.wall, life.actor);
    const { signal } = life.stop;
    try {
      life.running = await this.#open(life);
    } catch (error) {
      this.#log(life)('warn', 'simulated.start_failed', { reason: String(error) });
      if (!signal.aborted) await clock.sleep(RESTART_AFTER_MS, signal).catch(() => {});
      const again = !signal.aborted;
      await this.#bury(life);
      if (again) this.start(life.config);
      return;
    }
    const { running } = life;
    while (!signal.aborted) {
      await running.tick(AHEAD_MS);
      life.lastTickMono = clock.mono();
      this.#highWater.keep(running, clock.mono());
      // At every full second of the wall clock, as cron has it.
      const nowMs = clock.now();
      await clock.sleep(TICK_MS - (((nowMs % TICK_MS) + TICK_MS) % TICK_MS), signal).catch(() => {});
    }
    await clock.sleep(PLANNED_MS);
    await running.close();
    this.#highWater.keep(running, clock.mono(), true);
    await this.#bury(life);
  }

  async #open(life: Life): Promise<RunningEngine> {
    const { gate, model, scheduler, seed, wire } = this.#o;
    const sql = gatedSql(model, gate, life.door);
    const name = `${this.name}-${life.number}`;
    const ctx: Context = {
      clock: clockOf(scheduler, this.wall, life.actor),
      random: randomOf(seed, name),
      fetch: wire.fetchOf(life.actor),
      log: this.#log(life),
    };
    await migrate(sql);
    if (await this.#highWater.compare(sql, ctx.clock.now())) ctx.log('warn', 'store.restored');
    return await openEngine({
      sql,
      ctx,
      config: life.config,
      registry,
      self: name,
      fresh: { storeId: `sim-${seed}`, seed: `sim-${seed}` },
    });
  }

  /** Its process is over: what it holds is the server's to end. */
  #bury(life: Life): Promise<void> {
    const { scheduler, operator } = this.#o;
    const go = async () => {
      if (this.#life === life) await this.kill();
    };
    scheduler.park({ actor: operator, label: `sees ${this.name} end`, go });
    return life.gone;
  }

  #log(life: Life): Log {
    return (level, event, fields) => {
      if (!life.actor.alive) return;
      const line = { atMs: this.#o.scheduler.nowMs, life: life.number, level, event, fields };
      this.logs.push(line);
      this.#o.onLog(this, line);
    };
  }
}

const appOf = (running: RunningEngine, lastTickMonoMs: () => number | undefined): Hono =>
  createApp({
    running,
    version: VERSION,
    lastTickMonoMs,
    extra: app => mountPages(app, { running, version: VERSION }),
  });
