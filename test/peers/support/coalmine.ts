/**
 * The whole of coalmine on the real clock, as a peer meets it: engine, store, adapters and the HTTP server, from a
 * coalmine.yaml. Nothing here judges.
 */
import { serve } from '@hono/node-server';
import { parseConfig } from '../../../src/config/load.ts';
import type { Context } from '../../../src/contracts/context.ts';
import { openEngine, type RunningEngine } from '../../../src/engine/engine.ts';
import { registry } from '../../../src/registry.gen.ts';
import { createClock } from '../../../src/runtimes/clock.ts';
import { type OpenOptions, openStore, type Sql } from '../../../src/store/open.ts';
import { createApp } from '../../../src/web/app.ts';
import { verdictsOf } from '../../support/world.ts';
import { freePorts, pause, until } from './process.ts';

export interface Verdict {
  readonly target: string;
  /** Unix milliseconds. */
  readonly slot: number;
  readonly verdict: string;
  readonly sending: string;
  /** What a peer's record of this canary is told by. */
  readonly name: string;
  readonly token: string;
}

export interface Coalmine {
  readonly running: RunningEngine;
  readonly sql: Sql;
  readonly url: string;
  /** Error lines of its log. */
  readonly errors: string[];
  /** Of every canary at a checkpoint that was planned before a time, drills left out. */
  verdicts(checkpoint: string, beforeMs?: number): Promise<Verdict[]>;
  /** The same, once all of them have been judged, which a busy machine may take long over. */
  settled(checkpoint: string, beforeMs: number): Promise<Verdict[]>;
  findings(kind: string): Promise<number>;
  /** Stops the engine as a crash would not: open looks end, leases are given back. Once is enough. */
  stop(): Promise<void>;
}

const TICK_MS = 50;
const SETTLED_WITHIN_MS = 30_000;

/** `yaml` holds the pipelines; the rest is added. */
export async function startCoalmine(given: {
  readonly store: OpenOptions;
  /** Where it listens; any free port unless given. */
  readonly port?: number;
  readonly pipelines: string;
}): Promise<Coalmine> {
  const port = given.port ?? (await freePorts(1))[0]!;
  const url = `http://127.0.0.1:${port}`;
  const yaml = `
store: postgres://test
signing_keys: [a-signing-key-for-tests-only]
listen: 127.0.0.1:${port}
base_url: ${url}
pipelines:
${given.pipelines}`;
  const parsed = parseConfig(yaml, { file: 'peers.yaml', env: {}, registry });
  if (!parsed.config) throw new Error(JSON.stringify(parsed.diagnostics, null, 1));
  const errors: string[] = [];
  const ctx: Context = {
    clock: createClock(),
    random: Math.random,
    fetch: globalThis.fetch,
    log: (level, event, fields) => {
      if (level === 'error') errors.push(`${event} ${JSON.stringify(fields)}`);
    },
  };
  const sql = openStore({ ...given.store, max: 8 });
  const running = await openEngine({
    sql,
    ctx,
    config: parsed.config,
    registry,
    self: `peers-${process.pid}`,
    fresh: { storeId: 'peers-store', seed: 'peers-seed' },
  });
  const app = createApp({ running, version: 'test' });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port });
  let stopping = false;
  const ticking = (async () => {
    while (!stopping) {
      await running.tick(2 * TICK_MS);
      await pause(TICK_MS);
    }
  })();
  const verdicts = async (checkpoint: string, beforeMs = Number.POSITIVE_INFINITY): Promise<Verdict[]> => {
    const rows = await verdictsOf(sql, checkpoint);
    return rows
      .filter(row => row.target !== 'drill' && Number(row.name.split('.')[1]) < beforeMs)
      .map(row => {
        const [number, slot, index] = row.name.split('.').map(Number);
        const { token } = running.engine.keyring.sign({ target: number!, slot: slot!, index: index! });
        const { target, verdict, sending } = row;
        return { target, slot: slot!, verdict, sending, name: `${target} ${slot}`, token };
      });
  };
  const stop = async () => {
    stopping = true;
    await ticking;
    await new Promise<void>(resolve => {
      server.close(() => resolve());
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
    await running.close();
    await sql.end({ timeout: 5 });
  };
  let stopped: Promise<void> | undefined;
  return {
    running,
    sql,
    url,
    errors,
    verdicts,
    async settled(checkpoint, beforeMs) {
      const areJudged = async () => !(await verdicts(checkpoint, beforeMs)).some(isOpen);
      await until(`a verdict on every canary at ${checkpoint}`, areJudged, SETTLED_WITHIN_MS);
      return verdicts(checkpoint, beforeMs);
    },
    async findings(kind) {
      const [row] = await sql<{ n: number | null }[]>`
        select sum(count)::int as n from finding where kind = ${kind}`;
      return row?.n ?? 0;
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

const SEEN: readonly string[] = ['on_time', 'late', 'delivered', 'recovered'];
export const isSeen = (v: Verdict): boolean => SEEN.includes(v.verdict);
/** Not judged yet. */
export const isOpen = (v: Verdict): boolean => v.verdict === 'pending' || v.verdict === 'overdue';

/** How many of each verdict. */
export const tally = (verdicts: readonly Verdict[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { verdict } of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
};

export const namesWhere = (verdicts: readonly Verdict[], holds: (v: Verdict) => boolean): string[] =>
  verdicts
    .filter(holds)
    .map(v => v.name)
    .sort();
