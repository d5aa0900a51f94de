/**
 * The step `incident` for what the detectors find: one cause, one incident. It opens, grows and ends here, and what people
 * are to be told goes to the outbox in the same transaction.
 */
import type { IncidentKind, LossFacts } from '../domain/incident.ts';
import {
  type Alarm,
  type IncidentRow,
  type IncidentState,
  insertIncident,
  isAcknowledged,
  lockIncidents,
  readOpenIncidents,
  shareMissedAt,
  updateIncident,
} from '../store/incident.ts';
import type { Tx } from '../store/open.ts';
import { periodMs } from './accounts.ts';
import { alarmOf, courseOf, type Finding, isStanding, withAlarm, withoutAlarm } from './incident-course.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import { lossFacts } from './loss-facts.ts';
import { dueNotice, tell } from './notice.ts';

type Row = IncidentRow<LossFacts>;

const KINDS: readonly IncidentKind[] = ['loss', 'refused'];
/** An alarm at another checkpoint is the same cause if this share of what it misses is missing there too. */
const SAME_CAUSE = 0.5;

/** Where detectors found something: a checkpoint, or (null) the first hop of the pipeline. */
export interface DetectAt {
  readonly pipeline: LivePipeline;
  readonly checkpoint: LiveCheckpoint | null;
}

export interface Revising {
  readonly findings: readonly Finding[];
  /** Every outcome that is known has been fed: what was found on catching up is told at once, as one. */
  readonly caughtUp: boolean;
  readonly nowMs: number;
}

/** Revises a pipeline's incidents of loss. `open`: one is, and wants to be revised again. */
export async function reviseLosses(
  engine: Engine,
  tx: Tx,
  at: DetectAt,
  { findings, caughtUp, nowMs }: Revising,
): Promise<{ readonly open: boolean }> {
  const { pipeline } = at;
  const kind = at.checkpoint ? 'loss' : 'refused';
  if (findings.length === 0 && !caughtUp) return { open: true };
  const known = await readOpenIncidents<LossFacts>(tx, pipeline.number, KINDS);
  if (findings.length === 0 && known.length === 0) return { open: false };
  await lockIncidents(tx, pipeline.number);
  // Read again: who held the lock may have opened one. Their rows are locked for the outbox, too.
  const rows = await readOpenIncidents<LossFacts>(tx, pipeline.number, KINDS, { lock: true });
  const checkpoint = at.checkpoint?.key.checkpoint ?? 0;
  const states = new Map(rows.map(r => [r.number, r.state]));
  let fresh: Alarm[] = [];
  for (const f of findings) {
    if (f.what === 'closed')
      for (const [number, state] of states) states.set(number, withoutAlarm(state, f, checkpoint));
    else {
      const alarm = alarmOf(f, checkpoint);
      const home = await homeOf(tx, rows, states, { alarm, kind, pipeline, nowMs });
      if (home === null) fresh = [...fresh, alarm];
      else states.set(home, withAlarm(states.get(home) as IncidentState, alarm));
    }
  }
  for (const row of rows) {
    if (row.kind !== kind) continue;
    await revise(engine, tx, pipeline, row, states.get(row.number) as IncidentState, { caughtUp, nowMs });
  }
  if (fresh.length > 0) await open(engine, tx, pipeline, kind, fresh, { caughtUp, nowMs });
  return { open: true };
}

interface Seeking {
  readonly alarm: Alarm;
  readonly kind: IncidentKind;
  readonly pipeline: LivePipeline;
  readonly nowMs: number;
}

/** The open incident that has the same cause; null: none. */
async function homeOf(
  tx: Tx,
  rows: readonly Row[],
  states: ReadonlyMap<number, IncidentState>,
  { alarm, kind, pipeline, nowMs }: Seeking,
): Promise<number | null> {
  const alike = rows.filter(r => r.kind === kind);
  for (const row of alike) {
    const alarms = states.get(row.number)?.alarms ?? [];
    if (alarms.some(a => a.checkpoint === alarm.checkpoint)) return row.number;
  }
  for (const row of alike) {
    const span = {
      pipeline: pipeline.number,
      checkpoint: alarm.checkpoint,
      from_ms: alarm.beganMs,
      to_ms: nowMs,
    };
    for (const other of new Set(states.get(row.number)?.alarms.map(a => a.checkpoint)))
      if ((await shareMissedAt(tx, span, other, alarm.target)) >= SAME_CAUSE) return row.number;
  }
  return null;
}

interface As {
  readonly caughtUp: boolean;
  readonly nowMs: number;
}

async function open(
  engine: Engine,
  tx: Tx,
  pipeline: LivePipeline,
  kind: 'loss' | 'refused',
  alarms: readonly Alarm[],
  as: As,
): Promise<void> {
  const { checkpoint, facts } = await lossFacts(engine, tx, { pipeline, kind, alarms, open: true });
  const row = {
    pipeline: pipeline.number,
    checkpoint,
    kind,
    began_ms: facts.firstMs,
    detected_ms: as.nowMs,
    ended_ms: null,
    quiet_ms: null,
    reopened: 0,
    facts,
    state: { alarms, told: null },
  };
  const number = await insertIncident(tx, row);
  // One that stands at this checkpoint for another reason takes it in: there is never a second of a kind at one place.
  if (number === null) return await join(engine, tx, pipeline, row, as);
  engine.instruments.add('incidents_opened');
  engine.ctx.log('warn', 'incident.opened', { incident: number, kind, pipeline: pipeline.config.name });
  await announce(engine, tx, pipeline, { ...row, number }, as);
}

async function join(
  engine: Engine,
  tx: Tx,
  pipeline: LivePipeline,
  made: Omit<Row, 'number'>,
  as: As,
): Promise<void> {
  const rows = await readOpenIncidents<LossFacts>(tx, pipeline.number, [made.kind]);
  const row = rows.find(r => r.checkpoint === made.checkpoint);
  if (!row) return;
  const state = made.state.alarms.reduce(withAlarm, row.state);
  await revise(engine, tx, pipeline, row, state, as);
}

/** Counts it anew, ends it when it has been over for long enough, and says what is worth saying. */
async function revise(
  engine: Engine,
  tx: Tx,
  pipeline: LivePipeline,
  before: Row,
  state: IncidentState,
  as: As,
): Promise<void> {
  const kind = before.kind as 'loss' | 'refused';
  const { checkpoint, facts } = await lossFacts(engine, tx, {
    pipeline,
    kind,
    alarms: state.alarms,
    open: isStanding(state),
  });
  const row: Row = {
    ...before,
    checkpoint: (await isFree(tx, before, checkpoint)) ? checkpoint : before.checkpoint,
    began_ms: facts.firstMs,
    ...courseOf(before, { ...as, state, facts, everyMs: periodMs(pipeline, as.nowMs) }),
    facts,
    state,
  };
  if (row.ended_ms !== null) {
    engine.instruments.add('incidents_ended');
    engine.ctx.log('info', 'incident.ended', { incident: row.number, kind, pipeline: pipeline.config.name });
  }
  await announce(engine, tx, pipeline, row, as);
}

/** The hop may turn out to be further up; there may be an incident there already. */
async function isFree(tx: Tx, row: Row, checkpoint: number): Promise<boolean> {
  if (checkpoint === row.checkpoint) return true;
  const rows = await readOpenIncidents(tx, row.pipeline, [row.kind]);
  return !rows.some(r => r.number !== row.number && r.checkpoint === checkpoint);
}

async function announce(engine: Engine, tx: Tx, pipeline: LivePipeline, row: Row, as: As): Promise<void> {
  const acknowledged = await isAcknowledged(tx, row.number);
  const event = as.caughtUp ? dueNotice(row, { nowMs: as.nowMs, acknowledged }) : null;
  const told = event === null ? row.state.told : await tell(engine, tx, pipeline, row, event);
  await updateIncident(tx, { ...row, state: { ...row.state, told } });
}
