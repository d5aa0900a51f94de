/**
 * Incidents of pipelines and checkpoints that have left the configuration end, and say why: nobody watches there any more, so
 * whether it is over is unknown.
 */
import { lockIncidents, updateIncident } from '../store/incident.ts';
import type { Tx } from '../store/open.ts';
import { addOwnNote, readUnwatched, readUnwatchedPipelines, type UnwatchedRow } from '../store/unwatched.ts';
import type { Engine } from './live.ts';
import { tell } from './notice.ts';

export async function endUnwatched(engine: Engine): Promise<void> {
  for (const pipeline of await readUnwatchedPipelines(engine.sql))
    await engine.sql.begin(async tx => {
      await lockIncidents(tx, pipeline);
      for (const row of await readUnwatched(tx, pipeline)) await leave(engine, tx, row);
    });
}

/** Alarms at places that have left are over; without another the incident ends. */
async function leave(engine: Engine, tx: Tx, row: UnwatchedRow): Promise<void> {
  const nowMs = engine.ctx.clock.now();
  const hasLeft = (checkpoint: number) =>
    row.pipeline_retired || row.retired.some(r => r.number === checkpoint);
  const alarms = row.state.alarms.map(a =>
    a.closedMs === null && hasLeft(a.checkpoint) ? { ...a, closedMs: nowMs } : a,
  );
  const state = { ...row.state, alarms };
  // What is also missing where we still look goes on there: its next revision names the place.
  const goesOn = alarms.some(a => !hasLeft(a.checkpoint));
  if (goesOn) return await updateIncident(tx, { ...row, state });
  const gone = row.retired.filter(
    r => r.number === row.checkpoint || alarms.some(a => a.checkpoint === r.number),
  );
  const what = row.pipeline_retired ? 'the pipeline' : `the checkpoint ${gone.map(r => r.name).join(', ')}`;
  const why = `No longer watched: ${what} has left the configuration, so nobody can say whether it is over.`;
  await addOwnNote(tx, { incident: row.number, atMs: nowMs, text: why });
  const ended = { ...row, state, ended_ms: Math.max(row.began_ms, nowMs) };
  const told = row.state.told && (await tell(engine, tx, placeOf(engine, row), ended, 'resolved', why));
  await updateIncident(tx, { ...ended, state: { ...state, told } });
  engine.instruments.add('incidents_ended');
  engine.ctx.log('info', 'incident.ended', {
    incident: row.number,
    kind: row.kind,
    pipeline: row.pipeline_name,
    reason: 'no longer watched',
  });
}

/** As it was when people were told of it: they are told that it ends, as far as their channels are there. */
function placeOf({ config, pipelines }: Engine, row: UnwatchedRow): Parameters<typeof tell>[2] {
  const live = pipelines.find(p => p.number === row.pipeline);
  const notifiers = row.notifiers.filter(name => name in config.notify);
  const name = row.checkpoint_name;
  return {
    number: row.pipeline,
    config: {
      name: live?.config.name ?? row.pipeline_name,
      title: live?.config.title ?? row.pipeline_name,
      notify: { loss: notifiers, ours: notifiers },
    },
    checkpoints: name === null ? [] : [{ key: row, config: { name } }],
  };
}
