/** What the plan does to the world, one action after the other, each when its time has come. */
import { restoreBackup, takeBackup } from './backup.ts';
import type { Action, Plan } from './plan.ts';
import type { Replica } from './replica.ts';
import type { ClockStep, WorldParts } from './world.ts';

export interface Doing {
  readonly plan: Plan;
  readonly parts: WorldParts;
  readonly clockSteps: ClockStep[];
  readonly restores: number[];
  /** Which configuration each replica has now, or would start with. */
  readonly configOf: number[];
}

/** Resolves when the storm is over and everything works again. */
export async function act(doing: Doing): Promise<void> {
  const { plan, parts } = doing;
  const { scheduler, operator } = parts;
  for (const action of plan.actions) {
    if (action.atMs > plan.stormMs) break;
    await scheduler.sleep(operator, action.atMs - scheduler.nowMs);
    await perform(doing, action);
  }
  await scheduler.sleep(operator, plan.stormMs - scheduler.nowMs);
  await calm(doing);
}

/** Done when it is the scheduler's turn, so that nothing else is at the server. */
const turn = ({ parts: { scheduler, operator } }: Doing, label: string, work: () => void | Promise<void>) =>
  new Promise<void>((resolve, reject) => {
    const go = async () => {
      try {
        await work();
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    scheduler.park({ actor: operator, label, go });
  });

async function perform(doing: Doing, action: Action): Promise<void> {
  const { parts } = doing;
  const label = JSON.stringify(action);
  switch (action.do) {
    case 'backup':
      return await turn(doing, label, () => takeBackup(parts.sql));
    case 'restore':
      return await restore(doing);
    case 'config':
      doing.configOf[action.replica] = action.config;
      return await turn(doing, label, () => restart(doing, replicaOf(doing, action)));
    default:
      return await turn(doing, label, () => simple(doing, action));
  }
}

function simple(doing: Doing, action: Action): void | Promise<void> {
  const { parts } = doing;
  switch (action.do) {
    case 'faults':
      return void parts.lab.faults.set(action.patch);
    case 'restart_agent':
      return void parts.lab.restart(action.agent);
    case 'wire':
      return parts.wire.set(action.host, action.fault, action.chance);
    case 'kill':
      return replicaOf(doing, action).kill();
    case 'stop':
      return void replicaOf(doing, action).stop();
    case 'start':
      return start(doing, replicaOf(doing, action));
    case 'freeze':
      return replicaOf(doing, action).freeze(action.forMs);
    case 'step':
      return step(doing, action.whose, action.ms);
    case 'statements':
      return replicaOf(doing, action).faults.set(action.fault, action.oneIn);
    case 'store':
      return parts.gate.setUp(action.up);
  }
}

function replicaOf({ parts }: Doing, { replica }: { readonly replica: number }): Replica {
  const found = parts.replicas[replica];
  if (!found) throw new Error(`the plan names replica ${replica}, which there isn't`);
  return found;
}

export function start({ parts, configOf }: Doing, replica: Replica): void {
  const config = parts.configs[configOf[replica.index] ?? 0];
  if (!config) throw new Error(`the plan names configuration ${configOf[replica.index]}, which there isn't`);
  replica.start(config);
}

/** As an operator does who changed its configuration; one that is down has it at its next start. */
function restart(doing: Doing, replica: Replica): void {
  if (replica.alive) void replica.stop().then(() => start(doing, replica));
}

function step({ parts, clockSteps }: Doing, whose: ClockStep['whose'], ms: number): void {
  const wall =
    whose === 'lab' ? parts.labWall : whose === 'database' ? parts.databaseWall : parts.replicas[whose]?.wall;
  wall?.step(ms);
  clockSteps.push({ atMs: parts.scheduler.nowMs, whose, ms });
}

async function restore(doing: Doing): Promise<void> {
  const { parts, restores } = doing;
  const running = parts.replicas.filter(r => r.alive);
  await Promise.all(running.map(r => r.stop()));
  await turn(doing, 'restore', async () => {
    if (await restoreBackup(parts.sql)) restores.push(parts.scheduler.nowMs);
    for (const replica of running) start(doing, replica);
  });
}

/** Whatever the plan left broken works again, also where an action that would have mended it was cut out of the plan. */
async function calm(doing: Doing): Promise<void> {
  const { parts, plan } = doing;
  await turn(doing, 'the storm is over', async () => {
    parts.lab.faults.reset();
    parts.wire.reset();
    await parts.gate.setUp(true);
    for (const replica of parts.replicas) {
      replica.faults.reset();
      replica.thaw();
      if (replica.index < plan.replicas) start(doing, replica);
    }
  });
}
