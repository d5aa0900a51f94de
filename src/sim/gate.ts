/**
 * What a parked statement goes through when its turn has come: faults, a session, the server, perhaps another session's
 * lock, and the way back. One for the whole world, with a door for each replica.
 */
import type { Sql } from '../store/open.ts';
import type { WallClock } from './clock.ts';
import { readsClock } from './database-clock.ts';
import { below, type Random } from './random.ts';
import { unordered } from './row-order.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { AtServer, Ended, Session, Sessions } from './sessions.ts';
import { connectionLost, connectionRefused, type StatementFaults } from './statement-faults.ts';
import { shortHash, type Trace } from './trace.ts';

/** A transaction that is open, or a single statement that is under way: holds one session. */
export interface Holder {
  session: Session | undefined;
  /** The statement whose turn it is; those behind wait, as on a wire. */
  readonly waiting: object[];
  /** Why its connection is gone. */
  lost: Error | undefined;
  /** Called when that happens. */
  onLost: (error: Error) => void;
}

/** A replica's access to the store. */
export interface Door {
  readonly actor: Actor;
  readonly faults: StatementFaults;
  /** Sessions that it may have at once. */
  readonly sessionsMax: number;
  readonly holders: Set<Holder>;
  /** Ends the replica as `kill -9` does. */
  readonly die: () => Promise<void>;
}

export interface Statement {
  readonly text: string;
  readonly start: (client: Sql) => PromiseLike<unknown>;
  /** The transaction that it is of; absent: one of its own. */
  readonly of?: Holder;
  /** What becomes of the session afterwards: a single statement's is given back, `begin` keeps it. */
  readonly keeps?: Holder;
}

const PARKED_ONE_IN = 8;
/** As `openStore` tells the server; in virtual time here. */
const STATEMENT_TIMEOUT_MS = 60_000;

export interface GateOptions {
  readonly scheduler: Scheduler;
  readonly sessions: Sessions;
  readonly random: Random;
  readonly trace: Trace;
  readonly databaseClock: WallClock;
  /** The database server, for what it does by itself. */
  readonly server: Actor;
}

interface Way {
  readonly door: Door;
  readonly statement: Statement;
  readonly resolve: (rows: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A statement that waits for a lock. */
interface Blocked {
  readonly way: Way;
  readonly end: (ended: Ended) => Promise<void>;
  readonly forgetTimeout: () => void;
}

export class Gate {
  statements = 0;
  up = true;
  readonly #o: GateOptions;
  readonly #doors = new Set<Door>();
  readonly #blocked = new Map<AtServer, Blocked>();

  constructor(options: GateOptions) {
    this.#o = options;
  }

  open(door: Door): void {
    this.#doors.add(door);
  }

  /** Parks a statement. Resolves with its rows when it ran and its caller heard. */
  pass(door: Door, statement: Statement): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { of } = statement;
      const ticket = {};
      of?.waiting.push(ticket);
      const ready = () => (of ? of.waiting[0] === ticket : door.holders.size < door.sessionsMax);
      const leave = () => of?.waiting.splice(of.waiting.indexOf(ticket), 1);
      const way: Way = {
        door,
        statement,
        resolve: rows => {
          leave();
          resolve(rows);
        },
        reject: error => {
          leave();
          reject(error);
        },
      };
      const label = `sql ${brief(statement.text)}`;
      this.#o.scheduler.park({ actor: door.actor, label, ready, go: () => this.#go(way) });
    });
  }

  /** Its connections are gone, as seen from the server; nobody hears of it. */
  async close(door: Door): Promise<void> {
    this.#doors.delete(door);
    for (const holder of door.holders) if (holder.session) await this.#abandon(holder.session);
    door.holders.clear();
    await this.#release();
  }

  /** The server is gone, or back. All connections break with it. */
  async setUp(up: boolean): Promise<void> {
    this.up = up;
    if (up) return;
    const tell: (() => void)[] = [];
    for (const door of this.#doors) {
      for (const holder of [...door.holders]) tell.push(await this.#drop(door, holder, connectionLost()));
    }
    for (const one of tell) one();
    await this.#release();
  }

  async #go(way: Way): Promise<void> {
    const { door, statement } = way;
    const { of, text } = statement;
    if (of?.lost) return way.reject(of.lost);
    if (!this.up) return way.reject(connectionRefused());
    const fault = door.faults.draw();
    if (fault !== undefined) this.#o.trace.line(`  fault ${fault}`);
    if (fault === 'die_before') return await door.die();
    if (fault === 'fail') {
      const error = connectionLost();
      if (of) await this.#lose(door, of, error);
      way.reject(error);
      return await this.#release();
    }
    const holder: Holder = of ?? statement.keeps ?? newHolder();
    if (!of) {
      holder.session = await this.#o.sessions.take();
      door.holders.add(holder);
    }
    const session = holder.session as Session;
    this.statements++;
    if (readsClock(text)) {
      const nowMs = String(this.#o.databaseClock.now());
      // On the same wire, just before it. Fails in a transaction that has failed, as the statement will.
      session.client`select set_config('sim.now_ms', ${nowMs}, false)`.catch(() => {});
    }
    const atServer = await this.#o.sessions.run(session, statement.start);
    const end = (ended: Ended) => this.#ended(way, holder, ended, fault);
    if (atServer.ended) await end(atServer.ended);
    else this.#wait(atServer, way, end);
    await this.#release();
  }

  #wait(atServer: AtServer, way: Way, end: Blocked['end']): void {
    const { scheduler, trace, server } = this.#o;
    trace.line('  waits for a lock');
    const forgetTimeout = scheduler.at(scheduler.nowMs + STATEMENT_TIMEOUT_MS, {
      actor: server,
      label: 'statement timeout',
      go: async () => {
        await this.#o.sessions.cancel(atServer);
        await this.#release();
      },
    });
    this.#blocked.set(atServer, { way, end, forgetTimeout });
  }

  async #ended(
    way: Way,
    holder: Holder,
    ended: Ended,
    fault: 'unknown' | 'die_after' | undefined,
  ): Promise<void> {
    const { door, statement } = way;
    if ('rows' in ended) unordered(ended.rows, statement.text, this.#o.random);
    const how =
      'rows' in ended
        ? `${Array.isArray(ended.rows) ? ended.rows.length : 0} ${shortHash(JSON.stringify(ended.rows) ?? '')}`
        : `error ${String((ended.error as { code?: unknown }).code)}`;
    this.#o.trace.line(`  ${how}`);
    if (fault === 'die_after') return await door.die();
    const over = /^(commit|rollback)$/.test(statement.text);
    const single = statement.of === undefined && statement.keeps === undefined;
    const failedBegin = statement.keeps !== undefined && 'error' in ended;
    if (fault === 'unknown') {
      const error = connectionLost();
      await this.#lose(door, holder, error, over || single);
      return way.reject(error);
    }
    if (over || single || failedBegin) this.#giveBack(door, holder);
    const hear = () => ('rows' in ended ? way.resolve(ended.rows) : way.reject(ended.error));
    const asleep = door.actor.frozenUntilMs > this.#o.scheduler.nowMs;
    if (below(this.#o.random, PARKED_ONE_IN) > 0 && !asleep) return hear();
    this.#o.scheduler.park({ actor: door.actor, label: 'hears', go: hear });
  }

  /** Whoever waited for a lock and has it now, or never will. How long the server takes must not mix with what others do. */
  async #release(): Promise<void> {
    while (this.#blocked.size > 0) {
      await this.#o.scheduler.quiet();
      const some = await this.#o.sessions.released();
      if (some.length === 0) return;
      for (const statement of some) {
        const blocked = this.#unblock(statement);
        if (blocked && statement.ended) await blocked.end(statement.ended);
        await this.#o.scheduler.quiet();
      }
    }
  }

  #giveBack(door: Door, holder: Holder): void {
    door.holders.delete(holder);
    if (holder.session) this.#o.sessions.give(holder.session);
    holder.session = undefined;
  }

  async #lose(door: Door, holder: Holder, error: Error, isOver = false): Promise<void> {
    const tell = await this.#drop(door, holder, error, isOver);
    tell();
  }

  /** The connection is gone at the server; returns what tells those who used it. */
  async #drop(door: Door, holder: Holder, error: Error, isOver = false): Promise<() => void> {
    const { session } = holder;
    door.holders.delete(holder);
    holder.session = undefined;
    holder.lost = error;
    let blocked: Blocked | undefined;
    if (session && isOver) this.#o.sessions.give(session);
    else if (session) blocked = await this.#abandon(session);
    return () => {
      blocked?.way.reject(error);
      holder.onLost(error);
    };
  }

  /** Returns what waited for a lock there. */
  async #abandon(session: Session): Promise<Blocked | undefined> {
    const waiting = [...this.#blocked.keys()].find(statement => statement.session === session);
    const blocked = waiting && this.#unblock(waiting);
    await this.#o.sessions.abandon(session);
    return blocked;
  }

  #unblock(statement: AtServer): Blocked | undefined {
    const blocked = this.#blocked.get(statement);
    blocked?.forgetTimeout();
    this.#blocked.delete(statement);
    return blocked;
  }
}

export const newHolder = (): Holder => ({
  session: undefined,
  waiting: [],
  lost: undefined,
  onLost: () => {},
});

const brief = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return `${line.slice(0, 60)} #${shortHash(line)}`;
};
