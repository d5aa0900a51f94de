/**
 * The lab: a breakable log pipeline that speaks real protocols, and the truth about it. Over sockets it is the
 * demo; through in-process fetch on a simulated clock it is the test bench.
 */
import type { Hono } from 'hono';
import { labApp } from './app.ts';
import type { Faults } from './faults.ts';
import { assemble, type LabOptions, type LabStatus, statusOf } from './parts.ts';
import { readTruth, type Truth, type TruthQuery } from './truth.ts';

export type { LabOptions, LabStatus };

export interface Lab {
  readonly app: Hono;
  readonly faults: Faults;
  /** Advances every stage whose time has come. Steps don't overlap: a second call joins the first. */
  step(): Promise<void>;
  /** Steps on the clock until aborted; then resolves. The export goes at its own pace, for its target may hang. */
  run(signal: AbortSignal): Promise<void>;
  truth(query?: TruthQuery): Truth;
  /** Clears an agent's stall; its cache is kept and shipped. False where there is no such agent. */
  restart(agent: string): boolean;
  status(): LabStatus;
}

export function createLab(options: LabOptions): Lab {
  const parts = assemble(options, (input, init) => Promise.resolve(app.fetch(new Request(input, init))));
  const { world, agents, collector, intake, store } = parts;
  const restart = (name: string): boolean => {
    agents.get(name)?.restart();
    return agents.has(name);
  };
  const truth = (query?: TruthQuery): Truth => {
    store.advance();
    return readTruth(world.ledger, query);
  };
  const status = () => statusOf(parts);
  const app = labApp(parts, { truth, restart, status });
  const ship = single(async () => {
    store.advance();
    for (const agent of agents.values()) await agent.step();
    await collector.step();
    await intake.stepPush();
    store.advance();
  });
  const exporting = single(() => intake.stepExport());
  const loop = async (work: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await work();
      await world.clock.sleep(options.stepEveryMs ?? 100, signal).catch(() => undefined);
    }
  };
  return {
    app,
    faults: world.faults,
    step: () => ship().then(exporting),
    run: async signal => void (await Promise.all([loop(ship, signal), loop(exporting, signal)])),
    truth,
    restart,
    status,
  };
}

/** Calls that overlap share one run. */
function single(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
