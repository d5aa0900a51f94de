/** Runs a plan from its start to its end, and says what went wrong. The same plan gives the same trace, byte for byte. */
import type { OpenOptions } from '../store/open.ts';
import { act, type Doing, start } from './actions.ts';
import { createRunDatabase } from './database.ts';
import type { Plan } from './plan.ts';
import type { LogLine, Replica } from './replica.ts';
import { SIMULATED } from './statement-faults.ts';
import { Trace } from './trace.ts';
import { createWorld, type SimWorld, viewOf, type WorldParts } from './world.ts';

export interface Violation {
  /** Of the scheduler. */
  readonly step: number;
  /** Milliseconds after the start of the run. */
  readonly atMs: number;
  readonly text: string;
}

export interface SimOutcome {
  readonly violations: readonly Violation[];
  readonly steps: number;
  readonly statements: number;
  readonly virtualMs: number;
  /** That the lab met. */
  readonly canaries: number;
  readonly notices: number;
  /** How often a statement waited for another's lock. */
  readonly lockWaits: number;
  /** How often which fault of the network struck. */
  readonly struck: Readonly<Record<string, number>>;
  readonly traceHash: string;
}

export interface RunOptions {
  /** A server on which databases may be created; each run has one of its own. `max`: sessions of a replica. */
  readonly store: OpenOptions;
  readonly trace?: (line: string) => void;
  /** What is wrong now, in words. `step`: every `checkEveryMs` of virtual time; `end`: once, when all has come to rest. */
  readonly check?: (world: SimWorld, when: 'step' | 'end') => Promise<readonly string[]>;
  readonly checkEveryMs?: number;
  /** Real milliseconds; a run that takes longer is ended, with a violation. */
  readonly maxReal?: number;
  readonly stepsMax?: number;
  /** Stops at this many violations. */
  readonly violationsMax?: number;
  /** Turns of the event loop before JavaScript counts as quiet. */
  readonly quietTurns?: number;
}

const CHECK_EVERY_MS = 5_000;
const STEPS_MAX = 2_000_000;
const VIOLATIONS_MAX = 20;

export async function runPlan(plan: Plan, options: RunOptions): Promise<SimOutcome> {
  const database = await createRunDatabase(options.store);
  const trace = new Trace(options.trace);
  const violations: Violation[] = [];
  let parts: WorldParts | undefined;
  const violated = (text: string): void => {
    const { steps: step = 0, nowMs: atMs = 0 } = parts?.scheduler ?? {};
    violations.push({ step, atMs, text });
    trace.line(`  violation ${text.split('\n')[0]}`);
  };
  const onRejection = (reason: unknown): void =>
    violated(`unhandled rejection: ${String((reason as Error)?.stack ?? reason)}`);
  process.on('unhandledRejection', onRejection);
  try {
    parts = createWorld({
      plan,
      store: { ...database.options, ...(options.store.max ? { max: options.store.max } : {}) },
      admin: options.store,
      trace,
      ...(options.quietTurns === undefined ? {} : { quietTurns: options.quietTurns }),
      onLog: (replica, line) => onLog(replica, line, { trace, violated }),
    });
    await drive(plan, parts, { options, violations, violated });
    return outcomeOf(parts, violations);
  } finally {
    for (const replica of parts?.replicas ?? []) await replica.kill().catch(() => {});
    await parts?.close();
    process.off('unhandledRejection', onRejection);
    await database.drop();
  }
}

interface Driving {
  readonly options: RunOptions;
  readonly violations: readonly Violation[];
  readonly violated: (text: string) => void;
}

async function drive(plan: Plan, parts: WorldParts, driving: Driving): Promise<void> {
  const { options, violations, violated } = driving;
  const { scheduler } = parts;
  const doing: Doing = { plan, parts, clockSteps: [], restores: [], configOf: [] };
  const world = viewOf(plan, parts, doing);
  for (const replica of parts.replicas.slice(0, plan.replicas)) start(doing, replica);
  void act(doing).catch(error => violated(`the plan: ${String((error as Error)?.stack ?? error)}`));
  const endMs = plan.stormMs + plan.calmMs;
  const everyMs = options.checkEveryMs ?? CHECK_EVERY_MS;
  const deadline = performance.now() + (options.maxReal ?? Number.POSITIVE_INFINITY);
  const isEnough = (): boolean => {
    if (violations.length >= (options.violationsMax ?? VIOLATIONS_MAX)) return true;
    if (scheduler.steps > (options.stepsMax ?? STEPS_MAX)) violated(`more than ${scheduler.steps} steps`);
    else if (performance.now() > deadline) violated(`took longer than ${options.maxReal} ms of real time`);
    else return false;
    return true;
  };
  const check = async (when: 'step' | 'end') => {
    await scheduler.quiet();
    for (const text of (await options.check?.(world, when)) ?? []) violated(text);
  };
  try {
    for (let untilMs = everyMs; ; untilMs += everyMs) {
      const toMs = Math.min(untilMs, endMs);
      while (scheduler.nowMs < toMs && (await scheduler.step(toMs))) if (isEnough()) return;
      if (scheduler.nowMs >= endMs) break;
      await check('step');
      if (isEnough()) return;
    }
    await check('end');
  } catch (error) {
    violated(String((error as Error)?.stack ?? error));
  }
}

interface Told {
  readonly trace: Trace;
  readonly violated: (text: string) => void;
}

/** Errors that the engine logs because of what was done to its store, and rightly. */
const EXPECTED: ReadonlySet<string> = new Set(['store.unusable']);

function onLog(replica: Replica, line: LogLine, { trace, violated }: Told): void {
  trace.line(`  ${replica.name} ${line.level} ${line.event}`);
  const fields = JSON.stringify(line.fields) ?? '';
  if (line.level !== 'error' || EXPECTED.has(line.event) || fields.includes(SIMULATED)) return;
  violated(`${replica.name} logged ${line.event}: ${fields.slice(0, 2_000)}`);
}

const outcomeOf = (parts: WorldParts, violations: readonly Violation[]): SimOutcome => ({
  violations,
  steps: parts.scheduler.steps,
  statements: parts.gate.statements,
  virtualMs: parts.scheduler.nowMs,
  canaries: parts.lab.truth({ limit: 1 }).counts.canaries,
  notices: parts.receiver.notices.length,
  lockWaits: parts.sessions.lockWaits,
  struck: parts.wire.struck,
  traceHash: parts.trace.digest(),
});
