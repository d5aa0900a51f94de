/**
 * What each machine remembers of how far its ledger had planned, as the Node runtime keeps it in a file: a restored backup
 * is noticed by it at the next start, and a new epoch begins.
 */
import type { RunningEngine } from '../engine/engine.ts';
import type { Sql, Tx } from '../store/open.ts';
import {
  beginNewEpoch,
  behind,
  countAlive,
  type Plans,
  readIdentity,
  readPlanMarks,
} from '../store/restored.ts';

interface Mark {
  readonly epoch: number;
  readonly plans: Plans;
}

const EVERY_MS = 10_000;

async function isBehind(sql: Sql | Tx, mark: Mark): Promise<boolean> {
  const plans = await readPlanMarks(sql);
  const epoch = (await readIdentity(sql))?.epochs.at(-1) ?? 1;
  return mark.epoch > epoch || (mark.epoch === epoch && behind(plans, mark.plans).length > 0);
}

/** Of one machine. */
export class HighWater {
  #mark: Mark | undefined;
  #keptMs = Number.NEGATIVE_INFINITY;
  #epoch = 0;

  /** Before an engine is opened on the store. Throws where others sign on a ledger that is behind. True: a new epoch began. */
  async compare(sql: Sql, nowMs: number): Promise<boolean> {
    this.#keptMs = Number.NEGATIVE_INFINITY;
    const identity = await readIdentity(sql);
    this.#epoch = identity?.epochs.at(-1) ?? 1;
    const mark = this.#mark;
    if (!identity || !mark || !(await isBehind(sql, mark))) return false;
    const epochs = await sql.begin(async tx => {
      await tx`lock table replica in share row exclusive mode`;
      if (!(await isBehind(tx, mark))) return (await readIdentity(tx))?.epochs ?? [];
      if ((await countAlive(tx)) > 0) throw new Error('others run on a ledger that is behind');
      return [...(await beginNewEpoch(tx, nowMs, mark.epoch))];
    });
    this.#epoch = epochs.at(-1) ?? this.#epoch;
    return true;
  }

  /** Now and then, or at once. */
  keep({ engine }: RunningEngine, monoMs: number, atOnce = false): void {
    if (!atOnce && monoMs - this.#keptMs < EVERY_MS) return;
    this.#keptMs = monoMs;
    const plans = Object.fromEntries(
      engine.pipelines.map(p => [p.config.id, [p.round, p.plannedToMs] as const]),
    );
    this.#mark = { epoch: this.#epoch, plans };
  }
}
