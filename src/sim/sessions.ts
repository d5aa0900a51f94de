/**
 * Sessions with the server, of which one runs a statement at a time. One that waits for a lock of another is found out by
 * asking the server who blocks whom, never by how long it takes, and stays aside until its blocker has gone on.
 */
import { type OpenOptions, openStore, type Sql } from '../store/open.ts';
import { SEARCH_PATH } from './database-clock.ts';

export interface Session {
  readonly client: Sql;
  readonly pid: number;
}

export type Ended = { readonly rows: unknown } | { readonly error: unknown };

/** A statement that the server has. */
export interface AtServer {
  readonly session: Session;
  ended: Ended | undefined;
  /** Real time; resolves when it has ended. */
  readonly done: Promise<void>;
}

/** How long a statement is waited for before the server is asked whether it waits for a lock, real milliseconds. */
const PATIENCE_MS = 2;

const real = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

export class Sessions {
  readonly #options: OpenOptions;
  readonly #observer: Sql;
  #idle: Session[] = [];
  /** How many are somebody's. */
  #taken = 0;
  readonly #all: Session[] = [];
  #blocked: AtServer[] = [];
  /** How often one had to wait for another. */
  lockWaits = 0;

  /**
   * The observer is in another database of the same server (`admin`): whether it happens to look decides what PostgreSQL may
   * clean up in its own, and with that the order of rows.
   */
  constructor(options: OpenOptions, admin: OpenOptions) {
    this.#options = options;
    this.#observer = openStore({ ...admin, max: 1, applicationName: 'coalmine simulator' });
  }

  /** Whoever gets one gives it back, outside of any transaction. */
  async take(): Promise<Session> {
    this.#taken++;
    const idle = this.#idle.pop();
    if (idle) return idle;
    const client = connect(this.#options);
    const [row] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const session = { client, pid: row?.pid ?? 0 };
    this.#all.push(session);
    return session;
  }

  give(session: Session): void {
    this.#taken--;
    this.#idle.push(session);
  }

  /** Gives the server a statement and waits until it has ended or waits for another session's lock. */
  async run(session: Session, start: (client: Sql) => PromiseLike<unknown>): Promise<AtServer> {
    let over: () => void = () => {};
    const statement: AtServer = {
      session,
      ended: undefined,
      done: new Promise(resolve => {
        over = resolve;
      }),
    };
    const end = (ended: Ended) => {
      statement.ended = ended;
      over();
    };
    start(session.client).then(
      rows => end({ rows }),
      error => end({ error }),
    );
    if (!(await this.#settled(statement, PATIENCE_MS))) {
      this.lockWaits++;
      this.#blocked.push(statement);
    }
    return statement;
  }

  /** Those that waited for a lock and have ended since, in the order in which they came: call it after each statement that ended. */
  async released(): Promise<readonly AtServer[]> {
    const before = [...this.#blocked];
    // The end of one lets others go on.
    for (let left = -1; left !== this.#blocked.length && this.#blocked.length > 0; ) {
      left = this.#blocked.length;
      for (const statement of [...this.#blocked]) {
        if (!(await this.#settled(statement, 0))) continue;
        this.#blocked = this.#blocked.filter(b => b !== statement);
      }
    }
    return before.filter(statement => !this.#blocked.includes(statement));
  }

  /** As a server does when it loses a client: what runs is ended, and the transaction is rolled back. */
  async abandon(session: Session): Promise<void> {
    const blocked = this.#blocked.find(b => b.session === session);
    if (blocked) {
      await this.cancel(blocked);
      this.#blocked = this.#blocked.filter(b => b !== blocked);
    }
    await session.client.unsafe('rollback');
    this.give(session);
  }

  /** Ends a statement that waits, as a time-out does. */
  async cancel(statement: AtServer): Promise<void> {
    await this.#observer`select pg_cancel_backend(${statement.session.pid})`;
    await statement.done;
  }

  async close(): Promise<void> {
    await Promise.all([this.#observer, ...this.#all.map(s => s.client)].map(c => c.end({ timeout: 0 })));
  }

  /** False: it waits for somebody. */
  async #settled(statement: AtServer, patienceMs: number): Promise<boolean> {
    // Alone it has nobody to wait for.
    if (this.#taken < 2) await statement.done;
    for (let waitMs = patienceMs; ; waitMs = Math.min(waitMs * 2 + 1, 50)) {
      if (waitMs > 0) await Promise.race([statement.done, real(waitMs)]);
      if (statement.ended) return true;
      if (await this.#waits(statement.session.pid)) return false;
    }
  }

  /** A circle isn't waiting: the server breaks it, at the expense of the last who came. */
  async #waits(pid: number): Promise<boolean> {
    const pids = this.#all.map(s => s.pid);
    const rows = await this.#observer<{ pid: number; by: number[] }[]>`
      select p.pid, to_json(pg_blocking_pids(p.pid)) as by
        from (select json_array_elements_text(${JSON.stringify(pids)}::text::json)::int as pid) p`;
    const by = new Map(rows.map(r => [r.pid, r.by]));
    const direct = (by.get(pid) ?? []).filter(other => by.has(other));
    const reached = new Set(direct);
    for (const other of reached) for (const next of by.get(other) ?? []) reached.add(next);
    return direct.length > 0 && !reached.has(pid);
  }
}

/** One connection as production opens them, with the virtual clock in front, and circles found at once. */
function connect(options: OpenOptions): Sql {
  const client = openStore({ ...options, max: 1 });
  Object.assign(client.options.connection, {
    search_path: SEARCH_PATH,
    deadlock_timeout: '1ms',
    // Real time decides nothing here: a statement that waits too long in virtual time is cancelled by the gate.
    statement_timeout: 0,
    plan_cache_mode: 'force_generic_plan',
    jit: 'off',
    'sim.now_ms': '0',
  });
  return client;
}
