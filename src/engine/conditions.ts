/**
 * The step `conditions`: tells of everything beside loss. Reads all pipelines together, lets the rules of the domain say what
 * is so, and opens, revises and ends incidents, one replica at a time at a pipeline.
 */
import { courseOf, isMuted, type Ripening, ripen, type Signal, signalFor } from '../domain/conditions.ts';
import type { MaintenanceWindow } from '../domain/maintenance.ts';
import {
  type ConditionRow,
  hasBegunSince,
  lockOpenConditions,
  readOpenConditions,
} from '../store/conditions.ts';
import { insertIncident, isAcknowledged, updateIncident } from '../store/incident.ts';
import type { Tx } from '../store/open.ts';
import { createReading, type Judged } from './condition-reading.ts';
import type { Engine, LivePipeline } from './live.ts';
import { dueNotice, tell } from './notice.ts';

/** What merely has other numbers by now is written this often at most. */
const REVISE_MS = 30_000;
/** What was told already, or is somebody else's to open, is tried again this often at most. */
const RETRY_MS = 30_000;

interface Memory {
  readonly read: ReturnType<typeof createReading>;
  readonly ripening: Map<number, Ripening>;
  /** Monotonic times of the last revision, by pipeline. */
  readonly revised: Map<number, number>;
  /** Of the last attempt to open what was told already, by pipeline and kind. */
  readonly refused: Map<string, number>;
}

const memories = new WeakMap<Engine, Memory>();

function memoryOf(engine: Engine): Memory {
  const known = memories.get(engine);
  if (known) return known;
  const fresh = {
    read: createReading(engine),
    ripening: new Map(),
    revised: new Map(),
    refused: new Map(),
  };
  memories.set(engine, fresh);
  return fresh;
}

/** One evaluation of every condition of every pipeline. To be run every few seconds: what lasts counts only while it is watched. */
export async function conditions(engine: Engine): Promise<void> {
  const memory = memoryOf(engine);
  const judged = await memory.read();
  const open = await readOpenConditions(engine.sql, [...judged.keys()]);
  for (const pipeline of engine.pipelines) {
    const own = judged.get(pipeline.number);
    if (!own) continue;
    const rows = open.filter(r => r.pipeline === pipeline.number && isOurs(own, r));
    await evaluate(engine, memory, pipeline, own, rows);
  }
}

async function evaluate(
  engine: Engine,
  memory: Memory,
  pipeline: LivePipeline,
  judged: Judged,
  rows: readonly ConditionRow[],
): Promise<void> {
  const { signals } = judged;
  const { clock } = engine.ctx;
  const [nowMs, monoMs] = [clock.now(), clock.mono()];
  const windows = windowsOf(engine, pipeline);
  const { ripening, ripe } = ripen(
    memory.ripening.get(pipeline.number),
    signals.filter(s => !isMuted(s, windows, nowMs)),
    monoMs,
  );
  memory.ripening.set(pipeline.number, ripening);
  const refusedMono = (s: Signal) => memory.refused.get(`${pipeline.number} ${s.kind}`) ?? -Infinity;
  const fresh = ripe.filter(s => !rows.some(r => isOf(s, r)) && monoMs - refusedMono(s) >= RETRY_MS);
  const revisable = monoMs - (memory.revised.get(pipeline.number) ?? -Infinity) >= REVISE_MS;
  const changes = (row: ConditionRow) =>
    isWorth(row, courseOf(row, signalFor(signals, row), nowMs), { nowMs, revisable });
  const stale = rows.filter(changes);
  if (fresh.length === 0 && stale.length === 0) return;
  await engine.sql.begin(async tx => {
    const locked = await lockOpenConditions(tx, pipeline.number);
    if (locked === null) return;
    for (const row of locked)
      if (isOurs(judged, row)) await revise(engine, tx, pipeline, row, signalFor(signals, row));
    for (const signal of fresh) {
      if (locked.some(r => isOf(signal, r))) continue;
      if (!(await open(engine, tx, pipeline, signal)))
        memory.refused.set(`${pipeline.number} ${signal.kind}`, monoMs);
    }
  });
  if (revisable) memory.revised.set(pipeline.number, monoMs);
}

const windowsOf = ({ config }: Engine, pipeline: LivePipeline): MaintenanceWindow[] =>
  config.maintenance.filter(m => m.pipelines.includes(pipeline.config.name)).map(m => m.window);

const isOf = (s: Signal, row: ConditionRow): boolean =>
  s.kind === row.kind && s.places.includes(row.checkpoint);

const isOurs = ({ onlySilent }: Judged, row: ConditionRow): boolean => !onlySilent || row.kind === 'silent';

function isWorth(
  before: ConditionRow,
  after: ConditionRow,
  { nowMs, revisable }: { readonly nowMs: number; readonly revisable: boolean },
): boolean {
  if ((before.quiet_ms === null) !== (after.quiet_ms === null) || after.ended_ms !== null) return true;
  if (dueNotice(after, { nowMs, acknowledged: false }) !== null) return true;
  return revisable && JSON.stringify(before.facts) !== JSON.stringify(after.facts);
}

async function open(engine: Engine, tx: Tx, pipeline: LivePipeline, signal: Signal): Promise<boolean> {
  const { kind, checkpoint, unlessSinceMs } = signal;
  const of = { pipeline: pipeline.number, kind };
  if (unlessSinceMs !== null && (await hasBegunSince(tx, { ...of, sinceMs: unlessSinceMs }))) return false;
  const row = {
    ...of,
    checkpoint,
    began_ms: signal.beganMs,
    detected_ms: engine.ctx.clock.now(),
    ended_ms: null,
    quiet_ms: signal.state === 'over' ? signal.overMs : null,
    reopened: 0,
    facts: signal.facts,
    state: { alarms: [], told: null },
  };
  const number = await insertIncident(tx, row);
  if (number === null) return false;
  engine.instruments.add('incidents_opened');
  engine.ctx.log('warn', 'incident.opened', { incident: number, kind, pipeline: pipeline.config.name });
  await announce(engine, tx, pipeline, { ...row, number });
  return true;
}

async function revise(
  engine: Engine,
  tx: Tx,
  pipeline: LivePipeline,
  before: ConditionRow,
  signal: Signal | null,
): Promise<void> {
  const row = courseOf(before, signal, engine.ctx.clock.now());
  if (row.ended_ms !== null) {
    engine.instruments.add('incidents_ended');
    engine.ctx.log('info', 'incident.ended', {
      incident: row.number,
      kind: row.kind,
      pipeline: pipeline.config.name,
    });
  }
  await announce(engine, tx, pipeline, row);
}

async function announce(engine: Engine, tx: Tx, pipeline: LivePipeline, row: ConditionRow): Promise<void> {
  const acknowledged = await isAcknowledged(tx, row.number);
  const event = dueNotice(row, { nowMs: engine.ctx.clock.now(), acknowledged });
  const told = event === null ? row.state.told : await tell(engine, tx, pipeline, row, event);
  await updateIncident(tx, { ...row, state: { ...row.state, told } });
}
