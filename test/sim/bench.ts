/** A gate with nothing behind it but a database: for tests of single statements. And small plans by hand. */

import { WallClock } from '../../src/sim/clock.ts';
import type { RunDatabase } from '../../src/sim/database.ts';
import { type Door, Gate } from '../../src/sim/gate.ts';
import type { Action, Plan } from '../../src/sim/plan.ts';
import { randomOf } from '../../src/sim/random.ts';
import { newActor, Scheduler } from '../../src/sim/scheduler.ts';
import { Sessions } from '../../src/sim/sessions.ts';
import { gatedSql } from '../../src/sim/sql.ts';
import { StatementFaults } from '../../src/sim/statement-faults.ts';
import { Trace } from '../../src/sim/trace.ts';
import { type OpenOptions, openStore, type Sql } from '../../src/store/open.ts';

export interface Visitor {
  readonly sql: Sql;
  readonly door: Door;
  readonly faults: StatementFaults;
}

export interface Bench {
  readonly scheduler: Scheduler;
  readonly gate: Gate;
  readonly sessions: Sessions;
  readonly databaseClock: WallClock;
  /** Not gated. */
  readonly raw: Sql;
  readonly lines: string[];
  visitor(name: string): Visitor;
  /** Goes on until nothing is left to happen within so many milliseconds. */
  drain(forMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** `database` outlives the bench. */
export async function openBench(admin: OpenOptions, database: RunDatabase, seed = 1): Promise<Bench> {
  const lines: string[] = [];
  const trace = new Trace(line => lines.push(line));
  const scheduler = new Scheduler({ random: randomOf(seed, 'scheduler'), trace });
  const sessions = new Sessions(database.options, admin);
  const databaseClock = new WallClock(scheduler);
  const server = newActor('server');
  const random = randomOf(seed, 'gate');
  const gate = new Gate({ scheduler, sessions, random, trace, databaseClock, server });
  const raw = openStore({ ...database.options, max: 2 });
  const model = openStore({ ...database.options, max: 1 });
  return {
    scheduler,
    gate,
    sessions,
    databaseClock,
    raw,
    lines,
    visitor(name) {
      const faults = new StatementFaults(randomOf(seed, name));
      const actor = newActor(name);
      const door: Door = {
        actor,
        faults,
        sessionsMax: 4,
        holders: new Set(),
        die: async () => {
          scheduler.forget(actor);
          await gate.close(door);
        },
      };
      gate.open(door);
      return { sql: gatedSql(model, gate, door), door, faults };
    },
    async drain(forMs = 1_000) {
      const endMs = scheduler.nowMs + forMs;
      // Something to wait for, so that an empty world isn't stuck.
      scheduler.at(endMs + 1, { actor: server, label: 'end', go: () => {} });
      while (await scheduler.step(endMs));
      await scheduler.quiet();
    },
    async close() {
      await Promise.all([sessions.close(), raw.end({ timeout: 5 }), model.end({ timeout: 0 })]);
    },
  };
}

const CONFIG = `
store: postgres://simulated
signing_keys: [a-signing-key-for-tests-only]
base_url: http://coalmine
pipelines:
  ssh:
    every: 5s
    targets:
      web-1: { url: "http://lab/lab/agents/web-1/logs" }
      web-2: { url: "http://lab/lab/agents/web-2/logs" }
    event: { format: sshd, user: canary }
    inject: { kind: http, url: "http://lab/lab/agents/web-1/logs" }
    send_within: 10s
    checkpoints:
      - { name: loki, observe: { kind: loki, url: "http://lab", query: '{job="auth"}' }, on_time_within: 4s, lost_after: 10s, keeps: 7d, look_every: 2s, settle: 1s }
    notify: { loss: [hook], ours: [hook] }
notify: { hook: { kind: webhook, url: "http://hook/notice" } }
`;

export const planWith = (
  seed: number,
  actions: readonly Action[],
  stormMs = 20_000,
  calmMs = 20_000,
): Plan => ({
  seed,
  configs: [CONFIG],
  lab: { agents: ['web-1', 'web-2'], cacheRecords: 100, retentionMs: 7 * 86_400_000 },
  replicas: 2,
  actions,
  stormMs,
  calmMs,
});
